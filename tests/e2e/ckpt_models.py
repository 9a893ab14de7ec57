"""Models for the tests of s4d ckpt, put together without the binary's maps."""
import json
import random
import struct
from collections import OrderedDict

from torchlike import Tensor

D, DD, DEPTH, HIDDEN, PATCH, TUBELET = 24, 16, 2, 48, 8, 2
PAIRS = {"norm1": "layernorm_before", "norm2": "layernorm_after", "attn.proj": "attention.output.dense",
         "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}


def numbers(n, seed):
    draw = random.Random(seed)
    return [struct.unpack("<f", struct.pack("<f", draw.uniform(-1, 1)))[0] for _ in range(n)]


def product(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def block(prefix, d, hidden):
    yield from ((f"{prefix}.{norm}.{w}", (d,)) for norm in ("norm1", "norm2") for w in ("weight", "bias"))
    yield f"{prefix}.attn.q_bias", (d,)
    yield f"{prefix}.attn.v_bias", (d,)
    yield f"{prefix}.attn.qkv.weight", (3 * d, d)
    for name, n, k in (("attn.proj", d, d), ("mlp.fc1", hidden, d), ("mlp.fc2", d, hidden)):
        yield f"{prefix}.{name}.weight", (n, k)
        yield f"{prefix}.{name}.bias", (n,)


def published(stage, classes=0):
    """name -> (shape, numbers) under the published names."""
    head = "encoder." if stage == "pretrain" else ""
    shapes = [(head + "patch_embed.proj.weight", (D, 3, TUBELET, PATCH, PATCH)), (head + "patch_embed.proj.bias", (D,))]
    for i in range(DEPTH):
        shapes += block(f"{head}blocks.{i}", D, HIDDEN)
    norm = "encoder.norm" if stage == "pretrain" else "fc_norm"
    shapes += [(norm + ".weight", (D,)), (norm + ".bias", (D,))]
    if stage == "pretrain":
        shapes += block("decoder.blocks.0", DD, 2 * DD)
        pixels = 3 * TUBELET * PATCH * PATCH
        shapes += [("decoder.norm.weight", (DD,)), ("decoder.norm.bias", (DD,)), ("decoder.head.weight", (pixels, DD)),
                   ("decoder.head.bias", (pixels,)), ("encoder_to_decoder.weight", (DD, D)), ("mask_token", (1, 1, DD))]
    if classes:
        shapes += [("head.video.weight", (classes, D)), ("head.video.bias", (classes,))]
    return OrderedDict((name, (shape, numbers(product(shape), name))) for name, shape in shapes)


def raw(model):
    return {name: struct.pack(f"<{len(v)}f", *v) for name, (_, v) in model.items()}


def as_tensors(model):
    return OrderedDict((name, Tensor(shape, v)) for name, (shape, v) in model.items())


def put_safetensors(path, model, meta=None):
    header, at = {"__metadata__": meta} if meta else {}, 0
    for name, (shape, v) in model.items():
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + 4 * len(v)]}
        at += 4 * len(v)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(raw(model).values()))


def as_transformers(model, base="videomae."):
    out = OrderedDict()
    for name, (shape, v) in model.items():
        name = name.replace("encoder.blocks.", "blocks.").replace("encoder.patch_embed", "patch_embed")
        name = name.replace("patch_embed.proj", base + "embeddings.patch_embeddings.projection")
        name = name.replace("encoder.norm", base + "layernorm").replace("head.video", "classifier")
        name = name.replace("decoder.blocks.", "decoder.decoder_layers.")
        if name.startswith("blocks."):
            name = base + "encoder.layer." + name[len("blocks."):]
        for ours, theirs in PAIRS.items():
            name = name.replace(f".{ours}.", f".{theirs}.")
        name = name.replace("attn.q_bias", "attention.attention.q_bias").replace("attn.v_bias", "attention.attention.v_bias")
        if name.endswith("attn.qkv.weight"):
            third = len(v) // 3
            for i, part in enumerate(("query", "key", "value")):
                out[name.replace("attn.qkv", f"attention.attention.{part}")] = ((shape[1], shape[1]), v[i * third:(i + 1) * third])
        else:
            out[name] = (shape, v)
    return out


def as_mae(model, key=0.0):
    """The fine-tuned model as a model of pictures, and what it must become."""
    out, want = OrderedDict(cls_token=((1, 1, D), numbers(D, "cls")), pos_embed=((1, 17, D), numbers(17 * D, "pos"))), OrderedDict()
    for name, (shape, v) in model.items():
        if name == "patch_embed.proj.weight":
            area = PATCH * PATCH
            flat = [x for r in range(3 * D) for x in v[r * 2 * area:r * 2 * area + area]]
            out[name] = ((D, 3, PATCH, PATCH), flat)
            want[name] = (shape, [flat[r * area + k] / 2 for r in range(3 * D) for _ in range(2) for k in range(area)])
            continue
        if name.startswith("head.") or name.startswith("fc_norm."):
            name = {"fc": name.replace("fc_norm", "norm"), "he": name.replace("head.video", "head")}[name[:2]]
        if name.endswith("attn.q_bias"):
            values = model[name.replace("q_bias", "v_bias")][1]
            out[name.replace("q_bias", "qkv.bias")] = ((3 * D,), v + [key] * D + values)
        elif not name.endswith("attn.v_bias"):
            out[name] = (shape, v)
        if name.startswith("head."):
            name = name.replace("head.", "head.image.")
        if not name.startswith("norm."):
            want[name] = (shape, v)
    return out, want
