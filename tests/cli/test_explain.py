#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`explain` as it is typed: every code and stack of --list, what is wrong, the
width, the colours. The binary is named by CONN_DOCTOR."""
import fcntl
import os
import pathlib
import pty
import re
import shlex
import struct
import subprocess
import tempfile
import termios
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ["CONN_DOCTOR"]
ENV = dict(os.environ, LC_ALL="C.UTF-8", TERM="dumb", CONN_DOCTOR_CONFIG="none")
ENV.pop("COLUMNS", None)


def explain(*args):
    return subprocess.run([BINARY, "explain", *args], capture_output=True, text=True,
                          timeout=60, env=ENV)


def listed(heading):
    """The names below "Codes" or "Stacks" of --list."""
    text = explain("--list").stdout
    block = text[text.index(heading + "\n") + len(heading) + 1:].split("\n\n")[0]
    return [line.split()[0] for line in block.splitlines()]


def on_terminal(columns, *args):
    """What it writes to a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = dict(ENV, TERM="xterm-256color")
    with subprocess.Popen([BINARY, "explain", *args], stdin=slave, stdout=slave,
                          stderr=subprocess.STDOUT, env=env) as process:
        os.close(slave)
        text = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
    os.close(master)
    assert process.returncode == 0, text
    return text.decode().replace("\r\n", "\n")


class Texts(unittest.TestCase):
    def check(self, *args):
        result = explain(*args)
        self.assertEqual(result.returncode, 0, (args, result.stderr))
        self.assertEqual(result.stderr, "", args)
        self.assertGreater(len(result.stdout), 200, args)
        for line in result.stdout.splitlines():
            self.assertLessEqual(len(line), 80, (args, line))
            self.assertEqual(line, line.rstrip(), args)
        self.assertNotIn("\033", result.stdout)
        self.assertNotIn("(null)", result.stdout)
        return result.stdout

    def test_every_code_is_explained(self):
        codes = listed("Codes")
        self.assertGreaterEqual(len(codes), 32)
        for code in codes:
            text = self.check(code)
            for heading in ("What it means", "How it is recognised", "Usual causes",
                            "What to do", "Look next"):
                self.assertIn(f"\n{heading}\n", text, code)

    def test_every_code_is_explained_for_every_stack(self):
        stacks = listed("Stacks")
        self.assertGreaterEqual(len(stacks), 14)
        for stack in stacks:
            self.assertIn("As shipped", self.check("--stack", stack))
            for code in ("stuck-worker", "timeout-chain", "half-open"):
                self.assertIn(f"What to do: {stack}", self.check(code, "--stack", stack))

    def test_the_stack_s_own_flags_come_first(self):
        text = self.check("timeout-chain", "--stack", "uvicorn")
        self.assertIn("\n      --timeout-keep-alive 75\n", text)
        self.assertLess(text.index("What to do: uvicorn"), text.index("any server"))

    def test_without_a_code_it_lists(self):
        self.assertEqual(explain().stdout, explain("--list").stdout)

    def test_the_list_of_a_stack_is_what_it_can_mend(self):
        text = self.check("--list", "--stack", "redis")
        self.assertIn("slow-reader", text)
        self.assertNotIn("lossy-path", text)

    def test_a_harmless_verdict_is_known(self):
        result = explain("idle")
        self.assertEqual(result.returncode, 0)
        self.assertIn("nobody has to act", result.stdout)


class Commands(unittest.TestCase):
    def test_our_own_commands_in_the_texts_are_accepted(self):
        commands = set()
        for path in (ROOT / "knowledge").glob("*.txt"):
            commands |= set(re.findall(r"^next: conn-doctor (.*)$", path.read_text(), re.M))
        self.assertGreaterEqual(len(commands), 8)
        for command in commands - {"watch :PORT"}:
            args = shlex.split(command.replace("PORT", "9").replace("ADDRESS", "192.0.2.1"))
            result = subprocess.run([BINARY, *args], capture_output=True, text=True,
                                    timeout=60, env=ENV)
            self.assertNotEqual(result.returncode, 3, (command, result.stderr))


class WrongAdvice(unittest.TestCase):
    """Often said, and wrong is named as such and nowhere recommended."""

    def remedies(self, *args):
        text = explain(*args).stdout
        start = text.index("\nWhat to do")
        ends = [text.find(h, start) for h in ("\nLook next", "\nOften said, and wrong")]
        return text[start:min(end for end in ends if end > 0)]

    def test_no_reload_is_never_a_remedy(self):
        for code in listed("Codes"):
            self.assertNotIn("--no-reload", self.remedies(code, "--stack", "uvicorn"))
        self.assertIn("There is no such option",
                      explain("risky-flags", "--stack", "uvicorn").stdout)

    def test_keep_alive_is_no_cure_for_a_stuck_worker(self):
        self.assertNotIn("\n      --timeout-keep-alive",
                         self.remedies("stuck-worker", "--stack", "uvicorn"))


class WrongCommandLines(unittest.TestCase):
    CASES = [
        (["stuck-wroker"], "did you mean 'stuck-worker'?"),
        (["qqqqqqqqqqqqqqqq"], "conn-doctor explain --list"),
        (["stuck-worker", "half-open"], "is not a verdict or finding"),
        (["stuck-worker", "--stack", "uvicron"], "did you mean 'uvicorn'?"),
        (["stuck-worker", "--stack", "zzzzzzzzzz"], "is not a known stack"),
        (["stuck-worker", "--stack"], "needs a value"),
        (["stuck-worker", "--json"], "has no option '--json'"),
    ]

    def test_each_is_refused_with_a_hint(self):
        for args, part in self.CASES:
            result = explain(*args)
            self.assertEqual(result.returncode, 3, args)
            self.assertEqual(result.stdout, "", args)
            self.assertIn(part, result.stderr)


class Surroundings(unittest.TestCase):
    def test_a_broken_configuration_is_no_obstacle(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("nonsense\n")
            file.flush()
            env = dict(ENV, CONN_DOCTOR_CONFIG=file.name)
            result = subprocess.run([BINARY, "explain", "lossy"], capture_output=True,
                                    text=True, timeout=60, env=env)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_a_full_disk_is_said(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([BINARY, "explain", "lossy"], stdout=full,
                                    stderr=subprocess.PIPE, text=True, timeout=60, env=ENV)
        self.assertEqual(result.returncode, 3)
        self.assertIn("cannot write to standard output", result.stderr)


class Terminal(unittest.TestCase):
    def test_it_wraps_at_the_width_of_the_terminal(self):
        wide = on_terminal(120, "stuck-worker", "--no-pager", "--color=never")
        narrow = on_terminal(50, "stuck-worker", "--no-pager", "--color=never")
        self.assertGreater(max(map(len, wide.splitlines())), 80)
        self.assertLessEqual(max(map(len, wide.splitlines())), 120)
        self.assertGreater(len(narrow.splitlines()), len(wide.splitlines()))

    def test_what_is_typed_is_never_broken(self):
        text = on_terminal(30, "stuck-worker", "--no-pager", "--color=never")
        self.assertIn("\n      await asyncio.to_thread(blocking_call, argument)\n", text)

    def test_headings_are_bold_on_a_terminal_only(self):
        self.assertIn("\033[1mWhat to do\033[0m", on_terminal(80, "lossy", "--no-pager"))
        self.assertNotIn("\033", on_terminal(80, "lossy", "--no-pager", "--color=never"))
        self.assertIn("\033[1mlossy\033[0m", explain("lossy", "--color=always").stdout)
        self.assertIn("\033[1mStacks\033[0m", explain("--list", "--color=always").stdout)


if __name__ == "__main__":
    unittest.main()
