#!/usr/bin/env bash
# Gathers the libraries s4d is built with into a folder that can be carried to a machine without them, for
# scripts/gpu_check.sh --deps: headers, shared libraries with all they need short of the C and C++ runtimes, and pkg-config.
# scripts/gpu_deps.sh [FOLDER]   (gpu-deps) from the packages of this Debian or Ubuntu machine; the other machine needs the
# same kind of processor and at least this machine's version of glibc
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

out=${1-gpu-deps}
case "$out" in
    -*) echo "usage: scripts/gpu_deps.sh [FOLDER]" >&2; exit 2 ;;
esac
arch=$(gcc -print-multiarch)
headers="png.h jpeglib.h zlib.h cjson/cJSON.h zip.h xxhash.h pcre2.h dnnl.h cmocka.h"
modules="libpng libjpeg zlib libcjson libzip libxxhash libpcre2-8 cmocka"

if [ -e "$out" ] && [ ! -e "$out/lib/pkgconfig/libcjson.pc" ]; then
    echo "$out is there and was not made by this script; remove it or name another folder" >&2
    exit 2
fi

say "packages"
install_packages pkg-config libpng-dev libjpeg-dev libcjson-dev libzip-dev libxxhash-dev libpcre2-dev libdnnl-dev libcmocka-dev
rm -rf "$out"
mkdir -p "$out/include" "$out/lib/pkgconfig" "$out/bin"

# library FILE: copied under its own name, and its other names as links to that.
library() {
    local real link
    real=$(readlink -f "$1")
    [ -e "$out/lib/$(basename "$real")" ] || cp "$real" "$out/lib/"
    for link in "$(basename "$1")" "$(objdump -p "$real" | awk '$1 == "SONAME" { print $2 }')"; do
        [ -e "$out/lib/$link" ] || ln -s "$(basename "$real")" "$out/lib/$link"
    done
}

# What a library or program needs at run time, but what comes with any compiler.
needs() {
    ldd "$1" | awk '$2 == "=>" { print $3 }' |
        grep -Ev '/lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|gomp)\.so' || true
}

say "gathering into $out"
for header in $headers; do
    for place in "/usr/include/$arch/$header" "/usr/include/$header"; do
        [ -e "$place" ] && break
    done
    package=$(dpkg -S "$place" | cut -d: -f1 | head -n 1)
    while read -r file; do
        if [ -d "$file" ]; then
            continue
        fi
        case "$file" in
            /usr/include/*)
                name=${file#/usr/include/}
                mkdir -p "$out/include/$(dirname "${name#"$arch"/}")"
                cp -L "$file" "$out/include/${name#"$arch"/}" ;;
            /usr/lib/"$arch"/lib*.so) library "$file" ;;
        esac
    done < <(dpkg -L "$package")
done
for module in $modules; do
    # shellcheck disable=SC2016
    {
        printf 'prefix=${pcfiledir}/../..\nName: %s\nDescription: carried along\nVersion: %s\nCflags: ' \
            "$module" "$(pkg-config --modversion "$module")"
        PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 pkg-config --cflags "$module" |
            sed -E "s#/usr/include(/$arch)?#\${prefix}/include#g"
        printf 'Libs: -L${prefix}/lib %s\n' "$(pkg-config --libs-only-l "$module")"
    } >"$out/lib/pkgconfig/$module.pc"
done

program=$(readlink -f "$(command -v pkg-config)")
cp "$program" "$out/bin/pkg-config.real"
cat >"$out/bin/pkg-config" <<'SH'
#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
LD_LIBRARY_PATH="$here/lib" exec "$here/bin/pkg-config.real" "$@"
SH
chmod +x "$out/bin/pkg-config"

for file in "$out"/lib/*.so* "$program"; do
    while read -r needed; do
        library "$needed"
    done < <(needs "$file")
done
echo "$(find "$out/lib" -type f -name '*.so*' | wc -l) libraries, $(du -sm "$out" | cut -f1) MB;" \
    "needs glibc $(getconf GNU_LIBC_VERSION | cut -d' ' -f2) or later"
