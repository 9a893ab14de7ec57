# Shared by the scripts: installing packages and saying what goes on. Sourced, not run.

say() { printf '\n== %s\n' "$*"; }

# What building needs, then what testing adds (Debian 12 and Ubuntu 24.04 share these names).
build_packages="gcc libc6-dev cmake ninja-build pkg-config libpng-dev libjpeg-dev libcjson-dev libdnnl-dev
  libavformat-dev libavcodec-dev libswscale-dev libavutil-dev libcmocka-dev"
test_packages="clang libomp-dev python3"

install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        echo "all packages are installed"
        return
    fi
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    echo "installing: ${missing[*]}"
    "${root[@]}" apt-get update -qq
    # Where the system has no oneDNN package, OpenBLAS takes its place; CMake finds whichever is there.
    if ! apt-cache show libdnnl-dev >/dev/null 2>&1; then
        missing=("${missing[@]/#libdnnl-dev/libopenblas-dev}")
    fi
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# build FOLDER [CMake option ...]: configures and builds, quiet unless it fails.
build() {
    local folder=$1 log
    shift
    mkdir -p "$folder"
    log=$folder/build.log
    if ! { cmake -S . -B "$folder" -G Ninja "$@" && cmake --build "$folder"; } >"$log" 2>&1; then
        tail -n 60 "$log"
        return 1
    fi
}
