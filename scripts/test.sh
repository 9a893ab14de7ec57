#!/usr/bin/env bash
# Every test: scripts/test.sh        the quick tier, under 25 minutes on 2 cores
#             scripts/test.sh --long more: optimised builds by clang and with OpenBLAS, repeated runs, the seeds table
# Ends with "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

long=false
case "${1-}" in
    '') ;;
    --long) long=true ;;
    *) echo "usage: scripts/test.sh [--long]" >&2; exit 2 ;;
esac

passed=0 failed=0 skipped=0 failures=()
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check NAME COMMAND ...: runs it, prints its output only where it fails or is skipped (status 77).
check() {
    local name=$1 begin status
    shift
    begin=$(date +%s)
    "$@" >"$work/out" 2>&1
    status=$?
    case $status in
        0) passed=$((passed + 1)); echo "ok       $name ($(($(date +%s) - begin)) s)" ;;
        77) skipped=$((skipped + 1)); echo "skipped  $name: $(tail -n 1 "$work/out")" ;;
        *) failed=$((failed + 1)); failures+=("$name"); echo "FAILED   $name (status $status)"; tail -n 60 "$work/out" ;;
    esac
}

# Programs that count their own cases end with "N passed, N failed, N skipped"; the last line is shown.
check_counted() {
    check "$@"
    tail -n 1 "$work/out" | sed 's/^/         /'
}

# headers_compile_alone ENDING COMPILER OPTION ...
headers_compile_alone() {
    local header bad=0 file=$work/alone.$1
    shift
    while read -r header; do
        echo "#include \"${header#include/}\"" >"$file"
        "$@" -D_GNU_SOURCE -Iinclude "$file" || bad=1
    done < <(find include -name '*.h')
    return $bad
}

unit_tests() {
    local program
    for program in "$1"/tests/unit/*; do
        [ -x "$program" ] && check "$2 $(basename "$program")" "$program"
    done
}

# The device that was built from nvcc's objects, whether there is a card or not.
cuda_is_complete() {
    local line
    line=$(build/s4d doctor | grep '^cuda: ') || { echo "nvcc is not installed here, so the cuda device was not compiled"; return 77; }
    [[ $line =~ ^cuda:\ ([0-9]+)\ of\ ([0-9]+)\ operations$ ]] && [ "${BASH_REMATCH[1]}" -eq "${BASH_REMATCH[2]}" ]
}

say "packages"
# shellcheck disable=SC2086
install_packages $build_packages $test_packages || exit 1

say "the source tree"
check "includes point one way" python3 scripts/check_layers.py
check "headers compile alone (gcc)" headers_compile_alone c gcc -std=c17 -Wall -Wextra -Werror -fsyntax-only
check "headers compile alone (clang)" headers_compile_alone c clang -std=c17 -Wall -Wextra -Werror -fsyntax-only
if command -v nvcc >/dev/null; then
    check "headers compile alone (nvcc)" headers_compile_alone cu nvcc -std=c++17 -c -o /dev/null
fi

say "gcc, optimised, warnings as errors; the cuda device where nvcc is"
cards=() # one kind of card; all that nvcc knows in the long tier
$long || cards=(-DS4D_CUDA_ARCHITECTURES=90)
check "build" build build -DCMAKE_BUILD_TYPE=Release -DS4D_WERROR=ON "${cards[@]}"
check "the binary needs no C++ library" bash -c '! readelf -d build/s4d | grep -q "NEEDED.*c++"'
check "cuda compiles and lacks no operation" cuda_is_complete
unit_tests build unit
check_counted "operations: ref and cpu against ref64" build/tests/parity
check_counted "operations: one thread" env OMP_NUM_THREADS=1 build/tests/parity --device cpu
check "operations: an absent device is a skip" env CUDA_VISIBLE_DEVICES=-1 bash -c 'build/tests/parity --device cuda; [ $? -eq 77 ]'
check "operations: an absent device that is required is a failure" \
    env CUDA_VISIBLE_DEVICES=-1 bash -c 'build/tests/parity --device cuda --require cuda; [ $? -eq 1 ]'
check "operations on a card, float32" build/tests/parity --device cuda
check "operations on a card, bf16" build/tests/parity --device cuda --precision bf16
check "golden on a card" build/tests/golden tests/golden --device cuda
check_counted "gradients against finite differences" build/tests/grad
check_counted "golden" build/tests/golden tests/golden
check "golden: a folder with nothing in it fails" bash -c 'build/tests/golden "$1"; [ $? -eq 1 ]' golden "$work"

say "other builds"
check "without video" build build-novideo -DS4D_VIDEO=OFF -DS4D_WERROR=ON -DS4D_NATIVE=OFF -DS4D_CUDA=OFF
check "golden without video, portable processor code" build-novideo/tests/golden tests/golden

say "address and undefined-behaviour sanitizers of clang, whose view of both differs from gcc's; its warnings as errors"
export UBSAN_OPTIONS=print_stacktrace=1
sanitized=(-DCMAKE_BUILD_TYPE=RelWithDebInfo -DS4D_SANITIZE=address,undefined -DS4D_TEST_HOOKS=ON -DS4D_WERROR=ON -DS4D_CUDA=OFF)
check "build" build build-clang-sanitize -DCMAKE_C_COMPILER=clang "${sanitized[@]}"
unit_tests build-clang-sanitize "clang-sanitized unit"
check "clang-sanitized golden" build-clang-sanitize/tests/golden tests/golden
check "clang-sanitized parity" build-clang-sanitize/tests/parity --device cpu
check "clang-sanitized readers of sets" env S4D="$PWD/build-clang-sanitize/s4d" python3 tests/e2e/run.py test_data_index
check "clang-sanitized tiny run" env S4D="$PWD/build-clang-sanitize/s4d" python3 tests/e2e/run.py test_from_pretrained

say "address and undefined-behaviour sanitizers of gcc"
check "build" build build-sanitize "${sanitized[@]}"
$long && unit_tests build-sanitize "sanitized unit"
check "sanitized golden" build-sanitize/tests/golden tests/golden
check "sanitized parity" build-sanitize/tests/parity
check "a spoiled operation is caught, for each of them" build-sanitize/tests/parity --self-test
for target in list index picture video exif pack report safetensors pickle shards foreign config; do
    check "sanitized fuzz corpus, $target" "build-sanitize/tests/fuzz/fuzz_$target" "tests/fuzz/corpus/$target" tests/data data/sample
done
check "sanitized tiny run" env S4D="$PWD/build-sanitize/s4d" python3 tests/e2e/run.py test_from_pretrained

check "sanitized runs whose writing fails go on" env S4D="$PWD/build-sanitize/s4d" python3 tests/e2e/run.py test_faults.Faults

say "the cuda device, its kernels run on the processor"
emulated=build-emulated
check "build" build $emulated -DCMAKE_BUILD_TYPE=Release -DS4D_CUDA_EMULATE=ON -DS4D_TEST_HOOKS=ON -DS4D_WERROR=ON
for order in shuffled forward backward; do
    check "the emulator itself, blocks $order" env S4D_EMULATOR_ORDER=$order $emulated/emulator/emulator_test
done
for program in $emulated/tests/unit/unit_backend_cuda_* $emulated/tests/unit/unit_train_engine; do
    check "emulated $(basename "$program")" "$program"
done
for precision in float32 tf32 bf16; do
    check_counted "emulated operations, $precision" $emulated/tests/parity --device cuda --require cuda --precision $precision
done
check "emulated: a spoiled operation is caught, float32" $emulated/tests/parity --device cuda --self-test
check "emulated: a spoiled operation is caught, bf16" $emulated/tests/parity --device cuda --self-test --precision bf16
check_counted "emulated golden" $emulated/tests/golden tests/golden --device cuda
check_counted "emulated runs: training, evaluation, resuming" env S4D="$PWD/$emulated/s4d" python3 tests/e2e/run.py test_run test_cuda
check "pixels, over buffers that hold something else each time" env S4D="$PWD/$emulated/s4d" python3 tests/e2e/run.py OddWidths

say "the binary as a user runs it"
check_counted "end to end" python3 tests/e2e/run.py
check "the README's commands" python3 tests/e2e/readme.py
check "the demo, quick" scripts/demo.sh --quick

if $long; then
    say "the long tier"
    check "build by clang" build build-clang -DCMAKE_C_COMPILER=clang -DS4D_WERROR=ON -DCMAKE_BUILD_TYPE=Release -DS4D_CUDA=OFF
    check "golden by clang" build-clang/tests/golden tests/golden
    check "build with OpenBLAS" build build-cblas -DS4D_CBLAS=CBLAS -DS4D_WERROR=ON -DS4D_CUDA=OFF
    check_counted "operations with OpenBLAS" build-cblas/tests/parity
    check "build of the cuda device with sanitizers" build build-emulated-sanitize -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DS4D_SANITIZE=address,undefined -DS4D_TEST_HOOKS=ON -DS4D_WERROR=ON -DS4D_CUDA_EMULATE=ON
    for precision in float32 bf16; do
        check_counted "sanitized emulated operations, $precision" \
            build-emulated-sanitize/tests/parity --device cuda --require cuda --precision $precision
    done
    check "a hundred kills" env S4D_KILLS=100 python3 tests/e2e/run.py test_killed
    check "whole demo" scripts/demo.sh
    check "pre-trained against random start" scripts/compare_start.sh
fi

if [ ${#failures[@]} -gt 0 ]; then
    printf '\nfailed:\n'
    printf '  %s\n' "${failures[@]}"
fi
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
