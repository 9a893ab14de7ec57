#!/usr/bin/env bash
# Everything that needs a GPU, by one command: builds for the card that is here, proves the cuda device right, measures it,
# and writes data/bench/DATE-CARD.json and .md anew after every stage, so that what it has is kept if it is cut short.
#
# scripts/gpu_check.sh [--deps FOLDER] [--minutes N] [--output FOLDER] [--python PROGRAM] [--only STAGE,...] [--emulated]
#   --deps      libraries from a machine that has them, gathered by scripts/gpu_deps.sh; nothing has to be installed then
#   --minutes   for everything (9); the most telling stages come first
#   --output    folder of the two files (data/bench)
#   --python    the python3 that has PyTorch, if any
#   --only      these stages, and nothing else; an earlier call's build serves
#   --emulated  without a GPU: the device that tests/emulator imitates on the processor, for exactness and for this script
# Exit status: 0 nothing failed, 1 something did, 2 usage, 77 there is no GPU, 130 or 143 interrupted.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. scripts/common.sh

usage() { sed -n '5,12s/^# \{0,1\}//p' scripts/gpu_check.sh >&2; exit 2; }

deps='' minutes=9 output=data/bench python=python3 only='' emulated=false
while [ $# -gt 0 ]; do
    case "$1" in
        --emulated) emulated=true; shift; continue ;;
        --deps | --minutes | --output | --python | --only) [ $# -ge 2 ] || usage ;;
        *) usage ;;
    esac
    declare "${1#--}=$2"
    shift 2
done
[[ $minutes =~ ^[1-9][0-9]*$ ]] || usage
if [ -n "$deps" ] && ! deps=$(cd "$deps" 2>/dev/null && pwd); then
    echo "--deps: there is no such folder; scripts/gpu_deps.sh makes it" >&2
    exit 2
fi
before="build doctor parity-float32 golden parity-bf16 step"
after="ops resume curves memcheck other-precisions racecheck initcheck synccheck"
stages="$before pytorch-golden pytorch $after"
for name in ${only//,/ }; do
    [[ " $stages " == *" $name "* ]] || { echo "--only: \"$name\" is none of: $stages" >&2; exit 2; }
done

# ---- what is here ----

card=$(nvidia-smi --query-gpu=name,compute_cap --format=csv,noheader 2>/dev/null | head -n 1)
if $emulated; then
    card='emulated, emulated'
elif [[ $card != *,* ]]; then
    echo "gpu_check: nvidia-smi finds no GPU here, so nothing was checked; --emulated tries this script without one" >&2
    exit 77
fi
if ! command -v "$python" >/dev/null; then
    echo "gpu_check: $python is not installed here, and the reports are written by it" >&2
    exit 1
fi
PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin${deps:+:$deps/bin}
if ! command -v cmake >/dev/null && folder=$("$python" -c 'import cmake; print(cmake.CMAKE_BIN_DIR)' 2>/dev/null); then
    PATH=$PATH:$folder
fi
# Where cuDNN is a package of this Python.
VIRTUAL_ENV=${VIRTUAL_ENV-$("$python" -c 'import sys; print(sys.prefix)')}
"$python" -c 'import torch' 2>/dev/null && torch_here=true || torch_here=false
name=${card%%,*} capability=${card##*, }
if $emulated; then build='build-emulated'; else build='build-gpu'; fi
work=$build/check
base=$output/$(date -u +%F)-$(printf '%s' "$name" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9' '-')
deadline=$((EPOCHSECONDS - SECONDS + 60 * minutes - 10))
TORCHINDUCTOR_CACHE_DIR=$PWD/$build/inductor
export PATH VIRTUAL_ENV TORCHINDUCTOR_CACHE_DIR deps python emulated capability build work deadline torch_here

rm -rf "$work"
mkdir -p "$work" || exit 1
tr ', ' '\n' <<<"${only:-$stages}" >"$work/planned"

# ---- running a stage ----

passed=0 failed=0 skipped=0 child='' current='' warm=''

# note STAGE STATUS SECONDS WORDS: a stage's result, into the files and onto the terminal.
note() {
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$work/stages.tsv"
    "$python" scripts/gpu_report.py write "$work" "$base"
    case $2 in
        passed) passed=$((passed + 1)); echo "ok       $1 ($3 s)" ;;
        failed)
            failed=$((failed + 1))
            echo "FAILED   $1 ($3 s): $4"
            cat "$work/$1.out" "$work/$1.err" | tail -n 25 ;;
        *) skipped=$((skipped + 1)); printf '%-8s %s: %s\n' "$2" "$1" "$4" ;;
    esac
}

wanted() { [[ -z $only || ,$only, == *,$1,* ]]; }

skip() { # STAGE WORDS
    if wanted "$1"; then note "$1" skipped 0 "$2"; fi
}

# stage NAME SECONDS hard|soft COMMAND ...: for so long at most; to take longer is a failure where hard. Status 77 is a skip.
stage() {
    local name=$1 limit=$2 kind=$3 left=$((deadline - EPOCHSECONDS)) begin=$EPOCHREALTIME status seconds
    shift 3
    wanted "$name" || return 0
    if [ "$left" -lt 5 ]; then
        skip "$name" "no time was left"
        return 1
    fi
    if [ "$left" -lt "$limit" ]; then
        limit=$left kind=soft
    fi
    current=$name
    timeout -k 5 "$limit" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
    child=$!
    wait "$child"
    status=$?
    child=''
    seconds=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $begin }")
    case $status-$kind in
        0-*) note "$name" passed "$seconds" '' ;;
        77-*) note "$name" skipped "$seconds" "$(cat "$work/$name.out" "$work/$name.err" | tail -n 1)" ;;
        124-soft | 137-soft) note "$name" cut "$seconds" "not done after $limit s" ;;
        124-* | 137-*) note "$name" failed "$seconds" "not done after $limit s" ;;
        *) note "$name" failed "$seconds" "exit status $status" ;;
    esac
    return $status
}

stop_warming() {
    if [ -n "$warm" ]; then
        kill -TERM -- "-$warm" 2>/dev/null
        wait "$warm" 2>/dev/null
        warm=''
    fi
}

finish() {
    stop_warming
    "$python" scripts/gpu_report.py write "$work" "$base"
    printf '\n%s.md and .json hold it all\n%d passed, %d failed, %d skipped\n' "$base" "$passed" "$failed" "$skipped"
}

interrupted() {
    trap '' INT TERM HUP
    if [ -n "$child" ]; then
        kill -TERM "$child" 2>/dev/null
        wait "$child" 2>/dev/null
        note "$current" cut 0 "interrupted"
    fi
    finish
    exit "$1"
}
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# ---- the stages, most telling first ----

say "$card"
"$python" scripts/gpu_report.py machine "$work" "$python"
do_stage=scripts/gpu_stages.sh

# Compiling a model takes PyTorch a minute. Where processors abound that is done beside our own compiling and tests, for its
# cache; nothing is timed until it has ended.
if $torch_here && ! $emulated && [ "$(nproc)" -ge 8 ] && wanted build && wanted pytorch; then
    setsid nice -n 10 $do_stage pytorch --warm --budget 300 --variants compile >"$work/warm.out" 2>&1 </dev/null &
    warm=$!
fi
stage build 240 hard $do_stage build
built=$?
if [ $built -eq 0 ]; then
    stage doctor 30 hard $do_stage doctor
    stage parity-float32 90 hard $do_stage parity float32
    stage golden 60 hard $do_stage golden
    stage parity-bf16 90 hard $do_stage parity bf16
fi
stop_warming
if [ $built -ne 0 ]; then
    for name in ${before#build }; do skip "$name" "there is no build"; done
elif $emulated; then
    skip step "an emulated device has no speed"
else
    stage step 150 soft $do_stage steps
fi
if ! $torch_here; then
    for name in pytorch-golden pytorch; do skip $name "$python has no PyTorch"; done
else
    stage pytorch-golden 40 soft "$python" scripts/bench_pytorch.py --golden tests/golden --device cpu
    if $emulated; then
        stage pytorch 100 soft "$python" scripts/bench_pytorch.py --device cpu --tiny --seconds 0.2 --variants eager
    else
        stage pytorch 125 soft $do_stage pytorch --variants eager,graph,compile,compile-graph,reduce-overhead
    fi
fi
if [ $built -ne 0 ]; then
    for name in $after; do skip "$name" "there is no build"; done
elif $emulated; then
    skip ops "an emulated device has no speed"
    stage resume 300 hard $do_stage resume
    stage curves 300 hard $do_stage curves
    for name in ${after#*curves }; do skip "$name" "an emulated device has no GPU code"; done
else
    stage ops 60 soft $do_stage ops
    stage resume 60 hard $do_stage resume
    stage curves 60 hard $do_stage curves
    stage memcheck 120 soft $do_stage memory memcheck
    stage other-precisions 60 soft $do_stage other_precisions
    for name in racecheck initcheck synccheck; do stage $name 60 soft $do_stage memory $name; done
fi
finish
[ "$failed" -eq 0 ]
