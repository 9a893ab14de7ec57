#!/usr/bin/env bash
# Does pre-training pay? The demo's fine-tuning from its pre-trained and from random weights, same budget, seeds 1, 2, 3.
# Needs a finished scripts/demo.sh for the sample set and the pre-trained model. Prints a Markdown table; about 20 minutes on 2 cores.
set -euo pipefail
cd "$(dirname "$0")/.."
out=runs/compare
pretrained=runs/demo/pretrain/model.safetensors
[ -f "$pretrained" ] || { echo "$pretrained is missing; run scripts/demo.sh first" >&2; exit 1; }
for seed in 1 2 3; do
    build/s4d finetune --config configs/demo_finetune.json --seed $seed --output $out/pretrained-$seed --overwrite \
        --init $pretrained
    build/s4d finetune --config configs/demo_finetune.json --seed $seed --output $out/random-$seed --overwrite
done >&2
python3 - $out <<'PY'
import json, statistics, sys
out, table = sys.argv[1], {}
print("| start | set | UAR seed 1 | seed 2 | seed 3 | mean UAR | mean WAR |")
print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
for start in ("pretrained", "random"):
    for name in ("stills", "clips"):
        results = [json.load(open(f"{out}/{start}-{seed}/{name}/metrics.json")) for seed in (1, 2, 3)]
        uar = [100 * r["uar"] for r in results]
        war = statistics.mean(100 * r["war"] for r in results)
        print(f"| {start} | {name} | " + " | ".join(f"{u:.2f}" for u in uar) + f" | {statistics.mean(uar):.2f} | {war:.2f} |")
PY
