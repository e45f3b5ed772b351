#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`conn-doctor lab`: every state it lists is what `check` then says, by the very
commands it prints; and nothing is left of it, whatever ends it."""
import collections
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import lab

BINARY = os.environ.get("CONN_DOCTOR", "")
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
COUNT = 3
MARGIN = 1.5  # seconds beyond what it says: this machine is busy
# What else a finding may tell of the same connections.
ALSO = {"unread": ("stuck-worker",), "close-wait-unread": ("stuck-worker",),
        "queue-abandoned": ("stuck-worker",), "queued": ("stuck-worker",),
        "accept-queue-full": ("stuck-worker",), "unreachable": ("half-open",),
        "lossy": ("lossy-path",)}


def duration(text):
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return sum(float(n) * units[u] for n, u in re.findall(r"([\d.]+)(ms|s|m|h)", text))


def listed():
    """The states of `lab --list`."""
    lines = subprocess.run([BINARY, "lab", "--list"], capture_output=True, text=True,
                           check=True).stdout.splitlines()[1:]
    return [line.split()[0] for line in lines]


def descendants(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [int(child) for child in children.read().split()]
    return []


def is_alive(pid):
    """A zombie, which waits for an init that has other work, is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Running:
    """One `conn-doctor lab STATE`, and what it printed."""

    def __init__(self, *arguments, binary=None, before=()):
        self.before = list(before)
        self.folder = os.path.dirname(os.path.abspath(binary or BINARY))
        self.process = subprocess.Popen(
            [*before, binary or BINARY, "lab", *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("It stays"):
                break
        self.started = time.monotonic()
        self.children = descendants(self.process.pid)
        self.text = "\n".join(self.lines)
        if not self.lines:
            raise AssertionError(f"{arguments}: {self.process.stderr.read()}")

    def command(self):
        return next(line.split() for line in self.lines if " check " in line)

    def expected(self):
        """Seconds, count and verdict it says, and the --set that makes it quicker."""
        after, count, verdict = re.search(r"^Expect after (\S+): (\d+) ([\w-]+)",
                                          self.text, re.M).groups()
        sooner = re.search(r"^Sooner, after (\S+): (--set \S+)$", self.text, re.M)
        if sooner:
            return duration(sooner[1]), int(count), verdict, sooner[2].split()
        return duration(after), int(count), verdict, []

    def check(self, *options):
        """The printed command, as it stands, with the tested program in PATH."""
        argv = [*self.before, *self.command(), "--json", "--all-connections", *options]
        path = f"{self.folder}:{os.environ['PATH']}"
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60,
                              check=False, env={**os.environ, "PATH": path})
        if done.returncode > 2:
            raise AssertionError(f"{' '.join(argv)}: {done.stderr}")
        return json.loads(done.stdout), done

    def end(self, number=signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        self.process.wait(10)
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return errors


def look(state):
    """Makes the state, waits as long as it says, and looks."""
    running = Running(state, "--count", str(COUNT))
    try:
        seconds, count, verdict, options = running.expected()
        time.sleep(seconds + MARGIN)
        doc, done = running.check(*options)
        return {"doc": doc, "count": count, "verdict": verdict, "seconds": seconds,
                "options": options, "text": running.text, "status": done.returncode}
    finally:
        running.end()


class States(unittest.TestCase):
    """All of them at once: each has a network of its own."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        states = listed()
        with concurrent.futures.ThreadPoolExecutor(len(states)) as pool:
            jobs = {state: pool.submit(look, state) for state in states}
        cls.seen = {state: job.exception() or job.result() for state, job in jobs.items()}

    def test_every_state_is_what_check_says(self):
        for state, seen in self.seen.items():
            with self.subTest(state=state):
                if isinstance(seen, Exception):
                    raise seen
                rows = [c for c in seen["doc"]["connections"] if c["state"] != "listen"]
                counts = dict(collections.Counter(c["verdict"] for c in rows))
                print(f"     {state}: {counts} after {seen['seconds']:.0f} s "
                      f"{' '.join(seen['options'])}", file=sys.stderr)
                why = seen["text"] + "\n" + json.dumps(seen["doc"], indent=1)
                self.assertEqual(counts, {seen["verdict"]: COUNT}, why)
                self.assertEqual(seen["count"], COUNT)

    def test_nothing_else_is_complained_about(self):
        for state, seen in self.seen.items():
            with self.subTest(state=state):
                if isinstance(seen, Exception):
                    raise seen
                found = {f["check"] for f in seen["doc"]["findings"]
                         if f["severity"] != "info"}
                self.assertEqual(found - {state, *ALSO.get(state, ())}, set(),
                                 json.dumps(seen["doc"]["findings"], indent=1))
                if state == "healthy":
                    self.assertEqual(seen["status"], 0)
                if state == "accept-queue-full":
                    self.assertIn(state, found)

    def test_every_complaint_is_made(self):
        verdicts = {seen["verdict"] for seen in self.seen.values()
                    if not isinstance(seen, Exception)}
        complaints = {"half-open", "unreachable", "local-path-down", "unread",
                      "close-wait-unread", "queue-abandoned", "queued",
                      "close-wait-leak", "slow-reader", "connect-stuck",
                      "slow-upstream", "slow-response", "fin-wait-held", "lossy",
                      "half-open-suspect"}
        self.assertEqual(complaints - verdicts, set())

    def test_silence_is_silent(self):
        """No ICMP reaches the server and its retransmissions back off."""
        running = Running("half-open", "--count", "4")
        try:
            time.sleep(4)
            server = running.command()[1]
            rows = subprocess.run(["nsenter", server, "ss", "-tnoiH"], text=True,
                                  capture_output=True, check=True).stdout
            self.assertEqual(len(re.findall(r"timer:\(on,", rows)), 4, rows)
            self.assertEqual(len(re.findall(r"backoff:[45]\b", rows)), 4, rows)
            self.assertEqual(len(re.findall(r"\[fd12::2\]", rows)), 2, rows)
            for path, names in (("snmp", r"^Icmp: \d+ .*"),
                                ("snmp6", r"^Icmp6In.*Unreach\S*\s+\d+")):
                text = subprocess.run(["nsenter", server, "cat", f"/proc/net/{path}"],
                                      text=True, capture_output=True, check=True).stdout
                for line in re.findall(names, text, re.M):
                    value = line.split()[1]
                    self.assertEqual(value, "0", f"{path}: {line}")
        finally:
            running.end()


class Ends(unittest.TestCase):
    """On every way out nothing is left."""

    def assertGone(self, running):
        self.assertEqual(len(running.children), 2, running.text)
        end = time.monotonic() + 5
        while any(map(is_alive, running.children)) and time.monotonic() < end:
            time.sleep(0.02)
        self.assertFalse([p for p in running.children if is_alive(p)], "left behind")

    def test_signals_end_it_and_are_seen_by_the_shell(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(signal=number.name):
                running = Running("unread")
                errors = running.end(number)
                self.assertEqual(running.process.returncode, -number)
                self.assertEqual(errors, "")
                self.assertGone(running)

    def test_it_ends_by_itself_after_the_hold(self):
        running = Running("queued", "--hold", "500ms")
        self.assertEqual(running.process.wait(5), 0)
        self.assertEqual(running.end(), "")
        self.assertGone(running)

    def test_a_child_of_somebody_else_does_not_end_it(self):
        running = Running("queued", "--hold", "2s",
                          before=["sh", "-c", "sleep 1 & exec \"$@\"", "sh"])
        self.assertEqual(running.process.wait(8), 0)
        self.assertEqual(running.end(), "")

    def test_a_side_that_dies_ends_it_with_a_message(self):
        running = Running("queued")
        self.assertEqual(len(running.children), 2)
        os.kill(running.children[0], signal.SIGKILL)
        running.process.wait(5)
        self.assertIn("ended before its time", running.end())
        self.assertEqual(running.process.returncode, 3)
        self.assertGone(running)

    def test_the_hosts_network_is_as_before(self):
        def links():
            with open("/proc/net/dev", encoding="ascii") as devices:
                return {line.split(":")[0].strip() for line in list(devices)[2:]}
        before = links()
        running = Running("unread", "--port", "30021")
        during = links()
        done = subprocess.run(["ss", "-tlnH", "sport = :30021"], capture_output=True,
                              text=True, check=True)
        running.end()
        self.assertEqual({name for name in during - before if name.startswith("eth")},
                         set())
        self.assertEqual(done.stdout, "")

    def test_a_thousand_connections(self):
        running = Running("unread", "--count", "1000")
        try:
            time.sleep(2 + MARGIN)
            doc, _ = running.check("--set", "unread-age=2s")
            self.assertEqual(doc["verdicts"]["unread"], 1000)
        finally:
            running.end()
        self.assertGone(running)


class Refusals(unittest.TestCase):
    """What is wrong is said, and nothing is made."""

    def test_wrong_words(self):
        for arguments, message in (
                ((), "lab --list shows them"),
                (("half-opn",), "did you mean 'half-open'?"),
                (("xyzzy-frobnicate",), "lab --list shows them"),
                (("unread", "--count", "1001"), "at most 1000"),
                (("unread", "--count", "0"), "--count"),
                (("unread", "--port", "0"), "--port"),
                (("unread", "--port", "65536"), "--port"),
                (("unread", "--hold", "soon"), "--hold"),
                (("unread", "--json"), "no option '--json'")):
            with self.subTest(arguments=arguments):
                done = subprocess.run([BINARY, "lab", *arguments], text=True, timeout=10,
                                      capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stdout), (3, ""))
                self.assertIn(message, done.stderr)


class Unprivileged(unittest.TestCase):
    """A user without any right, where the kernel allows user namespaces."""

    def test_nobody_can_make_and_see_a_state(self):
        if subprocess.run([*NOBODY, "unshare", "-Urn", "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            print("     NOTE: unprivileged user namespaces are not allowed here; the "
                  "run as nobody was left out", file=sys.stderr)
            self.skipTest("no unprivileged user namespaces")
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            binary = shutil.copy(BINARY, os.path.join(folder, "conn-doctor"))
            running = Running("close-wait-unread", binary=binary, before=NOBODY)
            try:
                seconds, count, verdict, options = running.expected()
                time.sleep(seconds + MARGIN)
                doc, _ = running.check(*options)
            finally:
                running.end()
            rows = [c for c in doc["connections"] if c["state"] != "listen"]
            self.assertEqual([c["verdict"] for c in rows], [verdict] * count, running.text)
            self.assertTrue(all(c.get("process.executable.name") == "lab-server" for c in rows),
                            rows)


def main():
    if os.geteuid() != 0:
        lab.skip("the lab command's tests enter network namespaces and need root")
    for tool in ("nsenter", "ss", "setpriv", "unshare"):
        if not shutil.which(tool):
            lab.skip(f"{tool} is missing (packages iproute2, util-linux)")
    if subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        lab.skip("network namespaces cannot be made here")
    if not os.access(BINARY, os.X_OK):
        sys.exit(f"CONN_DOCTOR={BINARY!r} is no program")
    os.environ["CONN_DOCTOR_CONFIG"] = "none"
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
