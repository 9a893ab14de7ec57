"""Training that begins with other programs' weights: both stages, from all that import reads."""
import json
from collections import OrderedDict

from makers import torchlike
from makers.case import Bring
from makers.models import D, DD, as_mae, as_tensors, as_transformers, as_vit, published, put_safetensors, put_shards, put_transformers, raw, split
from support import eval_config, finetune_config, pretrain_config, tensors


def still(config):
    """So that what training leaves is what it began with."""
    config["train"].update(epochs=1, lr=0)
    if config["stage"] == "pretrain":
        del config["data"]["video"]
        config["train"].update(warmup_start_lr=0)
    else:
        del config["data"]["video"]
        config["train"].update(min_lr=0, warmup_epochs=0)
        config["model"]["moae"] = {"layers": []}
    return config


class Begin(Bring):
    def begin(self, stage, source, *more, name="run", config=None):
        config = config or still(pretrain_config() if stage == "pretrain" else finetune_config())
        done = self.ok(stage, "--config", self.write(config), "--init", source, "--output", self.dir / name, "--overwrite", *more)
        return tensors(self.dir / name / "model.safetensors")[0], done.stderr

    def same(self, got, want, names):
        for name in names:
            self.assertTrue(got[name] == want[name], name)


class FineTuning(Begin):
    def test_from_every_form(self):
        model = published("finetune", 3)
        want, kept = raw(model), [k for k in model if "head" not in k]
        sd = as_tensors(model)
        torchlike.save({"state_dict": as_tensors(published("finetune", 2)), "ema": {"w": sd}}, self.dir / "keys.pth")
        put_safetensors(self.dir / "tower.safetensors", OrderedDict(("tower." + k, v) for k, v in model.items()))
        torchlike.save({"module": OrderedDict(("module." + k, v) for k, v in sd.items())}, self.dir / "mp_rank_00_model_states.pt")
        folder = self.dir / "shards"
        folder.mkdir()
        put_shards(folder, split(as_transformers(model), 3))
        for source, more in (("keys.pth", ("--key", "ema.w")), ("keys.pth", ("--set", "init_key=ema")), ("tower.safetensors", ("--strip", "tower")),
                             ("tower.safetensors", ("--set", "init_strip=tower.")), ("shards", ())):
            got, words = self.begin("finetune", self.dir / source, *more)
            self.same(got, want, kept)
            self.assertIn(f"{len(kept)} tensors used, 2 begin anew (head.image)", words)
        resolved = json.loads((self.dir / "run/config.resolved.json").read_text())
        self.assertEqual([resolved["init_key"], resolved["init_strip"]], ["", ""])
        config = still(finetune_config())
        self.fails(2, "--key none: leads to no tensors", "finetune", "--config", self.write(config), "--init", self.dir / "keys.pth", "--key",
                   "none", "--output", self.dir / "x")
        self.fails(1, "--strip PREFIX", "finetune", "--config", self.write(config), "--init", self.dir / "tower.safetensors", "--output",
                   self.dir / "x")
        self.assertFalse((self.dir / "x").exists())

    def test_from_a_bare_encoder(self):
        model = OrderedDict((k, v) for k, v in published("pretrain").items() if k.startswith("encoder.") and not k.startswith("encoder.norm"))
        put_transformers(self.dir / "hf", model, architectures=["VideoMAEModel"])
        put_safetensors(self.dir / "hf/model.safetensors", as_transformers(model, ""))
        got, words = self.begin("finetune", self.dir / "hf")
        self.same(got, {k[len("encoder."):]: v for k, v in raw(model).items()}, [k[len("encoder."):] for k in model])
        self.assertIn("4 begin anew (fc_norm, head.image)", words)

    def test_from_images_and_heads_of_the_first_token(self):
        theirs, want = as_vit(published("finetune", 3), newer=True)
        put_safetensors(self.dir / "vit", theirs)
        got, _ = self.begin("finetune", self.dir / "vit")
        self.same(got, raw(want), [k for k in want if "head" not in k])
        model = OrderedDict((k, v) for k, v in published("finetune", 3).items() if "fc_norm" not in k)
        put_transformers(self.dir / "hf", model, use_mean_pooling=False)
        got, words = self.begin("finetune", self.dir / "hf")
        self.same(got, raw(model), [k for k in model if "head" not in k])
        self.assertIn("begin anew (fc_norm, head.image)", words)
        self.ok("ckpt", "import", self.dir / "hf", self.dir / "start.safetensors")
        self.assertTrue(tensors(self.dir / "start.safetensors")[1]["s4d.start_only"])

    def test_another_arithmetic(self):
        put_transformers(self.dir / "hf", published("finetune", 3), hidden_act="relu")
        self.fails(1, 'hidden_act is "relu"', "finetune", "--config", self.write(still(finetune_config())), "--init", self.dir / "hf",
                   "--output", self.dir / "x")


class Evaluation(Begin):
    NAMES = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]

    def test_only_what_is_whole_is_evaluated(self):
        model = published("finetune", 7)
        labels = {"id2label": {str(i): name for i, name in enumerate(self.NAMES)}}
        bare = OrderedDict((k, v) for k, v in model.items() if "fc_norm" not in k)
        lost = OrderedDict((k, v) for k, v in model.items() if "_bias" not in k and "fc2.bias" not in k)
        for theirs, more, good in ((bare, (), False), (lost, ("--allow-missing", "*bias"), True)):
            put_transformers(self.dir / "hf", theirs, use_mean_pooling=good, qkv_bias=None, **labels)
            self.ok("ckpt", "import", self.dir / "hf", self.dir / "m.safetensors", *more)
            config = eval_config(self.dir / "m.safetensors")
            config["model"]["moae"] = {"layers": []}
            del config["data"]["image"]
            args = "eval", "--config", self.write(config), "--output", self.dir / f"eval{good}"
            if good:
                self.ok(*args)
            else:
                self.fails(1, ["can only be what fine-tuning begins with (--init)", "no fc_norm"], *args)


class PreTraining(Begin):
    def test_from_the_whole_model(self):
        model = published("pretrain")
        put_safetensors(self.dir / "a.safetensors", model)
        put_transformers(self.dir / "hf", model)
        torchlike.save({"model": as_tensors(OrderedDict(("module." + k, v) for k, v in model.items()))}, self.dir / "b.pth")
        for source in ("a.safetensors", "hf", "b.pth"):
            got, words = self.begin("pretrain", self.dir / source)
            self.same(got, raw(model), model)
            self.assertIn(f"{len(model)} tensors used, 0 begin anew, 0 of the file ignored", words)

    def test_from_encoders(self):
        model = published("pretrain")
        encoder = OrderedDict((k, v) for k, v in model.items() if k.startswith("encoder."))
        blocks = [k for k in encoder if not k.startswith("encoder.norm")]
        fine = OrderedDict((k[len("encoder."):], model[k]) for k in blocks)
        tuned = OrderedDict(fine, **{"fc_norm.weight": ((D,), [1.0] * D), "fc_norm.bias": ((D,), [0.0] * D), "head.weight": ((2, D), [1.0] * 2 * D),
                                     "head.bias": ((2,), [0.0] * 2)})
        put_safetensors(self.dir / "encoder", encoder)
        put_safetensors(self.dir / "bare", as_transformers(OrderedDict((k, encoder[k]) for k in blocks), ""))
        torchlike.save({"module": as_tensors(tuned)}, self.dir / "tuned")
        first = None
        for source, names, anew in (("encoder", encoder, "decoder, encoder_to_decoder"), ("bare", blocks, "encoder.norm"), ("tuned", blocks, "encoder.norm")):
            got, words = self.begin("pretrain", self.dir / source)
            self.same(got, raw(encoder), names)
            self.assertIn(f"{len(names)} tensors used", words)
            self.assertIn("mask_token", words)
            for part in anew.split(", "):
                self.assertIn(part, words.split("begin anew (")[1])
            drawn = {k: got[k] for k in model if not k.startswith("encoder.")}
            self.assertTrue(drawn == (first or drawn))
            first = drawn

    def test_from_images(self):
        theirs, want = as_mae(published("finetune", 4))
        torchlike.save({"model": as_tensors(theirs)}, self.dir / "mae.pth")
        put_safetensors(self.dir / "vit", as_vit(published("finetune"))[0])
        for source in ("mae.pth", "vit"):
            got, words = self.begin("pretrain", self.dir / source)
            kept = [k for k in want if k.startswith(("blocks.", "patch_embed."))]
            self.same({k[len("encoder."):]: v for k, v in got.items() if k.startswith("encoder.")}, raw(want), kept)
            self.assertIn("begin anew (", words)

    def test_another_decoder_begins_anew(self):
        model = published("pretrain")
        encoder = [k for k in model if k.startswith("encoder.")]
        put_safetensors(self.dir / "a", OrderedDict(model, **{"decoder.norm.weight": ((DD,), [1.0] * DD)}))
        for change in ({"dim": 32}, {"depth": 2}):
            config = still(pretrain_config())
            config["model"]["decoder"].update(change)
            got, words = self.begin("pretrain", self.dir / "a", config=config)
            self.same(got, raw(model), encoder)
            self.assertIn("begin anew (", words)
            self.assertIn("decoder", words.split("begin anew (")[1])
        put_transformers(self.dir / "hf", model, decoder_num_attention_heads=4)
        got, words = self.begin("pretrain", self.dir / "hf")
        self.same(got, raw(model), encoder)
        self.assertIn("decoder", words.split("begin anew (")[1])

    def test_from_a_run(self):
        config = finetune_config()
        config["train"].update(epochs=1, warmup_epochs=0)
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "fine")
        tuned = tensors(self.dir / "fine/model.safetensors")[0]
        got, words = self.begin("pretrain", self.dir / "fine/model.safetensors")
        blocks = {k[len("encoder."):]: v for k, v in got.items() if k.startswith("encoder.") and "norm." not in k.split("blocks")[0]}
        self.same(blocks, tuned, blocks)
        self.assertRegex(words, r"\d+ of the file ignored")

    def test_what_cannot_begin(self):
        model = published("pretrain")
        config = still(pretrain_config())
        config["model"]["encoder"]["depth"] = 3
        put_safetensors(self.dir / "a", model)
        self.fails(1, "encoder.blocks.2.norm1.weight is missing", "pretrain", "--config", self.write(config), "--init", self.dir / "a",
                   "--output", self.dir / "x")
        self.assertFalse((self.dir / "x").exists())
