"""Checkpoint files as PyTorch writes them, in both forms, by the standard library alone."""
import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

CODE = {"FloatStorage": "f", "DoubleStorage": "d", "HalfStorage": "e", "LongStorage": "q", "BFloat16Storage": None}


def _fake(module, name, **members):
    made = type(name, (), {"__module__": module, **members})
    sys.modules.setdefault(module, types.ModuleType(module))
    setattr(sys.modules[module], name, made)
    return made


# Only names are pickled; a real torch, where there is one, is not touched.
_real = sys.modules.get("torch")
_saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name == "torch" or name.startswith("torch.")}
_types = {name: _fake("torch", name) for name in CODE}
sys.modules["torch._utils"] = types.ModuleType("torch._utils")


def _rebuild_tensor_v2(*args):
    return args


_rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
sys.modules["torch._utils"]._rebuild_tensor_v2 = _rebuild_tensor_v2
_fakes = {name: sys.modules.pop(name) for name in ("torch", "torch._utils")}
sys.modules.update(_saved)


class Storage:
    def __init__(self, values, kind="FloatStorage"):
        self.values, self.kind = list(values), kind

    def raw(self):
        if self.kind == "BFloat16Storage":
            return b"".join(struct.pack("<f", v)[2:] for v in self.values)
        return struct.pack(f"<{len(self.values)}{CODE[self.kind]}", *self.values)


class Tensor:
    def __init__(self, shape, storage, offset=0, stride=None):
        self.shape, self.offset = tuple(shape), offset
        self.storage = storage if isinstance(storage, Storage) else Storage(storage)
        if stride is None:
            stride, step = [], 1
            for d in reversed(self.shape):
                stride.insert(0, step)
                step *= d
        self.stride = tuple(stride)

    def __reduce__(self):
        return _rebuild_tensor_v2, (self.storage, self.offset, self.shape, self.stride, False, OrderedDict())


class _Pickler(pickle.Pickler):
    def __init__(self, out, legacy, protocol):
        super().__init__(out, protocol)
        self.legacy, self.keys, self.storages = legacy, {}, []

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        if id(thing) not in self.keys:
            self.keys[id(thing)] = str(len(self.storages))
            self.storages.append(thing)
        pid = ("storage", _types[thing.kind], self.keys[id(thing)], "cpu", len(thing.values))
        return pid + (None,) if self.legacy else pid


def _pickled(thing, legacy, protocol):
    real = {name: sys.modules.get(name) for name in _fakes}
    sys.modules.update(_fakes)
    try:
        out = io.BytesIO()
        pickler = _Pickler(out, legacy, protocol)
        pickler.dump(thing)
        return out.getvalue(), pickler.storages
    finally:
        for name, module in real.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def save(thing, path, legacy=False, protocol=2):
    text, storages = _pickled(thing, legacy, protocol)
    if legacy:
        with open(path, "wb") as f:
            f.write(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2))
            f.write(pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}, 2))
            f.write(text + pickle.dumps([str(i) for i in range(len(storages))], 2))
            for s in storages:
                f.write(struct.pack("<q", len(s.values)) + s.raw())
        return
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("archive/data.pkl", text)
        z.writestr("archive/byteorder", "little")
        for i, s in enumerate(storages):
            z.writestr(f"archive/data/{i}", s.raw())
        z.writestr("archive/version", "3\n")
