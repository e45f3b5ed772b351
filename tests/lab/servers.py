# SPDX-License-Identifier: MIT
"""Real servers from Debian's packages, each on a machine of its own.

A *site* is a server's namespace and one for everybody else, with a cable between
them. A scenario starts its server there, lets its clients loose, and asks for the
whole machine's report: no filter, as at night. The healthy twin is the same server
with the same number of clients under a load that it serves.
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import lab

SERVER_ADDRESS = "10.91.0.1"
OTHERS_ADDRESS = "10.91.0.2"
CLIENT_COUNT = 8  # addresses of the clients: 10.91.0.10 and on
SHOW = bool(os.environ.get("LAB_SHOW"))  # the text of each sick report, to read


class Site:
    """Two namespaces, named after the scenario, and what runs in them."""

    def __init__(self, test, name):
        self.test, self.lab = test, test.lab
        self.server, self.others = f"{name}Here", f"{name}There"
        self._made = []
        here, there = (self.lab.ns(n) for n in (self.server, self.others))
        for name_of in (self.server, self.others):
            lab.run("ip", "netns", "add", self.lab.ns(name_of))
            self._made.append(name_of)
        lab.run("ip", "link", "add", "eth0", "netns", here, "type", "veth", "peer",
                "name", "eth0", "netns", there)
        hosts = [f"addr add 10.91.0.{10 + n}/24 dev eth0" for n in range(CLIENT_COUNT)]
        for namespace, lines in (
                (here, [f"addr add {SERVER_ADDRESS}/24 dev eth0"]),
                (there, [f"addr add {OTHERS_ADDRESS}/24 dev eth0", *hosts])):
            lab.run("ip", "-n", namespace, "-batch", "-", text="\n".join(
                ["link set lo up", "link set eth0 up", *lines]) + "\n")
        self.lab.join(self.server, self.others)
        self.folder = tempfile.mkdtemp(prefix=f"cd-{os.getpid()}-{name}-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self._processes = []
        self._stop = threading.Event()
        self._sockets = []
        test.addCleanup(self.close)

    def close(self):
        """Everything of this site, in the order that leaves nothing behind."""
        self._stop.set()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.close()
        for process, number in self._processes:
            if process.poll() is None:
                process.send_signal(number)
        for process, _ in self._processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        for name in self._made:
            for left in lab.run("ip", "netns", "pids", self.lab.ns(name),
                                check=False).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(left), signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *argv, port=None, namespace=None, end=signal.SIGKILL, before=(),
              **options):
        """A server; back when it listens on the port. Ended by the signal `end`."""
        log = open(self.path(f"log-{len(self._processes)}"), "w+", encoding="utf-8")
        self.test.addCleanup(log.close)
        options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **options}
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.lab.ns(namespace or self.server), "setpriv",
             *before, "--pdeathsig", "KILL", *argv], **options)
        self.lab.processes.append(process)
        self._processes.append((process, end))
        deadline = time.monotonic() + 30
        while port and not self._is_open(port, namespace or self.server):
            if process.poll() is not None or time.monotonic() > deadline:
                with open(log.name, encoding="utf-8", errors="replace") as text:
                    self.test.fail(f"{argv[0]} did not start: {text.read()[-2000:]}")
            time.sleep(0.1)
        return process

    def _is_open(self, port, namespace):
        return bool(lab.run("ip", "netns", "exec", self.lab.ns(namespace), "ss", "-tlnH",
                            f"( sport = :{port} )"))

    def children(self, process):
        """The workers, by pid; those that the server has now."""
        path = f"/proc/{process.pid}/task/{process.pid}/children"
        with open(path, encoding="ascii") as text:
            return sorted(int(pid) for pid in text.read().split())

    def connect(self, port, number=0, receive_buffer=None):
        """A client's socket; `number` tells its address."""
        sock = self.lab.socket(4, self.others)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(20)
        sock.bind((f"10.91.0.{10 + number % CLIENT_COUNT}", 0))
        sock.connect((SERVER_ADDRESS, port))
        self._sockets.append(sock)
        return sock

    def web(self, port, number=0):
        return Web(self, port, number)

    def repeat(self, work, pause):
        """work() again and again until the site is closed; it mends its own errors."""
        def run():
            while not self._stop.wait(pause):
                with contextlib.suppress(OSError, EOFError):
                    work()
        threading.Thread(target=run, daemon=True).start()

    def check(self, *options, namespace=None):
        """What conn-doctor says about the whole machine."""
        namespace = namespace or self.server
        argv = [self.lab.binary, "check", "--json", "--all-connections", *options]
        started = time.monotonic()
        done = subprocess.run(["ip", "netns", "exec", self.lab.ns(namespace), *argv],
                              capture_output=True, text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL)
        rows = lab.run("ip", "netns", "exec", self.lab.ns(namespace), "ss", "-tnaoipH")
        return lab.Result(argv, done.returncode, done.stdout, done.stderr, started,
                          time.monotonic() - started, rows)

    def read_aloud(self, *options, namespace=None):
        """The report as a person sees it."""
        return self.lab.run_in(namespace or self.server, self.lab.binary, "check",
                               "--no-pager", "--color=never", *options)


class Web:
    """An HTTP client on a kept connection; it connects again when that is closed."""

    def __init__(self, site, port, number):
        self.site, self.port, self.number = site, port, number
        self.sock = None
        self.answered = 0

    def ask(self, path):
        if not self.sock:
            self.sock = self.site.connect(self.port, self.number)
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nhost: lab\r\n\r\n".encode())
        return self

    def answer(self):
        lines = lab.http_answer(self.sock)
        self.answered += 1
        if b"connection: close" in lines:
            self.close()
        return self

    def get(self, path):
        try:
            self.ask(path).answer()
        except (OSError, EOFError):
            self.close()
            raise

    def close(self):
        if self.sock:
            self.sock.close()
        self.sock = None


def serve_load(site, port, count, slow="/slowish", brief="/ok"):
    """The load of a good day: `count` clients, of three kinds; all their Webs."""
    webs = [site.web(port, n) for n in range(count)]
    for n, web in enumerate(webs):
        path, pause = ((brief, 0.3), (brief, 3.5), (slow, 0.5))[n % 3]
        site.repeat(lambda web=web, path=path: web.get(path), pause)
    return webs


class ServerTest(lab.LabTest):
    """The assertions about a whole report."""

    attempts = 0

    def site(self, name):
        self.attempts += 1
        return Site(self, f"{name}{self.attempts}")

    def assertLeads(self, result, code, severity, pid=None, stack=None, remedy=(),
                    says=()):
        """The first finding: this code; its process, its server, what it advises."""
        self.assertTrue(result.doc["findings"], f"nothing found\n{result}")
        first = result.doc["findings"][0]
        self.assertEqual((first["check"], first["severity"]), (code, severity),
                         f"\n{result}")
        attributes = first.get("attributes", {})
        if pid is not None:
            self.assertIn(attributes.get("process.pid"),
                          pid if isinstance(pid, (list, tuple, set)) else [pid],
                          f"\n{result}")
        if stack is not None:
            self.assertEqual(attributes.get("service.name"), stack, f"\n{result}")
        advice = "\n".join([*first.get("next", []), *(
            line for remedy in first.get("remedies", [])
            for line in (remedy["text"], *remedy.get("flags", []),
                         *remedy.get("settings", [])))])
        story = "\n".join([first["summary"], *first.get("evidence", [])])
        for part in remedy:
            self.assertIn(part, advice, f"remedy\n{result}")
        for part in says:
            self.assertIn(part, story, f"story\n{result}")
        # What is popular and wrong (domain-facts.md 1) is never advised.
        for part in ("--no-reload", "tcp_tw_recycle", "max_overflow=-1"):
            self.assertNotIn(part, advice, f"\n{result}")
        return first

    def assertOneStory(self, result, codes=()):
        """Nothing above info beside the leading finding but its parts, and these."""
        first, *others = result.findings()
        for other in others:
            if other["check"] not in codes:
                self.assertEqual(other.get("part_of"), first.get("fingerprint"),
                                 f"a story of its own\n{result}")

    def assertStaysHealthy(self, site, times=4, pause=4, **where):
        """Nothing above info in several reports; the load must have been served."""
        for turn in range(times):
            if turn:
                time.sleep(pause)
            result = site.check(**where)
            self.assertFindings(result, {})
        return result

    def assertServed(self, webs, least):
        """The load was one: each of these clients was answered."""
        for web in webs:
            self.assertGreaterEqual(web.answered, least)

    def show(self, site, *options, **where):
        text = site.read_aloud(*options, **where)
        self.note(text if SHOW else text.splitlines()[0])
        return text
