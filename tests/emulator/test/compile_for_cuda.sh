#!/bin/sh
# Whether CUDA's own headers and compiler take what the emulator's tests are made of.
#   compile_for_cuda.sh NVCC CC FOLDER FILE...
set -e
nvcc=$1 cc=$2 folder=$3
shift 3
own=$(cd "$(dirname "$0")/.." && pwd)
real=$(dirname "$(readlink -f "$nvcc")")/../include
for file in "$@"; do
    case $file in
    *.cu) "$nvcc" -std=c++17 -arch=sm_80 -c "$file" -o "$folder/for_cuda.o" ;;
    *) "$cc" -std=c17 -D_GNU_SOURCE -DEMULATED_LIBRARY='""' -fsyntax-only -isystem "$real" -idirafter "$own/include" "$file" ;;
    esac
done
rm -f "$folder/for_cuda.o"
