# SPDX-License-Identifier: MIT
"""watch in terminals of fixed size, on sockets of a private network namespace.

The program runs on a pseudo-terminal; python3-pyte makes a screen of what it
writes. The sockets are made by an app in the namespace cd-<pid>-watch, which is
this file again, started with --app.
"""
import atexit
import calendar
import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

try:
    import pyte
except ImportError:
    pyte = None

SKIP = 77
PORT = 30020
NAMESPACE = f"cd-{os.getpid()}-watch"
PROGRAM = os.environ.get("CONN_DOCTOR", "conn-doctor")
# Half a second makes a verdict of what would take five.
FAST = ("-i", "250ms", "--set", "unread-age=500ms", "--set",
        "close-wait-unread-age=500ms", "--set", "queued-age=500ms")
HOSTILE = b"a\x1b[2J\xe8\xad\xa6\xff\n%s"  # escape, wide, not UTF-8, line break
LOCKS = "/run/conn-doctor-lab"
HERE = os.path.dirname(os.path.abspath(__file__))
NIGHT = os.path.join(HERE, "..", "golden", "night", "recording.cdrec")


# -- the app ------------------------------------------------------------------

class App:
    """Connections to itself over loopback, each put into a state on command."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", PORT), backlog=64)
        self.kept = []

    def pair(self):
        client = socket.create_connection(("127.0.0.1", PORT))
        server, _ = self.listener.accept()
        self.kept += [client, server]
        return client, server

    def idle(self):
        self.pair()

    def unread(self):
        self.pair()[0].send(b"x" * 100)

    def close_wait(self):
        client, _ = self.pair()
        self.kept.remove(client)
        client.close()

    def queued(self):
        self.kept.append(socket.create_connection(("127.0.0.1", PORT)))

    def listen_anew(self):
        """As a server that is restarted does it."""
        self.listener.close()
        time.sleep(1.5)
        self.listener = socket.create_server(("127.0.0.1", PORT), backlog=64)

    def end(self):
        """Closes all connections, the clients' ends without a word."""
        for sock in self.kept:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
            sock.close()
        self.kept = []
        self.listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.listener.accept()[0].close()
        self.listener.setblocking(True)


def run_app():
    with open("/proc/self/comm", "wb") as comm:
        comm.write(HOSTILE)
    app = App()
    print("ok", flush=True)
    for line in sys.stdin:
        name, count = line.split()
        for _ in range(int(count)):
            getattr(app, name)()
        print("ok", flush=True)


def run_shell(argv):
    """One foreground job, which Ctrl-Z stops and a line of input continues.

    Without a parent in its session the program would be an orphan, and the kernel
    stops no orphans.
    """
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    while True:
        status = os.waitpid(pid, os.WUNTRACED)[1]
        os.tcsetpgrp(0, os.getpgid(0))
        if not os.WIFSTOPPED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        print("STOPPED", flush=True)
        sys.stdin.readline()
        os.tcsetpgrp(0, pid)
        os.kill(pid, signal.SIGCONT)


# -- the lab ------------------------------------------------------------------

class Lab:
    """The namespace and the app in it; gone on every way out."""

    def __init__(self):
        self.app = None
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self._create()
        self.run("ip", "link", "set", "lo", "up")
        self.app = subprocess.Popen(
            self.inside(sys.executable, "-B", os.path.abspath(__file__), "--app"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def _create(self):
        """Under the lock of tests/lab, which takes a namespace without one for stale."""
        os.makedirs(LOCKS, exist_ok=True)
        with open(os.path.join(LOCKS, "create"), "w", encoding="ascii") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            self.lock = open(os.path.join(LOCKS, str(os.getpid())), "w",
                             encoding="ascii")
            fcntl.flock(self.lock, fcntl.LOCK_EX)
            subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)

    @staticmethod
    def inside(*argv):
        return ["ip", "netns", "exec", NAMESPACE, *argv]

    def run(self, *argv, **options):
        return subprocess.run(self.inside(*argv), check=True, timeout=30, **options)

    def _answer(self):
        if self.app.stdout.readline() != "ok\n":
            raise RuntimeError("the app has ended")

    def make(self, name, count=1):
        self.app.stdin.write(f"{name} {count}\n")
        self.app.stdin.flush()
        self._answer()

    def close(self):
        if self.app:
            self.app.kill()
            self.app.wait()
            self.app = None
        subprocess.run(["ip", "netns", "delete", NAMESPACE], check=False,
                       stderr=subprocess.DEVNULL)
        with contextlib.suppress(OSError):
            os.unlink(self.lock.name)


# -- the terminal -------------------------------------------------------------

class Screen(pyte.Screen if pyte else object):
    """Scrolls by CSI S and CSI T, which pyte leaves out."""

    def _scroll(self, count, y, step):
        before = self.cursor.y
        self.cursor.y = y
        for _ in range(count or 1):
            step()
        self.cursor.y = before

    def scroll_up(self, count=1):
        self._scroll(count, self.margins.bottom if self.margins else self.lines - 1,
                     self.index)

    def scroll_down(self, count=1):
        self._scroll(count, self.margins.top if self.margins else 0, self.reverse_index)


class Stream(pyte.ByteStream if pyte else object):
    if pyte:
        csi = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down"}
        events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}


class Terminal:
    """A program on a pseudo-terminal of fixed size, and the screen it makes.

    TERM is one whose sequences pyte knows all of: xterm's REP it does not.
    """

    def __init__(self, argv, columns=80, lines=24, term="screen-256color", **environment):
        self.screen = Screen(columns, lines)
        self.stream = Stream(self.screen)
        self.raw = b""
        self.lock = threading.Lock()
        self.master, self.slave = pty.openpty()
        self._set_size(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        keep = {k: v for k, v in os.environ.items()
                if k in ("PATH", "ASAN_OPTIONS", "TSAN_OPTIONS")}
        self.process = subprocess.Popen(
            argv, stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE,
            start_new_session=True, preexec_fn=self._take_terminal,
            env={**keep, "TERM": term, "LC_ALL": "C.UTF-8", "TZ": "UTC",
                 "CONN_DOCTOR_CONFIG": "none", **environment})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _take_terminal(self):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def _set_size(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            with self.lock:
                self.raw += data
                self.stream.feed(data)

    def resize(self, columns, lines):
        with self.lock:
            self.screen.resize(lines, columns)
        self._set_size(columns, lines)

    def press(self, keys):
        os.write(self.master, keys.encode())

    @property
    def lines(self):
        with self.lock:
            return [line.rstrip() for line in self.screen.display]

    @property
    def text(self):
        return "\n".join(self.lines)

    def wait_for(self, pattern, seconds=10):
        """The first match of the pattern on the screen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            match = re.search(pattern, self.text, re.M)
            if match:
                return match
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} on the screen:\n{self.text}\n"
                             f"stderr: {self.stderr()}")

    def stderr(self):
        os.set_blocking(self.process.stderr.fileno(), False)
        return (self.process.stderr.read() or b"").decode(errors="replace")

    def selected(self):
        """The text of the line in reverse that is no heading."""
        with self.lock:
            for y in range(self.screen.lines):
                if all(self.screen.buffer[y][x].reverse
                       for x in range(self.screen.columns)):
                    return self.screen.display[y].rstrip()
        return None

    def wait_selected_part(self, part, seconds=10):
        """As wait_selected(), of a menu that does not take the whole width."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self.lock:
                for y in range(self.screen.lines):
                    marked = [self.screen.buffer[y][x].reverse
                              for x in range(self.screen.columns)]
                    if part in self.screen.display[y] and marked[2]:
                        return
            time.sleep(0.02)
        raise AssertionError(f"{part!r} is not selected:\n{self.text}")

    def wait_selected(self, part, seconds=10):
        end = time.monotonic() + seconds
        while part not in (self.selected() or "") and time.monotonic() < end:
            time.sleep(0.02)
        if part not in (self.selected() or ""):
            raise AssertionError(f"{part!r} is not selected:\n{self.text}")

    def end(self, seconds=10):
        """Waits for the end of the program; its status, as in subprocess."""
        status = self.process.wait(seconds)
        time.sleep(0.1)
        return status

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.slave)
        os.close(self.master)
        self.reader.join()


# -- the tests ----------------------------------------------------------------

class WatchTest(unittest.TestCase):
    def setUp(self):
        lab.make("end")
        self.state = tempfile.mkdtemp(prefix="cd-watch-state-")
        self.addCleanup(shutil.rmtree, self.state)

    @contextlib.contextmanager
    def watch(self, *arguments, columns=80, lines=24, **environment):
        argv = lab.inside(PROGRAM, "watch", *arguments)
        environment = {"XDG_STATE_HOME": self.state, **environment}
        terminal = Terminal(argv, columns, lines, **environment)
        try:
            yield terminal
        finally:
            terminal.close()

    def assert_restored(self, terminal):
        self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)
        raw = terminal.raw
        self.assertGreater(raw.rfind(b"\x1b[?1049l"), raw.rfind(b"\x1b[?1049h"))
        self.assertGreater(raw.rfind(b"\x1b[?25h"), raw.rfind(b"\x1b[?25l"))

    def assert_sober(self, terminal):
        """No line wrapped, nothing of another process's choosing got through."""
        self.assertNotIn(b"\x1b[2J\xe8", terminal.raw)
        for line in terminal.lines:
            self.assertNotRegex(line, "[\x00-\x1f\x7f]")

    def test_80x24(self):
        lab.make("unread", 3)
        lab.make("close_wait", 2)
        lab.make("idle", 2)
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for(r"^unread .* 127\.0\.0\.1:\d+ +ESTAB +100 +0 ")
            t.wait_for(r"^close-wait-unread .* CLOSE-WAIT ")
            lines = t.lines
            self.assertRegex(lines[0], r"^conn-doctor  \S+  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
                                       r" .* every 250ms, pass \d")
            self.assertRegex(lines[1], rf"^filter :{PORT}  \d+ connections: 3 unread, ")
            self.assertRegex(lines[2], rf"^[WC] 127\.0\.0\.1:{PORT} .*stuck 1/1 .* 0/64 ")
            self.assertRegex(t.text, r"(?m)^last 5m +ESTAB +\d+ .* max \d+ +CLOSE-WAIT ")
            self.assertRegex(t.text, r"(?m)^(WARNING|CRITICAL)  +stuck-worker ")
            heading = next(i for i, line in enumerate(lines) if line.startswith("VERDICT"))
            self.assertLess(heading, 12)
            self.assertRegex(lines[heading], r"^VERDICT +SINCE +PEER +STATE +RQ +SQ OWNER$")
            self.assertRegex(lines[heading + 1], r"^unread ")
            self.assertRegex(lines[23], r"^q Quit  \? Help  Enter Open  Tab View  / Filter  s Sort")
            self.assert_sober(t)
            t.press("q")
            self.assertEqual(t.end(), 0)
            self.assert_restored(t)

    def test_120x40_shows_every_column(self):
        lab.make("unread")
        with self.watch(f":{PORT}", *FAST, columns=120, lines=40) as t:
            t.wait_for(r"^VERDICT +SINCE +PEER +STATE +IN STATE +IDLE rx/tx"
                       r" +RQ +SQ +TURN +GIVES UP KA +OWNER$")
            t.wait_for(r"^unread .* never .*\[\d+\]$")
            self.assertRegex(t.lines[39], "^q Quit")
            self.assert_sober(t)

    def test_40x10_and_less(self):
        lab.make("unread", 9)
        with self.watch(f":{PORT}", *FAST, columns=40, lines=10) as t:
            t.wait_for(r"^VERDICT +PEER$")
            t.wait_for(r"^unread +127\.0\.0\.1:\d+$")
            self.assertRegex(t.lines[9], "^q Quit")
            t.resize(39, 10)
            t.wait_for(r"^terminal too small$")
            t.resize(100, 9)
            t.wait_for(r"^terminal too small$")
            t.resize(1, 1)
            t.resize(80, 24)
            t.wait_for(r"^VERDICT +SINCE +PEER +STATE")
            t.wait_for(r"^q Quit")
            t.press("q")
            self.assertEqual(t.end(), 0)
            self.assert_restored(t)

    def test_signals_restore_the_terminal_and_are_raised_again(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number), self.watch(*FAST) as t:
                t.wait_for("^q Quit")
                t.wait_for("^VERDICT")
                t.process.send_signal(number)
                self.assertEqual(t.end(), -number)
                self.assert_restored(t)
        with self.subTest("Ctrl-C"), self.watch(*FAST) as t:
            t.wait_for("^VERDICT")
            t.press("\x03")
            self.assertEqual(t.end(), -signal.SIGINT)
            self.assert_restored(t)

    def test_the_terminal_goes_away(self):
        with self.watch(*FAST) as t:
            t.wait_for("^VERDICT")
            os.close(t.slave)
            os.close(t.master)
            status = t.process.wait(10)
            t.master, t.slave = pty.openpty()  # for close()
            self.assertEqual(status, -signal.SIGHUP)

    def test_a_crash_restores_the_terminal(self):
        for number in (signal.SIGSEGV, signal.SIGABRT):
            with self.subTest(number), self.watch(*FAST) as t:
                t.wait_for("^VERDICT")
                t.process.send_signal(number)
                self.assertNotEqual(t.end(30), 0)
                self.assert_restored(t)

    def test_suspend_and_continue(self):
        t = Terminal(lab.inside(sys.executable, "-B", os.path.abspath(__file__),
                                "--shell", PROGRAM, "watch", *FAST),
                     XDG_STATE_HOME=self.state)
        try:
            t.wait_for("^VERDICT")
            t.press("\x1a")
            t.wait_for("STOPPED")
            self.assert_restored(t)
            t.press("\n")
            t.wait_for("^VERDICT")
            t.wait_for("^q Quit")
            t.press("q")
            self.assertEqual(t.end(), 0)
            self.assert_restored(t)
        finally:
            t.close()

    def test_help_comes_from_the_key_table(self):
        with self.watch(*FAST, columns=100, lines=50) as t:
            t.wait_for("^VERDICT")
            t.press("?")
            t.wait_for("^Program")
            t.wait_for(r"^ q F10 Ctrl-C +quit$")
            t.wait_for(r"^ s F6 +choose the column to sort by$")
            t.press("G")
            t.wait_for(r"^ listening +waits for clients$")
            t.press("\x1b")
            t.wait_for(r"^VERDICT")

    def test_freeze(self):
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("no connection matches")
            t.press("p")
            t.wait_for(r"^conn-doctor .* FROZEN ")
            lab.make("unread")
            t.wait_for(r"FROZEN [1-9](\.\d)?s")
            self.assertIn("no connection matches", t.text)
            t.press("R")  # one step
            t.wait_for(r"^(unread|active|idle) ")
            self.assertIn("FROZEN", t.text)
            t.press("p")
            t.wait_for(r"^conn-doctor  \S+  [\d-]+ [\d:]+ {3,}[^F]*every")
            t.wait_for(r"^unread ")

    def test_a_state_appears_and_leaves_within_two_intervals(self):
        with self.watch(f":{PORT}", "-i", "1s") as t:
            t.wait_for("no connection matches")
            lab.make("queued")
            t.wait_for(r"^(queued|active|idle) ", 2.5)
            lab.make("end")
            t.wait_for("no connection matches", 2.5)

    def test_selection_is_a_connection(self):
        lab.make("idle", 5)
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for(r"^(idle|active) ")
            t.press("jjj")
            time.sleep(1)
            peer = re.search(r"127\.0\.0\.1:\d+", t.selected()).group() + " "
            lab.make("unread", 3)
            t.wait_for(r"^unread ")
            t.wait_selected(peer)
            t.press(">")
            t.wait_for("by SINCE ")
            t.wait_selected(peer)
            t.press("r")
            t.wait_for("by SINCE reversed")
            t.wait_selected(peer)
            t.press("g")
            heading = next(i for i, line in enumerate(t.lines)
                           if line.startswith("VERDICT"))
            t.wait_selected(t.lines[heading + 1])

    def test_count_ends_it(self):
        with self.watch(*FAST, "-n", "3") as t:
            self.assertEqual(t.end(), 0)
            self.assert_restored(t)

    def test_nothing_is_written_when_nothing_changes(self):
        with self.watch(*FAST) as t:
            t.wait_for("^VERDICT")
            t.press("?")
            t.wait_for("^Program")
            time.sleep(0.3)
            before = len(t.raw)
            time.sleep(1.5)
            self.assertEqual(len(t.raw), before)

    def test_no_color_and_c_locale(self):
        lab.make("unread")
        with self.watch(f":{PORT}", *FAST, NO_COLOR="1") as t:
            t.wait_for("^unread ")
            self.assertNotRegex(t.raw, rb"\x1b\[[0-9;]*[34][0-8](;|m)")
        with self.watch(f":{PORT}", *FAST, LC_ALL="C") as t:
            t.wait_for("^unread ")
            self.assertFalse(any(byte >= 0x80 for byte in t.raw))
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("^unread ")
            self.assertRegex(t.raw, rb"\x1b\[[0-9;]*38;5;")

    def test_plain_terminals(self):
        lab.make("unread")
        for term in ("vt100", "linux", "xterm", "screen"):
            with self.subTest(term), self.watch(f":{PORT}", *FAST, term=term) as t:
                t.wait_for("^unread ")
                t.press("q")
                self.assertEqual(t.end(), 0)
                self.assertEqual(termios.tcgetattr(t.slave), t.before)

    def test_without_a_real_terminal_blocks_are_printed(self):
        lab.make("unread")
        argv = (PROGRAM, "watch", f":{PORT}", *FAST, "-n", "2")
        for term in ("dumb", "no-such-terminal", ""):
            with self.subTest(term):
                t = Terminal(lab.inside(*argv), term=term)
                try:
                    self.assertEqual(t.end(), 0)
                    self.assertIn("watch needs a terminal that can position the cursor; "
                                  "printing every 250ms instead", t.stderr())
                    self.assertNotRegex(t.raw, rb"\x1b(?!\[[0-9;]*m)")
                    self.assertIn(f":{PORT}".encode(), t.raw)
                finally:
                    t.close()
        done = lab.run(*argv, capture_output=True, text=True)
        self.assertIn("printing every", done.stderr)
        self.assertIn("unread", done.stdout)

    def test_detail_of_a_connection(self):
        lab.make("unread")
        with self.watch(f":{PORT}", *FAST, columns=100, lines=40) as t:
            t.wait_for("^unread ")
            t.press("\r")
            t.wait_for(rf"^127\.0\.0\.1:{PORT} <- 127\.0\.0\.1:\d+$")
            t.wait_for(r"^verdict +unread, (likely|proven): received bytes that the app")
            t.wait_for(r"^evidence +100 B unread for at least .* \(limit 500ms\)")
            t.wait_for(r"^acts +local application must act$")
            t.wait_for(r"^owner .*\[\d+\] fd \d+$")
            t.wait_for(r"^gives up in +never$")
            t.wait_for(r"^why +no timer runs: the kernel will never end it")
            t.wait_for(r"^seen +in ([5-9]|\d\d+) looks, first ")  # the history, and it goes on
            t.wait_for(r"^first seen +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
            t.wait_for(r"^ +\d\d:\d\d:\d\d  ESTAB, verdict (unread|active|idle)$")
            t.wait_for(r"^moved +nothing since \d\d:\d\d:\d\d$")
            t.wait_for(r"^remedy +\S")
            self.assert_sober(t)
            t.press("G")
            t.wait_for(r"^queues +100 B received and unread, ")
            t.press("g")
            lab.make("end")
            t.wait_for(rf"^GONE since \d\d:\d\d:\d\d, as last seen: 127\.0\.0\.1:{PORT}")
            t.wait_for("^ended +gone between two looks: ")
            self.assertRegex(t.text, "(?m)^verdict +unread")
            self.assertRegex(t.raw, rb"\x1b\[[0-9;]*\b2m")  # dim, unknown to pyte
            for key in ("\x1b", "\r", "q"):
                t.press(key)
                t.wait_for("^VERDICT")
                lab.make("unread")
                t.wait_for("^unread ")
                t.press("g\r")  # the row of the one that has ended may be the selected one
                t.wait_for("^verdict ")
            t.press("q")
            t.wait_for("^VERDICT")
            t.press("q")
            self.assertEqual(t.end(), 0)
            self.assert_restored(t)

    def test_detail_fits_small_screens_and_scrolls(self):
        lab.make("unread")
        with self.watch(f":{PORT}", *FAST, columns=40, lines=10) as t:
            t.wait_for("^unread ")
            t.press("\r")
            t.wait_for("^verdict ")
            self.assert_sober(t)
            self.assertNotIn("Numbers", t.text)
            t.press("G")
            t.wait_for("^round trip ")
            t.press("g")
            t.wait_for("^verdict ")
            t.resize(39, 9)
            t.wait_for("too small")
            t.resize(90, 80)
            t.wait_for("^Numbers")
            t.wait_for("^verdict ")

    def test_detail_is_answered_by_a_recording_that_has_ended(self):
        lab.make("unread", 2)
        with tempfile.TemporaryDirectory(prefix="cd-watch-") as folder:
            path = os.path.join(folder, "night.cdrec")
            lab.run(PROGRAM, "list", f":{PORT}", "-n", "4", "-i", "300ms",
                    "--record", path, stdout=subprocess.DEVNULL)
            with self.watch("--read", path, *FAST, columns=100, lines=40) as t:
                t.wait_for(r" END\b")
                t.press("\r")
                t.wait_for(r"^seen +in 4 looks, first ")
                t.press("q/state close-wait\r")
                t.wait_for("no connection matches")
                t.press("/\x15\r")
                t.wait_for("^unread ")

    def test_views(self):
        lab.make("unread", 3)
        with self.watch(f":{PORT}", *FAST, columns=80) as t:
            t.wait_for("^unread ")
            t.wait_for(" 1 connections$")
            t.press("\t")
            t.wait_for("^filter .* 2 findings$")
            t.wait_for(r"^SEVERITY +FINDING +WHAT$")
            t.wait_for(r"^(WARNING|CRITICAL) +stuck-worker +")
            t.wait_selected("stuck-worker")
            t.press("\r")
            t.wait_for(r"^(WARNING|CRITICAL)  stuck-worker$")
            t.wait_for(r"^summary +\S")
            t.wait_for(r"^cause +A blocking call in an event loop")
            t.wait_for(r"^evidence +\S")
            t.wait_for(r"^next +\S")
            self.assert_sober(t)
            t.press("\x1b")
            t.wait_for("^SEVERITY +FINDING")
            t.press("3")
            t.wait_for(r"^SEVERITY +LISTENER +QUEUE ")
            t.wait_for(rf"^(WARNING|CRITICAL) +127\.0\.0\.1:{PORT} +0/64 .*3 unread")
            t.press("\n")
            t.wait_for(rf"^listeners +127\.0\.0\.1:{PORT}  queue 0/64")
            t.wait_for(r"^processes +\S")
            t.wait_for(r"^peers +127\.0\.0\.1  3 connections, 100\.0 %, worst unread$")
            self.assert_sober(t)
            t.press("\t")
            t.wait_for(" 4 peers$")
            t.press("\t")
            t.wait_for(" 5 processes$")
            t.press("\t")
            t.wait_for(" 6 events$")
            t.press("\t")
            t.wait_for(" 1 connections$")
            t.press("\x1b[Z\x1b[Z\x1b[Z\x1b[Z")
            t.wait_for(" 3 services$")
            t.resize(150, 30)
            t.wait_for(r" 1 connections  2 findings  3 services  4 peers  5 processes"
                       r"  6 events$")
            lab.make("end")
            t.press("2")
            t.wait_for("nothing was found that asks anybody to act")

    def test_ended_connections_stay_for_a_while(self):
        lab.make("unread", 2)
        with self.watch(f":{PORT}", *FAST, columns=100) as t:
            t.wait_for("^unread ")
            lab.make("end")
            t.wait_for(r"^ended +\S+ +127\.0\.0\.1:\d+ +ESTAB .*\[\d+\]$")
            self.assertRegex(t.lines[1], "  0 connections")
            self.assert_sober(t)
            lab.make("idle", 2)
            t.wait_for(r"^(idle|active) [^$]*^ended ")  # the living stand above them
            t.press("G\r")
            t.wait_for(rf"^ended by \d\d:\d\d:\d\d  127\.0\.0\.1:{PORT} <- 127\.0\.0\.1:")
            t.wait_for("^ended +gone between two looks: ")
            t.wait_for(r"^ +\d\d:\d\d:\d\d  verdict unread$")
            self.assert_sober(t)
            t.press("q/state close-wait")
            t.wait_for("no connection matches")
            t.press("\x15state established")
            t.wait_for("^ended ")
            t.press("\x15\r")
            end = time.monotonic() + 15
            while "\nended " in t.text and time.monotonic() < end:
                time.sleep(0.1)
            self.assertNotIn("\nended ", t.text)

    def test_peers(self):
        lab.make("unread", 3)
        lab.make("idle", 1)
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("^unread ")
            t.press("4")
            t.wait_for(r"^WORST +PEER +CONNS +SHARE +UNREAD +UNACKED$")
            t.wait_for(r"^unread +127\.0\.0\.1 +4 +100 % +300 B +0 B$")
            t.wait_for(rf"^(idle|active) +127\.0\.0\.1:{PORT} +4 +- +0 B +0 B$")
            t.press("\r")
            t.wait_for(rf"^peer 127\.0\.0\.1, client of 127\.0\.0\.1:{PORT}$")
            t.wait_for(r"^connections +4, 3 of them ask somebody to act$")
            t.wait_for(r"^share +100 % of the service's 4 connections; limits: 50 connec")
            t.wait_for(r"^queues +300 B received and unread, ")
            t.wait_for(rf"^ +unread  \S+.*  127\.0\.0\.1:{PORT}  127\.0\.0\.1:\d+  ESTAB")
            self.assert_sober(t)
            t.press("\x1bj")
            t.wait_selected(f"127.0.0.1:{PORT}")
            t.resize(40, 10)
            t.wait_for(r"^WORST +PEER +CONNS$")
            t.wait_for(r"^unread +127\.0\.0\.1 +4$")
            self.assert_sober(t)
            t.resize(120, 24)
            t.wait_for(rf"^unread +127\.0\.0\.1 +4 +100 % .* 127\.0\.0\.1:{PORT}$")
            t.wait_for(r" upstream$")

    def test_processes(self):
        lab.make("unread", 3)
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("^unread ")
            t.press("5")
            t.wait_for(r"^PROCESS +DESCRIPTORS USED +CONNECTIONS$")
            t.wait_for(r"^a\?\[2J\S+\[\d+\] +\d+/\d+ \[[#.]{10}\] 6: 3 unread, 3 ")
            self.assert_sober(t)
            t.press("\r")
            t.wait_for(r"^process a\?\[2J\S+\[\d+\]$")
            t.wait_for(r"^findings +stuck-worker: ")
            t.wait_for(r"^state +[SR]: ")
            t.wait_for(r"^descriptors +\d+ open of \d+, \d+ % \(limit 80%\)$")
            t.wait_for(rf"^listens on +127\.0\.0\.1:{PORT}$")
            t.wait_for(r"^connections +6: 3 unread, ")
            self.assertNotIn("--app", t.text)  # command lines are not for every eye
            t.press("q")
            t.resize(40, 10)
            t.wait_for(r"^PROCESS +FDS CONNECTIONS$")
            t.wait_for(r"^a\?\[2J\S+\[\d+\] +\d% 6: 3 unread")
            self.assert_sober(t)

    def test_events(self):
        with self.watch(f":{PORT}", *FAST, columns=100) as t:
            t.wait_for("no connection matches")
            t.press("6")
            t.wait_for(r"^TIME +ABOUT +WHAT$")
            t.wait_for(r"^\d\d:\d\d:\d\d +watch +watch began: 0 connections, 1 service$")
            lab.make("unread", 2)
            t.wait_for(r"^\d\d:\d\d:\d\d +traffic +4 sockets appeared, 0 ended$")
            t.wait_for(rf"^\S+ +connection +127\.0\.0\.1:{PORT} <- .*  unread, was ")
            t.wait_for(r"^\S+ +finding +stuck-worker opened: ")
            lab.make("end")
            t.wait_for(rf"^\S+ +connection +127\.0\.0\.1:{PORT} <- .*  ended, was unread; gone")
            t.wait_for(r"^\S+ +finding +stuck-worker closed: ")
            self.assert_sober(t)
            t.press("G")
            t.wait_selected("watch began")
            lab.make("unread", 1)
            time.sleep(1)
            self.assertIn("watch began", t.selected())
            t.press("\r")
            t.wait_for(r"^event 1 of \d+$")
            t.wait_for(r"^what +watch began: ")
            t.press("q")
            t.resize(40, 10)
            t.wait_for(r"^TIME +WHAT$")
            self.assert_sober(t)

    def table(self, t, heading):
        """The screen from the heading to above the keys."""
        lines = t.lines
        start = next(i for i, line in enumerate(lines) if re.search(heading, line))
        return lines[start:-1]

    def test_views_of_a_recording(self):
        """Each view as it was before; UPDATE=1 in the environment accepts what is now."""
        headings = {"2": "^(SEVERITY|S) +FINDING", "3": "^(SEVERITY|S) +LISTENER",
                    "4": "^WORST", "5": "^PROCESS", "6": "^TIME"}
        pages = {"4": "^peer ", "5": "^process ", "6": r"^event \d+ of"}
        path = os.path.join(HERE, "..", "golden", "stuck-worker", "recording.cdrec")
        for columns, lines in ((80, 24), (40, 10)):
            seen = []
            with self.watch("--read", path, "-i", "100ms", columns=columns,
                            lines=lines) as t:
                t.wait_for("^unread ")
                time.sleep(1)  # to the end of the recording
                for key, heading in headings.items():
                    t.press(key)
                    t.wait_for(heading)
                    time.sleep(0.3)
                    self.assert_sober(t)
                    seen.append(f"== view {key}")
                    seen += filter(None, self.table(t, heading))
                    if columns < 80 or key not in pages:
                        continue
                    t.press("\r")
                    t.wait_for(pages[key])
                    time.sleep(0.3)
                    seen.append(f"== page {key}")
                    seen += filter(None, self.table(t, pages[key]))
            file = os.path.join(HERE, f"views-{columns}x{lines}.txt")
            if os.environ.get("UPDATE"):
                with open(file, "w", encoding="utf-8") as out:
                    out.write("\n".join(seen) + "\n")
            with open(file, encoding="utf-8") as expected:
                self.assertEqual(seen, expected.read().splitlines())

    def test_a_service_that_goes_and_comes_back_is_an_event(self):
        with self.watch(f":{PORT}", *FAST, columns=120) as t:
            t.wait_for("no connection matches")
            t.press("6")
            t.wait_for("watch began")
            lab.make("listen_anew")
            t.wait_for(rf"^\S+ +service +127\.0\.0\.1:{PORT} has gone: nobody listens there any "
                       r"more; was a\?\[2J")
            t.wait_for(rf"^\S+ +service +127\.0\.0\.1:{PORT} listens anew, the same process, "
                       r"nobody listened for about 1\.\ds; is a\?\[2J")
            t.press("3")
            t.wait_for(rf"127\.0\.0\.1:{PORT} +0/64")
            self.assert_sober(t)

    def test_filter_is_live(self):
        lab.make("unread", 2)
        lab.make("close_wait", 1)
        with self.watch(f":{PORT}", *FAST, columns=100) as t:
            t.wait_for("^unread ")
            t.wait_for("^close-wait-unread ")
            t.press("/state close-wait")
            t.wait_for(r"^filter / state close-wait$")
            t.wait_for(rf"^filter :{PORT} and state close-wait  1 of \d connections: 1 close")
            self.assertNotRegex(t.text, "(?m)^unread ")
            t.press(" an")  # no term: the old one stays in force
            t.wait_for(r"^filter / state close-wait an$")
            caret = t.wait_for(r"^( +)\^ .*\S")
            self.assertEqual(len(caret.group(1)), len("filter / state close-wait "))
            t.press("\r")  # cannot be kept
            time.sleep(0.3)
            self.assertIn("filter / state close-wait an", t.text)
            t.wait_for(rf"^filter :{PORT} and state close-wait  1 of ")
            t.press("\x17\x17\x17verdict unread\r")
            t.wait_for(rf"^filter :{PORT} and verdict unread  2 of ")
            t.wait_for("^q Quit")
            t.press("\x1bOS\x15idle >= 0s")  # F4
            t.wait_for(rf"^filter :{PORT} and idle >= 0s  ")
            t.press("\x1b")
            t.wait_for(rf"^filter :{PORT} and verdict unread  2 of ")
            t.press("/\x15")
            t.wait_for(rf"^filter :{PORT}  \d connections")
            t.press("age >= 1h\r")
            t.wait_for("no connection matches")
            t.press("/\x15age < 1h\r")
            t.wait_for(rf"^filter :{PORT} and age < 1h  \d connections")
            t.press("/\x1bOA\x1bOA\x1bOA")
            t.wait_for(r"^filter / verdict unread$")
            t.press("\x1bOB")
            t.wait_for(r"^filter / age >= 1h$")
            t.press("\x15dev nosuch0")
            t.wait_for("no interface 'nosuch0' here")
            t.press("\x15\xe9\x1bOD\x1b[3~\x1b")
            t.wait_for(rf"^filter :{PORT} and age < 1h  ")
            t.press("p/\x15verdict unread\r")  # frozen: of what is shown
            t.wait_for(rf"^filter :{PORT} and verdict unread  2 of ")
            self.assert_sober(t)

    def test_keys_are_answered_at_once(self):
        lab.make("idle", 20)
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("^(idle|active) ")
            time.sleep(0.5)
            delays = []
            for key, seen in (("?", "^Program"), ("q", "^VERDICT"), ("\r", "^verdict "),
                              ("q", "^VERDICT"), ("2", "^SEVERITY"), ("1", "^VERDICT"),
                              ("/", "^filter / $|^filter /$"), ("\x1b", "^q Quit")) * 3:
                before = time.monotonic()
                t.press(key)
                t.wait_for(seen)
                delays.append(time.monotonic() - before)
                time.sleep(0.15)
            # The wait of wait_for() included; the machine may be busy.
            self.assertLess(sorted(delays)[len(delays) // 2], 0.2, delays)

    # -- the keys of an incident ----------------------------------------------

    def kept(self, name):
        return os.path.join(self.state, "conn-doctor", name)

    def peers(self, terminal):
        """The ports of the peers, line by line."""
        found = [re.search(r"127\.0\.0\.1:(\d+) +[A-Z]", line) for line in terminal.lines]
        return [match.group(1) for match in found if match]

    def test_find(self):
        lab.make("idle", 4)
        lab.make("unread", 2)
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("^unread ")
            t.press("p")
            t.wait_for("FROZEN")
            healthy = t.wait_for("^(idle|active) ").group()
            word = healthy.strip().upper()
            t.press("\x1bOR")  # F3
            t.wait_for("^find *$")
            t.wait_for("^Enter Keep")
            t.press(word + "\r")
            t.wait_selected(healthy)
            first = t.selected()
            t.press("n")
            time.sleep(0.3)
            self.assertIn(healthy, t.selected())
            self.assertNotEqual(t.selected(), first)
            t.press("N")
            t.wait_selected(first)
            t.press("N")
            t.wait_for(f"^found again from the other end: {word}$")
            self.assertIn(healthy, t.selected())
            t.press("\x1bOR\x15no such thing\r")
            t.wait_for("^not found: no such thing$")
            t.press("\x1bOR\x15esc")
            t.press("\x1b")
            t.wait_for("^q Quit")
            self.assertRegex(t.text, "(?m)^unread ")  # the filter is as it was
            t.press("2\x1bOR\x15STUCK-w\r")
            t.wait_selected("stuck-worker")
            t.press("3n")
            t.wait_for("^not found: STUCK-w$")
            t.press("\x1bOR\x15:300\r")
            t.wait_selected(f":{PORT}")

    def test_sort_menu(self):
        lab.make("idle", 3)
        with self.watch(f":{PORT}", *FAST, columns=110) as t:
            t.wait_for("^(idle|active) ")
            t.press("s")
            t.wait_for("^ Sort by")
            t.wait_selected_part("* VERDICT")
            t.wait_for("^Enter Take  Esc Back")
            t.press("jj\r")
            t.wait_for("by PEER ")
            t.press("\x1b[17~")  # F6
            t.wait_for(r"^ \* PEER ")
            t.press("G\x1b")
            t.wait_for("by PEER ")
            t.press("I")
            t.wait_for("by PEER reversed")
            t.press("<")
            t.wait_for("by SINCE ")
            t.press("s")
            t.wait_for("^ Sort by")
            lab.make("unread")  # goes on below
            t.press("q")
            t.wait_for("^unread ")

    def test_groups(self):
        lab.make("idle", 3)
        lab.make("unread", 2)
        with self.watch(f":{PORT}", *FAST, columns=110) as t:
            t.wait_for("^unread ")
            t.press("t")
            t.wait_for(r"^\+ 127\.0\.0\.1  10 connections  worst unread  oldest \S+  RQ 200 B  SQ 0 B$")
            t.wait_for("  by peer ")
            t.press("\r")
            t.wait_for(r"^- 127\.0\.0\.1  10 connections")
            t.wait_for("^  unread ")
            t.press("jjj")
            row = t.selected()
            t.press("z")  # of the row: the group stays selected
            t.wait_for(r"^\+ 127\.0\.0\.1")
            t.wait_selected("+ 127.0.0.1")
            t.press("*")
            t.wait_for(r"^- 127\.0\.0\.1")
            t.press("t")
            t.wait_for("  by process ")
            t.press("*")
            t.wait_for(r"^\+ .*\[\d+\]  10 connections")
            t.press("*")
            t.wait_for(r"^- .*\[\d+\]  10 connections")
            self.assert_sober(t)
            t.press("t")
            t.wait_for("  by verdict ")
            t.wait_for("^- unread  2 connections  worst unread ")
            t.press("t")
            t.wait_for("  by service ")
            t.wait_for(rf"^- 127\.0\.0\.1:{PORT} .* 5 connections")
            t.wait_for(r"^- no service here  5 connections")
            t.press("t")
            t.wait_for("^unread ")
            self.assertIsNotNone(row)

    def test_marks_and_snapshots(self):
        lab.make("unread", 2)
        lab.make("idle", 2)
        with self.watch(f":{PORT}", *FAST, "--no-processes", columns=140) as t:
            t.wait_for("^unread ")
            t.press("\x13")  # Ctrl-S, which no terminal may take for itself
            path = t.wait_for(r"^saved (/\S+/snapshot-\d{8}T\d{6}Z\.json)$").group(1)
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
            self.assertEqual(report["schema"], "conn-doctor.report/1")
            # Both ends of each, and the listener.
            self.assertEqual(len(report["connections"]), 9)
            self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
            t.press("p  ")
            t.wait_for("  2 marked")
            t.wait_for(r"^\* unread .*\n\* unread ")
            marked = self.peers(t)[:2]
            t.press("gI")
            t.wait_for("reversed")
            t.wait_for("  2 marked")
            t.press("\x13")
            path = t.wait_for(r"^saved 2 marked: (/\S+)$").group(1)
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
            self.assertEqual(sorted(c["peer"].rsplit(":", 1)[1] if isinstance(c["peer"], str)
                                    else str(c["peer"]["port"])
                                    for c in report["connections"]), sorted(marked))
            self.assertEqual({c["verdict"] for c in report["connections"]}, {"unread"})
            t.press("\x13")  # of the same second: nothing is lost
            t.wait_for(rf"^saved 2 marked: (?!{re.escape(path)}$)/\S+Z-\d\.json$")
            self.assertEqual(len(os.listdir(self.kept(""))), 3)
            t.press("u")
            t.wait_for("^(idle|active|unread) ")
            time.sleep(0.3)
            self.assertNotIn("marked", t.text)
            self.assertEqual([name for name in os.listdir(self.kept("")) if name[0] == "."], [])

    def test_a_snapshot_that_cannot_be_saved_says_so(self):
        with open(self.kept("")[:-1], "w", encoding="ascii"):
            pass
        with self.watch(*FAST, "--no-processes") as t:
            t.wait_for("^VERDICT")
            t.press("\x13")
            t.wait_for("^not saved: .*conn-doctor")
            t.press("C")
            t.wait_for("^not kept: ")
        with self.watch(*FAST, "--no-processes", XDG_STATE_HOME="", HOME="") as t:
            t.wait_for("^VERDICT")
            t.press("\x13")
            t.wait_for("^not saved: neither XDG_STATE_HOME nor HOME ")
            t.press("q")
            self.assertEqual(t.end(), 0)

    def test_row_as_json(self):
        lab.make("unread", 3)
        with self.watch(f":{PORT}", *FAST, columns=110, lines=100) as t:
            t.wait_for("^unread ")
            t.press("y")
            t.wait_for("^JSON$")
            t.wait_for('^  "verdict": "unread",$')
            t.wait_for("^}$")
            self.assert_sober(t)
            text = "\n".join(t.lines)
            row = json.loads(text[text.index("\n{\n"):text.index("\n}\n") + 3])
            self.assertEqual(row["schema"], "conn-doctor.connection/1")
            t.press("x")
            t.wait_for("^What it means$")
            t.press("y")
            t.wait_for("^JSON$")
            t.press("y")
            t.wait_for("^VERDICT")
            t.press("2")
            t.wait_for(r"^(WARNING|CRITICAL) +stuck-worker ")
            t.press("y")
            t.wait_for('^  "check": "stuck-worker",$')
            t.press("q3y")
            t.wait_for(rf'^  "listener": "127\.0\.0\.1:{PORT}",$')
            self.assert_sober(t)
            t.press("q1y")
            t.wait_for('^  "verdict": "unread",$')
            lab.make("end")
            t.wait_for("^GONE since .*JSON")

    def test_explain(self):
        lab.make("unread", 3)
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("^unread ")
            t.press("x")
            t.wait_for("^What it means$")
            t.wait_for("^unread$")
            t.press("G")
            t.wait_for("explain unread --stack NAME")
            t.resize(40, 10)
            t.press("g")
            t.wait_for("^unread$")
            self.assertTrue(all(len(line) <= 40 for line in t.lines))
            t.resize(80, 24)
            t.press("q2")
            t.wait_for(r"^(WARNING|CRITICAL) +stuck-worker ")
            t.press("x")
            t.wait_for("^stuck-worker$")
            t.press("q3x")
            t.wait_for("^stuck-worker$")
            self.assert_sober(t)

    def test_follow(self):
        lab.make("idle", 15)
        with self.watch(f":{PORT}", *FAST, "--no-processes", columns=110) as t:
            t.wait_for("^(idle|active) ")
            t.press("G")
            time.sleep(0.3)
            peer = re.search(r"127\.0\.0\.1:\d+ ", t.selected()).group()
            t.press("F")
            t.wait_for(" FOLLOW ")
            t.press("I")
            t.wait_for("reversed")
            t.wait_selected(peer)
            lab.make("unread", 12)
            t.wait_for(": 12 unread, ")
            t.wait_selected(peer)
            t.press("k")
            t.wait_for("^q Quit")
            time.sleep(0.3)
            self.assertNotIn("FOLLOW", t.text)

    def test_options_are_kept(self):
        lab.make("unread", 1)
        arguments = (f":{PORT}", "--set", "unread-age=500ms")
        with self.watch(*arguments) as t:
            t.wait_for("^VERDICT +SINCE +PEER +STATE")
            t.wait_for("every 2s")
            t.press("+")
            t.wait_for("every 1s")
            t.press("\x1bOQ")  # F2
            t.wait_for("^ Columns and options")
            t.wait_for(r"^ group by +< none >")
            t.press("jj ")
            t.wait_for(r"^ ASCII only +< yes >")
            t.press("j>")
            t.wait_for(r"^ look every +< 2s >")
            t.press("<")
            t.wait_for(r"^ look every +< 1s >")
            t.press("jj ")
            t.wait_for(r"^ \[ \] SINCE ")
            t.press("jj>>>")  # STATE to the right of RQ
            t.wait_for(r"(?s)^ \[x\] RQ .*^ \[x\] STATE ")
            t.press("\x1b")
            t.wait_for("^VERDICT +PEER +RQ +STATE +SQ")
            t.press("q")
            self.assertEqual(t.end(), 0)
        with open(self.kept("watch.conf"), encoding="ascii") as file:
            text = file.read()
        self.assertIn("\nsince = no\n", text)
        self.assertEqual(os.stat(self.kept("watch.conf")).st_mode & 0o7777, 0o600)
        with self.watch(*arguments) as t:
            t.wait_for("^VERDICT +PEER +RQ +STATE +SQ")
            t.wait_for("every 1s")
        with self.watch(*arguments, "-i", "500ms") as t:
            t.wait_for("every 500ms")
        with open(self.kept("watch.conf"), "w", encoding="ascii") as file:
            file.write(text.replace("since = no", "since = perhaps"))
        with self.watch(*arguments) as t:
            t.wait_for("^/.*watch.conf is ignored: line ")
            t.wait_for("^VERDICT +SINCE +PEER +STATE")
            t.press("C")
            t.wait_for("^unread ")
            time.sleep(0.5)
            self.assertNotIn("is ignored", t.text)
        with open(self.kept("watch.conf"), encoding="ascii") as file:
            self.assertIn("\nsince = yes\n", file.read())

    def test_colour_schemes(self):
        lab.make("unread")
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("^unread ")
            t.press("C")
            time.sleep(0.5)
            t.press("C")
            time.sleep(0.5)
            with open(self.kept("watch.conf"), encoding="ascii") as file:
                text = file.read()
            self.assertIn("colours = mono", text)
            self.assertNotIn("interval", text)  # nobody chose that of the option
            before = len(t.raw)
            t.press("\x0c")  # all of it anew
            time.sleep(0.5)
            self.assertNotRegex(t.raw[before:], rb"\x1b\[[0-9;]*38;5;")
            self.assertRegex(t.text, "(?m)^unread ")

    def test_columns_scroll(self):
        lab.make("unread")
        with self.watch(f":{PORT}", *FAST, columns=60) as t:
            t.wait_for("^VERDICT +PEER +STATE +RQ( +SQ)?$")
            t.press("\x1bOC" * 20)
            t.wait_for("^VERDICT +PEER +EVIDENCE$")
            t.press("\x1bOD" * 20)
            t.wait_for("^VERDICT +PEER +STATE +RQ( +SQ)?$")

    def test_overlays_at_any_size(self):
        """They fit at 40x10, and nothing breaks on the way to 1x1 and back."""
        lab.make("unread", 3)
        for keys, seen in (("s", "^ Sort by"), ("\x1bOQ", "^ Columns and options"),
                           ("y", "^JSON$"), ("x", "^What it means$"), ("\x1bOR", "^find"),
                           ("t", r"^\+ 127\.0\.0\.1  "), (" ", r"^\* unread")):
            with self.subTest(keys), self.watch(f":{PORT}", *FAST, columns=40, lines=10) as t:
                t.wait_for("^unread ")
                t.press(keys)
                t.wait_for(seen)
                self.assert_sober(t)
                for size in ((1, 1), (39, 10), (40, 9), (2, 60), (250, 3)):
                    t.resize(*size)
                    time.sleep(0.1)
                    t.press("jGk")
                t.resize(40, 10)
                time.sleep(0.3)
                t.press("\x1bg")
                t.resize(80, 24)
                t.wait_for("^q Quit")
                t.press("qq")
                self.assertEqual(t.end(), 0)
                self.assert_restored(t)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.kept("watch.conf"))

    def test_suspend_with_a_menu_open(self):
        t = Terminal(lab.inside(sys.executable, "-B", os.path.abspath(__file__),
                                "--shell", PROGRAM, "watch", *FAST, "--mouse"),
                     XDG_STATE_HOME=self.state)
        try:
            t.wait_for("^VERDICT")
            t.press("s")
            t.wait_for("^ Sort by")
            t.press("\x1a")
            t.wait_for("STOPPED")
            self.assert_restored(t)
            self.assert_mouse_off(t)
            t.press("\n")
            while t.raw.count(b"\x1b[?1049h") < 2:
                time.sleep(0.05)
            t.wait_for("^ Sort by")
            t.press("\x1b")
            t.wait_for("^q Quit")
            t.press("\x13")
            t.wait_for("^saved ")  # Ctrl-S is still ours
            t.press("q")
            self.assertEqual(t.end(), 0)
            self.assert_restored(t)
            self.assert_mouse_off(t)
        finally:
            t.close()

    def assert_mouse_off(self, terminal):
        self.assertIn(b"\x1b[?1000h", terminal.raw.replace(b"1006;", b""))
        raw = terminal.raw.replace(b"1006;", b"")
        self.assertGreater(raw.rfind(b"\x1b[?1000l"), raw.rfind(b"\x1b[?1000h"))

    def test_mouse(self):
        lab.make("idle", 8)

        def click(t, x, y):
            for button in " #":  # pressed, released
                t.press(f"\x1b[M{button}{chr(33 + x)}{chr(33 + y)}")
                time.sleep(0.1)

        with self.watch(f":{PORT}", *FAST, "--mouse", "--no-processes", columns=130) as t:
            t.wait_for("^(idle|active) ")
            t.press("p")
            t.wait_for("FROZEN")
            heading = next(y for y, line in enumerate(t.lines) if line.startswith("VERDICT"))
            row = t.lines[heading + 4]
            click(t, 5, heading + 4)
            t.wait_selected(row)
            click(t, t.lines[heading].index("PEER") + 1, heading)
            t.wait_for("by PEER ")
            click(t, t.lines[heading].index("PEER") + 1, heading)
            t.wait_for("by PEER reversed")
            t.press("g")
            t.wait_selected(t.lines[heading + 1])
            t.press("\x1b[Ma!!")  # the wheel
            t.wait_selected(t.lines[heading + 4])
            t.press("\x1b[M`!!")
            t.wait_selected(t.lines[heading + 1])
            # What means nothing here must not make it wait for the next key.
            for event in ("#!!", "\"!!", "#!!", "b!!", "c!!", "!!!", "#!!"):
                t.press("\x1b[M" + event)
                time.sleep(0.2)
            age = t.wait_for("FROZEN ([0-9.]+m?s)").group(1)
            time.sleep(2.5)
            self.assertNotEqual(t.wait_for("FROZEN ([0-9.]+m?s)").group(1), age)
            t.press("s")
            t.wait_for("^ Sort by")
            click(t, 5, heading + 1)
            t.wait_for("every 250ms")
            time.sleep(0.3)
            self.assertNotIn("by PEER", t.text)
            t.press("q")
            self.assertEqual(t.end(), 0)
            self.assert_mouse_off(t)
        with self.watch(f":{PORT}", *FAST, "--mouse") as t:
            t.wait_for("^VERDICT")
            t.process.send_signal(signal.SIGSEGV)
            self.assertNotEqual(t.end(30), 0)
            self.assert_restored(t)
            self.assert_mouse_off(t)
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("^VERDICT")
            self.assertNotIn(b"1000h", t.raw)

    @contextlib.contextmanager
    def replay(self, *arguments, path=NIGHT, **options):
        with self.watch("--read", path, *arguments, columns=100, **options) as t:
            yield t

    def assert_pass(self, t, number, clock):
        """The pass, its time, and nothing of another one: all of the screen is its."""
        t.wait_for(rf"^conn-doctor .*2026-11-21 {clock} .* pass {number} of 100\b")

    def test_steps_and_jumps_in_a_recording(self):
        with self.replay() as t:
            t.wait_for(r" pass 1 of 100, taken in [\d.]+ms, 1x$")
            t.press("p")
            t.wait_for(r"^conn-doctor .* PAUSED ")
            t.press("T50%\r")
            self.assert_pass(t, 50, "13:10:43")
            t.press(".")
            self.assert_pass(t, 51, "13:10:45")
            stepped = t.text
            t.press("..")
            self.assert_pass(t, 53, "13:10:49")
            t.press(",,")
            self.assert_pass(t, 51, "13:10:45")
            self.assertEqual(t.lines[1], stepped.split("\n")[1])
            t.press("T13:12:20\r")  # between two passes: the one before
            self.assert_pass(t, 98, "13:12:19")
            t.wait_for("^CRITICAL  stuck-worker ")
            t.wait_for(r"^half-open +≥ 1m\d+s ")
            t.press("T+1m\r")
            self.assert_pass(t, 30, "13:10:03")
            t.wait_for("^20 connections: 20 active")
            self.assertNotIn("stuck-worker", t.text)
            t.resize(70, 16)
            t.wait_for("pass 30 of 100, 1x$")
            t.press(",.")
            t.resize(100, 24)
            self.assert_pass(t, 30, "13:10:03")
            t.press("p")
            t.wait_for(" pass 3[1-9] of 100")
            self.assertNotIn("PAUSED", t.text)
            self.assert_sober(t)

    def test_beginning_end_and_speed_of_a_recording(self):
        with self.replay("-i", "20s") as t:
            t.wait_for("pass 1 of 100, taken in [0-9.]+ms, every 20s$")
        with self.replay() as t:
            t.wait_for("pass 1 of 100.* 1x$")
            t.press("{{{{")
            t.wait_for("1/4x$")
            t.press("}}}")
            t.wait_for(" 2x$")
            t.press("}" * 9)
            t.wait_for(" 64x$")
            t.wait_for(r"^conn-doctor .* END .* pass 100 of 100", 30)
            t.press(".")
            t.wait_for("^this is the last pass of the recording")
            t.press("B")
            self.assert_pass(t, 1, "13:09:05")
            self.assertNotIn(" END ", t.lines[0])
            t.press(",")
            t.wait_for("^this is the first pass of the recording")
            t.press("E")
            self.assert_pass(t, 100, "13:12:23")
            t.wait_for(" END ")
            t.press(",")
            self.assert_pass(t, 99, "13:12:21")
            t.press("q")
            self.assertEqual(t.end(), 0)
            self.assert_restored(t)

    def test_a_time_that_is_none(self):
        with self.replay() as t:
            t.wait_for("pass 1 of 100")
            t.press("Tnoon\r")
            t.wait_for(r"^ +\^ 'noon' is not a time; write 18:00")
            t.press("\x15" + "23:00\r")
            t.wait_for(r"^ +\^ '23:00' is not in the recording, which goes from 2026")
            t.press("\x15" + "101%\r")
            t.wait_for(r"^ +\^ '101%' is no share of the recording")
            t.press("\x7f" * 4 + "0%")
            t.wait_for("^Enter Keep")
            t.press("\x1b")
            t.wait_for("^q Quit .*  T Time ")
            t.press("T\x10")  # nothing was kept, so there is no earlier entry
            time.sleep(0.3)
            t.wait_for("^time$")

    def test_what_is_open_while_a_recording_is_wound_back(self):
        with self.replay() as t:
            t.wait_for("pass 1 of 100")
            t.press("pE")
            self.assert_pass(t, 100, "13:12:23")
            t.press("\r")
            t.wait_for("^Evidence|^evidence| half-open")
            t.press("B")
            t.wait_for("^NOT THERE at 13:09:05, as seen later: ")
            t.press("E")
            self.assert_pass(t, 100, "13:12:23")
            self.assertNotIn("NOT THERE", t.text)
            t.press("6")
            t.wait_for("^13:12:")
            t.press("B")
            t.wait_for("^13:09:05")
            self.assertNotIn("13:12:", t.text)

    def test_keys_of_a_recording_are_shown_with_one(self):
        with self.replay() as t:
            t.wait_for("^q Quit .*  p Pause  , Back  [.] Step  T Time ")
            t.press("?")
            t.wait_for("^Program$")
            t.press("\x1b[6~")
            t.wait_for("^ T +go to a time ")
            self.assertNotIn("freeze the screen", t.text)
        with self.watch(f":{PORT}", *FAST) as t:
            t.wait_for("^q Quit ")
            self.assertNotIn("Step", t.text)
            for key in (".", ",", "T", "B", "E", "{"):
                t.press(key)
                t.wait_for("^this is live: only a recording ")
                t.press("j")
                self.wait_without(t, "this is live")
            self.assertNotIn("FROZEN", t.text)

    def wait_without(self, t, text, seconds=10):
        end = time.monotonic() + seconds
        while text in t.text and time.monotonic() < end:
            time.sleep(0.02)
        self.assertNotIn(text, t.text)

    def test_a_pipe_cannot_be_wound(self):
        command = f'exec {PROGRAM} watch --read <(cat {NIGHT}) 2>&1'
        t = Terminal(["bash", "-c", command], 100, 24, XDG_STATE_HOME=self.state)
        try:
            t.wait_for(r" pass 1, taken in [\d.]+ms, 1x$")
            t.press(",")
            t.wait_for("^only forward, with [.] : ")
            t.wait_for("PAUSED")
            t.press("T")
            t.wait_for("^only forward, with [.] : ")
            before = int(t.wait_for(r" pass (\d+), ").group(1))
            t.press(".")
            t.wait_for(f" pass {before + 1}, ")
            t.press(".")
            t.wait_for(f" pass {before + 2}, ")
        finally:
            t.close()

    def test_a_jump_into_damage_says_so(self):
        with open(NIGHT, "rb") as file:
            data = bytearray(file.read())
        data[len(data) // 2] ^= 0x5a
        path = os.path.join(self.state, "damaged.cdrec")
        with open(path, "wb") as file:
            file.write(data)
        with self.replay(path=path) as t:
            t.wait_for("pass 1 of 100")
            t.press("pT40%\r")
            self.assert_pass(t, 40, "13:10:23")
            t.press("E")
            t.wait_for(r"^error: .*damaged at byte \d+ \(pass \d+ ")
            self.assertNotIn(" END ", t.lines[0])
            t.press("T30%\r")
            self.assert_pass(t, 30, "13:10:03")
            self.wait_without(t, "error:")

    def test_a_recording_that_grows(self):
        with open(NIGHT, "rb") as file:
            whole = file.read()
        path = os.path.join(self.state, "growing.cdrec")
        with open(path, "wb") as file:
            file.write(whole[:len(whole) * 6 // 10])
        with self.replay(path=path) as t:
            t.wait_for(r"pass 1 of \d\d\b")
            t.press("E")
            t.wait_for(r" END .* pass (\d\d) of \1\b")
            with open(path, "ab") as file:
                file.write(whole[len(whole) * 6 // 10:])
            t.wait_for(r" of 100\+, ")
            self.assertNotIn(" END ", t.lines[0])
            t.press("E")
            t.wait_for(r" END .* pass 100 of 100\+")

    def test_recording(self):
        lab.make("unread", 2)
        with tempfile.TemporaryDirectory(prefix="cd-watch-") as folder:
            path = os.path.join(folder, "night.cdrec")
            lab.run(PROGRAM, "list", f":{PORT}", "-n", "3", "-i", "300ms",
                    "--record", path, stdout=subprocess.DEVNULL)
            recorded = time.time()
            time.sleep(2)
            with self.watch("--read", path, *FAST) as t:
                t.wait_for(r" END\b")
                shown = t.wait_for(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").group()
                at = calendar.timegm(time.strptime(shown, "%Y-%m-%d %H:%M:%S"))
                self.assertLess(abs(at - recorded), 2)
                t.wait_for(r"^unread ")
                t.press("q")
                self.assertEqual(t.end(), 0)
                self.assert_restored(t)
            with self.watch("--read", path, *FAST, "-n", "9") as t:
                self.assertEqual(t.end(), 0)
            with self.watch("--read", os.path.join(folder, "none"), *FAST) as t:
                self.assertEqual(t.end(), 3)
                self.assertIn("none", t.stderr())


def main():
    global lab
    if os.geteuid() != 0 or not shutil.which("ip"):
        print("needs root and ip(8) for a network namespace")
        return SKIP
    if not pyte:
        print("needs python3-pyte")
        return SKIP
    lab = Lab()
    return 0 if unittest.main(exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--app"]:
        run_app()
    elif sys.argv[1:2] == ["--shell"]:
        run_shell(sys.argv[2:])
    else:
        sys.exit(main())
