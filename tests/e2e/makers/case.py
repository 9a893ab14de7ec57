"""A test case that imports a file and holds what comes of it against what it must be."""
from makers.models import raw
from support import Case, tensors


class Bring(Case):
    def bring(self, source, *more):
        out = self.dir / "out.safetensors"
        done = self.ok("ckpt", "import", source, out, *more)
        return *tensors(out), done

    def check(self, source, want, *more):
        got, meta, done = self.bring(source, *more)
        self.assertEqual(sorted(got), sorted(want))
        for name, data in raw(want).items():
            self.assertEqual(got[name], data, name)
        self.assertEqual(meta["format"], "s4d")
        return meta, done

    def refused(self, status, words, source, *more):
        """Nothing is written then."""
        error = self.fails(status, words, "ckpt", "import", source, self.dir / "refused", *more)
        self.assertFalse((self.dir / "refused").exists())
        return error
