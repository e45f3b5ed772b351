#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The configuration through the whole program: which file is read, what wins,
what a broken one does to each command. The binary is named by CONN_DOCTOR."""
import json
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


POLICY = """[target api]
filter = sport = :21003
heartbeat = 1m
protocol = request-response
[check close-wait-leak]
warning = ~:10
enabled = no
[ignore]
proxies = 10.0.0.1, 10.1.0.0/16,
    2001:db8::/32, ::1
"""


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
                re.finditer(r"^(\S+) = (.*?) *; (.*)$", done.stdout, re.MULTILINE)}


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
        plain = re.sub(r"^#(\S+ =|\[)", r"\1", example, flags=re.MULTILINE)
        self.put(plain)
        names = re.findall(r"^(\S+) =", plain, re.MULTILINE)
        shown = self.shown("-f", self.path)
        self.assertEqual(names, list(shown))
        built_in = self.shown()
        self.assertEqual({k: v[0] for k, v in shown.items() if k in built_in},
                         {k: v[0] for k, v in built_in.items()})
        self.assertGreater(len(shown), len(built_in) + 30)

    def test_targets_checks_and_addresses_say_their_origin(self):
        self.put(POLICY)
        done = self.run_with("config", "show", "-f", self.path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        shown = done.stdout[done.stdout.index("[target api]"):]
        expected = [("[target api]", None), ("filter = sport = :21003", 2),
                    ("protocol = request-response", 4), ("heartbeat = 1m", 3),
                    ("[check close-wait-leak]", None), ("warning = ~:10", 6),
                    ("enabled = no", 7), ("[ignore]", None),
                    ("proxies = 10.0.0.1, 10.1.0.0/16, 2001:db8::/32,", None),
                    ("::1", 9)]
        lines = [line for line in shown.splitlines() if line]
        self.assertEqual(len(lines), len(expected))
        for line, (text, number) in zip(lines, expected):
            value, _, origin = line.partition(" ;")
            self.assertEqual(value.strip(), text)
            self.assertEqual(origin.strip(), f"{self.path}:{number}" if number else "")
        again = os.path.join(self.folder.name, "again.conf")
        pathlib.Path(again).write_text(done.stdout)
        back = self.run_with("config", "show", "-f", again)
        self.assertEqual((back.returncode, back.stderr), (0, ""))
        self.assertEqual(re.sub(" *;.*", "", back.stdout), re.sub(" *;.*", "", done.stdout))


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

    def test_a_filter_error_shows_the_place_and_the_rest_is_read(self):
        self.put("[target api]\nfilter = sport = :80 and (\npong = x\n[target b]\npong = 1s\n")
        done = self.run_with("config", "check", "-f", self.path)
        lines = done.stdout.splitlines()
        self.assertEqual(done.returncode, 3)
        self.assertRegex(lines[0], r"my.conf:2: filter: a term is missing")
        self.assertEqual(lines[1], "  sport = :80 and (")
        self.assertEqual(lines[2].strip(), "^")
        self.assertIn(":3: pong: 'x' is not a duration", lines[3])
        self.assertIn(":4: [target b] has no filter", lines[4])
        self.assertEqual(len(lines), 5)

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

    def test_a_check_can_be_switched_off_and_is_said_to_be(self):
        limits = "[limits]\nclose-wait-age = 2s\n"
        self.put(limits + "[check close-wait-leak]\nenabled = no\n")
        done = self.check("-f", self.path)
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"not checked: close-wait-leak: switched off in {self.path}:4",
                      done.stdout)
        report = json.loads(self.check("-f", self.path, "--json").stdout)
        self.assertEqual([u["check"] for u in report["unknown"]], ["connection-growth", "close-wait-leak"])

    def test_a_range_decides_the_severity(self):
        for text, status in (("warning = ~:100", 0), ("warning = ~:0", 1),
                             ("critical = ~:0", 2), ("critical = @1:1000", 2)):
            self.put(f"[limits]\nclose-wait-age = 2s\n[check close-wait-leak]\n{text}\n")
            done = self.check("-f", self.path)
            self.assertEqual(done.returncode, status, text)
            self.assertIn("close-wait-leak", done.stdout)
            finding, = json.loads(self.check("-f", self.path, "--json").stdout)["findings"]
            self.assertIn(f"range {text.split()[-1]}, declared in {self.path}:4",
                          finding["evidence"][-1])

    def test_ignored_addresses_are_counted(self):
        self.put("[ignore]\naddresses = 0.0.0.0/0, ::/0\n")
        report = json.loads(self.check("-f", self.path, "--json").stdout)
        self.assertGreater(report["collection"]["ignored_count"], 0)
        self.assertEqual(report["findings"], [])
        self.assertIn("more ignored as configured", self.check("-f", self.path).stdout)

    def test_a_name_in_a_filter_that_is_not_there_names_the_line(self):
        self.put("[target a]\n\nfilter = dev nosuchdevice0\n")
        done = self.check("-f", self.path)
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn(f"{self.path}:3: filter: no interface 'nosuchdevice0'", done.stderr)

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

    def test_watch_knows_what_was_declared(self):
        self.put("[limits]\nclose-wait-age = 2s\n[check close-wait-leak]\nenabled = no\n"
                 "[ignore]\naddresses = 10.90.1.20\n")
        done = self.run_with("watch", ":21003", "-n", "3", "-f", self.path,
                             f"--read={RECORDING}")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"not checked: close-wait-leak: switched off in {self.path}:4",
                      done.stdout)
        self.assertIn("(1 more ignored as configured)", done.stdout)

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
