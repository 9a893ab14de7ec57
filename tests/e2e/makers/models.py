"""Models for the tests of s4d ckpt, put together without the binary's maps, and files of them."""
import json
import random
import struct
from collections import OrderedDict

from makers.torchlike import Tensor

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
    """A value is (shape, numbers), of float32, or (shape, bytes, type)."""
    header, body = {"__metadata__": meta} if meta else {}, b""
    for name, (shape, v, *kind) in model.items():
        data = v if kind else struct.pack(f"<{len(v)}f", *v)
        header[name] = {"dtype": kind[0] if kind else "F32", "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def put_shards(folder, parts, kind="safetensors", stem="model", weight_map=None):
    """Each of parts a model; the list of them is what is returned."""
    from makers import torchlike
    names = [f"{stem}-{i:05}-of-{len(parts):05}.{kind}" for i in range(1, len(parts) + 1)]
    for name, part in zip(names, parts):
        if kind == "safetensors":
            put_safetensors(folder / name, part, {"format": "pt"})
        else:
            torchlike.save(as_tensors(part), folder / name)
    told = {key: name for name, part in zip(names, parts) for key in part}
    total = sum(4 * len(v) for part in parts for _, v in part.values())
    index = folder / f"{stem}.{kind}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": {**told, **(weight_map or {})}}))
    return index


def split(model, n):
    """The model in n parts, as dicts."""
    items = list(model.items())
    size = -(-len(items) // n)
    return [OrderedDict(items[i:i + size]) for i in range(0, len(items), size)]


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


CONFIG = {"model_type": "videomae", "architectures": ["VideoMAEForVideoClassification"], "image_size": 32, "patch_size": PATCH,
          "num_channels": 3, "num_frames": 4, "tubelet_size": TUBELET, "hidden_size": D, "num_hidden_layers": DEPTH,
          "num_attention_heads": 2, "intermediate_size": HIDDEN, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "qkv_bias": True,
          "use_mean_pooling": True, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.2, "initializer_range": 0.5,
          "problem_type": None, "torch_dtype": "float16", "decoder_hidden_size": DD, "decoder_num_hidden_layers": 1,
          "decoder_num_attention_heads": 2, "decoder_intermediate_size": 2 * DD, "norm_pix_loss": True}


def put_transformers(folder, model, **config):
    """A folder as save_pretrained leaves it; settings that are None are left out."""
    folder.mkdir(exist_ok=True)
    put_safetensors(folder / "model.safetensors", as_transformers(model), {"format": "pt"})
    told = {k: v for k, v in {**CONFIG, **config}.items() if v is not None}
    (folder / "config.json").write_text(json.dumps(told))
    return folder


NEWER = {"encoder.layer.": "layers.", "attention.attention.query": "attention.q_proj", "attention.attention.key": "attention.k_proj",
         "attention.attention.value": "attention.v_proj", "attention.output.dense": "attention.o_proj",
         "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2"}


def as_vit(model, base="vit.", newer=False):
    """The fine-tuned model as a ViT of transformers, of images, and what it must become."""
    images, want = as_mae(model)
    out = OrderedDict()
    for name, (shape, v) in as_transformers(OrderedDict((k, x) for k, x in images.items() if "qkv.bias" not in k), base).items():
        name = name.replace("pos_embed", base + "embeddings.position_embeddings").replace("cls_token", base + "embeddings.cls_token")
        out["classifier" + name[len("head"):] if name.startswith("head.") else base + "layernorm" + name[len("norm"):]
            if name.startswith("norm.") else name] = shape, v
    for i in range(DEPTH):
        _, v = images[f"blocks.{i}.attn.qkv.bias"]
        for k, part in enumerate(("query", "key", "value")):
            out[f"{base}encoder.layer.{i}.attention.attention.{part}.bias"] = (D,), v[k * D:(k + 1) * D]
    for old, new in NEWER.items() if newer else ():
        out = OrderedDict((name.replace(old, new), v) for name, v in out.items())
    return out, want
