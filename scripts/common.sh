# Shared by the scripts: installing packages and saying what goes on. Sourced, not run.

say() { printf '\n== %s\n' "$*"; }

# What building needs, then what testing adds (Debian 12 and Ubuntu 24.04 share these names).
build_packages="gcc libc6-dev cmake make pkg-config libpng-dev libjpeg-dev libcjson-dev libzip-dev libxxhash-dev libpcre2-dev libdnnl-dev
  libavformat-dev libavcodec-dev libswscale-dev libavutil-dev libcmocka-dev"
test_packages="clang libomp-dev python3 g++"

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
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "run as root or install sudo; missing are: ${missing[*]}" >&2; return 1; }
        root=(sudo)
    fi
    echo "installing: ${missing[*]}"
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# build FOLDER [CMake option ...]: configures and builds, quiet unless it fails.
build() {
    local folder=$1 log
    shift
    mkdir -p "$folder"
    log=$folder/build.log
    if ! { cmake -S . -B "$folder" "$@" && cmake --build "$folder" --parallel "$(nproc)"; } >"$log" 2>&1; then
        tail -n 60 "$log"
        return 1
    fi
}
