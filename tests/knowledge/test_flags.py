#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Flags that the knowledge base recommends exist: each server that is installed
is asked with --help. Popular flags that do not exist must fail the same way."""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import embed_knowledge  # noqa: E402

SERVERS = ("uvicorn", "gunicorn", "hypercorn", "daphne")
WORD = re.compile(r"(?<![\w-])--[a-z][a-z0-9_-]+")


def ask(server, *args):
    return subprocess.run([f"/usr/bin/{server}", *args], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)


def known_flags(server):
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", ask(server, "--help").stdout))


def version_of(package):
    text = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                          capture_output=True, text=True).stdout
    return tuple(map(int, re.findall(r"\d+", text.split("-")[0])))


PACKAGES = {"hypercorn": "python3-hypercorn"}


def remedies(server):
    path = ROOT / f"knowledge/stack-{server}.txt"
    checker = embed_knowledge.Checker()
    groups = checker.read(path, embed_knowledge.STACK_FILE)
    assert not checker.errors, checker.errors
    return [group for group in groups if group.key == "remedy"]


def is_newer(since, installed):
    return tuple(map(int, since.split("."))) > installed


def named_flags(remedy):
    """Those to set, and those in the text ("remove --reload")."""
    return {flag.split()[0] for flag in remedy.all("flag")} | set(WORD.findall(remedy.value))


def unknown_flags(server, known, installed):
    """(flags checked, those that the server does not have)"""
    checked, unknown = set(), set()
    for remedy in remedies(server):
        since = remedy.one("since")
        if since and is_newer(since, installed):
            continue
        checked |= named_flags(remedy)
    unknown = checked - known
    return checked, unknown


class Flags(unittest.TestCase):
    def check(self, server):
        if not pathlib.Path(f"/usr/bin/{server}").exists():
            self.skipTest(f"{server} is not installed")
        installed = version_of(PACKAGES.get(server, server))
        self.assertTrue(installed, server)
        checked, unknown = unknown_flags(server, known_flags(server), installed)
        self.assertGreaterEqual(len(checked), 4, server)
        self.assertEqual(unknown, set(), f"{server} --help does not know them")

    def test_uvicorn(self):
        self.check("uvicorn")

    def test_gunicorn(self):
        self.check("gunicorn")

    def test_hypercorn(self):
        self.check("hypercorn")

    def test_daphne(self):
        self.check("daphne")


class TheTestCanFail(unittest.TestCase):
    def setUp(self):
        if not pathlib.Path("/usr/bin/uvicorn").exists():
            self.skipTest("uvicorn is not installed")

    def test_uvicorn_does_not_accept_no_reload(self):
        self.assertNotIn("--no-reload", known_flags("uvicorn"))
        result = ask("uvicorn", "--no-reload", "app:app")
        self.assertEqual(result.returncode, 2)
        self.assertIn("No such option", result.stderr)

    def test_a_flag_that_does_not_exist_is_found(self):
        known = known_flags("uvicorn") - {"--timeout-keep-alive"}
        _, unknown = unknown_flags("uvicorn", known, version_of("uvicorn"))
        self.assertEqual(unknown, {"--timeout-keep-alive"})

    def test_a_newer_flag_counts_from_its_version_on(self):
        known = known_flags("uvicorn") - {"--timeout-graceful-shutdown"}
        _, unknown = unknown_flags("uvicorn", known, (0, 22, 0))
        self.assertEqual(unknown, {"--timeout-graceful-shutdown"})
        _, unknown = unknown_flags("uvicorn", known, (0, 21, 1))
        self.assertEqual(unknown, set())


class Sysctls(unittest.TestCase):
    def test_every_sysctl_exists(self):
        names = set()
        for path in (ROOT / "knowledge").glob("*.txt"):
            names |= set(re.findall(r"^setting: sysctl -w ([\w.]+)=", path.read_text(), re.M))
        self.assertGreaterEqual(len(names), 8)
        for name in names:
            self.assertTrue(pathlib.Path("/proc/sys", *name.split(".")).exists(), name)


if __name__ == "__main__":
    unittest.main()
