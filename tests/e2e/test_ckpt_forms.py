"""Forms of files that hold weights: shards, types, views, kinds of tensors, folders, and what is no file of weights."""
import json
import os
import struct
from collections import OrderedDict

from makers import torchlike
from makers.case import Bring
from makers.models import D, as_tensors, as_transformers, published, put_safetensors, put_shards, split
from makers.torchlike import Attributed, Distributed, Meta, Parameter, Storage, Tensor, Typed
from makers.wrongs import WRONGS
from support import eval_config, run

E4M3 = {0.0: 0x00, 1.0: 0x38, -2.0: 0xC0, 448.0: 0x7E, 2.0 ** -9: 0x01, 0.5: 0x30}
E5M2 = {0.0: 0x00, 1.0: 0x3C, -2.0: 0xC0, 57344.0: 0x7B, 2.0 ** -16: 0x01, 0.5: 0x38}


class Shards(Bring):
    def setUp(self):
        super().setUp()
        self.folder = self.dir / "hf"
        self.folder.mkdir()
        self.model = published("finetune", 3)

    def test_all_ways_to_name_them(self):
        for kind, stem in (("safetensors", "model"), ("bin", "pytorch_model"), ("safetensors", "diffusion_model")):
            folder = self.dir / stem / kind
            folder.mkdir(parents=True)
            index = put_shards(folder, split(as_transformers(self.model), 5), kind, stem)
            for source in (folder, index, folder / f"{stem}-00002-of-00005.{kind}", str(folder) + "/"):
                self.check(source, self.model)
            text = self.ok("ckpt", "info", folder).stdout
            for words in ("shards       5", "total_size", str(index), "transformers, finetune", "fc_norm.weight"):
                self.assertIn(words, text)
            self.assertIn("sound", self.ok("ckpt", "verify", folder).stdout)

    def test_one_shard_is_a_whole_model(self):
        put_shards(self.folder, [self.model])
        self.check(self.folder, self.model)
        (self.folder / "model.safetensors.index.json").unlink()
        self.check(self.folder / "model-00001-of-00001.safetensors", self.model)

    def test_a_missing_shard_is_named(self):
        index = put_shards(self.folder, split(self.model, 4))
        missing = self.folder / "model-00003-of-00004.safetensors"
        missing.unlink()
        self.refused(1, [str(index), "the shard model-00003-of-00004.safetensors that it names is missing"], self.folder)
        index.unlink()
        self.refused(1, ["is shard 2 of 4", "model.safetensors.index.json, is not beside it"],
                     self.folder / "model-00002-of-00004.safetensors")

    def test_what_stands_nowhere_and_what_stands_twice(self):
        parts = split(self.model, 3)
        first = self.folder / "model-00001-of-00003.safetensors"
        put_shards(self.folder, parts, weight_map={"blocks.9.x": first.name})
        self.refused(1, ["weight_map places blocks.9.x in model-00001-of-00003.safetensors, which does not have it"], self.folder)
        name = next(iter(parts[2]))
        shape, values = parts[2][name]
        put_shards(self.folder, [OrderedDict(parts[0], **{name: (shape, [7.0] * len(values))}), parts[1], parts[2]])
        self.check(self.folder, self.model)
        self.assertIn("a copy in model-00001-of-00003.safetensors", self.ok("ckpt", "info", self.folder).stdout)
        index = put_shards(self.folder, [OrderedDict(parts[0], extra=((1,), [1.0])), parts[1], OrderedDict(parts[2], extra=((1,), [2.0]))])
        told = json.loads(index.read_text())
        del told["weight_map"]["extra"]
        index.write_text(json.dumps(told))
        self.refused(1, "has two tensors named extra", self.folder)

    def test_paths_out_of_the_folder(self):
        put_safetensors(self.dir / "outside.safetensors", {"w": ((1,), [1.0])})
        for place in ("../outside.safetensors", str(self.dir / "outside.safetensors"), "sub/x.safetensors", "", "..", ".hidden"):
            put_shards(self.folder, split(self.model, 2), weight_map={"w": place})
            self.refused(1, ["weight_map places w in", "no file of this folder"], self.folder)
        put_shards(self.folder, split(self.model, 2), weight_map={"w": 7})
        self.refused(1, "weight_map gives w no name of a file", self.folder)

    def test_lists_that_are_wrong(self):
        index = put_shards(self.folder, split(self.model, 2))
        for text, words in (("{}", 'without "weight_map"'), ("[]", 'without "weight_map"'), ('{"weight_map": {}}', 'without "weight_map"'),
                            ('{"weight_map": {"a": "b", "a": "c"}}', "weight_map.a is given twice"), ("{", "line 1")):
            index.write_text(text)
            self.refused(1, [str(index), words], self.folder)
        many = {f"t{i}": f"s{i}.safetensors" for i in range(300)}
        index.write_text(json.dumps({"weight_map": many}))
        self.refused(1, "names 300 files, and at most 256 are read", self.folder)
        shard = self.folder / "model-00001-of-00002.safetensors"
        put_shards(self.folder, split(self.model, 2))
        shard.write_text(json.dumps({"weight_map": {"a": shard.name}}))
        self.refused(1, [str(shard), "is JSON text, and"], self.folder)


class Types(Bring):
    def test_small_floats(self):
        for kind, table, dtype in (("F8_E4M3", E4M3, "float8_e4m3fn"), ("F8_E5M2", E5M2, "float8_e5m2")):
            model = published("finetune", 3)
            values, bits = zip(*table.items())
            want, safe, torch = OrderedDict(model), OrderedDict(model), as_tensors(model)
            for name in ("patch_embed.proj.weight", "blocks.1.mlp.fc2.weight", "fc_norm.bias"):
                shape, v = model[name]
                want[name] = shape, [values[i % len(values)] for i in range(len(v))]
                data = bytes(bits[i % len(bits)] for i in range(len(v)))
                safe[name], torch[name] = (shape, data, kind), Typed(shape, data, dtype)
            put_safetensors(self.dir / "a.safetensors", safe)
            torchlike.save({"model": torch}, self.dir / "a.pth")
            torchlike.save({"model": torch}, self.dir / "b.pth", big_endian=True)
            for source in ("a.safetensors", "a.pth", "b.pth"):
                self.check(self.dir / source, want)
                self.assertIn(f"3 {kind}", self.ok("ckpt", "info", self.dir / source).stdout)

    def test_halves_and_doubles_of_safetensors(self):
        model = published("finetune", 3)
        for kind, code in (("F16", "e"), ("F64", "d"), ("BF16", None)):
            name = "blocks.0.attn.qkv.weight"
            shape, v = model[name]
            data = struct.pack(f"<{len(v)}{code}", *v) if code else b"".join(struct.pack("<f", x)[2:] for x in v)
            back = struct.unpack(f"<{len(v)}{code}", data) if code else [
                struct.unpack("<f", b"\0\0" + data[2 * i:2 * i + 2])[0] for i in range(len(v))]
            put_safetensors(self.dir / "a", OrderedDict(model, **{name: (shape, data, kind)}))
            self.check(self.dir / "a", OrderedDict(model, **{name: (shape, list(back))}))

    def test_big_endian(self):
        model = published("finetune", 3)
        thing = as_tensors(model)
        shape, v = model["fc_norm.bias"]
        for kind in ("DoubleStorage", "FloatStorage"):
            thing["fc_norm.bias"] = Tensor(shape, Storage(v, kind))
            torchlike.save(thing, self.dir / "a.pth", big_endian=True)
            self.check(self.dir / "a.pth", model)

    def test_what_is_not_used_ends_nothing(self):
        model = published("finetune", 3)
        odd = OrderedDict(c=((2,), bytes(16), "C64"), u=((3,), bytes(24), "U64"), s=((1,), bytes(2), "U16"), i=((), bytes(8), "I64"),
                          q=((77,), bytes(5), "Q4_K"), f=((2, 1), bytes(1), "F4"), e=((2,), bytes(2), "F8_E8M0"),
                          deep=((1, 1, 2, 1, 1, 1, 1, 1, 1), bytes(8), "F32"))
        put_safetensors(self.dir / "a", OrderedDict(odd, **model))
        _, done = self.check(self.dir / "a", model)
        self.assertRegex(done.stdout, r"(?m)^  ignored   c +not used; it is of the type C64, which is not read")
        self.assertRegex(done.stdout, r"(?m)^  ignored   deep +not used; it has 9 dimensions")
        self.assertRegex(done.stdout, r"(?m)^  ignored   u +not used; it holds U64")
        text = self.ok("ckpt", "info", self.dir / "a").stdout
        self.assertRegex(text, r"(?m)^deep +F32 +\[1,1,2,1,1,1,...\]  has 9 dimensions")
        self.assertRegex(text, r"(?m)^q +Q4_K +\[77\]  is of the type Q4_K, which is not read")
        self.assertIn("sound", self.ok("ckpt", "verify", self.dir / "a").stdout)
        self.assertIn("were not compared", self.ok("ckpt", "diff", self.dir / "a", self.dir / "a").stdout)
        thing = as_tensors(model)
        thing.update(c=Tensor((2,), Storage([1j, 2], "ComplexFloatStorage")), s=Typed((2,), bytes(4), "uint16"),
                     deep=Tensor((1,) * 9, [1.0]), expanded=Tensor((1024, 1024, 64), [1.0], 0, (0, 0, 0)),
                     mean=Tensor((3,), [0.5], 0, (0,)), hollow=Meta((4, 4)), shard=Distributed((2, 2)),
                     later=Tensor((2,), Storage([1.0, 2.0], "LaterStorage")), many=Tensor((2 ** 31, 2 ** 31), [1.0], 0, (0, 0)),
                     turned=Tensor((1,), [1.0], marks={"neg": True}))
        torchlike.save(thing, self.dir / "a.pth")
        _, done = self.check(self.dir / "a.pth", model)
        for words in (r"expanded +not used; it claims many times the numbers", r"mean +not used; a view that repeats numbers",
                      r"hollow +not used; it has a shape but no numbers", r"later +not used; it is of the type LaterStorage",
                      r"many +not used; it claims many times", r"turned +not used; it is kept with the other sign"):
            self.assertRegex(done.stdout, words)
        self.assertIn("sound", self.ok("ckpt", "verify", self.dir / "a.pth").stdout)
        self.assertRegex(self.ok("ckpt", "info", self.dir / "a.pth").stdout, r"shard +an object of torch._utils._rebuild_wrapper_subclass")

    def test_what_is_used_is_named(self):
        model = published("finetune", 3)
        name = "blocks.0.mlp.fc1.bias"
        shape, v = model[name]
        for odd, words in ((Tensor(shape, Storage([0j] * len(v), "ComplexFloatStorage")), "is of the type C64, which is not read"),
                           (Meta(shape), "has a shape but no numbers"), (Distributed(shape), "is an object of torch._utils"),
                           (Tensor(shape, Storage([1] * len(v), "LongStorage")), f"is [{len(v)}] of I64"),
                           (Typed(shape, bytes(2 * len(v)), "uint16"), f"is [{len(v)}] of U16")):
            torchlike.save(OrderedDict(as_tensors(model), **{name: odd}), self.dir / "a.pth")
            self.refused(1, [f"{name} is missing", f"but {name} {words}"], self.dir / "a.pth")
        put_safetensors(self.dir / "a", OrderedDict(model, **{name: (shape, bytes(8 * len(v)), "C64")}))
        self.refused(1, f"but {name} is of the type C64", self.dir / "a")


class Pickles(Bring):
    def test_kinds_of_tensors(self):
        model = published("finetune", 3)
        for legacy in (False, True):
            thing = as_tensors(model)
            names = list(thing)
            thing[names[0]] = Parameter(thing[names[0]])
            thing[names[1]] = Parameter(thing[names[1]], {"tag": "x"})
            thing[names[2]] = Attributed(thing[names[2]], tag="frozen", groups=[1, 2])
            thing[names[3]] = Attributed(Parameter(thing[names[3]]), tag={"a": None})
            thing[names[4]] = Parameter(Attributed(thing[names[4]], decay=False), {"x": 1})
            torchlike.save(thing, self.dir / "a.pth", legacy=legacy)
            self.check(self.dir / "a.pth", model)

    def test_checksums(self):
        model = published("finetune", 3)
        path = self.dir / "a.pth"
        torchlike.save(as_tensors(model), path, checksums=False)
        self.check(path, model)
        torchlike.save(as_tensors(model), path)
        data = bytearray(path.read_bytes())
        at = data.index(struct.pack("<4f", *model["blocks.0.mlp.fc1.weight"][1][:4]))
        data[at] ^= 1
        path.write_bytes(data)
        self.refused(1, "cannot be read, or its checksum is wrong", path)

    def test_expanded_views_that_are_used(self):
        model = published("finetune", 3)
        thing = as_tensors(model)
        want = OrderedDict(model, **{"fc_norm.weight": ((D,), [0.25] * D), "blocks.0.mlp.fc1.weight": (
            model["blocks.0.mlp.fc1.weight"][0], [0.5] * len(model["blocks.0.mlp.fc1.weight"][1]))})
        thing["fc_norm.weight"] = Tensor((D,), [0.25], 0, (0,))
        thing["blocks.0.mlp.fc1.weight"] = Tensor(model["blocks.0.mlp.fc1.weight"][0], [0.5], 0, (0, 0))
        for legacy in (False, True):
            torchlike.save(thing, self.dir / "a.pth", legacy=legacy)
            self.check(self.dir / "a.pth", want)


class Folders(Bring):
    def setUp(self):
        super().setUp()
        self.model = published("finetune", 3)

    def put(self, *where):
        path = self.dir.joinpath(*where)
        path.parent.mkdir(parents=True, exist_ok=True)
        torchlike.save({"module": as_tensors(self.model), "ds_version": "0.14"}, path)
        return path

    def test_deepspeed(self):
        self.put("run", "global_step9", "mp_rank_00_model_states.pt")
        (self.dir / "run/global_step9/zero_pp_rank_0_mp_rank_00_optim_states.pt").write_bytes(b"x")
        (self.dir / "run/latest").write_text("global_step9\n")
        for source in ("run", "run/global_step9"):
            self.check(self.dir / source, self.model)
        self.put("run", "global_step9", "mp_rank_01_model_states.pt")
        self.refused(1, ["cut into several parts", "zero_to_fp32.py"], self.dir / "run")
        (self.dir / "run/latest").write_text("global_step10")
        self.refused(1, "names global_step10 as its newest checkpoint, which is not in it", self.dir / "run")
        (self.dir / "run/latest").write_text("../../etc")
        self.refused(1, "is a folder without", self.dir / "run")

    def test_deepspeed_in_pieces(self):
        folder = self.dir / "run/global_step9"
        folder.mkdir(parents=True)
        (folder / "zero_pp_rank_0_mp_rank_00_model_states.pt").write_bytes(b"x")
        (self.dir / "run/latest").write_text("global_step9")
        self.refused(1, ["ZeRO-3", "zero_to_fp32.py"], self.dir / "run")
        torchlike.save({"module": OrderedDict((k, Tensor((0,), [])) for k in self.model), "param_shapes": []}, self.dir / "z.pt")
        self.refused(1, ["its tensors are empty", "ZeRO-3", "zero_to_fp32.py"], self.dir / "z.pt")

    def test_torch_distributed(self):
        for where in ("dcp", "run/pytorch_model_fsdp_0"):
            folder = self.dir / where
            folder.mkdir(parents=True)
            (folder / ".metadata").write_bytes(b"\x80\4}.")
            (folder / "__0_0.distcp").write_bytes(b"PK\3\4")
        for source in ("dcp", "run", "run/pytorch_model_fsdp_0", "dcp/__0_0.distcp"):
            self.refused(1, ["torch.distributed", "format_utils dcp_to_torch"], self.dir / source)

    def test_the_only_file_of_weights(self):
        self.put("run", "best.pth")
        (self.dir / "run/optimizer.pt").write_bytes(b"x")
        (self.dir / "run/training_args.bin").write_bytes(b"x")
        self.check(self.dir / "run", self.model)
        self.put("run", "last.pth")
        self.refused(1, ["several files of weights (best.pth, last.pth)", "name one of them"], self.dir / "run")

    def test_others(self):
        for name, words in (("adapter_model.safetensors", "merge_and_unload"), ("tf_model.h5", "TensorFlow's weights only"),
                            ("flax_model.msgpack", "Flax's weights only"), ("notes.txt", "is a folder without model.safetensors")):
            folder = self.dir / name.split(".")[0]
            folder.mkdir()
            (folder / name).write_bytes(b"x")
            self.refused(1, words, folder)


class Wrongs(Bring):
    def test_what_they_are_and_what_to_do(self):
        for name, (data, words) in WRONGS.items():
            path = self.dir / name
            path.write_bytes(data)
            for tool in ("info", "verify"):
                self.assertIn(str(path), self.fails(1, words, "ckpt", tool, path))
            self.refused(1, words, path)

    def test_every_reader_says_so(self):
        path = self.dir / "model.safetensors"
        path.write_bytes(WRONGS["lfs.safetensors"][0])
        config = self.write(eval_config(path))
        self.fails(1, "is a Git LFS pointer", "eval", "--config", config, "--output", self.dir / "out")
        torchlike.save(as_tensors(published("finetune", 3)), path)
        self.fails(1, ["is a checkpoint of PyTorch, not safetensors", "s4d ckpt import"], "eval", "--config", config, "--output",
                   self.dir / "out")

    def test_cuts(self):
        """Cut at any place, and each time it is said; tests/unit cuts it between two reads."""
        model = published("finetune", 3)
        put_safetensors(self.dir / "a", model)
        whole = (self.dir / "a").read_bytes()
        for size in range(0, len(whole), len(whole) // 40):
            os.truncate(self.dir / "a", size)
            for tool in ("info", "verify"):
                done = run("ckpt", tool, self.dir / "a")
                self.assertEqual(done.returncode, 1)
                self.assertEqual(len(done.stderr.splitlines()), 1)
            (self.dir / "a").write_bytes(whole)
