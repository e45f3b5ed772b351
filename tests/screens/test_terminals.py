# SPDX-License-Identifier: MIT
"""watch in every terminal it may meet: kinds of terminal, locales, multiplexers,
ssh; and every end of it leaves the terminal as it was.

Most of it looks at a recording, so that nothing but the terminal differs. Shells
run under tmux, whose own screen is what is looked at then.
"""
import contextlib
import itertools
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest

from test_watch import PROGRAM, SKIP, Terminal, pyte

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CASE = ROOT / "tests" / "golden" / "stuck-worker"
SSHD = "/usr/sbin/sshd"
COMMAND = [PROGRAM, "watch", *(CASE / "args").read_text().split(), "--read",
           str(CASE / "recording.cdrec"), "-i", "100ms"]
NO_SETTINGS = {"CONN_DOCTOR_CONFIG": "none", "XDG_STATE_HOME": os.devnull,
               "HOME": os.devnull}
FULL = ("linux", "xterm", "xterm-256color", "vt100", "screen", "tmux-256color")
PLAIN = ("dumb", "")
COLOR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])(?:[;:][0-9;:]*)?m")
END = r" END\b"


class Timed(Terminal):
    """It knows when what came."""

    def __init__(self, *arguments, **options):
        self.chunks = []
        super().__init__(*arguments, **options)

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            with self.lock:
                self.chunks.append((time.monotonic(), len(data)))
                self.raw += data
                self.stream.feed(data)

    def since(self, begin):
        with self.lock:
            return [chunk for chunk in self.chunks if chunk[0] >= begin]


@contextlib.contextmanager
def opened(*options, argv=None, columns=100, lines=30, term="screen-256color",
           **environment):
    terminal = Timed([*(argv or COMMAND), *options], columns, lines, term,
                     **NO_SETTINGS, **environment)
    try:
        yield terminal
    finally:
        terminal.close()


def capability(term, name):
    """The sequence of a terminal, b"" if it has none; as terminfo has it."""
    done = subprocess.run(["tput", "-T", term, name], capture_output=True, check=False)
    return re.sub(rb"\$<[^>]*>", b"", done.stdout)


def children(pid):
    with contextlib.suppress(OSError):
        return [int(child) for child in pathlib.Path(
            f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def is_running(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


def until(what, seconds, text):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError(text() if callable(text) else text)


def kill_twice(pid):
    """Two signals before it can do anything about the first."""
    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP, signal.SIGCONT):
        os.kill(pid, number)


# -- a shell in tmux ----------------------------------------------------------

class Tmux:
    """A server of its own with one shell in a window of fixed size."""

    numbers = itertools.count()

    def __init__(self, columns=100, lines=30):
        self.name = f"cd-{os.getpid()}-{next(self.numbers)}"
        self.marks = itertools.count(1)
        environment = {key: value for key, value in os.environ.items() if key in
                       ("PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "TMUX_TMPDIR")}
        subprocess.run(
            ["tmux", "-L", self.name, "-f", os.devnull, "new-session", "-d", "-x",
             str(columns), "-y", str(lines), "env", "PS1=$ ", "bash", "--norc",
             "--noprofile"],
            check=True, env={**environment, **NO_SETTINGS, "LC_ALL": "C.UTF-8",
                             "TZ": "UTC", "TERM": "xterm-256color"})
        self.run("set-option", "-g", "default-terminal", "tmux-256color")
        self.pid = int(self.ask("#{pid}"))
        self.shell = int(self.ask("#{pane_pid}"))
        self.wait_for(r"^\$")
        self.command("export TERM=tmux-256color; ulimit -c 0")

    def run(self, *words):
        return subprocess.run(["tmux", "-L", self.name, *words], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=20).stdout

    def ask(self, what):
        return self.run("display-message", "-p", what).strip()

    @property
    def text(self):
        return self.run("capture-pane", "-p")

    def wait_for(self, pattern, seconds=10):
        return until(lambda: re.search(pattern, self.text, re.M), seconds,
                     lambda: f"no {pattern!r} on the screen:\n{self.text}")

    def type(self, text):
        self.run("send-keys", "-l", text)

    def press(self, *keys):
        self.run("send-keys", *keys)

    def command(self, text, seconds=10):
        """What a command prints; that it is echoed shows that echo is on."""
        mark = f"{next(self.marks)}-{os.getpid()}"
        self.press("C-l")
        self.type(f"{text}; echo \"done\" {mark}")
        self.wait_for(re.escape(mark))
        self.press("Enter")
        self.wait_for(rf"^done {mark}", seconds)
        return self.run("capture-pane", "-p", "-J").split(f"done {mark}")[0]

    def settings(self):
        """Without the size, which may have changed."""
        text = self.command("stty -a")
        return re.sub(r"(rows|columns) \d+", "", text[text.index("speed"):])

    def watch(self, *options, wanted="^unread "):
        """Starts it; its process."""
        self.press("C-l")
        self.type(shlex.join([*COMMAND, *options]))
        self.press("Enter")
        self.wait_for(wanted, 20)
        return until(lambda: children(self.shell), 5, "the shell has no child")[0]

    def screen_state(self):
        """Whether the other screen is up, and the cursor."""
        return self.ask("#{alternate_on} #{cursor_flag}")

    def close(self):
        subprocess.run(["tmux", "-L", self.name, "kill-server"], check=False,
                       stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def shell(**options):
    tmux = Tmux(**options)
    try:
        yield tmux
    finally:
        tmux.close()


# -- the tests ----------------------------------------------------------------

class KindsTest(unittest.TestCase):
    def test_every_terminal_in_both_locales(self):
        for term, locale in itertools.product(FULL, ("C", "C.UTF-8")):
            with self.subTest(term=term, locale=locale), \
                    opened(term=term, LC_ALL=locale) as t:
                t.wait_for("^unread ")
                t.wait_for(END)
                t.press("q")
                self.assertEqual(t.end(), 0, t.stderr())
                self.assertEqual(termios.tcgetattr(t.slave), t.before)
                for begin, end in (("smcup", "rmcup"), ("civis", "cnorm"),
                                   ("smkx", "rmkx")):
                    begin, end = capability(term, begin), capability(term, end)
                    if begin and end:
                        self.assertGreater(t.raw.rfind(end), t.raw.rfind(begin))
                        self.assertIn(begin, t.raw)
                if locale == "C":
                    self.assertFalse(any(byte >= 0x80 for byte in t.raw))

    def test_terminals_without_a_cursor_get_blocks_of_text(self):
        for term, locale in itertools.product(PLAIN, ("C", "C.UTF-8")):
            argv = COMMAND if term else ["env", "-u", "TERM", *COMMAND]
            with self.subTest(term=term, locale=locale), \
                    opened(argv=argv, term=term, LC_ALL=locale) as t:
                self.assertEqual(t.end(), 0)
                self.assertIn("watch needs a terminal that can position the cursor",
                              t.stderr())
                self.assertIn(b"unread", t.raw)
                self.assertNotIn(b"\x1b", t.raw)
                if locale == "C":
                    self.assertFalse(any(byte >= 0x80 for byte in t.raw))

    def test_no_color_means_none(self):
        for term in ("xterm-256color", "linux", "screen"):
            with self.subTest(term), opened(term=term) as t:
                t.wait_for(END)
                self.assertRegex(t.raw, COLOR)  # the search can find one
            for options, environment in (((), {"NO_COLOR": "1"}),
                                         (("--color=never",), {})):
                with self.subTest(term, options=options), \
                        opened(*options, term=term, **environment) as t:
                    t.wait_for(END)
                    for key, seen in (("?", "^Program"), ("q", "^VERDICT"),
                                      ("2", "^SEVERITY"), ("\r", "^summary")):
                        t.press(key)
                        t.wait_for(seen)
                    t.press("\x03")
                    t.end()
                    self.assertNotRegex(t.raw, COLOR)

    def test_letters_tell_what_colours_tell(self):
        """The same text with and without colour, on every screen."""
        keys = ("1", "2", "\r", "\x1b", "3", "\r", "\x1b", "1", "\r", "\x1b", "?")
        texts = {}
        for option in ("--color=always", "--color=never"):
            with opened(option, columns=120, lines=40) as t:
                t.wait_for(END)
                texts[option] = []
                for key in keys:
                    t.press(key)
                    time.sleep(0.5)
                    texts[option].append(t.text)
                self.assertEqual(bool(COLOR.search(t.raw)), option == "--color=always")
        self.assertGreaterEqual(len(set(texts["--color=never"])), 6)
        for colored, plain in zip(*texts.values()):
            self.assertEqual(colored, plain)
        self.assertRegex(texts["--color=never"][1], r"(?m)^CRITICAL +stuck-worker ")
        self.assertRegex(texts["--color=never"][0], r"(?m)^unread ")

    def test_what_is_coloured_has_a_word(self):
        """Nothing in a colour of severity is without letters."""
        with opened(columns=120, lines=40) as t:
            t.wait_for(END)
            for key in "123":
                t.press(key)
                time.sleep(0.5)
                for y, line in enumerate(t.lines):
                    colored = "".join(t.screen.buffer[y][x].data for x in range(len(line))
                                      if t.screen.buffer[y][x].fg != "default")
                    # Bars have their word beside them; of a history, which is
                    # several lines high, it stands in the first one.
                    if colored.strip() and not re.fullmatch(r"[\s▁-█]*", line):
                        self.assertRegex(line, "[A-Za-z]{2}")

    def test_sizes(self):
        for columns, lines in ((250, 80), (1, 1)):
            with self.subTest((columns, lines)), opened(columns=columns, lines=lines) as t:
                if columns > 1:
                    t.wait_for("^unread ")
                    t.wait_for(END)
                else:
                    time.sleep(1)
                t.press("j2\r?\x1b")
                time.sleep(0.3)
                t.press("\x03")
                self.assertEqual(t.end(), -signal.SIGINT)
                self.assertEqual(termios.tcgetattr(t.slave), t.before)


class QuietTest(unittest.TestCase):
    def test_nothing_is_written_for_nothing(self):
        with opened() as t:
            t.wait_for(END)
            time.sleep(0.5)
            begin = time.monotonic()
            time.sleep(2)
            self.assertEqual(t.since(begin), [])

    def test_ages_that_tick_are_few_bytes(self):
        """Twenty idle connections, seen every second for five seconds."""
        lab = subprocess.Popen([PROGRAM, "lab", "healthy", "--count=20", "--hold=1m"],
                               stdout=subprocess.PIPE, text=True)
        try:
            network = None
            for line in lab.stdout:
                network = re.search(r"--net=\S+", line) or network
                if line.startswith("It stays"):
                    break
            with opened(argv=["nsenter", network.group(), PROGRAM, "watch", ":30020",
                              "-i", "1s"], columns=120, lines=40) as t:
                t.wait_for("^idle .*s ", 30)
                time.sleep(3)
                begin, before = time.monotonic(), t.text
                time.sleep(5)
                count = sum(size for _, size in t.since(begin))
                print(f"  {count / 5:.0f} bytes a second while ages tick", file=sys.stderr)
                self.assertNotEqual(t.text, before)
                self.assertLess(count / 5, 2000)
        finally:
            lab.terminate()
            lab.wait(10)
            lab.stdout.close()

    def test_ten_redraws_a_second(self):
        """A key every 15 ms, each of which moves the selection."""
        with opened() as t:
            t.wait_for(END)
            t.press("g")
            time.sleep(0.5)
            begin = time.monotonic()
            for i in range(200):
                t.press("jk"[i // 2 % 2])
                time.sleep(0.015)
            seconds = time.monotonic() - begin
            time.sleep(0.5)
            chunks = [at for at, _ in t.since(begin)]
            frames = sum(b - a > 0.008 for a, b in zip([0, *chunks], chunks))
            print(f"  {frames} redraws in {seconds:.1f} s of 200 keys", file=sys.stderr)
            self.assertGreater(frames, 4)
            # What it has saved up for quick answers, and the last one.
            self.assertLessEqual(frames, 10 * seconds + 4)

    def test_a_flood_of_keys_is_taken(self):
        with opened() as t:
            t.wait_for(END)
            for _ in range(100):
                t.press("jk" * 40)
            begin = time.monotonic()
            t.press("?")
            t.wait_for("^Program", 2)
            self.assertLess(time.monotonic() - begin, 2)


class ShellTest(unittest.TestCase):
    """In bash under tmux: as people start it."""

    def assert_as_before(self, tmux, settings):
        self.assertEqual(tmux.settings(), settings)
        self.assertEqual(tmux.screen_state(), "0 1")
        self.assertIn("\nA2B", tmux.command("echo A$((1+1))B"))

    def test_ctrl_z_and_fg(self):
        with shell() as tmux:
            settings = tmux.settings()
            pid = tmux.watch()
            self.assertEqual(tmux.screen_state(), "1 0")
            for _ in range(2):
                tmux.press("C-z")
                tmux.wait_for(r"Stopped")
                self.assert_as_before(tmux, settings)
                self.assertTrue(is_running(pid))
                tmux.type("fg")
                tmux.press("Enter")
                tmux.wait_for("^unread ")
                tmux.wait_for("^q Quit")
                self.assertEqual(tmux.screen_state(), "1 0")
            tmux.press("2")
            tmux.wait_for("^SEVERITY")
            tmux.press("q")
            tmux.wait_for(r"\$ *$")
            self.assert_as_before(tmux, settings)

    def test_a_size_changed_while_stopped(self):
        with shell(columns=100, lines=30) as tmux:
            tmux.watch()
            tmux.press("C-z")
            tmux.wait_for("Stopped")
            tmux.run("resize-window", "-x", "80", "-y", "24")
            tmux.type("fg")
            tmux.press("Enter")
            tmux.wait_for("^unread ")
            until(lambda: tmux.text.rstrip("\n").split("\n")[23:24] and
                  tmux.text.split("\n")[23].startswith("q Quit"), 5,
                  lambda: f"no keys in the last line:\n{tmux.text}")

    def end(self, tmux, how):
        """The settings before watch and behind it, without a shell that repairs them."""
        with tempfile.TemporaryDirectory(prefix="cd-terminals-") as folder:
            before, after = (pathlib.Path(folder, name) for name in ("before", "after"))
            script = (f"trap : INT QUIT; stty sane; stty -a >{before}; {shlex.join(COMMAND)}; "
                      f"stty -a >{after}")
            tmux.press("C-l")
            tmux.type(shlex.join(["sh", "-c", script]))
            tmux.press("Enter")
            tmux.wait_for("^unread ", 20)
            self.assertEqual(tmux.screen_state(), "1 0")
            script = children(tmux.shell)[0]
            pid = children(script)[0]
            how(pid)
            until(lambda: not is_running(pid), 10, "it goes on")
            until(lambda: not is_running(script), 10, "its shell goes on")
            return before.read_text(), after.read_text()

    def test_every_end(self):
        with shell() as tmux:
            ends = {number.name: lambda pid, number=number: os.kill(pid, number)
                    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT,
                                   signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM,
                                   signal.SIGXCPU, signal.SIGSEGV, signal.SIGABRT)}
            ends["a second signal"] = kill_twice
            ends |= {key: lambda _, key=key: tmux.press(key)
                     for key in ("C-c", "C-\\", "q", "F10")}
            for name, how in ends.items():
                with self.subTest(name):
                    before, after = self.end(tmux, how)
                    self.assertIn(" icanon", before)
                    self.assertEqual(after, before)
                    self.assertEqual(tmux.screen_state(), "0 1")
                    self.assertIn("\nA2B", tmux.command("stty sane; echo A$((1+1))B"))

    def test_the_pane_is_closed(self):
        for ignore in ([], ["env", "--ignore-signal=HUP"]):
            with self.subTest(ignore), shell() as tmux:
                tmux.run("new-window", shlex.join([*ignore, *COMMAND]))
                pid = until(lambda: [int(p) for p in [tmux.ask("#{pane_pid}")]
                                     if int(p) != tmux.shell], 5, "no second window")[0]
                tmux.wait_for("^unread ")
                tmux.run("kill-pane")
                until(lambda: not is_running(pid), 2, "it goes on without a terminal")

    def test_tmux_dies(self):
        with shell() as tmux:
            pid = tmux.watch()
            os.kill(tmux.pid, signal.SIGKILL)
            until(lambda: not is_running(pid), 2, "it goes on without a terminal")

    def test_a_storm_of_sizes(self):
        """What is there afterwards is what would be there without it."""
        with shell(columns=100, lines=30) as tmux:
            tmux.watch(wanted=END)
            time.sleep(0.5)
            before = tmux.text
            sizes = random.Random(4)
            for _ in range(60):
                tmux.run("resize-window", "-x", str(sizes.randint(1, 250)), "-y",
                         str(sizes.randint(1, 80)))
            for columns, lines in ((1, 1), (250, 80), (40, 10), (100, 30)):
                tmux.run("resize-window", "-x", str(columns), "-y", str(lines))
                time.sleep(0.05)
            until(lambda: tmux.text == before, 5,
                  lambda: f"before:\n{before}\nafter:\n{tmux.text}")


class ElsewhereTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cd-terminals-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_screen(self):
        if not shutil.which("screen"):
            self.skipTest("needs screen(1)")
        folder = os.path.join(self.folder, "sockets")
        os.mkdir(folder, 0o700)
        name = f"cd-{os.getpid()}"
        argv = ["screen", "-U", "-c", os.devnull, "-S", name, "bash", "--norc"]
        with opened(argv=argv, term="xterm-256color", SCREENDIR=folder, PS1="$ ") as t, \
                contextlib.ExitStack() as stack:
            stack.callback(subprocess.run, ["screen", "-S", name, "-X", "quit"],
                           check=False, stdout=subprocess.DEVNULL, timeout=10,
                           env={**os.environ, "SCREENDIR": folder})
            t.wait_for(r"^\S*\$")
            t.press("stty -a > " + self.folder + "/before; echo $TERM\r")
            t.wait_for(r"^screen")
            for _ in range(2):
                t.press(shlex.join(COMMAND) + "\r")
                t.wait_for("^unread ", 20)
                t.wait_for("^q Quit")
                t.resize(80, 24)
                until(lambda: t.lines[23].startswith("q Quit"), 5, lambda: t.text)
                t.press("q")
                t.press("clear; stty -a > " + self.folder + "/after; echo A$((1+1))B\r")
                t.wait_for("^A2B")
                t.resize(100, 30)
            texts = [re.sub(r"(rows|columns) \d+", "", pathlib.Path(
                self.folder, name).read_text()) for name in ("before", "after")]
            self.assertEqual(*texts)

    def ssh(self):
        """ssh to a server that is its child: no port, and nobody else's business."""
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            os.path.join(self.folder, name)], check=True)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        server = shlex.join([
            SSHD, "-i", "-e", "-f", os.devnull, "-h", os.path.join(self.folder, "host"),
            "-o", "AuthorizedKeysFile=" + os.path.join(self.folder, "user.pub"),
            "-o", "StrictModes=no", "-o", "UsePAM=no", "-o", "PermitRootLogin=yes",
            "-o", "PrintMotd=no", "-o", "PrintLastLog=no"])
        return ["ssh", "-tt", "-F", os.devnull, "-i", os.path.join(self.folder, "user"),
                "-o", "ProxyCommand=" + server, "-o", "StrictHostKeyChecking=no", "-o",
                "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                "root@conn-doctor-test"]

    def remote(self):
        settings = [f"{key}={value}" for key, value in NO_SETTINGS.items()]
        return "echo pid $$; exec " + shlex.join(
            ["env", "LC_ALL=C.UTF-8", "TZ=UTC", *settings, *COMMAND])

    @unittest.skipUnless(os.path.exists(SSHD) and shutil.which("ssh"),
                         "needs ssh(1) and sshd(8)")
    def test_ssh(self):
        ssh = self.ssh()
        with self.subTest("q"), opened(argv=[*ssh, self.remote()]) as t:
            t.wait_for("^unread ", 20)
            t.resize(80, 24)
            until(lambda: t.lines[23].startswith("q Quit"), 5, lambda: t.text)
            t.press("q")
            self.assertEqual(t.end(), 0)
            self.assertEqual(termios.tcgetattr(t.slave), t.before)
            self.assertGreater(t.raw.rfind(b"\x1b[?1049l"), t.raw.rfind(b"\x1b[?1049h"))
        with self.subTest("the connection is lost"), \
                opened(argv=[*ssh, self.remote()]) as t:
            t.wait_for("^unread ", 20)
            pid = int(re.search(rb"pid (\d+)", t.raw).group(1))
            self.assertTrue(is_running(pid))
            t.process.kill()
            until(lambda: not is_running(pid), 5, "it goes on without a connection")


class RedirectedTest(unittest.TestCase):
    """No terminal, or half of one: blocks of text, or a plain error."""

    def run_in(self, redirection):
        """Exit status and what the terminal got."""
        line = f"exec {shlex.join(COMMAND)} {redirection}"
        with opened(argv=["sh", "-c", line]) as t:
            return t.end(), t.raw, t.stderr()

    def test_redirected_input(self):
        for redirection in ("</dev/null", "<&-"):
            with self.subTest(redirection):
                status, raw, stderr = self.run_in(redirection)
                self.assertEqual(status, 0)
                self.assertIn("printing every", stderr)
                self.assertIn(b"unread", raw)
                self.assertNotIn(b"\x1b[?1049h", raw)

    def test_redirected_output(self):
        with tempfile.TemporaryDirectory(prefix="cd-terminals-") as folder:
            path = pathlib.Path(folder, "out")
            status, raw, stderr = self.run_in(f">{path}")
            self.assertEqual((status, raw), (0, b""))
            self.assertIn("printing every", stderr)
            self.assertIn("unread", path.read_text())
            self.assertNotIn("\x1b", path.read_text())

    def test_output_that_fails(self):
        for redirection in (">&-", ">/dev/full"):
            with self.subTest(redirection):
                status, raw, stderr = self.run_in(redirection)
                self.assertEqual((status, raw), (3, b""), stderr)
                self.assertRegex(stderr, "cannot write|standard output is closed")


def main():
    missing = [tool for tool in ("tmux", "nsenter", "tput") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        print("needs root", *missing)
        return SKIP
    if not pyte:
        print("needs python3-pyte")
        return SKIP
    return 0 if unittest.main(exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
