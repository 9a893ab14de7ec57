"""Checkpoint files as PyTorch writes them, in both forms, by the standard library alone."""
import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

CODE = {"FloatStorage": "f", "DoubleStorage": "d", "HalfStorage": "e", "LongStorage": "q", "IntStorage": "i", "ShortStorage": "h",
        "CharStorage": "b", "ByteStorage": "B", "BoolStorage": "?", "BFloat16Storage": None, "ComplexFloatStorage": None,
        "UntypedStorage": None, "LaterStorage": "f"}
DTYPES = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "uint16", "uint32", "uint64", "complex64", "float32")


def _module(name):
    return sys.modules.setdefault(name, types.ModuleType(name))


def _fake(module, name, **members):
    made = type(name, (), {"__module__": module, **members})
    setattr(_module(module), name, made)
    return made


class _Named:
    """Pickled as a name and nothing else, as PyTorch's dtypes are."""

    def __init__(self, module, name):
        self.__module__, self.name = module, name
        setattr(_module(module), name, self)

    def __reduce__(self):
        return self.name


def _function(module, name):
    def made(*args):
        return args
    made.__module__, made.__qualname__, made.__name__ = module, name, name
    setattr(_module(module), name, made)
    return made


# Only names are pickled; a real torch, where there is one, is not touched.
_saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name == "torch" or name.startswith("torch.")}
_types = {name: _fake("torch.storage" if name == "UntypedStorage" else "torch", name) for name in CODE}
_dtypes = {name: _Named("torch", name) for name in DTYPES}
_tensor_type = _fake("torch", "Tensor")
_v2 = _function("torch._utils", "_rebuild_tensor_v2")
_v3 = _function("torch._utils", "_rebuild_tensor_v3")
_parameter = _function("torch._utils", "_rebuild_parameter")
_parameter_with_state = _function("torch._utils", "_rebuild_parameter_with_state")
_meta = _function("torch._utils", "_rebuild_meta_tensor_no_storage")
_wrapper = _function("torch._utils", "_rebuild_wrapper_subclass")
_from_type = _function("torch._tensor", "_rebuild_from_type_v2")
_fakes = {name: sys.modules.pop(name) for name in ("torch", "torch._utils", "torch._tensor", "torch.storage")}
sys.modules.update(_saved)


class Storage:
    def __init__(self, values, kind="FloatStorage"):
        self.values, self.kind = values if kind == "UntypedStorage" else list(values), kind

    def __len__(self):
        return len(self.values)

    def raw(self, order="<"):
        if self.kind == "UntypedStorage":
            return bytes(self.values)
        if self.kind == "BFloat16Storage":
            pairs = [struct.pack("<f", v)[2:] for v in self.values]
            return b"".join(p if order == "<" else p[::-1] for p in pairs)
        if self.kind == "ComplexFloatStorage":
            return b"".join(struct.pack(order + "2f", v.real, v.imag) for v in self.values)
        return struct.pack(f"{order}{len(self.values)}{CODE[self.kind]}", *self.values)


def _strides(shape):
    stride, step = [], 1
    for d in reversed(shape):
        stride.insert(0, step)
        step *= d
    return stride


class Tensor:
    def __init__(self, shape, storage, offset=0, stride=None, marks=None):
        self.shape, self.offset, self.marks = tuple(shape), offset, marks
        self.storage = storage if isinstance(storage, Storage) else Storage(storage)
        self.stride = tuple(_strides(self.shape) if stride is None else stride)

    def args(self):
        common = self.storage, self.offset, self.shape, self.stride, False, OrderedDict()
        return common + ((self.marks,) if self.marks else ())

    def __reduce__(self):
        return _v2, self.args()


class Typed(Tensor):
    """Of a type that came after the storages had types: bytes, and a dtype by its name."""

    def __init__(self, shape, raw, dtype, offset=0, stride=None):
        super().__init__(shape, Storage(raw, "UntypedStorage"), offset, stride)
        self.dtype = dtype

    def __reduce__(self):
        return _v3, self.args() + (_dtypes[self.dtype],)


class Parameter:
    def __init__(self, tensor, state=None):
        self.tensor, self.state = tensor, state

    def __reduce__(self):
        args = self.tensor, True, OrderedDict()
        return (_parameter, args) if self.state is None else (_parameter_with_state, args + (self.state,))


class Attributed:
    """A tensor that bears attributes of Python's, or of a class of its own."""

    def __init__(self, tensor, **state):
        self.tensor, self.state = tensor, state

    def __reduce__(self):
        function, args = self.tensor.__reduce__()
        return _from_type, (function, _tensor_type, args, self.state)


class Meta:
    def __init__(self, shape):
        self.shape = tuple(shape)

    def __reduce__(self):
        return _meta, (_dtypes["float32"], self.shape, tuple(_strides(self.shape)), False)


class Distributed:
    """A shard of a tensor, as torch.distributed keeps it: a class with other tensors inside."""

    def __init__(self, shape):
        self.shape = tuple(shape)

    def __reduce__(self):
        return _wrapper, (_tensor_type, _dtypes["float32"], self.shape, tuple(_strides(self.shape)), 0)


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
        pid = ("storage", _types[thing.kind], self.keys[id(thing)], "cpu", len(thing))
        return pid + (None,) if self.legacy else pid


def pickled(thing, legacy=False, protocol=2):
    """The pickle, and the storages that it refers to."""
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


def _save_legacy(thing, path, protocol):
    text, storages = pickled(thing, True, protocol)
    with open(path, "wb") as f:
        f.write(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2))
        f.write(pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}, 2))
        f.write(text + pickle.dumps([str(i) for i in range(len(storages))], 2))
        for s in storages:
            f.write(struct.pack("<q", len(s)) + s.raw())


def save(thing, path, legacy=False, protocol=2, checksums=True, big_endian=False, member=None):
    if legacy:
        _save_legacy(thing, path, protocol)
        return
    text, storages = pickled(thing, False, protocol)
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("archive/data.pkl", text)
        z.writestr("archive/byteorder", "big" if big_endian else "little")
        for i, s in enumerate(storages):
            z.writestr(f"archive/data/{i}", s.raw(">" if big_endian else "<"))
        z.writestr("archive/version", "3\n")
        if member:
            z.writestr(*member)
    if not checksums:
        forget_checksums(path)


def forget_checksums(path):
    """As torch.save does with compute_crc32=False."""
    data = bytearray(open(path, "rb").read())
    for entry in zipfile.ZipFile(path).infolist():
        data[entry.header_offset + 14:entry.header_offset + 18] = bytes(4)
    at = struct.unpack("<I", data[data.rindex(b"PK\5\6") + 16:][:4])[0]
    while data[at:at + 4] == b"PK\1\2":
        data[at + 16:at + 20] = bytes(4)
        at += 46 + sum(struct.unpack("<3H", data[at + 28:at + 34]))
    with open(path, "wb") as f:
        f.write(data)
