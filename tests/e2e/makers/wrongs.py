"""Files that stand where weights are expected, by name: (contents, what is said of it)."""
import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile


def _zip(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name in names:
            z.writestr(name, "x")
    return out.getvalue()


def _tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        t.addfile(tarfile.TarInfo("model.pth"), io.BytesIO(b""))
    return out.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 376937228\n"
PAGE = b"\xef\xbb\xbf\n <!doctype html>\n<html><head><TITLE>Sign in\n</TITLE></head></html>"

WRONGS = {
    "empty.pth": (b"", "is empty; copy or download it again"),
    "lfs.safetensors": (LFS, 'is a Git LFS pointer to the weights (376937228 bytes kept elsewhere); run "git lfs pull"'),
    "hawser": (LFS.replace(b"git-lfs.github.com", b"hawser.github.com"), "is a Git LFS pointer"),
    "annex": (b"/annex/objects/SHA256E-s376937228--4d7a.pth\n", 'is a git-annex pointer to the weights; run "git annex get"'),
    "page.pth": (PAGE, 'is a web page ("Sign in") saved in the place of the weights'),
    "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is a web page saved"),
    "answer": (b"Entry not found", 'is text ("Entry not found"), not weights'),
    "answer.json": (b'{"error": "Repository not found"}', 'is JSON text without "weight_map"'),
    "config.json": (json.dumps({"model_type": "videomae"}).encode(), 'is JSON text without "weight_map"'),
    "broken.json": (b'{"weight_map": {', "line 1"),
    "m.h5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "is an HDF5 file, as Keras and MATLAB write it"),
    "a.npy": (b"\x93NUMPY\1\0v\0{'descr': '<f4'}", "is an array of NumPy (.npy)"),
    "a.npz": (_zip("a.npy", "b.npy"), "is an archive of NumPy arrays (.npz)"),
    "m.keras": (_zip("metadata.json", "model.weights.h5"), "is a model of Keras"),
    "all.zip": (_zip("run/pytorch_model.bin", "run/config.json"), "is a zip archive of other files; unpack it"),
    "other.zip": (_zip("a.txt"), "is a zip archive without data.pkl"),
    "m.gguf": (b"GGUF\3\0\0\0" + bytes(32), "is a GGUF file of llama.cpp"),
    "m.tflite": (b"\x1c\0\0\0TFL3" + bytes(32), "is a model of TensorFlow Lite"),
    "saved_model.pb": (b"\x08\1\x12\4abcd", "is a graph of TensorFlow"),
    "checkpoint": (b'model_checkpoint_path: "model.ckpt-5"\n', "is the list of a checkpoint of TensorFlow"),
    "model.ckpt-5.index": (b"\0\1\2" * 20 + struct.pack("<Q", 0xdb4775248b80fb57), "is the index of a checkpoint of TensorFlow"),
    "model.ckpt-5.data-00000-of-00001": (bytes(100), "is the numbers of a checkpoint of TensorFlow"),
    "m.msgpack": (b"\x82\xa6params\x80", "is a checkpoint of Flax"),
    "__0_0.distcp": (_zip("archive/data.pkl"), "torch.distributed.checkpoint.format_utils dcp_to_torch"),
    "m.tar": (_tar(), "is a tar archive, not weights that s4d reads; unpack it"),
    "m.pth.gz": (gzip.compress(b"x"), "is compressed by gzip"),
    "m.zst": (b"\x28\xb5\x2f\xfd" + bytes(16), "is compressed by zstd"),
    "dict.pkl": (pickle.dumps({"a": [1.0]}, 4), "is a Python pickle that torch.save did not write"),
    "old.pkl": (pickle.dumps({"a": [1.0]}, 0), "is a Python pickle that torch.save did not write"),
    "image.png": (b"\x89PNG\r\n\x1a\n" + bytes(16), "is a PNG image"),
    "noise": (bytes(range(128, 256)), "is neither safetensors nor PyTorch's (it begins with 80 81 82 83"),
    "zeros": (bytes(4096), "is neither safetensors nor PyTorch's"),
    "cut.pth": (_zip("archive/data.pkl")[:-40], "was cut short or damaged"),
    "cut.safetensors": (struct.pack("<Q", 500) + b'{"a":', "ends within its header"),
}
