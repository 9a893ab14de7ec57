#!/usr/bin/env bash
# What the stages of scripts/gpu_check.sh do. That script calls this one, a stage at a time, with what is here in variables.
# shellcheck disable=SC2154
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# Shared with PyTorch, so that both have the same batches. They fill a card of 80 GB.
declare -A batch=([pretrain-video]=128 [finetune-video]=32 [pretrain-image]=1024 [finetune-image]=256)
s4d=$build/s4d
report() { "$python" scripts/gpu_report.py "$@"; }
# Programs of the build find the libraries they were linked with; others do not see them.
ours() { env ${deps:+"LD_LIBRARY_PATH=$deps/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"} "$@"; }

build() {
    local options=(-DCMAKE_BUILD_TYPE=Release -DS4D_VIDEO=ON) video=''
    if ! command -v cmake >/dev/null; then
        echo "cmake is not installed here; \"python3 -m pip install cmake\" brings it, or put a copy of it on the PATH" >&2
        return 1
    fi
    command -v ninja >/dev/null && options+=(-G Ninja)
    if $emulated; then
        options+=(-DS4D_CUDA_EMULATE=ON)
    else
        options+=(-DS4D_CUDA=ON "-DS4D_CUDA_ARCHITECTURES=${capability//./}")
    fi
    [ -n "$deps" ] && options+=("-DCMAKE_PREFIX_PATH=$deps")
    if ! pkg-config --exists libavformat libavcodec libswscale libavutil; then
        options+=(-DS4D_VIDEO=OFF)
        video=", without video, as FFmpeg is not here"
    fi
    ours cmake -S . -B "$build" "${options[@]}" &&
        ours cmake --build "$build" --parallel "$(nproc)" --target s4d parity golden &&
        echo "for compute capability $capability$video"
}

doctor() {
    ours "$s4d" doctor | tee "$work/doctor.txt"
    grep -E '^cuda +works' "$work/doctor.txt"
}

parity() { ours "$build/tests/parity" --device cuda --require cuda --precision "$1"; }
golden() { ours "$build/tests/golden" tests/golden --device cuda; }

# step PRECISION SECONDS DETERMINISTIC WORKLOAD ...: each by itself, with half the batch where memory does not suffice.
step() {
    local precision=$1 seconds=$2 deterministic=$3 workload n status=0
    shift 3
    for workload in "$@"; do
        for n in 1 2 4 8; do
            n=$((batch[$workload] / n))
            if ours "$s4d" bench step --json --device cuda --precision "$precision" --seconds "$seconds" \
                --set "cuda.deterministic=$deterministic" --workload "$workload" --batch $n 2>"$work/step.said"; then
                batch[$workload]=$n
                continue 2
            fi
            cat "$work/step.said" >&2
            grep -qi memory "$work/step.said" || break
        done
        status=1
    done
    return $status
}

# The default, then what is faster and has other bits in every run.
steps() {
    local status=0 workloads=(pretrain-video finetune-video pretrain-image finetune-image)
    step bf16 4 true "${workloads[@]}" || status=1
    step bf16 3 false "${workloads[@]}" || status=1
    return $status
}

ops() { ours "$s4d" bench ops --json --device cuda --precision bf16 --ms 50; }

# The batches of our own steps, where those were timed.
pytorch() {
    local workload sizes=() left=$((deadline - EPOCHSECONDS - 8))
    for workload in "${!batch[@]}"; do sizes+=("--$workload" "${batch[$workload]}"); done
    # shellcheck disable=SC2207
    sizes+=($(report batches "$work/step.out"))
    "$python" scripts/bench_pytorch.py --budget $((left < 112 ? left : 112)) "${sizes[@]}" "$@"
}

# The clips are folders of frames, which every build reads. The emulated card is slow.
draw() {
    local images=96 clips=64 unlabelled=256
    if $emulated; then
        images=72 clips=48 unlabelled=128
    fi
    [ -d "$work/faces" ] ||
        ours "$s4d" synth --output "$work/faces" --seed 1 --frames --train-images $images --test-images 14 --train-clips $clips \
            --test-clips 14 --unlabelled-images $unlabelled --unlabelled-clips $((unlabelled * 3 / 8)) --folds 1 >&2
}

train() {
    local command=$1 run=$2
    shift 2
    ours "$s4d" "$command" --config "configs/demo_$command.json" --device cuda --set "data.image.root=$work/faces" \
        --set "data.video.root=$work/faces" --output "$work/$run" "$@" >&2
}

# Whole runs against runs that go on from the whole ones' tenth update in a process of their own.
resume() {
    local precision command run status=0 more
    draw || return 1
    for precision in float32 bf16; do
        for command in pretrain finetune; do
            run=$command-$precision
            more=(--set "precision=$precision" --set train.checkpoint_every=10 --set train.keep_checkpoints=9)
            case $command in
                pretrain) more+=(--set train.epochs=1) ;;
                finetune) more+=(--set train.epochs=2 --set train.warmup_epochs=0 --set 'data.video.suffix=""') ;;
            esac
            train $command "$run" "${more[@]}" &&
                train $command "$run-cut" "${more[@]}" --resume "$work/$run/checkpoints/step-00000010" &&
                report same "$work/$run" "$work/$run-cut" || status=1
        done
    done
    return $status
}

# 200 steps in float32 and in bf16.
curves() {
    local precision steps=200 epochs
    local size=(--set model.encoder.dim=192 --set model.encoder.heads=3)
    size+=(--set model.decoder.dim=128 --set model.decoder.heads=2) # heads of 64, as published
    epochs=$(((steps + 24) / 25))
    if $emulated; then
        steps=20 epochs=2 size=()
    fi
    draw || return 1
    for precision in float32 bf16; do
        train pretrain "curve-$precision" --set "precision=$precision" --set train.epochs=$epochs "${size[@]}" || return 1
    done
    report curves "$work/curve-float32" "$work/curve-bf16" $steps
}

# memory TOOL: one of compute-sanitizer's, over every operation's small cases.
memory() {
    local status
    if ! command -v compute-sanitizer >/dev/null; then
        echo "compute-sanitizer is not installed here"
        return 77
    fi
    ours compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 20 \
        "$build/tests/parity" --device cuda --require cuda | tee "$work/$1.said"
    status=${PIPESTATUS[0]}
    if grep -q 'Device not supported' "$work/$1.said"; then
        echo "compute-sanitizer does not support this machine"
        return 77
    fi
    return "$status"
}

other_precisions() {
    local status=0
    step tf32 2 true pretrain-video finetune-video || status=1
    step float32 2 true pretrain-video finetune-video || status=1
    if $torch_here; then
        pytorch --precision tf32 --seconds 1 --only pretrain-video --only finetune-video --variants graph
    fi
    return $status
}

"$@"
