# SPDX-License-Identifier: MIT
"""watch while a state comes and goes: the states of `conn-doctor lab`, each in its
own network, all at once.

watch starts right behind the lab, when nothing is wrong for long enough yet; the
verdict has to be on the screen within two intervals of its limit, and to leave it
when the lab has ended. watch holds the network of the lab then, so it goes on
looking at a service that has disappeared.
"""
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from test_watch import PROGRAM, SKIP, Terminal, pyte

PORT = 30020
INTERVAL = 1.0  # seconds
SHOWN_IN, GONE_IN = 2 * INTERVAL, 4 * INTERVAL
# All the labs start at once, on a machine that runs other tests too.
SLACK = float(os.environ.get("CONN_DOCTOR_SLACK", "2"))

# A limit is lowered where its default is long.
STATES = {
    "half-open": ("--set", "half-open-no-ack=2s"),
    "unread": ("--set", "unread-age=2s"),
    "close-wait-unread": ("--set", "close-wait-unread-age=2s"),
    "queue-abandoned": (),
    "queued": (),
    "accept-queue-full": (),
    "close-wait-leak": ("--set", "close-wait-age=2s"),
    "slow-reader": ("--set", "slow-reader-age=2s"),
    "connect-stuck": ("--set", "connect-age=2s"),
    "lossy": (),
    "fin-wait-held": ("--set", "fin-wait-age=2s"),
}
# Findings of a listener; the connections in its queue have a verdict of their own.
FINDINGS = {"accept-queue-full"}
# Their data is on its way to nobody when the server is gone: the kernel keeps the
# connections without an owner for minutes, and watch rightly goes on saying so. Here
# it is told to give them up at once.
ORPHANED = {"half-open", "lossy"}


class Lab:
    """`conn-doctor lab STATE` up to its guide."""

    def __init__(self, state):
        self.process = subprocess.Popen([PROGRAM, "lab", state, "--hold=2m"],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)
        self.guide = ""
        for line in self.process.stdout:
            self.guide += line
            if line.startswith("It stays"):
                break
        self.made = time.monotonic()
        found = re.search(r"nsenter (--net=/proc/\d+/ns/net) conn-doctor watch", self.guide)
        if not found:
            self.end()
            raise RuntimeError(f"lab {state}: {self.guide}")
        self.network = found.group(1)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.process.stdout.close()


def seconds_of(text):
    units = {"ms": 0.001, "s": 1, "m": 60}
    return sum(float(n) * units[u] for n, u in re.findall(r"([\d.]+)(ms|s|m)", text))


def limit_of(guide, options):
    """Seconds until the state is one, with these options."""
    after = re.search(r"^Expect after (\S+):", guide, re.M).group(1)
    sooner = re.search(r"^Sooner, after (\S+): --set (\S+)$", guide, re.M)
    if sooner and sooner.group(2) in options:
        after = sooner.group(1)
    return seconds_of(after)


def shown(state, lines):
    """The lines that say it: rows of the table, or what is found."""
    first = state + r"\b" if state not in FINDINGS else r"(CRITICAL|WARNING) .*" + state
    return [line for line in lines if re.match(rf"{first}(?!-)", line)]


class Run:
    """One state from its beginning to its end, and what was on the screen."""

    def __init__(self, state, folder):
        self.state = state
        self.lab = Lab(state)
        options = STATES[state]
        self.limit = limit_of(self.lab.guide, options)
        self.terminal = Terminal(
            ["nsenter", self.lab.network, PROGRAM, "watch", f":{PORT}", "-i",
             f"{INTERVAL:g}s", *options], columns=130, lines=40,
            CONN_DOCTOR_CONFIG="none", XDG_STATE_HOME=folder)

    def wait(self, is_there, seconds):
        """How long it took; None: longer than that."""
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            if bool(shown(self.state, self.terminal.lines)) == is_there:
                return time.monotonic() - begin
            time.sleep(0.05)
        return None

    def come(self):
        self.terminal.wait_for("^VERDICT")
        if self.state in FINDINGS:
            self.terminal.press("2")
            self.terminal.wait_for("^SEVERITY")
        # It was seen to come, and was not there from the first look on.
        self.is_early = time.monotonic() < self.lab.made + self.limit - 0.5
        self.first = self.terminal.text
        due = self.lab.made + self.limit - time.monotonic()
        self.shown_in = self.wait(True, max(due, 0) + SHOWN_IN + SLACK)
        self.shown_at = time.monotonic() - self.lab.made
        self.seen = self.terminal.text

    def go(self):
        if self.state in ORPHANED:
            subprocess.run(["nsenter", self.lab.network, "sh", "-c",
                            "echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries"], check=True)
        self.lab.end()
        self.gone_in = self.wait(False, GONE_IN + SLACK)
        self.after = self.terminal.text
        time.sleep(1.5 * INTERVAL)  # it goes on, and stays gone
        self.again = shown(self.state, self.terminal.lines)
        self.is_ticking = clock(self.after) != clock(self.terminal.text)
        self.terminal.press("q")
        self.status = self.terminal.end()
        self.stderr = self.terminal.stderr()

    def close(self):
        if self.lab.process.poll() is None:
            self.lab.end()
        self.terminal.close()


def clock(text):
    return re.search(r"\d\d:\d\d:\d\d", text).group()


def come_and_go(state, folder):
    run = Run(state, folder)
    try:
        run.come()
        run.go()
        return run
    finally:
        run.close()


class LiveTest(unittest.TestCase):
    """All of them at once: each has a network of its own."""

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory(prefix="cd-live-") as folder, \
                concurrent.futures.ThreadPoolExecutor(len(STATES)) as pool:
            jobs = {state: pool.submit(come_and_go, state, folder) for state in STATES}
            cls.runs = {state: job.exception() or job.result()
                        for state, job in jobs.items()}

    def each(self, look):
        for state, run in self.runs.items():
            with self.subTest(state):
                if isinstance(run, Exception):
                    raise run
                look(run)

    def test_a_state_is_shown_within_two_intervals_of_its_limit(self):
        def look(run):
            self.assertIsNotNone(run.shown_in, run.seen)
            print(f"  {run.state}: limit {run.limit:g} s, shown after "
                  f"{run.shown_at:.1f} s", file=sys.stderr)
        self.each(look)

    def test_it_is_not_shown_before(self):
        # Others have no age to reach, or the lab takes as long to make them all.
        early = [run for run in self.runs.values()
                 if isinstance(run, Run) and run.is_early and STATES[run.state]]
        self.assertGreaterEqual(len(early), 4, "watch was too slow to see any come")
        for run in early:
            with self.subTest(run.state):
                self.assertEqual(shown(run.state, run.first.split("\n")), [], run.first)

    def test_it_leaves_when_it_has_ended(self):
        def look(run):
            self.assertIsNotNone(run.gone_in, run.after)
            self.assertEqual(run.again, [])
            print(f"  {run.state}: gone after {run.gone_in:.1f} s", file=sys.stderr)
        self.each(look)

    def test_a_service_that_disappears_is_no_error(self):
        def look(run):
            self.assertTrue(run.is_ticking, run.after)
            self.assertEqual((run.status, run.stderr), (0, ""))
            self.assertNotRegex(run.after, "(?i)cannot|error|failed")
        self.each(look)


def main():
    if os.geteuid() != 0 or not shutil.which("nsenter"):
        print("needs root and nsenter(1) to look into the networks of the lab")
        return SKIP
    if not pyte:
        print("needs python3-pyte")
        return SKIP
    return 0 if unittest.main(exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
