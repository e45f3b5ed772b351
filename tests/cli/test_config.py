#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The configuration through the whole program: which file is read, what wins,
what a broken one does to each command. The binary is named by CONN_DOCTOR."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BINARY = os.environ["CONN_DOCTOR"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RECORDING = ROOT / "tests/golden/close-wait/recording.cdrec"
BROKEN = "[main]\ninterval = 5x\n[limits]\nclose-wait-ago = 2s\nqueued-age = 3s\n"


class ConfigTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "my.conf")

    def tearDown(self):
        self.folder.cleanup()

    def put(self, text):
        pathlib.Path(self.path).write_text(text)

    def run_with(self, *args, **environment):
        env = {k: v for k, v in os.environ.items() if k in ("PATH", "ASAN_OPTIONS")}
        return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL,
                              env={**env, "LC_ALL": "C.UTF-8", "TERM": "dumb",
                                   "CONN_DOCTOR_CONFIG": "none", **environment})

    def shown(self, *args, **environment):
        """key -> (value, origin) of `config show`."""
        done = self.run_with("config", "show", *args, **environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return {m[1]: (m[2], m[3]) for m in
                re.finditer(r"^(\S+) = (\S*) *; (.*)$", done.stdout, re.MULTILINE)}


class Show(ConfigTest):
    def test_every_key_says_its_value_and_its_origin(self):
        self.put("[main]\ncolor = never\n\n[limits]\nclose-wait-age = 2m\nlossy-share = 5%\n")
        keys = self.shown("-f", self.path, "--set", "lossy-share=7%", "--no-processes", "-i3s",
                          "--ascii", "-t", "9s")
        self.assertEqual(keys["color"], ("never", f"{self.path}:2"))
        self.assertEqual(keys["close-wait-age"], ("2m", f"{self.path}:5"))
        self.assertEqual(keys["lossy-share"], ("7%", "option"))
        self.assertEqual(keys["processes"], ("no", "option"))
        self.assertEqual(keys["interval"], ("3s", "option"))
        self.assertEqual(keys["ascii"], ("yes", "option"))
        self.assertEqual(keys["timeout"], ("9s", "option"))
        self.assertEqual(keys["queued-age"], ("1s", "built-in"))

    def test_options_win_wherever_they_stand(self):
        self.put("[main]\ncolor = never\n[limits]\nqueued-age = 2s\n")
        for args in (["--set=queued-age=3s", "--color=auto", f"--config={self.path}"],
                     [f"--config={self.path}", "--set=queued-age=3s", "--color=auto"]):
            keys = self.shown(*args)
            self.assertEqual(keys["queued-age"], ("3s", "option"))
            self.assertEqual(keys["color"], ("auto", "option"))

    def test_what_is_shown_can_be_read_back(self):
        first = self.shown("--set", "lossy-share=2.5%", "--color=never", "-i", "1500ms")
        self.put(self.run_with("config", "show", "--set", "lossy-share=2.5%", "--color=never",
                               "-i", "1500ms").stdout)
        again = self.shown("-f", self.path)
        self.assertEqual({k: v[0] for k, v in again.items()},
                         {k: v[0] for k, v in first.items()})

    def test_the_environment_names_a_file_and_the_option_wins(self):
        self.put("[main]\nascii = yes\n")
        self.assertEqual(self.shown(CONN_DOCTOR_CONFIG=self.path)["ascii"][0], "yes")
        keys = self.shown("--config=none", CONN_DOCTOR_CONFIG=self.path)
        self.assertEqual(keys["ascii"], ("no", "built-in"))

    def test_the_users_own_file_is_found(self):
        for variable, place in (("HOME", ".config/conn-doctor"), ("XDG_CONFIG_HOME",
                                                                  "conn-doctor")):
            path = pathlib.Path(self.folder.name, place, "conn-doctor.conf")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("[limits]\nqueued-age = 42s\n")
            environment = {variable: self.folder.name, "CONN_DOCTOR_CONFIG": ""}
            self.assertEqual(self.shown(**environment)["queued-age"], ("42s", f"{path}:2"))

    def test_a_broken_file_shows_the_defaults_and_says_so(self):
        self.put(BROKEN)
        done = self.run_with("config", "show", "-f", self.path)
        self.assertEqual(done.returncode, 3)
        self.assertIn(f"{self.path}:2: interval: '5x'", done.stderr)
        self.assertRegex(done.stdout, r"queued-age = 3s +; .*my.conf:5\n")

    def test_the_example_names_every_key_and_is_fine(self):
        example = (ROOT / "docs/conn-doctor.conf").read_text()
        self.assertEqual(re.findall(r"^#(\S+) =", example, re.MULTILINE), list(self.shown()))
        self.put(re.sub(r"^#(\S+ =)", r"\1", example, flags=re.MULTILINE))
        self.assertEqual({k: v[0] for k, v in self.shown("-f", self.path).items()},
                         {k: v[0] for k, v in self.shown().items()})


class Check(ConfigTest):
    def test_a_fine_file_is_named(self):
        self.put("[main]\nascii = yes\n")
        done = self.run_with("config", "check", "-f", self.path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"read {self.path}\n", done.stdout)
        done = self.run_with("config", "check")
        self.assertEqual((done.returncode, done.stdout), (0, "no file is read\n"))

    def test_all_errors_come_in_one_run(self):
        self.put(BROKEN)
        done = self.run_with("config", "check", "-f", self.path)
        self.assertEqual(done.returncode, 3)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(lines[0].startswith(f"{self.path}:2: interval: '5x' is not a dur"))
        self.assertIn(":4: there is no key 'close-wait-ago' in [limits]; did you mean "
                      "'close-wait-age'?", lines[1])

    def test_a_file_that_is_not_there_is_an_error(self):
        done = self.run_with("config", "check", "--config=/nonexistent/x")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(done.stdout,
                         "/nonexistent/x: cannot be read: No such file or directory\n")
        self.assertIn("Is a directory", self.run_with("config", "check", "-f/").stdout)
        self.assertIn("larger than 1 MiB", self.run_with("config", "check",
                                                         "-f/dev/zero").stdout)

    def test_the_action_is_one_of_two(self):
        for args, message in ((["config"], "show or check"), (["config", "chek"], "'config chek'"),
                              (["config", "show", "--json"], "has no option '--json'")):
            done = self.run_with(*args)
            self.assertEqual((done.returncode, done.stdout), (3, ""))
            self.assertIn(message, done.stderr)


class Commands(ConfigTest):
    def check(self, *args, **environment):
        return self.run_with("check", ":21003", f"--read={RECORDING}", *args, **environment)

    def test_a_limit_in_the_file_changes_the_verdict(self):
        self.assertEqual(self.check().returncode, 0)
        self.put("[limits]\nclose-wait-age = 2s\n")
        for args, environment in ((["-f", self.path], {}), ([], {"CONN_DOCTOR_CONFIG":
                                                                 self.path})):
            done = self.check(*args, **environment)
            self.assertEqual(done.returncode, 1)
            self.assertIn("close-wait-leak", done.stdout)
        self.assertEqual(self.check("-f", self.path, "--set", "close-wait-age=1h").returncode, 0)

    def test_a_broken_file_stops_what_gives_an_answer(self):
        self.put(BROKEN)
        for command in ("check", "list"):
            done = self.run_with(command, f"--read={RECORDING}", "-f", self.path)
            self.assertEqual((done.returncode, done.stdout), (3, ""))
            self.assertIn(f"{self.path}:2: interval", done.stderr)
            self.assertIn(f"{self.path}:4: there is no key", done.stderr)
            self.assertIn("--config=none", done.stderr)

    def test_watch_warns_and_goes_on(self):
        self.put(BROKEN)
        done = self.run_with("watch", "-n", "1", "-f", self.path, f"--read={RECORDING}")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"{self.path}:2: interval", done.stderr)
        self.assertIn("going on with the defaults", done.stderr)
        self.assertIn("21003", done.stdout)

    def test_help_works_whatever_the_files_say(self):
        self.put(BROKEN)
        for args in (["help"], ["check", "--help"], ["--version"]):
            done = self.run_with(*args, CONN_DOCTOR_CONFIG=self.path)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_words_of_main_take_effect(self):
        self.put("[main]\ncolor = always\nascii = yes\n[limits]\nclose-wait-age = 2s\n")
        done = self.check("-f", self.path, NO_COLOR="1")
        self.assertIn("\x1b[", done.stdout)
        self.assertTrue(done.stdout.isascii())
        self.assertNotIn("\x1b[", self.check("-f", self.path, "--color=never").stdout)

    def test_processes_can_be_left_out(self):
        self.put("[main]\nprocesses = no\n")
        self.assertNotIn("owners", self.run_with("check", "--once", "-f", self.path).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
