"""One run a folder, links in place of folders and files, and file systems that can do less than one thinks."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from support import BINARY, Case, eval_config, faces, finetune_config, preloaded, strict_lines, tensors

LOCK = ".s4d-lock"
NO_LOCKS = "int flock(int fd, int operation) { (void)fd; (void)operation; errno = %s; return -1; }\n"


class Folders(Case):
    def setUp(self):
        super().setUp()
        config = finetune_config()
        config["train"].update(epochs=6, keep_checkpoints=100)
        self.config = self.write(config)
        self.out = self.dir / "run"
        self.environment = None

    def command(self, *more, out=None):
        return [BINARY, "finetune", "--config", str(self.config), "--output", str(out or self.out), *map(str, more)]

    def start(self, *more):
        """A run that has its folder and has done a few steps."""
        process = subprocess.Popen(self.command(*more), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, **(self.environment or {})})
        log = self.out / "metrics.jsonl"
        for _ in range(1000):
            if log.exists() and log.read_bytes().count(b"\n") >= 2:
                return process
            time.sleep(0.005)
        process.kill()
        self.fail("the run does not begin: " + process.communicate()[1])

    def stop(self, process):
        process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def refused(self, process, *more, status=1):
        line = self.fails(status, [str(self.out), f"process {process.pid} on {socket.gethostname()}", "since 2"],
                          "finetune", "--config", self.config, "--output", self.out, *more, env=self.environment)
        self.assertIn("name another folder", line)


class OneRun(Folders):
    def test_the_second_is_refused(self):
        process = self.stop(self.start())
        before = {p: p.read_bytes() for p in self.out.rglob("*") if p.is_file()}
        for more in (("--resume",), ("--overwrite",)):
            self.refused(process, *more)
        self.assertEqual({p: p.read_bytes() for p in self.out.rglob("*") if p.is_file()}, before)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(timeout=120), 0)
        self.assertFalse((self.out / LOCK).exists())
        self.ok("finetune", "--config", self.config, "--output", self.out, "--resume")

    def test_what_was_killed_holds_nothing(self):
        process = self.start()
        process.kill()
        process.communicate()
        self.assertTrue((self.out / LOCK).exists())
        self.ok("finetune", "--config", self.config, "--output", self.out, "--resume")
        self.assertFalse((self.out / LOCK).exists())

    def test_a_machine_that_was_started_anew(self):
        """The number may be another process's now, and the file is from before, from another machine, or nobody's."""
        self.ok("finetune", "--config", self.config, "--output", self.out)
        here = socket.gethostname()
        for text in (f"{os.getpid()} {here} 2020-01-01T00:00:00+0000 another-boot 5\n", f"1 {here} x y 0\n", "", "nonsense\n", "\0\0\0",
                     "7 other-host 2020-01-01T00:00:00+0000 b 1\n"):
            with self.subTest(text):
                (self.out / LOCK).write_text(text)
                done = self.ok("finetune", "--config", self.config, "--output", self.out, "--resume")
                self.assertEqual("never gave it back" in done.stderr, "other-host" in text)

    def test_many_at_once(self):
        """Of runs that begin together one does, and its log is whole."""
        self.ok("finetune", "--config", self.config, "--output", self.dir / "whole")
        for resume in (False, True):
            shutil.rmtree(self.out, ignore_errors=True)
            runs = [subprocess.Popen(self.command(*(["--resume"] if resume else [])), text=True, stderr=subprocess.PIPE) for _ in range(4)]
            ends = [(run.communicate(timeout=240)[1], run.returncode) for run in runs]
            self.assertEqual(sorted(status for _, status in ends)[0], 0, ends)
            for errors, status in ends:
                if status:
                    self.assertRegex(errors, "is in use by|another run has begun there|the run folder is there already")
            steps = [line["step"] for line in strict_lines(self.out / "metrics.jsonl") if "event" not in line]
            self.assertEqual(steps, list(range(1, 37)))
            self.assertTrue(tensors(self.out / "model.safetensors")[0] == tensors(self.dir / "whole/model.safetensors")[0])

    def test_two_go_on_at_once(self):
        process = self.start()
        process.kill()
        process.communicate()
        runs = [subprocess.Popen(self.command("--resume"), text=True, stderr=subprocess.PIPE) for _ in range(3)]
        ends = [(run.communicate(timeout=240)[1], run.returncode) for run in runs]
        self.assertIn(0, [status for _, status in ends])
        steps = [line["step"] for line in strict_lines(self.out / "metrics.jsonl") if "event" not in line]
        self.assertEqual(steps, list(range(1, 37)))

    def test_evaluations_and_folds(self):
        process = self.stop(self.start())
        model = self.dir / "model.safetensors"
        config = finetune_config()
        config["train"]["epochs"] = 1
        config["train"]["warmup_epochs"] = 0
        self.ok("finetune", "--config", self.write(config, "one.json"), "--output", self.dir / "one")
        shutil.copy(self.dir / "one/model.safetensors", model)
        line = self.fails(1, f"process {process.pid}", "eval", "--config", self.write(eval_config(model), "e.json"), "--output", self.out,
                          "--overwrite")
        self.assertIn("is in use", line)
        config["data"]["video"]["train"] = "clips/train_set_{fold}.csv"
        config["data"]["video"]["test"] = "clips/test_set_{fold}.csv"
        folds = self.dir / "folds"
        folds.mkdir()
        os.rename(self.out, folds / "fold-2")
        line = self.fails(1, [f"process {process.pid}", "fold 2"], "finetune", "--config", self.write(config, "f.json"), "--output", folds,
                          "--folds", "1,2", "--overwrite")
        self.assertFalse((folds / "fold-1").exists())

    def test_sets_and_packs(self):
        """Folders that grow beside their place: who fills one is told, and what was left is said to be that."""
        root = self.dir / "set"
        command = ["synth", "--output", root, "--size", 96, "--train-images", 3000]
        process = subprocess.Popen([BINARY, *map(str, command)], stderr=subprocess.PIPE, text=True)
        growing = pathlib.Path(str(root) + ".tmp")
        while not (growing / LOCK).exists() and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGSTOP)
        self.fails(1, [str(growing), f"is in use by process {process.pid}"], *command)
        process.kill()
        process.communicate()
        self.fails(1, [str(growing), "is left from a run that was cut off"], *command)
        listed = self.dir / "list.csv"
        clips = sorted((pathlib.Path(faces()) / "images/train").iterdir())
        listed.write_text("path,label\n" + "".join(f"{p},happiness\n" for p in clips))
        pack = ["data", "pack", listed, "--root", "/", "--output", self.dir / "pack"]
        (self.dir / "pack.tmp").mkdir()
        self.fails(1, "is left from a run that was cut off", *pack)
        shutil.rmtree(self.dir / "pack.tmp")
        self.ok(*pack)
        self.assertEqual([p for p in (self.dir / "pack").rglob(LOCK)], [])


class WithoutLocks(Folders):
    """A file system that has no locks: the file says who has the folder."""

    def setUp(self):
        super().setUp()
        self.environment = preloaded(self.dir, NO_LOCKS % "ENOLCK")
        if not self.environment:
            self.skipTest("functions cannot be put before the system's here")

    def resume(self):
        return self.ok("finetune", "--config", self.config, "--output", self.out, "--resume", env=self.environment)

    def test_the_second_is_refused(self):
        for reason in ("ENOLCK", "ENOTSUP", "EINVAL", "ENOSYS"):
            self.environment = preloaded(self.dir, NO_LOCKS % reason)
            with self.subTest(reason):
                process = self.stop(self.start())
                for more in (("--resume",), ("--overwrite",)):
                    self.refused(process, *more)
                self.end(process)
                self.resume()
                self.assertFalse((self.out / LOCK).exists())
                shutil.rmtree(self.out)

    def test_what_is_left(self):
        self.resume()
        here = socket.gethostname()
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        for text in (f"{os.getpid()} {here} 2020-01-01T00:00:00+0000 another-boot 5\n", f"{os.getpid()} {here} x {boot} 5\n", "", "nonsense\n"):
            with self.subTest(text):
                (self.out / LOCK).write_text(text)
                self.resume()
        (self.out / LOCK).write_text("7 other-host 2020-01-01T00:00:00+0000 b 1\n")
        self.fails(1, ["process 7 on other-host", f"if that one has ended, remove {self.out / LOCK}"], "finetune", "--config", self.config,
                   "--output", self.out, "--resume", env=self.environment)
        (self.out / LOCK).unlink()
        self.resume()


class LessThanOneThinks(Folders):
    def run_with(self, source):
        self.environment = preloaded(self.dir, source)
        if not self.environment:
            self.skipTest("functions cannot be put before the system's here")
        return ("finetune", "--config", self.config, "--output", self.out)

    def test_folders_that_cannot_be_synced(self):
        """As on CIFS and FUSE."""
        for reason in ("EINVAL", "ENOTSUP", "ENOSYS", "EBADF", "EACCES", "EROFS"):
            with self.subTest(reason):
                args = self.run_with("int fsync(int fd) { struct stat s; if (fstat(fd, &s) == 0 && S_ISDIR(s.st_mode)) { errno = %s; return -1; }"
                                     " return (int)syscall(SYS_fsync, fd); }\n" % reason)
                self.ok(*args, env=self.environment)
                self.assertEqual(len(list((self.out / "checkpoints").iterdir())), 6)
                shutil.rmtree(self.out)

    def test_a_disk_that_fails(self):
        args = self.run_with("int fsync(int fd) { struct stat s; if (fstat(fd, &s) == 0 && S_ISDIR(s.st_mode)) { errno = EIO; return -1; }"
                             " return (int)syscall(SYS_fsync, fd); }\n")
        self.fails(1, ["cannot be put in place", "Input/output error"], *args, env=self.environment)

    def test_files_that_cannot_be_synced(self):
        for reason in ("EINVAL", "ENOTSUP", "ENOSYS"):
            with self.subTest(reason):
                args = self.run_with(f"int fsync(int fd) {{ (void)fd; errno = {reason}; return -1; }}\n")
                self.ok(*args, env=self.environment)
                shutil.rmtree(self.out)

    def test_full_and_read_only(self):
        for reason, words in (("EDQUOT", ["Disk quota exceeded", "free some space"]), ("ENOSPC", ["No space left", "free some space"]),
                              ("EROFS", ["Read-only file system", "write elsewhere"]), ("EFBIG", ["File too large", "ulimit -f"]),
                              ("EIO", ["Input/output error"])):
            with self.subTest(reason):
                args = self.run_with("static long left = 40; ssize_t write(int fd, const void *data, size_t n) { struct stat s;"
                                     " if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && --left < 0) { errno = %s; return -1; }"
                                     " return (ssize_t)syscall(SYS_write, fd, data, n); }\n" % reason)
                self.fails(1, ["cannot be written", *words], *args, env=self.environment)
                self.assertEqual([p for p in self.out.rglob("*.tmp")], [])
                self.ok(*args, "--resume")
                shutil.rmtree(self.out)

    def test_a_read_only_place(self):
        place = self.dir / "place"
        place.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", place], capture_output=True).returncode:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", place], check=True)
        self.fails(1, [str(place), "Read-only file system", "write elsewhere"], "finetune", "--config", self.config, "--output", place / "run")
        self.fails(1, [str(place), "Read-only file system"], "finetune", "--config", self.config, "--output", place)


class Links(Folders):
    def test_a_link_to_a_folder_is_that_folder(self):
        far = self.dir / "far/run"
        far.mkdir(parents=True)
        os.symlink("far/run", self.out)
        self.ok("finetune", "--config", self.config, "--output", self.out, "--overwrite")
        for more in (("--resume",), ("--overwrite",)):
            self.ok("finetune", "--config", self.config, "--output", self.out, *more)
            self.assertEqual(os.readlink(self.out), "far/run")
            self.assertTrue((far / "model.safetensors").exists())
        (far / "stale").write_text("x")
        self.ok("finetune", "--config", self.config, "--output", str(self.out) + "/", "--overwrite")
        self.assertFalse((far / "stale").exists())
        self.fails(2, "the run folder is there already", "finetune", "--config", self.config, "--output", self.out)
        config = self.write(eval_config(far / "model.safetensors"), "e.json")
        (self.dir / "eval").mkdir()
        os.symlink(self.dir / "eval", self.dir / "to_eval")
        for _ in range(2):
            self.ok("eval", "--config", config, "--output", self.dir / "to_eval", "--overwrite")
            self.assertTrue((self.dir / "to_eval").is_symlink())
            self.assertTrue((self.dir / "eval/clips/metrics.json").exists())
        self.fails(2, [str(far / "model.safetensors"), "--overwrite would remove"], "eval", "--config", config, "--output", self.out,
                   "--overwrite")

    def test_links_that_lead_nowhere(self):
        os.symlink("gone", self.out)
        for more in ((), ("--overwrite",), ("--resume",)):
            self.fails(2, [str(self.out), "is a link to", "gone", "make that folder, or remove the link"], "finetune", "--config",
                       self.config, "--output", self.out, *more)
            self.assertTrue(self.out.is_symlink())
        self.out.unlink()
        os.symlink("run", self.out)
        self.fails(1, "the link cannot be followed", "finetune", "--config", self.config, "--output", self.out)

    def test_checkpoints_elsewhere(self):
        """A folder of checkpoints on a larger disk, with other things beside them."""
        self.ok("finetune", "--config", self.config, "--output", self.dir / "whole")
        far = self.dir / "large"
        far.mkdir()
        (far / "mine").write_text("keep")
        self.ok("finetune", "--config", self.config, "--output", self.out, "--set", "train.epochs=2")
        shutil.rmtree(self.out / "checkpoints")
        os.symlink(far, self.out / "checkpoints")
        for _ in range(2):
            self.ok("finetune", "--config", self.config, "--output", self.out, "--overwrite")
            self.assertTrue((self.out / "checkpoints").is_symlink())
            self.assertEqual(sorted(p.name for p in far.iterdir()), ["mine"] + [f"step-{6 * i:08d}" for i in range(1, 7)])
        self.ok("finetune", "--config", self.config, "--output", self.out, "--resume")
        self.assertTrue(tensors(self.out / "model.safetensors")[0] == tensors(self.dir / "whole/model.safetensors")[0])
        shutil.rmtree(far)
        for more in (("--resume",), ("--overwrite",)):
            self.fails(2, ["checkpoints: is a link to", "which is no folder"], "finetune", "--config", self.config, "--output", self.out, *more)

    def test_results_elsewhere(self):
        """A file that is a link is written where it leads to."""
        self.ok("finetune", "--config", self.config, "--output", self.out)
        for name in ("metrics.jsonl", "model.safetensors"):
            os.rename(self.out / name, self.dir / name)
            os.symlink(self.dir / name, self.out / name)
        before = (self.dir / "model.safetensors").stat().st_ino
        self.ok("finetune", "--config", self.config, "--output", self.out, "--resume")
        for name in ("metrics.jsonl", "model.safetensors"):
            self.assertTrue((self.out / name).is_symlink())
        self.assertNotEqual((self.dir / "model.safetensors").stat().st_ino, before)
        strict_lines(self.dir / "metrics.jsonl")
        target = self.dir / "elsewhere.csv"
        os.symlink(target, self.dir / "table.csv")
        self.ok("report", "--table", self.out, "--format", "csv", "--output", self.dir / "table.csv")
        self.assertTrue((self.dir / "table.csv").is_symlink())
        self.assertIn("uar", target.read_text())
        line = self.fails(1, "is no regular file", "report", "--table", self.out, "--output", "/dev/null")
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())

    def test_overwriting_spares_lists(self):
        self.ok("finetune", "--config", self.config, "--output", self.out)
        config = json.loads(self.config.read_text())
        rows = (pathlib.Path(config["data"]["image"]["root"]) / "images/train.txt").read_text()
        (self.out / "mine.txt").write_text(rows)
        config["data"]["image"]["train"] = str(self.out / "mine.txt")
        self.fails(2, ["mine.txt", "--overwrite would remove"], "finetune", "--config", self.write(config, "c.json"), "--output", self.out,
                   "--overwrite")


class Logs(Folders):
    """Lines that the newest checkpoint has seen and that are gone."""

    def spoil(self, how, lost):
        whole = self.dir / "whole"
        if not whole.exists():
            self.ok("finetune", "--config", self.config, "--output", whole)
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(whole, self.out)
        log = self.out / "metrics.jsonl"
        before = log.read_bytes()
        how(log)
        done = self.ok("finetune", "--config", self.config, "--output", self.out, "--resume")
        self.assertEqual("lines that the checkpoint" in done.stderr, lost > 0, done.stderr)
        self.assertTrue(tensors(self.out / "model.safetensors")[0] == tensors(whole / "model.safetensors")[0])
        events = [line for line in strict_lines(log) if line.get("event") == "lines_lost"]
        self.assertEqual([e["lines"] for e in events], [lost] if lost else [])
        if not lost:
            self.assertEqual(log.read_bytes().count(b"\n"), before.count(b"\n"))
        done = self.ok("finetune", "--config", self.config, "--output", self.out, "--resume")

    def test_lost(self):
        def cut(log, at):
            log.write_bytes(log.read_bytes()[:at])
        self.spoil(lambda log: None, 0)
        self.spoil(lambda log: log.unlink(), 36)
        self.spoil(lambda log: log.write_text(""), 36)
        self.spoil(lambda log: cut(log, log.read_bytes().index(b"\n") + 1), 35)
        self.spoil(lambda log: cut(log, log.read_bytes().index(b"\n") + 20), 35)  # half a line
        self.spoil(lambda log: log.write_text("".join(log.read_text().splitlines(True)[3:20])), 36 - 17)
        self.spoil(lambda log: log.write_bytes(log.read_bytes() + b'{"step": 37, "half'), 0)
        self.spoil(lambda log: log.write_bytes(log.read_bytes() + b"\0" * 4096), 0)

    def test_an_older_checkpoint(self):
        """Without the number in it nothing is cut, which is told."""
        self.ok("finetune", "--config", self.config, "--output", self.out)
        for path in self.out.glob("checkpoints/*/state.safetensors"):
            data = path.read_bytes()
            size = int.from_bytes(data[:8], "little")
            header = json.loads(data[8:8 + size])
            for key in ("s4d.log_lines", "s4d.dropped_in_a_row"):
                del header["__metadata__"][key]
            text = json.dumps(header).encode()
            text += b" " * (-len(text) % 8)
            path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size:])
        done = self.ok("finetune", "--config", self.config, "--output", self.out, "--resume")
        self.assertIn("older version", done.stderr)
