#!/usr/bin/env bash
# From nothing to a table: installs packages, builds, draws a sample set, pre-trains, fine-tunes, evaluates.
# scripts/demo.sh           about 8 minutes on 2 cores after building; results under runs/demo
# scripts/demo.sh --quick   the same path in about a minute, with too little training to mean anything
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

quick=false
case "${1-}" in
    '') ;;
    --quick) quick=true ;;
    *) echo "usage: scripts/demo.sh [--quick]" >&2; exit 2 ;;
esac

say "packages"
# shellcheck disable=SC2086
install_packages $build_packages
say "building build/s4d"
build build -DCMAKE_BUILD_TYPE=Release

out=runs/demo
small=() pretrain=() finetune=() eval=()
if $quick; then
    out=runs/demo-quick
    small=(--train-images 160 --test-images 56 --train-clips 96 --test-clips 70 --unlabelled-images 96 --unlabelled-clips 48 --folds 1)
    pretrain=(--set train.epochs=2)
    finetune=(--set train.epochs=2 --set train.warmup_epochs=0)
fi
sets=(--set "data.image.root=$out/faces" --set "data.video.root=$out/faces")
rm -rf "$out"
begin=$(date +%s)
say "drawing the sample set into $out/faces"
build/s4d synth --output "$out/faces" --seed 1 "${small[@]}"
say "pre-training on unlabelled pictures and clips"
build/s4d pretrain --config configs/demo_pretrain.json --output "$out/pretrain" "${sets[@]}" "${pretrain[@]}"
say "fine-tuning on labelled pictures and clips together"
build/s4d finetune --config configs/demo_finetune.json --init "$out/pretrain/model.safetensors" \
    --output "$out/finetune" "${sets[@]}" "${finetune[@]}"
say "evaluating on faces of people never seen in training"
build/s4d eval --config configs/demo_eval.json --checkpoint "$out/finetune/model.safetensors" \
    --output "$out/eval" "${sets[@]}" "${eval[@]}"
say "done in $(($(date +%s) - begin)) s (without installing and compiling)"
echo "the run folders are under $out; the table's numbers are in $out/eval/*/metrics.json, every prediction in $out/eval/*/pred.csv"
