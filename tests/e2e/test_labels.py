"""The tables of data/labels: what is wrong with one stops the build."""
import shutil
import subprocess

from support import ROOT, Case


class Tables(Case):
    def configure(self, name, text):
        source = self.dir / "labels"
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(ROOT / "data/labels", source)
        (source / name).write_text(text)
        (self.dir / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.22)\nproject(x LANGUAGES NONE)\ninclude({ROOT}/src/data/labels.cmake)\n"
            f"s4d_labels_generate({self.dir}/out {source})\n")
        done = subprocess.run(["cmake", "-S", self.dir, "-B", self.dir / "build"], text=True, capture_output=True)
        return done.returncode, " ".join(done.stderr.split())

    def test_malformed(self):
        for name, text, word in [
            ("x.json", "{", "x.json: failed parsing json string"),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["a"]} b', "x.json: text follows the object"),
            ("x.json", '{"set": "x", "used_by": ""}', "x.json: member 'classes' not found"),
            ("x.json", '{"set": "x", "used_by": "", "classes": []}', "expected 1 to 64 classes, got 0"),
            ("x.json", '{"set": "x", "used_by": "", "classes": [1]}', "is NUMBER, expected STRING"),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["a", "a"]}', '"a" stands there twice'),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["sad"]}', '"sad" is a synonym by synonyms.json'),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["A"]}', '"A" cannot be a class name'),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["a"], "b": 1}', "expected the members set, used_by and classes"),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["a"], "source": 1}', "is NUMBER, expected STRING"),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["a", "b"], "codes": ["1"]}', "there are 2 classes and 1 codes"),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["a", "b"], "codes": ["1", "1"]}', '"1" stands there twice'),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["a"], "codes": ["a b"]}', '"a b" cannot be a code'),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["a"], "codes": [1]}', "is NUMBER, expected STRING"),
            ("X-1.json", '{"set": "x", "used_by": "", "classes": ["a"]}', "use small letters, digits and _"),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["joy", "happiness"]}', '"joy" is a synonym by synonyms.json'),
            ("x.json", '{"set": "x", "used_by": "", "classes": ["no-expression"]}', '"no-expression" is a synonym by synonyms.json'),
            ("synonyms.json", '{"no_emotion": "neutral"}', '"no_emotion": write a blank, which stands for - and _ too'),
            ("synonyms.json", '{"sad": "sadness", "sadness": "sorrow"}', '"sadness" is both a synonym and the one spelling'),
        ]:
            with self.subTest(text=text):
                code, error = self.configure(name, text)
                self.assertNotEqual(code, 0)
                self.assertIn(word, error)

    def test_a_new_table(self):
        code, error = self.configure("mine.json", '{"set": "mine", "used_by": "us", "classes": ["calm", "not calm"]}')
        self.assertEqual(code, 0, error)
        self.assertIn('LABEL_TABLE(mine, "calm", "not calm")\n', (self.dir / "out/data/labels.def").read_text())
        code, error = self.configure("mine.json", '{"set": "mine", "used_by": "us", "source": "here", "classes": ["calm", "not calm"], '
                                     '"codes": ["C", "n-1"]}')
        self.assertEqual(code, 0, error)
        self.assertIn('LABEL_CODES(mine, "C", "n-1")\n', (self.dir / "out/data/labels.def").read_text())
