"""torch_made.py FOLDER: checkpoints by PyTorch, timm and transformers themselves, and what their models give.

FOLDER/made.json lists them: file, options of "s4d ckpt import", and either the probabilities of the clips in FOLDER (want), words of
the refusal, or the tensors that the start of a training must have. Run by test_ckpt_torch.py, with a Python that has all three."""
import json
import pathlib
import pickle
import struct
import sys
import warnings
import zlib
from collections import OrderedDict

import numpy as np
import timm
import torch
import transformers
from safetensors.torch import save_file

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
torch.manual_seed(7)
OUT = pathlib.Path(sys.argv[1])
CLIPS, FRAMES, SIDE, D = 3, 4, 32, 24
NAMES = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]
SIZES = dict(image_size=SIDE, patch_size=8, num_frames=FRAMES, tubelet_size=2, hidden_size=D, num_hidden_layers=2, num_attention_heads=2,
             intermediate_size=48, decoder_hidden_size=16, decoder_num_hidden_layers=1, decoder_num_attention_heads=2,
             decoder_intermediate_size=32, layer_norm_eps=1e-6, id2label=dict(enumerate(NAMES)), label2id={n: i for i, n in enumerate(NAMES)})
made = []


def put_png(path, pixels):
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0), b"IDAT", zlib.compress(rows), b"IEND", b""
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in zip(chunks[::2], chunks[1::2]):
        data += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(data)


def clips():
    """Smooth ones with noise, written as folders of frames; normalised, as [clips, frames, 3, side, side]."""
    draw, out = np.random.default_rng(1), []
    grid = np.linspace(0, 3, SIDE)
    for c in range(CLIPS):
        folder = OUT / f"clip{c}"
        folder.mkdir()
        for f in range(FRAMES):
            wave = 128 + 60 * np.sin(grid[:, None, None] * (c + 1) + f + np.arange(3)) + 40 * np.cos(grid[None, :, None] * 2)
            pixels = np.clip(wave + draw.integers(-30, 30, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
            put_png(folder / f"{f:04}.png", pixels)
            out.append(pixels)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (torch.from_numpy(np.stack(out)).double() / 255 - mean) / std
    return x.permute(0, 3, 1, 2).reshape(CLIPS, FRAMES, 3, SIDE, SIDE)


def spread(model, seed=3):
    """Numbers as large as those of trained weights, so that outputs differ."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            p.copy_(1 + 0.2 * noise if p.ndim == 1 and "norm" in name and name.endswith("weight") else
                    0.1 * noise if p.ndim == 1 else noise / p[0].numel() ** 0.5 * (2 if "classifier" in name else 1))
    return model.eval()


def classifier(**changes):
    """Its fc_norm has an epsilon of 1e-5 there, whatever the config says; here it is that of the other norms, as in VideoMAE."""
    model = spread(transformers.VideoMAEForVideoClassification(transformers.VideoMAEConfig(**{**SIZES, **changes})))
    if model.fc_norm:
        model.fc_norm.eps = 1e-6
    return model


def outputs(model, x):
    with torch.no_grad():
        return torch.softmax(model.double()(x).logits, -1).tolist()


def add(file, want=None, words=None, start=None, options=(), **about):
    made.append(dict(file=str(file), want=want, words=words, start=start, options=list(options), **about))


# ---- how PyTorch saves ----

class Tagged(torch.nn.Parameter):
    pass


def other(sd):
    return OrderedDict((k, v + 1) for k, v in sd.items())


def containers(sd):
    """Objects around the same weights, by a word for each."""
    tagged = OrderedDict((k, torch.nn.Parameter(v.clone())) for k, v in sd.items())
    for i, v in enumerate(tagged.values()):
        v.number = i
    subclass = OrderedDict((k, Tagged(v.clone())) for k, v in sd.items())
    shared = torch.cat([v.flatten() for v in sd.values()])
    views, at = OrderedDict(), 0
    for k, v in sd.items():
        views[k] = shared[at:at + v.numel()].view(v.shape)
        at += v.numel()
    turned = OrderedDict((k, v.t().contiguous().t() if v.ndim == 2 else v.flip(0).flip(0)) for k, v in sd.items())
    buffers = OrderedDict(sd, mean=torch.zeros(1).expand(3), mask=torch.ones(1, 1, 1, 1, 1, 1, 1, 1, 1), step=torch.tensor(5),
                          wave=torch.zeros(2, dtype=torch.complex64), ids=torch.zeros(2, dtype=torch.uint16))
    net = torch.nn.Module()
    net.model = torch.nn.Module()
    net.model.load = None
    adam = {"state": {0: {"exp_avg": torch.ones(3), "step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1}]}
    return {
        "plain": sd, "tagged": tagged, "subclass": subclass, "shared": views, "turned": turned, "buffers": buffers,
        "model_state_dict": {"model_state_dict": sd, "optimizer_state_dict": adam, "loss": torch.tensor(0.5), "epoch": 3},
        "tuple": (sd, {"epoch": 3}), "nested": {"model": {"state_dict": sd}}, "ema": {"params": sd, "params_ema": other(sd)},
        "teachers": {"teacher": sd, "student": other(sd), "dino_loss": {"center": torch.zeros(1, 3)}},
        "lightning": {"state_dict": {**{"model." + k: v for k, v in sd.items()}, "loss.weight": torch.ones(7)}, "epoch": 3,
                      "pytorch-lightning_version": "2.5.0", "hyper_parameters": {"lr": 0.1}, "optimizer_states": [adam], "callbacks": {}},
        "parallel": {"module." + k: v for k, v in sd.items()}, "peft": {"base_model.model." + k: v for k, v in sd.items()},
        "fsdp": {"_fsdp_wrapped_module." + k.replace("layer.1.", "layer.1._checkpoint_wrapped_module."): v for k, v in sd.items()},
    }


def save_ways(sd, want):
    for word, thing in containers(sd).items():
        for legacy in (False, True):
            path = OUT / f"{word}{'_legacy' if legacy else ''}.pth"
            try:
                torch.save(thing, path, _use_new_zipfile_serialization=not legacy)
            except Exception:  # types that came later have no place in the older form
                continue
            add(path, want)
    for protocol in (2, 3, 4, 5):
        torch.save(sd, OUT / f"protocol{protocol}.pth", pickle_protocol=protocol)
        add(OUT / f"protocol{protocol}.pth", want)
    torch.serialization.set_crc32_options(False)
    torch.save(sd, OUT / "nocrc.pth")
    torch.serialization.set_crc32_options(True)
    add(OUT / "nocrc.pth", want)
    torch.save({"a": {"b.c": other(sd)}, "d": sd}, OUT / "keys.pth")
    add(OUT / "keys.pth", want, options=["--key", "d"])
    torch.save({"a": {"b.c": sd}, "d": other(sd)}, OUT / "keys2.pth")
    add(OUT / "keys2.pth", want, options=["--key", "a", "--key", "b.c"])


def save_compiled(x):
    model = classifier()
    want = outputs(model, x)
    average = torch.optim.swa_utils.AveragedModel(torch.nn.DataParallel(model.float()))
    torch.save(torch.compile(average).state_dict(), OUT / "average.pth")
    add(OUT / "average.pth", want)


# ---- types ----

def save_types(x):
    for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz):
        word = str(dtype).split(".")[1]
        model = classifier()
        weights = OrderedDict((k, v.to(dtype)) for k, v in model.state_dict().items())
        model.load_state_dict({k: v.float() for k, v in weights.items()})
        want = outputs(model, x)
        torch.save(weights, OUT / f"{word}.pth")
        save_file(weights, OUT / f"{word}.safetensors", {"format": "pt", "title": "\u00fc\u4e2d \"x\"\n", "json": json.dumps({"a": [1] * 50})})
        add(OUT / f"{word}.pth", want)
        add(OUT / f"{word}.safetensors", want)


# ---- transformers ----

def save_pretrained(x):
    for word, changes in (("whole", {}), ("noqv", {"qv_bias": False}), ("gelu_python", {"hidden_act": "gelu_python"}), ("eps", {"layer_norm_eps": 1e-12})):
        model = classifier(**changes)
        model.save_pretrained(OUT / word)
        add(OUT / word, outputs(model, x), folder=True, export=word == "whole")
    untouched = transformers.VideoMAEForVideoClassification(transformers.VideoMAEConfig(**{**SIZES, "layer_norm_eps": 1e-12})).eval()
    untouched.save_pretrained(OUT / "untouched")
    add(OUT / "untouched", outputs(untouched, x), folder=True)
    model = classifier()
    want = outputs(model, x)
    model.float().save_pretrained(OUT / "shards", max_shard_size="20KB")
    for source in (OUT / "shards", OUT / "shards/model.safetensors.index.json", sorted((OUT / "shards").glob("model-*"))[1]):
        add(source, want, folder=True)
    features = classifier(id2label={i: f"c{i}" for i in range(D)}, label2id={f"c{i}": i for i in range(D)})
    with torch.no_grad():
        features.classifier.weight.copy_(torch.eye(D))
        features.classifier.bias.zero_()
    features.save_pretrained(OUT / "features")
    add(OUT / "features", outputs(features, x), folder=True, classes=D)
    for word, changes, words in (("relu", {"hidden_act": "relu"}, "hidden_act"), ("gelu_new", {"hidden_act": "gelu_new"}, "hidden_act"),
                                 ("eps01", {"layer_norm_eps": 0.1}, "layer_norm_eps"),
                                 ("multi", {"problem_type": "multi_label_classification"}, "problem_type")):
        classifier(**changes).save_pretrained(OUT / word)
        add(OUT / word, words=words)


def arrays(**tensors):
    """Published name -> numbers, to be held against what is imported."""
    return {name: value.detach().double().flatten().tolist() for name, value in tensors.items()}


def block_tensors(prefix, sd, block, proj):
    q, k, v = (sd[f"{prefix}.{part}.weight"] for part in proj)
    return {f"blocks.{block}.attn.qkv.weight": torch.cat([q, k, v]), f"blocks.{block}.attn.q_bias": sd[f"{prefix}.{proj[0]}.bias"],
            f"blocks.{block}.attn.v_bias": sd[f"{prefix}.{proj[2]}.bias"]}


def save_starts():
    c = {k: v for k, v in SIZES.items() if "2" not in k}
    image = {k: v for k, v in c.items() if k not in ("num_frames", "tubelet_size") and not k.startswith("decoder")}
    bare = spread(transformers.VideoMAEModel(transformers.VideoMAEConfig(**c)))
    nopool = classifier(use_mean_pooling=False)
    pre = spread(transformers.VideoMAEForPreTraining(transformers.VideoMAEConfig(**c, use_mean_pooling=False)))
    vit = spread(transformers.ViTForImageClassification(transformers.ViTConfig(**image)))
    mae = spread(transformers.ViTMAEForPreTraining(transformers.ViTMAEConfig(**c)))
    deit = spread(transformers.DeiTForImageClassification(transformers.DeiTConfig(**image)))
    msn = spread(transformers.ViTMSNModel(transformers.ViTMSNConfig(**image)))
    for word, model, norm in (("bare", bare, None), ("nopool", nopool, None), ("pre", pre, "encoder."), ("vit", vit, None), ("mae", mae, None),
                              ("deit", deit, None), ("msn", msn, None)):
        weights = {k: v for k, v in model.state_dict().items()}
        patch = next(v for k, v in weights.items() if k.endswith("patch_embeddings.projection.weight"))
        want = {"patch_embed.proj.weight": patch if patch.ndim == 5 else (patch / 2).unsqueeze(2).expand(-1, -1, 2, -1, -1)}
        for i in range(2):
            name = next(k for k in weights if f"ayer.{i}." in k or f"layers.{i}." in k and "decoder" not in k)
            head = name[:name.index(f".{i}.") + 1 + len(str(i))]
            old = f"{head}.attention.attention.query.weight" in weights
            proj = [f"attention.attention.{p}" if old else f"attention.{p[0]}_proj" for p in ("query", "key", "value")]
            want.update(block_tensors(head, weights, i, proj))
            want[f"blocks.{i}.norm1.weight"] = weights[f"{head}.layernorm_before.weight"]
            want[f"blocks.{i}.mlp.fc2.weight"] = weights[f"{head}.output.dense.weight" if f"{head}.output.dense.weight" in weights else f"{head}.mlp.fc2.weight"]
        prefix = "encoder." if word in ("bare", "pre") else ""
        start = arrays(**{prefix + k: v for k, v in want.items()})
        model.save_pretrained(OUT / f"start_{word}")
        torch.save(weights, OUT / f"start_{word}.pth")
        add(OUT / f"start_{word}", start=start, folder=True)
        add(OUT / f"start_{word}.pth", start=start)
    for word, model in (("beit", transformers.BeitModel(transformers.BeitConfig(**image))),
                        ("dinov2", transformers.Dinov2Model(transformers.Dinov2Config(image_size=32, patch_size=8, hidden_size=D, num_hidden_layers=2,
                                                                                     num_attention_heads=2))),
                        ("vivit", transformers.VivitModel(transformers.VivitConfig(image_size=32, num_frames=4, tubelet_size=[2, 8, 8], hidden_size=D,
                                                                                   num_hidden_layers=2, num_attention_heads=2, intermediate_size=48)))):
        model.save_pretrained(OUT / f"other_{word}")
        add(OUT / f"other_{word}", words="another model")
        torch.save(model.state_dict(), OUT / f"other_{word}.pth")
        add(OUT / f"other_{word}.pth", words="")


# ---- timm ----

def save_timm():
    for word, more in (("timm", {}), ("timm_avg", dict(global_pool="avg", class_token=False, fc_norm=True)), ("timm_noqkv", dict(qkv_bias=False))):
        model = spread(timm.models.VisionTransformer(img_size=32, patch_size=8, embed_dim=D, depth=2, num_heads=2, mlp_ratio=2, num_classes=7, **more))
        sd = model.state_dict()
        want = {"patch_embed.proj.weight": (sd["patch_embed.proj.weight"] / 2).unsqueeze(2).expand(-1, -1, 2, -1, -1),
                "blocks.1.attn.qkv.weight": sd["blocks.1.attn.qkv.weight"], "blocks.0.mlp.fc1.bias": sd["blocks.0.mlp.fc1.bias"],
                "blocks.1.attn.q_bias": sd["blocks.1.attn.qkv.bias"][:D] if "noqkv" not in word else torch.zeros(D)}
        torch.save({"model": sd, "epoch": 1}, OUT / f"{word}.pth")
        save_file(sd, OUT / f"{word}.safetensors")
        for ending in ("pth", "safetensors"):
            add(OUT / f"{word}.{ending}", start=arrays(**want))
    scaled = timm.models.VisionTransformer(img_size=32, patch_size=8, embed_dim=D, depth=1, num_heads=2, init_values=0.1)
    torch.save(scaled.state_dict(), OUT / "timm_ls.pth")
    add(OUT / "timm_ls.pth", words="LayerScale")


# ---- what is no state dict ----

def save_wrongs(sd):
    torch.save(torch.nn.Linear(2, 2), OUT / "whole_module.pth")
    add(OUT / "whole_module.pth", words="save the model's state_dict() instead")
    torch.jit.script(torch.nn.Linear(2, 2)).save(OUT / "script.pt")
    add(OUT / "script.pt", words="save the model's state_dict() instead")
    np.savez(OUT / "arrays.npz", **{k: v.numpy() for k, v in sd.items()})
    add(OUT / "arrays.npz", words="NumPy")
    with open(OUT / "arrays.pkl", "wb") as f:
        pickle.dump({k: v.numpy() for k, v in sd.items()}, f)
    add(OUT / "arrays.pkl", words="torch.save did not write")
    with torch.device("meta"):
        hollow = transformers.VideoMAEForVideoClassification(transformers.VideoMAEConfig(**SIZES))
    torch.save(hollow.state_dict(), OUT / "meta.pth")
    add(OUT / "meta.pth", words="has a shape but no numbers")
    torch.save({"module": {k: torch.empty(0) for k in sd}}, OUT / "zero3.pt")
    add(OUT / "zero3.pt", words="ZeRO-3")


def save_distributed(sd, want):
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
    dcp.save({"model": sd}, checkpoint_id=str(OUT / "dcp"), no_dist=True)
    add(OUT / "dcp", words="dcp_to_torch")
    dcp_to_torch_save(str(OUT / "dcp"), OUT / "joined.pth")
    add(OUT / "joined.pth", want)


def main():
    x = clips()
    model = classifier()
    sd = OrderedDict(model.state_dict())
    sd = OrderedDict((k, v.clone()) for k, v in sd.items())
    want = outputs(model, x)
    save_ways(sd, want)
    save_compiled(x)
    save_types(x)
    save_pretrained(x)
    save_starts()
    save_timm()
    save_wrongs(sd)
    save_distributed(sd, want)
    (OUT / "made.json").write_text(json.dumps(made))


main()
