#!/usr/bin/env python3
"""The same training steps in PyTorch, for comparison with "s4d bench step": forward, backward and AdamW of both stages on
pictures and on clips that already are on the device as bytes. One JSON object a line.

    scripts/bench_pytorch.py                               # ViT-Base in bf16 on the first GPU, every workload and variant
    scripts/bench_pytorch.py --only finetune-video --finetune-video 32 --variants graph,compile-graph
    scripts/bench_pytorch.py --golden tests/golden         # does it compute the same? Losses, gradients, updates in float32
    scripts/bench_pytorch.py --count                       # parameters of both models
    scripts/bench_pytorch.py --device cpu --tiny           # the script itself, without a GPU

Variants: eager; graph, the whole eager step in one CUDA graph; compile, by torch.compile; compile-graph, that in one CUDA
graph; reduce-overhead and max-autotune, torch.compile's modes of these names. Needs nothing but PyTorch 2.4 or later."""
import argparse
import contextlib
import json
import math
import pathlib
import signal
import statistics
import struct
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BASE = {"img_size": 160, "patch_size": 16, "num_frames": 16, "tubelet_size": 2, "mlp_ratio": 4,
        "encoder": {"dim": 768, "depth": 12, "heads": 12}, "decoder": {"dim": 384, "depth": 4, "heads": 6},
        "moae": {"layers": [6, 7, 8, 9, 10, 11], "experts": 8, "top_k": 2, "capacity_factor": 1.0, "balance_coef": 1e-3},
        "classes": {"image": 7, "video": 7}, "mask_ratio": {"image": 0.9, "video": 0.95}}
TINY = {**BASE, "img_size": 32, "patch_size": 8, "num_frames": 4, "encoder": {"dim": 48, "depth": 2, "heads": 3},
        "decoder": {"dim": 32, "depth": 1, "heads": 2}, "moae": {**BASE["moae"], "layers": [1], "experts": 4},
        "mask_ratio": {"image": 0.75, "video": 0.9}}
WORKLOADS = {"pretrain-video": 64, "finetune-video": 16, "pretrain-image": 512, "finetune-image": 128}
VARIANTS = ("eager", "graph", "compile", "compile-graph", "reduce-overhead", "max-autotune")


# ---- the model (parameters under the published names) ----

def positions(tokens, dim):
    """The fixed sine/cosine table, [tokens, dim]."""
    place = torch.arange(tokens, dtype=torch.float64)[:, None]
    angle = place / 10000 ** (torch.arange(dim, dtype=torch.float64) // 2 * 2 / dim)
    table = torch.where(torch.arange(dim) % 2 == 0, angle.sin(), angle.cos())
    return table.float()


class PatchEmbed(nn.Module):
    """Frames [B,T,S,S,3], bytes or floats of their range, as the tokens that are asked for."""

    def __init__(self, c):
        super().__init__()
        self.t, self.p, self.depth = c["tubelet_size"], c["patch_size"], c["num_frames"]
        self.proj = nn.Conv3d(3, c["encoder"]["dim"], (self.t, self.p, self.p), (self.t, self.p, self.p))
        grid = c["img_size"] // self.p
        self.register_buffer("table", positions(self.depth // self.t * grid * grid, c["encoder"]["dim"]), persistent=False)
        self.register_buffer("scale", 1 / (255 * torch.tensor(STD)), persistent=False)
        self.register_buffer("shift", -torch.tensor(MEAN) / torch.tensor(STD), persistent=False)

    def cells(self, frames):
        """[B, N, t*P*P, 3]: a token's pixels by frame, row, column, channel. A picture is repeated t times."""
        B, T, S = frames.shape[:3]
        if T == 1:
            T, frames = self.t, frames.expand(-1, self.t, -1, -1, -1)
        g = S // self.p
        x = frames.reshape(B, T // self.t, self.t, g, self.p, g, self.p, 3)
        return x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(B, T // self.t * g * g, self.t * self.p * self.p, 3)

    def forward(self, cells, place=None):
        """place: [B,V], where the cells stand; None: all of them in order."""
        x = (cells.float() * self.scale + self.shift).flatten(2)
        x = F.linear(x, self.proj.weight.permute(0, 2, 3, 4, 1).flatten(1), self.proj.bias)
        return x + (self.table[:x.shape[1]] if place is None else self.table[place])


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.q_bias, self.v_bias = nn.Parameter(torch.zeros(dim)), nn.Parameter(torch.zeros(dim))
        self.qkv, self.proj = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)

    def forward(self, x):
        B, N, D = x.shape
        bias = torch.cat((self.q_bias, torch.zeros_like(self.v_bias), self.v_bias))
        q, k, v = F.linear(x, self.qkv.weight, bias).view(B, N, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, D))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Dispatch(torch.autograd.Function):
    """Rows of x [M,D] to their k places of the experts' buffers [places,D]; place `places` takes what finds no room. No two
    rows share another place, so neither direction needs atomic additions."""

    @staticmethod
    def forward(ctx, x, place, places):
        ctx.save_for_backward(place)
        out = x.new_zeros(places + 1, x.shape[1])
        for i in range(place.shape[1]):
            out.index_copy_(0, place[:, i], x)
        return out[:places]

    @staticmethod
    def backward(ctx, dy):
        place, = ctx.saved_tensors
        room = place < dy.shape[0]
        safe = torch.where(room, place, 0)
        dx = sum(dy[safe[:, i]] * room[:, i, None] for i in range(place.shape[1]))
        return dx, None, None


class Combine(torch.autograd.Function):
    """Sum over a token's k experts of gate * row; what found no room counts nothing."""

    @staticmethod
    def forward(ctx, rows, gate, place):
        ctx.save_for_backward(rows, gate, place)
        room = place < rows.shape[0]
        kept, safe = torch.where(room, gate, 0), torch.where(room, place, 0)
        return sum(kept[:, i, None] * rows[safe[:, i]] for i in range(place.shape[1])).to(rows.dtype)

    @staticmethod
    def backward(ctx, dy):
        rows, gate, place = ctx.saved_tensors
        room = place < rows.shape[0]
        safe = torch.where(room, place, 0)
        drows = rows.new_zeros(rows.shape[0] + 1, rows.shape[1])
        for i in range(place.shape[1]):
            drows.index_copy_(0, place[:, i], (gate[:, i, None] * dy).to(rows.dtype))
        dgate = torch.stack([(rows[safe[:, i]] * dy).sum(1, dtype=torch.float32) for i in range(place.shape[1])], 1)
        return drows[:rows.shape[0]], torch.where(room, dgate, 0).to(gate.dtype), None


class Router(nn.Module):
    def __init__(self, dim, experts):
        super().__init__()
        self.topkroute_linear, self.noise_linear = nn.Linear(dim, experts), nn.Linear(dim, experts)

    def forward(self, y, noise):
        """Both products as one; the noisy logits [M,E] in float32."""
        w = torch.cat((self.topkroute_linear.weight, self.noise_linear.weight))
        b = torch.cat((self.topkroute_linear.bias, self.noise_linear.bias))
        logits, scale = F.linear(y, w, b).float().chunk(2, 1)
        return logits + F.softplus(scale) * (torch.randn_like(logits) if noise is None else noise)


class Moae(nn.Module):
    """Mixture of Adapter Experts: every expert has a buffer of fixed size, so shapes never change."""

    def __init__(self, dim, hidden, o, balance):
        super().__init__()
        E = o["experts"]
        self.experts, self.k, self.factor, self.balance = E, o["top_k"], o["capacity_factor"], balance
        self.router = Router(dim, E)
        self.fc1_weight, self.fc1_bias = nn.Parameter(torch.empty(E, hidden, dim)), nn.Parameter(torch.zeros(E, hidden))
        self.fc2_weight, self.fc2_bias = nn.Parameter(torch.empty(E, dim, hidden)), nn.Parameter(torch.zeros(E, dim))

    def forward(self, y, noise):
        B, N, D = y.shape
        E, M = self.experts, B * N
        capacity = math.floor(M * self.k / E * self.factor)
        y = y.reshape(M, D)
        noisy = self.router(y, noise)
        kept, index = noisy.topk(self.k, 1)
        chosen = torch.zeros(E, M, dtype=torch.int32, device=y.device).scatter(0, index.t(), 1)
        turn = (chosen.cumsum(1, dtype=torch.int32) - 1).gather(0, index.t()).t()
        place = torch.where(turn < capacity, index * capacity + turn, E * capacity)
        rows = Dispatch.apply(y, place, E * capacity).view(E, capacity, D)
        rows = F.gelu(torch.baddbmm(self.fc1_bias[:, None], rows, self.fc1_weight.transpose(1, 2)))
        rows = torch.baddbmm(self.fc2_bias[:, None], rows, self.fc2_weight.transpose(1, 2))
        out = Combine.apply(rows.view(E * capacity, D), kept.softmax(1), place)
        share = chosen.view(E, B, N).float().mean(2).t()
        value = noisy if self.balance == "logits" else noisy.softmax(1)
        return out.view(B, N, D), E * E * (share * value.view(B, N, E).mean(1)).mean()


def as_products_take_it(y):
    """What several products read is cast once."""
    kind = y.device.type
    return y.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else y


class Block(nn.Module):
    def __init__(self, size, mlp_ratio, moae=None):
        super().__init__()
        dim = size["dim"]
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.attn, self.mlp = Attention(dim, size["heads"]), Mlp(dim, dim * mlp_ratio)
        self.moe_layer = moae

    def forward(self, x, noise=None):
        x = x + self.attn(self.norm1(x))
        y = self.norm2(x)
        if self.moe_layer is None:
            return x + self.mlp(y), None
        y = as_products_take_it(y)
        routed, balance = self.moe_layer(y, noise)
        return x + (self.mlp(y) + routed), balance


class Tower(nn.Module):
    """Blocks and a last norm, for the autoencoder's halves."""

    def __init__(self, size, mlp_ratio):
        super().__init__()
        self.blocks = nn.ModuleList(Block(size, mlp_ratio) for _ in range(size["depth"]))
        self.norm = nn.LayerNorm(size["dim"], eps=1e-6)


class Mae(nn.Module):
    """Stage 1. The decoder takes the visible tokens before the masked ones: attention knows no order but the positions'."""

    def __init__(self, c):
        super().__init__()
        dim = c["decoder"]["dim"]
        self.encoder = Tower(c["encoder"], c["mlp_ratio"])
        self.encoder.patch_embed = PatchEmbed(c)
        self.decoder = Tower(c["decoder"], c["mlp_ratio"])
        self.decoder.head = nn.Linear(dim, 3 * c["tubelet_size"] * c["patch_size"] ** 2)
        self.encoder_to_decoder = nn.Linear(c["encoder"]["dim"], dim, bias=False)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.register_buffer("table", positions(len(self.encoder.patch_embed.table), dim), persistent=False)

    @staticmethod
    def target(cells):
        x = cells.float() / 255
        var, mean = torch.var_mean(x, 2, keepdim=True)
        return ((x - mean) / (var + 1e-6).sqrt()).flatten(2)

    def forward(self, frames, visible, masked):
        """visible [B,V], masked [B,M]: places of tokens."""
        cells = self.encoder.patch_embed.cells(frames)
        row = torch.arange(len(frames), device=frames.device)[:, None]
        x = self.encoder.patch_embed(cells[row, visible], visible)
        for block in self.encoder.blocks:
            x = block(x)[0]
        x = self.encoder_to_decoder(self.encoder.norm(x))
        x = torch.cat((x + self.table[visible], self.mask_token + self.table[masked]), 1)
        for block in self.decoder.blocks:
            x = block(x)[0]
        x = self.decoder.head(self.decoder.norm(x[:, visible.shape[1]:]))
        return (x.float() - self.target(cells[row, masked])).square().mean()


class Classifier(nn.Module):
    """Stage 2."""

    def __init__(self, c, balance):
        super().__init__()
        size, o = c["encoder"], c["moae"]
        dim = size["dim"]
        self.coef = o["balance_coef"]
        self.patch_embed = PatchEmbed(c)
        self.blocks = nn.ModuleList(
            Block(size, c["mlp_ratio"], Moae(dim, dim // 4, o, balance) if i in o["layers"] else None)
            for i in range(size["depth"]))
        self.fc_norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.ModuleDict({kind: nn.Linear(dim, n) for kind, n in c["classes"].items()})

    def forward(self, frames, target, kind, noise=None):
        """The loss, its two parts included; noise: of each layer with experts, [M,E]."""
        x = self.patch_embed(self.patch_embed.cells(frames))
        balance = 0.0
        for i, block in enumerate(self.blocks):
            x, one = block(x, noise[i] if noise else None)
            balance = balance + one if one is not None else balance
        logits = self.head[kind](self.fc_norm(x.float().mean(1))).float()
        return -(target * logits.log_softmax(1)).sum(1).mean() + self.coef * balance


def published(model):
    """Published name -> (parameter, expert or None)."""
    names = {}
    for name, p in model.named_parameters():
        before, last = name.rsplit(".", 1) if "." in name else ("", name)
        if last[:2] == "fc" and "_" in last:
            for e in range(len(p)):
                names[f"{before}.experts.{e}.{last.replace('_', '.')}"] = (p, e)
        else:
            names[name] = (p, None)
    return names


def decays(name, rank, stage):
    """Whether weight decay applies to a parameter."""
    if stage == "pretrain":
        return not (name.endswith(".bias") or "norm" in name)
    return rank > 1 and not name.endswith("bias")


def layer_of(name, depth):
    if name.startswith("patch_embed"):
        return 0
    return int(name.split(".")[1]) + 1 if name.startswith("blocks.") else depth + 1


def as_rate(rate, cuda):
    """In a CUDA graph a rate that changes from step to step has to be a tensor."""
    return torch.tensor(rate, device="cuda") if cuda else rate


def optimiser(model, stage, c, rate, layer_decay=0.75):
    """AdamW in groups of equal decay and rate; returns it with each group's factor of the rate."""
    depth, groups = c["encoder"]["depth"], {}
    for name, (p, e) in published(model).items():
        factor = layer_decay ** (depth + 1 - layer_of(name, depth)) if stage == "finetune" else 1.0
        if not e:  # all experts are one tensor
            decay = 0.05 if decays(name, p.dim() - (e is not None), stage) else 0.0
            groups.setdefault((decay, factor), []).append(p)
    cuda = next(model.parameters()).is_cuda
    made = [{"params": params, "weight_decay": decay, "lr": as_rate(rate * factor, cuda)}
            for (decay, factor), params in groups.items()]
    betas = (0.9, 0.95) if stage == "pretrain" else (0.9, 0.999)
    return torch.optim.AdamW(made, betas=betas, eps=1e-8, fused=True, **({"capturable": True} if cuda else {})), \
        [factor for _, factor in groups]


# ---- against the published system's numbers ----

def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    config = json.loads(header.pop("__metadata__")["config"])
    types = {"F32": torch.float32, "F64": torch.float64, "U8": torch.uint8, "I32": torch.int32}
    out = {}
    for name, info in header.items():
        begin, end = (8 + size + at for at in info["data_offsets"])
        out[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=types[info["dtype"]]).view(info["shape"])
    return out, config


class Golden:
    """One file: its weights in the model, its inputs, and what comes out compared line by line."""

    def __init__(self, folder, stage, device):
        self.stage, self.device, self.failed = stage, device, 0
        self.file, self.config = read_safetensors(pathlib.Path(folder) / f"{stage}.safetensors")

    def say(self, quantity, error, tolerance):
        ok = error <= tolerance
        self.failed += not ok
        print(json.dumps({"golden": self.stage, "quantity": quantity, "error": float(f"{error:.3g}"), "tolerance": tolerance,
                          "ok": bool(ok)}), flush=True)

    def model(self, balance="logits"):
        c = self.config
        model = Mae(c) if self.stage == "pretrain" else Classifier(c, balance)
        with torch.no_grad():
            for name, (p, e) in published(model).items():
                (p if e is None else p[e]).copy_(self.file["weight/" + name])
        return model.to(self.device)

    def inputs(self, kind):
        pixels = self.file[f"{kind}/input/pixels"].double()
        pixels = pixels if pixels.dim() == 5 else pixels[:, :, None]
        frames = pixels.permute(0, 2, 3, 4, 1) * torch.tensor(STD).double() + torch.tensor(MEAN).double()
        frames = (frames * 255).float().to(self.device)
        if self.stage == "pretrain":
            mask = self.file[f"{kind}/input/mask"].to(self.device)
            return frames, *((mask == want).nonzero()[:, 1].view(len(mask), -1) for want in (0, 1))
        noise = {layer: self.file[f"{kind}/input/router_noise/{layer}"].flatten(0, 1).to(self.device)
                 for layer in self.config["moae"]["layers"]}
        noise = [noise.get(i) for i in range(self.config["encoder"]["depth"])]
        return frames, self.file[f"{kind}/input/targets"].to(self.device), kind, noise

    def worst(self, model, prefix, value):
        """The largest error of all parameters, each relative to its tensor's largest value."""
        worst = (0.0, "")
        for name, (p, e) in published(model).items():
            if prefix + name in self.file:
                want, got = self.file[prefix + name], value(p)
                got = torch.zeros_like(want) if got is None else (got if e is None else got[e]).detach().cpu()
                scale = want.abs().max().item() or 1.0
                worst = max(worst, ((got - want).abs().max().item() / scale, name))
        self.say(f"{prefix}* (worst {worst[1]})", worst[0], 5e-5 if "trajectory" in prefix else 2e-5)

    def outputs(self, balance):
        for kind in ("video", "image"):
            model = self.model(balance)
            loss = model(*self.inputs(kind))
            loss.backward()
            if balance == "logits":
                want = self.file[f"{kind}/output/loss"].item()
                self.say(f"{kind}/output/loss", abs(loss.item() - want) / abs(want), 2e-6)
            self.worst(model, f"{kind}/grad{'_softmax' if balance == 'softmax' else ''}/", lambda p: p.grad)

    def trajectory(self):
        model, t = self.model(), self.config["trajectory"]
        adamw, factors = optimiser(model, self.stage, self.config, 1.0, t.get("layer_decay", 1.0))
        inputs, worst = [self.inputs("video"), self.inputs("image")], 0.0
        for i, (want, rate) in enumerate(zip(self.file["trajectory/loss"].tolist(), self.file["trajectory/lr"].tolist())):
            adamw.zero_grad(set_to_none=False)  # what once had a gradient goes on with zeros
            loss = model(*inputs[i % 2])
            loss.backward()
            worst = max(worst, abs(loss.item() - want) / abs(want))
            for group, factor in zip(adamw.param_groups, factors):
                group["lr"] = as_rate(rate * factor, self.device == "cuda")
            adamw.step()
        self.say("trajectory/loss", worst, 2e-6)
        self.worst(model, "trajectory/weight/", lambda p: p)


def golden(folder, device):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    failed = 0
    for stage in ("pretrain", "finetune"):
        g = Golden(folder, stage, device)
        g.outputs("logits")
        if stage == "finetune":
            g.outputs("softmax")
        g.trajectory()
        failed += g.failed
    return 1 if failed else 0


# ---- timing ----

class NoTime(Exception):
    pass


def draw_inputs(workload, batch, c, device):
    stage, kind = workload.split("-")
    frames = c["num_frames"] if kind == "video" else 1
    pixels = torch.randint(0, 256, (batch, frames, c["img_size"], c["img_size"], 3), dtype=torch.uint8, device=device)
    if stage == "finetune":
        target = F.one_hot(torch.randint(c["classes"][kind], (batch,)), c["classes"][kind]).float() * 0.9
        return pixels, (target + 0.1 / c["classes"][kind]).to(device), kind
    tokens = max(frames // c["tubelet_size"], 1) * (c["img_size"] // c["patch_size"]) ** 2
    masked = int(c["mask_ratio"][kind] * tokens)
    order = torch.rand(batch, tokens).argsort(1)
    return pixels, order[:, masked:].sort(1)[0].to(device), order[:, :masked].sort(1)[0].to(device)


class Job:
    """A workload's model, optimiser and inputs, with a step to be run over and over."""

    def __init__(self, args, workload, batch, mode):
        c = args.config
        self.cuda, self.device, self.mode = args.device == "cuda", args.device, mode
        stage = workload.split("-")[0]
        torch.manual_seed(1)
        model = Mae(c) if stage == "pretrain" else Classifier(c, args.balance)
        for p in model.parameters():
            if p.dim() > 1:
                nn.init.trunc_normal_(p, std=0.02)
        self.model = model.to(args.device)
        self.adamw, _ = optimiser(self.model, stage, c, 1e-4)
        self.inputs = draw_inputs(workload, batch, c, args.device)
        self.precision = contextlib.nullcontext if args.precision != "bf16" else \
            lambda: torch.autocast(args.device, torch.bfloat16)
        modes = {"reduce-overhead": "reduce-overhead", "max-autotune": "max-autotune-no-cudagraphs"}
        self.forward = self.model if mode == "eager" else \
            torch.compile(self.model, mode=modes.get(mode, "default"), dynamic=False)

    def step(self):
        if self.mode == "reduce-overhead":
            torch.compiler.cudagraph_mark_step_begin()
        self.adamw.zero_grad(set_to_none=True)
        with self.precision():
            loss = self.forward(*self.inputs)
        loss.backward()
        self.adamw.step()
        return loss.detach()

    def captured(self):
        """The step as one CUDA graph."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self.step()

        def replay():
            graph.replay()
            return loss
        return replay

    def wait(self):
        if self.cuda:
            torch.cuda.synchronize()

    def block(self, step, n):
        """Seconds a step, over n of them."""
        self.wait()
        begin = time.perf_counter()
        for _ in range(n):
            step()
        self.wait()
        return (time.perf_counter() - begin) / n


def measure(job, variant, seconds):
    step = job.captured() if variant.endswith("graph") else job.step
    for _ in range(3):
        step()
    once = job.block(step, 1)
    n = max(1, min(50, round(0.1 / once)))
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        times.append(job.block(step, n))
    loss = float(step())
    if not math.isfinite(loss):
        raise ArithmeticError(f"the loss is {loss}")
    return times, loss


def run_pair(args, workload, batch, mode, variants):
    """One model for the variants that share it. Yields their lines."""
    device = torch.cuda.get_device_name() if args.device == "cuda" else "cpu"
    about = {"torch": torch.__version__, "cuda": torch.version.cuda, "device": device, "precision": args.precision}
    job = None
    for variant in variants:
        line = {"workload": workload, "variant": variant, "batch": batch}
        try:
            if args.end - time.monotonic() < 1:
                raise NoTime
            signal.setitimer(signal.ITIMER_REAL, args.end - time.monotonic())
            begin = time.monotonic()
            if args.device == "cuda":
                torch.cuda.reset_peak_memory_stats()
            elif variant.endswith("graph") or mode == "reduce-overhead":
                raise RuntimeError("a CUDA graph needs a GPU")
            job = job or Job(args, workload, batch, mode)
            if args.warm:
                job.step()
                job.wait()
                line.update(ready_s=round(time.monotonic() - begin, 1))
            else:
                times, loss = measure(job, variant, args.seconds)
                took = time.monotonic() - begin
                rate = [batch / t for t in times]
                line.update(samples_per_s=round(statistics.median(rate), 2),
                            ms_per_step=round(1e3 * statistics.median(times), 4), min=round(min(rate), 2),
                            max=round(max(rate), 2), blocks=len(times),
                            peak_memory_bytes=torch.cuda.max_memory_allocated() if args.device == "cuda" else None,
                            loss=round(loss, 5), seconds=round(took, 1), **about)
        except NoTime:
            line["skipped"] = "no time was left"
        except Exception as error:  # whatever one variant meets, the others go on
            if time.monotonic() >= args.end - 0.5:  # the alarm, dressed up by what it interrupted
                line["skipped"] = "no time was left"
            else:
                line["error"] = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"[:300]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(line), flush=True)
    del job
    torch.compiler.reset()
    if args.device == "cuda":
        torch.cuda.empty_cache()


def plan(args):
    """What is run, most telling first: (workload, mode, its variants)."""
    pairs = [("eager", ("eager", "graph")), ("compile", ("compile", "compile-graph")),
             ("reduce-overhead", ("reduce-overhead",)), ("max-autotune", ("max-autotune",))]
    order = [(w, m) for kinds in ("video", "image") for m in pairs[:2] for w in WORKLOADS if w.endswith(kinds)]
    order += [(w, m) for m in pairs[2:] for w in WORKLOADS]
    for workload, (mode, variants) in order:
        wanted = [v for v in variants if v in args.variants]
        if wanted and args.warm:
            wanted = wanted[:1] if mode != "eager" else []
        if wanted and workload in args.only:
            yield workload, mode, wanted


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, batch in WORKLOADS.items():
        p.add_argument("--" + name, type=int, metavar="N", help=f"batch size ({batch})")
    p.add_argument("--only", action="append", choices=list(WORKLOADS), help="a workload; may be repeated (all)")
    p.add_argument("--variants", default=",".join(VARIANTS), help="of " + ", ".join(VARIANTS))
    p.add_argument("--precision", choices=("bf16", "tf32", "float32"), default="bf16")
    p.add_argument("--balance", choices=("softmax", "logits"), default="softmax", help="form of the balance loss")
    p.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    p.add_argument("--seconds", type=float, default=2, help="of measuring a variant (2)")
    p.add_argument("--budget", type=float, default=600, help="seconds for everything (600); what does not fit is skipped")
    p.add_argument("--tiny", action="store_true", help="a model and batches of toy size")
    p.add_argument("--warm", action="store_true", help="only compile, so that a later run finds it in PyTorch's cache")
    p.add_argument("--count", action="store_true", help="print the numbers of parameters")
    p.add_argument("--golden", metavar="FOLDER", help="compare with the files in it and do nothing else")
    args = p.parse_args()
    args.config, args.only = TINY if args.tiny else BASE, args.only or list(WORKLOADS)
    args.variants = args.variants.split(",")
    unknown = set(args.variants) - set(VARIANTS)
    if unknown:
        p.error(f"--variants: {', '.join(sorted(unknown))} is unknown")
    return args


def main():
    args = parse()
    if args.count:
        with torch.device("meta"):
            models = {"pretrain": Mae(args.config), "finetune": Classifier(args.config, args.balance)}
        print(json.dumps({stage: sum(p.numel() for p in m.parameters()) for stage, m in models.items()}))
        return 0
    if args.device == "cuda" and not torch.cuda.is_available():
        print("bench_pytorch: PyTorch sees no GPU here; --device cpu --tiny tries the script itself", file=sys.stderr)
        return 77
    if args.golden:
        return golden(args.golden, args.device)
    torch.set_float32_matmul_precision("highest" if args.precision == "float32" else "high")
    if args.warm and args.device == "cuda":
        torch.cuda.set_per_process_memory_fraction(0.6)

    def alarm(*_):
        raise NoTime
    signal.signal(signal.SIGALRM, alarm)
    args.end = time.monotonic() + args.budget
    for workload, mode, variants in plan(args):
        batch = getattr(args, workload.replace("-", "_")) or (4 if args.tiny else WORKLOADS[workload])
        run_pair(args, workload, batch, mode, variants)
    return 0


if __name__ == "__main__":
    sys.exit(main())
