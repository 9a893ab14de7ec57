"""s4d bench data: figures for every set, and the comparison said to be missing where the command is."""
import os

from support import Case, finetune_config


class Bench(Case):
    def test_data(self):
        path = self.write(finetune_config())
        done = self.ok("bench", "data", "--config", path, "--seconds", "1", "--files", "2")
        for words in ("stills: 24 training samples", "clips: 24 training samples", "1 thread", "2 files from beginning to end"):
            self.assertIn(words, done.stdout)
        done = self.ok("bench", "data", "--config", path, "--seconds", "1", "--files", "1", env={"PATH": "/nowhere"})
        self.assertIn("ffmpeg: the command is not there", done.stdout)
        self.fails(2, "bench", "bench")
        self.fails(2, "--config", "bench", "data")
        self.fails(2, "--seconds", "bench", "data", "--config", path, "--seconds", "0")
