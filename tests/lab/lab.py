# SPDX-License-Identifier: MIT
"""Real connections in a real, private network, each put into a known state.

    client ---- router ---- server        network namespaces cd-<pid>-<name>
       \\______________________/            "cable": a second, direct link

The client namespace has many addresses; each is one *host* to the server, with
an IPv4 and an IPv6 address. A host vanishes when the router drops its packets,
both ways and without a word. What the endpoints see then is pure silence.

A test file holds one unittest class per theme and ends with `lab.main()`. Its
tests run concurrently, each on its own port: most of a test is waiting.
"""
import atexit
import collections
import contextlib
import ctypes
import fcntl
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
LOCKS = "/run/conn-doctor-lab"
FAMILIES = (4, 6)
HOST_COUNT = 200
SKIP = 77
ATTEMPTS = 3
CLONE_NEWNET = 0x40000000
HEALTHY = {"active", "idle"}

libc = ctypes.CDLL(None, use_errno=True)


def run(*argv, check=True, text=None):
    """A command that must succeed and must not take long."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True,
                          timeout=60, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def http_answer(sock):
    """The lines of the head, in lower case, of a whole answer; its status must be 200."""
    def part():
        received = sock.recv(65536)
        if not received:
            raise EOFError("the server closed the connection")
        return received

    data = b""
    while b"\r\n\r\n" not in data:
        data += part()
    head, body = data.split(b"\r\n\r\n", 1)
    if b" 200 " not in head.splitlines()[0]:
        raise RuntimeError(head.decode("latin-1"))
    lines = head.lower().splitlines()
    length = next(int(line.split(b":")[1]) for line in lines
                  if line.startswith(b"content-length:"))
    while len(body) < length:
        body += part()
    return lines


class Host:
    """One remote machine, as the server sees it."""

    def __init__(self, lab, number):
        self.lab = lab
        self.number = number
        self.address = {4: f"10.90.1.{number}", 6: f"fd90:1::{number:x}"}

    def _element(self, verb, name):
        self.lab.nft(f"{verb} element inet lab {name}4 {{ {self.address[4]} }}\n"
                     f"{verb} element inet lab {name}6 {{ {self.address[6]} }}\n")

    def vanish(self):
        self._element("add", "gone")

    def come_back(self):
        self._element("delete", "gone")

    def start_loss(self, percent=20):
        """20 or 5 of a hundred packets to it are lost from now on."""
        self._element("add", f"lossy{percent}_")

    def end_loss(self, percent=20):
        self._element("delete", f"lossy{percent}_")

    def cut_after(self, count):
        """Vanishes by itself once the server has sent it count bytes."""
        for family, word in ((4, "ip"), (6, "ip6")):
            self.lab.nft(f"add rule inet lab forward {word} daddr "
                         f"{self.address[family]} quota over {count} bytes drop\n")


class Direct(Host):
    """A host at the other end of the server's second link."""

    def __init__(self, lab):  # pylint: disable=super-init-not-called
        self.lab = lab
        self.number = None
        self.address = {4: "10.90.20.1", 6: "fd90:20::1"}


class Remote(Host):
    """A host to which the server has a route of its own, which can go away."""

    def __init__(self, lab):  # pylint: disable=super-init-not-called
        self.lab = lab
        self.number = None
        self.address = {4: "10.90.9.2", 6: "fd90:9::2"}


class Client:
    """A client's end of one connection."""

    def __init__(self, sock, host, family):
        self.sock = sock
        self.host = host
        self.family = family
        self.id = None  # of the server's end, once it is accepted
        self.count = 0  # exchanges done, for a busy one
        self._stop = threading.Event()

    @property
    def name(self):
        address, port = self.sock.getsockname()[:2]
        return f"[{address}]:{port}" if self.family == 6 else f"{address}:{port}"

    def send(self, count=100):
        self.sock.sendall(b"c" * count)

    def exchange(self, count=100):
        """Sends and waits for the echo."""
        self.send(count)
        left = count
        while left:
            part = self.sock.recv(left)
            if not part:
                raise EOFError("the server closed during an echo")
            left -= len(part)
        self.count += 1

    def shutdown(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def keep_busy(self, interval=0.05):
        """Echo traffic until the end of the test."""
        self.sock.settimeout(None)

        def work():
            while not self._stop.wait(interval):
                try:
                    self.exchange()
                except OSError:
                    return
        threading.Thread(target=work, daemon=True).start()

    def keep_reading(self, count=65536, interval=0.0):
        """Reads up to count bytes each interval."""
        self.sock.settimeout(None)

        def work():
            while not self._stop.wait(interval):
                try:
                    data = self.sock.recv(count)
                except OSError:
                    return
                if not data:
                    return
                self.count += len(data)
        threading.Thread(target=work, daemon=True).start()

    def stop(self):
        self._stop.set()


class App:
    """A server process of the lab; see app.py for what it can be told."""

    def __init__(self, lab, name, namespace="server"):
        self.lab = lab
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lab.ns(namespace), PYTHON, "-I",
             os.path.join(HERE, "app.py"), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.processes.append(self.process)
        self.pid = self.process.pid
        self.name = name
        self.listeners = {}
        self.port = None
        self._lock = threading.Lock()
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}[{self.pid}] has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.name}[{self.pid}]: {answer['error']}")
        return answer["ok"]

    def do(self, what, **arguments):
        with self._lock:
            self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
            self.process.stdin.flush()
            return self._answer()

    def listen(self, port, backlog=128, dual=False, keepalive=None):
        self.port = port
        if dual:
            number = self.do("listen", host="::", port=port, backlog=backlog,
                             dual=True, keepalive=keepalive)
            self.listeners = {4: number, 6: number}
        else:
            for family, host in ((4, "0.0.0.0"), (6, "::")):
                self.listeners[family] = self.do("listen", host=host, port=port,
                                                 backlog=backlog, keepalive=keepalive)

    def accept(self, client):
        """Accepts this very connection; others must not be waiting before it."""
        answer = self.do("accept", listener=self.listeners[client.family])
        mine = client.sock.getsockname()[1]
        if answer["peer_port"] != mine:
            raise RuntimeError(f"accepted port {answer['peer_port']}, not {mine}")
        client.id = answer["id"]
        return client

    def pair(self, host, family, keepalive=None):
        """A new connection, accepted."""
        client = self.accept(self.lab.connect(host, family, self.port))
        if keepalive:
            self.do("keepalive", id=client.id, values=keepalive)
        return client

    def neighbours(self, keepalive=None):
        """The healthy ones, of both families: busy, idle after talk, silent."""
        crowd = Neighbours()
        host = self.lab.host()
        for family in FAMILIES:
            for kind in ("busy", "idle", "silent"):
                client = self.pair(host, family, keepalive)
                getattr(crowd, kind).append(client)
                if kind != "silent":
                    self.do("echo", id=client.id)
                    client.exchange()
                if kind == "busy":
                    client.keep_busy()
        time.sleep(1.2)  # idle is whoever was silent for a second
        return crowd


class Neighbours:
    """Healthy connections which stand beside the sick ones."""

    def __init__(self):
        self.busy, self.idle, self.silent = [], [], []

    @property
    def all(self):
        return self.busy + self.idle + self.silent

    def expect(self, **others):
        """Exact verdict counts: these plus the named others."""
        counts = collections.Counter(
            {name.replace("_", "-"): count for name, count in others.items()})
        counts["active"] += len(self.busy)
        counts["idle"] += len(self.idle) + len(self.silent)
        return dict(counts)


class Result:
    """What one run of conn-doctor said."""

    def __init__(self, argv, status, stdout, stderr, started, seconds, rows):
        self.argv, self.status = argv, status
        self.stdout, self.stderr = stdout, stderr
        self.started, self.seconds, self.rows = started, seconds, rows
        try:
            self.doc = json.loads(stdout)
        except ValueError as error:
            raise AssertionError(f"no JSON from {' '.join(argv)}: {error}\nstatus "
                                 f"{status}\n{stdout[:500]}\n{stderr[:2000]}") from None

    def connections(self):
        return [c for c in self.doc["connections"] if c["state"] != "listen"]

    def counts(self):
        return dict(collections.Counter(c["verdict"] for c in self.connections()))

    def of(self, client):
        """The row of this client's connection, None when there is none."""
        name = client if isinstance(client, str) else client.name
        found = [c for c in self.doc["connections"]
                 if name in (c.get("peer"), c.get("local"))]
        if len(found) > 1:
            raise AssertionError(f"{name} appears {len(found)} times\n{self}")
        return found[0] if found else None

    def findings(self, least="warning"):
        order = ["info", "warning", "critical"]
        return [f for f in self.doc["findings"]
                if order.index(f["severity"]) >= order.index(least)]

    def __str__(self):
        lines = [" ".join(self.argv), f"exit status {self.status}, {self.seconds:.2f} s"]
        for c in self.doc.get("connections", []):
            lines.append(f"  {c['verdict']:<18} {c.get('confidence', '-'):<8} "
                         f"{c.get('acts', '-'):<10} {c.get('since_seconds', '-')} "
                         f"{c['state']} {c.get('peer')} {c.get('process.pid', '-')} "
                         f"{c.get('evidence')}")
        for f in self.doc.get("findings", []):
            lines.append(f"  finding {f['check']} {f['severity']}: {f['summary']}")
        return "\n".join(lines + ["ss -tnoiem:", self.rows, self.stderr])


class Lab:
    """Three namespaces, their links, and what happens to packets on the way."""

    def __init__(self):
        self.processes = []
        self.clients = []
        self._names = ("client", "router", "server")
        self._hosts = itertools.count(10)
        self._ports = itertools.count(21000)
        self._lock = threading.Lock()
        self._own_lock = None
        self._netns = {}
        self.binary = os.environ.get("CONN_DOCTOR", "")
        atexit.register(self.remove)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda n, _: sys.exit(128 + n))
        os.makedirs(LOCKS, exist_ok=True)
        with open(os.path.join(LOCKS, "create"), "w", encoding="ascii") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            remove_stale()
            self._own_lock = open(os.path.join(LOCKS, f"{os.getpid()}"), "w",
                                  encoding="ascii")
            fcntl.flock(self._own_lock, fcntl.LOCK_EX)
            for name in self._names:
                run("ip", "netns", "add", self.ns(name))
        self._build()

    def ns(self, name):
        return f"cd-{os.getpid()}-{name}"

    def ip(self, name, *arguments):
        return run("ip", "-n", self.ns(name), *arguments)

    def run_in(self, name, *argv):
        """The output of any command there, whatever its exit status."""
        return run("ip", "netns", "exec", self.ns(name), *argv, check=False)

    def nft(self, text):
        run("ip", "netns", "exec", self.ns("router"), "nft", "-f", "-", text=text)

    def _build(self):
        client, router, server = (self.ns(n) for n in self._names)
        for a, a_if, b, b_if in ((client, "eth0", router, "to-client"),
                                 (server, "eth0", router, "to-server"),
                                 (server, "cable", client, "cable")):
            run("ip", "link", "add", a_if, "netns", a, "type", "veth",
                "peer", "name", b_if, "netns", b)
        for name in self._names:
            run("ip", "netns", "exec", self.ns(name), "sysctl", "-qw",
                "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
            run("ip", "-n", self.ns(name), "link", "set", "lo", "up")
        hosts = range(10, 10 + HOST_COUNT)
        batches = {
            "client": ["link set eth0 up", "link set cable up",
                       "addr add 10.90.1.2/24 dev eth0",
                       "addr add fd90:1::2/64 dev eth0 nodad",
                       *(f"addr add 10.90.1.{n}/24 dev eth0" for n in hosts),
                       *(f"addr add fd90:1::{n:x}/64 dev eth0 nodad" for n in hosts),
                       "addr add 10.90.9.2/32 dev lo",
                       "addr add fd90:9::2/128 dev lo nodad",
                       "addr add 10.90.20.1/24 dev cable",
                       "addr add fd90:20::1/64 dev cable nodad",
                       "route add default via 10.90.1.1",
                       "route add default via fd90:1::1"],
            "router": ["link set to-client up", "link set to-server up",
                       "addr add 10.90.1.1/24 dev to-client",
                       "addr add fd90:1::1/64 dev to-client nodad",
                       "addr add 10.90.2.1/24 dev to-server",
                       "addr add fd90:2::1/64 dev to-server nodad",
                       "route add 10.90.9.0/24 via 10.90.1.2",
                       "route add fd90:9::/64 via fd90:1::2"],
            "server": ["link set eth0 up", "link set cable up",
                       "addr add 10.90.2.2/24 dev eth0",
                       "addr add fd90:2::2/64 dev eth0 nodad",
                       "addr add 10.90.20.2/24 dev cable",
                       "addr add fd90:20::2/64 dev cable nodad",
                       "route add 10.90.1.0/24 via 10.90.2.1",
                       "route add fd90:1::/64 via fd90:2::1",
                       "route add 10.90.9.0/24 via 10.90.2.1",
                       "route add fd90:9::/64 via fd90:2::1"]}
        for name, lines in batches.items():
            run("ip", "-n", self.ns(name), "-batch", "-", text="\n".join(lines) + "\n")
        self.nft("""
            table inet lab {
              set gone4 { type ipv4_addr; }
              set gone6 { type ipv6_addr; }
              set lossy20_4 { type ipv4_addr; }
              set lossy20_6 { type ipv6_addr; }
              set lossy5_4 { type ipv4_addr; }
              set lossy5_6 { type ipv6_addr; }
              chain forward {
                type filter hook forward priority 0;
                ip saddr @gone4 drop
                ip daddr @gone4 drop
                ip6 saddr @gone6 drop
                ip6 daddr @gone6 drop
                ip daddr @lossy20_4 numgen random mod 100 < 20 drop
                ip6 daddr @lossy20_6 numgen random mod 100 < 20 drop
                ip daddr @lossy5_4 numgen random mod 100 < 5 drop
                ip6 daddr @lossy5_6 numgen random mod 100 < 5 drop
              }
            }""")
        self.join(*self._names)

    def join(self, *names):
        """Makes namespaces that exist known to socket() and inside()."""
        for name in names:
            self._netns[name] = os.open(f"/run/netns/{self.ns(name)}", os.O_RDONLY)

    def host(self):
        with self._lock:
            number = next(self._hosts)
        if number >= 10 + HOST_COUNT:
            raise RuntimeError("no hosts left: raise HOST_COUNT")
        return Host(self, number)

    def port(self):
        with self._lock:
            return next(self._ports)

    def app(self, name, namespace="server"):
        return App(self, name, namespace)

    @contextlib.contextmanager
    def inside(self, name):
        """This thread is in that namespace for a moment."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            if libc.setns(self._netns[name], CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            if libc.setns(home, CLONE_NEWNET):
                os._exit(1)  # a thread in the wrong namespace must not go on
            os.close(home)

    def socket(self, family, name="client"):
        with self.inside(name):
            return socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)

    def target(self, host, family):
        """The server's address as this host reaches it."""
        if isinstance(host, Direct):
            return "10.90.20.2" if family == 4 else "fd90:20::2"
        return "10.90.2.2" if family == 4 else "fd90:2::2"

    def connect(self, host, family, port, receive_buffer=None):
        sock = self.socket(family)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(10)
        sock.bind((host.address[family], 0))
        sock.connect((self.target(host, family), port))
        client = Client(sock, host, family)
        self.clients.append(client)
        return client

    def start_connect(self, host, family, address, port):
        """A connect that will not be answered."""
        sock = self.socket(family)
        sock.bind((host.address[family], 0))
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect((address, port))
        client = Client(sock, host, family)
        self.clients.append(client)
        return client

    def ss(self, port, namespace="server"):
        return run("ip", "netns", "exec", self.ns(namespace), "ss", "-tnaoiemH",
                   f"( sport = :{port} or dport = :{port} )")

    def check(self, port, *options, namespace="server", command="check", where=None):
        """conn-doctor check :PORT, in that namespace. Options: --once, --set, ..."""
        text = f":{port} and {where}" if where else f":{port}"
        argv = [self.binary, command, text, "--json"]
        if command == "check":
            argv.append("--all-connections")
        argv += options
        started = time.monotonic()
        done = subprocess.run(["ip", "netns", "exec", self.ns(namespace), *argv],
                              capture_output=True, text=True, timeout=60, check=False)
        seconds = time.monotonic() - started
        passes = 1 if "--once" in options or command == "list" else 2
        if "--count" in options:
            passes = int(options[options.index("--count") + 1])
        if seconds > passes + 1:
            raise TooSlow(f"{' '.join(argv)} took {seconds:.1f} s")
        return Result(argv, done.returncode, done.stdout, done.stderr, started, seconds,
                      self.ss(port, namespace))

    def spawn(self, *argv, namespace="server", **options):
        """Any program; it dies with this thread."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.ns(namespace), "setpriv", "--pdeathsig",
             "KILL", *argv], **options)
        self.processes.append(process)
        return process

    def remove(self):
        """On every way out. Only what this lab made."""
        for client in self.clients:
            client.stop()
            with contextlib.suppress(OSError):
                client.sock.close()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
        for process in self.processes:
            with contextlib.suppress(Exception):
                process.wait(5)
        for fd in self._netns.values():
            os.close(fd)
        self._netns = {}
        remove_namespaces(os.getpid())
        if self._own_lock:
            with contextlib.suppress(OSError):
                os.unlink(self._own_lock.name)
            self._own_lock.close()
            self._own_lock = None


def remove_namespaces(pid):
    for name in sorted(os.listdir("/run/netns") if os.path.isdir("/run/netns") else []):
        if name.startswith(f"cd-{pid}-"):
            # What an earlier, killed run left in its own namespace.
            for left in run("ip", "netns", "pids", name, check=False).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(left), signal.SIGKILL)
            run("ip", "netns", "delete", name, check=False)


def remove_stale():
    """Namespaces of runs that were killed: nobody holds their lock any more."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        parts = name.split("-")
        if len(parts) != 3 or parts[0] != "cd" or not parts[1].isdigit():
            continue
        path = os.path.join(LOCKS, parts[1])
        with open(path, "w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            remove_namespaces(int(parts[1]))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


class LabTest(unittest.TestCase):
    """What the tests of the lab say about a Result. Each message holds the rows."""

    lab = None
    maxDiff = None

    def __init__(self, name="runTest"):
        super().__init__(name)
        self.notes = []

    def note(self, text):
        """A measured time, printed with the test."""
        self.notes.append(text)

    def at(self, start, seconds):
        """Sleeps until `seconds` after `start`."""
        time.sleep(max(0.0, start + seconds - time.monotonic()))

    def assertVerdicts(self, result, expected):
        """Exact counts of every connection, and the report's own sum of them."""
        expected = {name: count for name, count in expected.items() if count}
        self.assertEqual(result.counts(), expected, f"\n{result}")
        summed = {name: count for name, count in result.doc["verdicts"].items()
                  if count and name != "listening"}
        self.assertEqual(summed, expected, f"sum of the report\n{result}")

    def assertVerdict(self, result, client, verdict, **fields):
        row = result.of(client)
        name = client if isinstance(client, str) else client.name
        self.assertIsNotNone(row, f"{name} is missing\n{result}")
        self.assertEqual(row["verdict"], verdict, f"{name}\n{result}")
        for key, value in fields.items():
            self.assertEqual(row.get(key), value, f"{key} of {name}\n{result}")

    def assertHealthy(self, result, clients):
        for client in clients.all if isinstance(clients, Neighbours) else clients:
            row = result.of(client)
            self.assertIsNotNone(row, f"{client.name} is missing\n{result}")
            self.assertIn(row["verdict"], HEALTHY,
                          f"healthy {client.name} was flagged\n{result}")

    def assertFindings(self, result, expected, optional=()):
        """Exactly these {code: severity} above info; the exit status follows."""
        found = {f["check"]: f["severity"] for f in result.findings()}
        for code in optional:
            if code not in expected:
                found.pop(code, None)
        self.assertEqual(found, expected, f"\n{result}")
        worst = {f["severity"] for f in result.findings()}
        status = 2 if "critical" in worst else 1 if "warning" in worst else 0
        self.assertEqual(result.status, status, f"exit status\n{result}")

    def assertNamesProcess(self, result, code, app):
        named = [f for f in result.findings("info") if f["check"] == code
                 and f.get("attributes", {}).get("process.pid") == app.pid]
        self.assertTrue(named, f"{code} does not name pid {app.pid}\n{result}")
        return named[0]

    def poll(self, port, start, until, interval, look, *options, **where):
        """Runs check --once until the time is over or look(result, time) is true."""
        while True:
            begun = time.monotonic()
            result = self.lab.check(port, "--once", *options, **where)
            # The picture was taken between these two.
            if look(result, begun - start, time.monotonic() - start):
                return result
            if time.monotonic() - start > until:
                return None
            time.sleep(max(0.0, begun + interval - time.monotonic()))


    def in_time(self, start, seconds):
        """What has just been seen says something only if it was seen this early."""
        if time.monotonic() - start >= seconds:
            raise TooSlow(f"{time.monotonic() - start:.1f} s passed, at most {seconds}")


class TooSlow(Exception):
    """This machine was too busy for a scenario; it is made anew."""


class Recorder(unittest.TestResult):
    """The outcome of one test, kept until it is its turn to be told."""

    too_slow = False
    seconds = 0.0

    def addError(self, test, err):
        self.too_slow = err[0] is TooSlow
        super().addError(test, err)


class Concurrently(unittest.TestSuite):
    """All tests at once: each waits on its own port."""

    def run(self, result, debug=False):
        outcomes = {}

        def work(test):
            started = time.monotonic()
            for _ in range(ATTEMPTS):
                recorder = Recorder()
                test.run(recorder)
                if not recorder.too_slow:
                    break
                test.note("made anew: " + recorder.errors[-1][1].splitlines()[-1])
            recorder.seconds = time.monotonic() - started
            outcomes[test] = recorder

        jobs = []
        for test in flatten(self):
            thread = threading.Thread(target=work, args=(test,), daemon=True)
            thread.start()
            jobs.append((test, thread))
            time.sleep(0.3)  # or they hinder each other at the start
        for test, thread in jobs:
            while thread.is_alive():
                thread.join(0.2)  # signals are handled in between
            recorder = outcomes[test]
            result.startTest(test)
            if recorder.errors or recorder.failures:
                for _, text in recorder.errors:
                    result.errors.append((test, text))
                for _, text in recorder.failures:
                    result.failures.append((test, text))
                sys.stderr.write("FAIL")
            else:
                result.addSuccess(test)
            sys.stderr.write(f"     {recorder.seconds:.1f} s\n")
            for line in getattr(test, "notes", []):
                sys.stderr.write(f"     {line}\n")
            result.stopTest(test)
        return result


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def skip(reason):
    """Visible to people, and to ctest by the exit status."""
    print(f"SKIPPED: {reason}", file=sys.stderr)
    print(f"SKIPPED: {reason}")
    sys.exit(SKIP)


def require(*tools):
    if os.geteuid() != 0:
        skip("the lab makes network namespaces and needs root")
    for tool in ("ip", "nft", "ss", "sysctl", "setpriv", *tools):
        if not shutil.which(tool):
            skip(f"{tool} is missing (packages iproute2, nftables, procps, util-linux, "
                 "uvicorn)")
    probe = f"cd-{os.getpid()}-probe"
    try:
        run("ip", "netns", "add", probe)
    except RuntimeError as error:
        skip(f"network namespaces cannot be made here: {error}")
    finally:
        run("ip", "netns", "delete", probe, check=False)


def main(*tools):
    """Runs the tests of the calling file: [-h] [TEST...]; CONN_DOCTOR=path."""
    sys.stdout.reconfigure(line_buffering=True)
    require(*tools)
    binary = os.environ.get("CONN_DOCTOR")
    if not binary or not os.access(binary, os.X_OK):
        sys.exit(f"CONN_DOCTOR={binary!r} is no program; it must name the conn-doctor "
                 "to be tested")
    os.environ["CONN_DOCTOR"] = os.path.abspath(binary)
    os.environ["CONN_DOCTOR_CONFIG"] = "none"
    started = time.monotonic()
    LabTest.lab = Lab()

    class Loader(unittest.TestLoader):
        suiteClass = Concurrently

    program = unittest.main(module="__main__", testLoader=Loader(), verbosity=2,
                            exit=False)
    print(f"{program.result.testsRun} scenarios in {time.monotonic() - started:.0f} s",
          file=sys.stderr)
    sys.exit(not program.result.wasSuccessful())
