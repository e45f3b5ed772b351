#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Findings about groups: what opens them, and the healthy twin of each."""
import contextlib
import os
import resource
import socket
import tempfile
import time

import lab


class Findings(lab.LabTest):
    """Each on its own port, with a twin that has nothing above info."""

    def app(self, name):
        app = self.lab.app(name)
        app.listen(self.lab.port(), backlog=512)
        return app

    def named(self, result, code):
        found = [f for f in result.findings("info") if f["check"] == code]
        self.assertEqual(len(found), 1, f"{code} once\n{result}")
        return found[0]

    def assertSays(self, result, code, part):
        finding = self.named(result, code)
        self.assertTrue(any(part in line for line in finding["evidence"]),
                        f"{part!r} in {finding['evidence']}\n{result}")

    def test_connects_nobody_answers(self):
        app = self.app("connecting")
        twin = self.lab.connect(self.lab.host(), 4, app.port)
        app.accept(twin)
        gone = self.lab.host()
        gone.vanish()
        port = self.lab.port()
        sick = [self.lab.start_connect(gone, 4, "10.90.2.2", port) for _ in range(2)]
        start = time.monotonic()
        self.at(start, 5)
        result = self.lab.check(port, namespace="client")
        self.assertFindings(result, {"connect-stuck": "warning"})
        finding = self.named(result, "connect-stuck")
        self.assertEqual(finding["value"], 2, f"\n{result}")
        self.assertIn(f"10.90.2.2:{port}", finding["summary"])
        self.assertEqual(finding["attributes"]["process.pid"], os.getpid())
        self.assertFindings(self.lab.check(app.port, namespace="client"), {})
        self.assertEqual(len(sick), 2)

    def test_descriptors_run_out(self):
        app, twin = self.app("few-fds"), self.app("many-fds")
        for one in (app, twin):
            for _ in range(30):
                one.pair(self.lab.host(), 4)
        open_now = len(os.listdir(f"/proc/{app.pid}/fd"))
        for limit, severity in ((open_now * 10 // 7, None), (open_now * 10 // 9, "warning"),
                                (open_now, "critical")):
            resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (limit, limit))
            result = self.lab.check(app.port)
            self.assertFindings(result, {"fd-exhaustion": severity} if severity else {})
        finding = self.assertNamesProcess(result, "fd-exhaustion", app)
        self.assertEqual(finding["value"], open_now, f"\n{result}")
        self.assertFindings(self.lab.check(twin.port), {})

    def test_one_peer_holds_too_much(self):
        app, twin = self.app("greedy"), self.app("many-peers")
        host, other = self.lab.host(), self.lab.host()
        for _ in range(49):
            app.pair(host, 4)
        self.assertFindings(self.lab.check(app.port), {})
        app.pair(host, 4)
        result = self.lab.check(app.port)
        # It may be a proxy: told, and nobody is accused.
        self.assertFindings(result, {})
        self.assertIn(host.address[4], self.named(result, "too-many-per-peer")["summary"])
        # As many as that over several peers are nobody's fault.
        peers = [other, self.lab.host(), self.lab.host(), self.lab.host()]
        for number in range(60):
            twin.pair(peers[number % 4], 4)
        self.assertFindings(self.lab.check(twin.port), {})

    def declare(self, text):
        folder = tempfile.TemporaryDirectory(prefix="cd-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "my.conf")
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return "-f", path

    def test_a_heartbeat_is_missed(self):
        app = self.app("websockets")
        host, living = self.lab.host(), self.lab.host()
        target = f"[target ws]\nfilter = sport = :{app.port}\n"
        options = self.declare(target + "protocol = push\nheartbeat = 2s\npong = 1s\n")
        silent, alive = app.pair(host, 4), app.pair(living, 4)
        for client in (silent, alive):
            app.do("echo", id=client.id)
        start = time.monotonic()
        silent.exchange()
        alive.keep_busy(0.3)
        self.at(start, 0.5)
        self.assertFindings(self.lab.check(app.port, *options), {})
        self.at(start, 4.5)
        result = self.lab.check(app.port, *options)
        self.assertFindings(result, {"heartbeat-missed": "warning"})
        finding = self.named(result, "heartbeat-missed")
        self.assertEqual(finding["value"], 1, f"\n{result}")
        self.assertSays(result, "heartbeat-missed", f"no byte from {silent.name}")
        self.assertLess(abs(finding["since_seconds"] - (time.monotonic() - start)), 2)
        silent.exchange()
        self.assertFindings(self.lab.check(app.port, *options), {})
        self.assertFindings(self.lab.check(app.port), {})

    def test_a_declared_limit_per_peer(self):
        app, host = self.app("agreed"), self.lab.host()
        target = f"[target api]\nfilter = sport = :{app.port}\npeer-limit = 3\n"
        options = self.declare(target)
        for _ in range(3):
            app.pair(host, 4)
        self.assertFindings(self.lab.check(app.port, *options), {})
        app.pair(host, 4)
        result = self.lab.check(app.port, *options)
        self.assertFindings(result, {"too-many-per-peer": "warning"})
        self.assertSays(result, "too-many-per-peer", f"{host.address[4]}: 4 of 4")
        proxies = f"[ignore]\nproxies = {host.address[4]}\n"
        self.assertFindings(self.lab.check(app.port, *self.declare(target + proxies)), {})

    def test_local_ports_run_out(self):
        app, host = self.app("one-destination"), self.lab.host()
        text = self.lab.run_in("client", "sysctl", "-n", "net.ipv4.ip_local_port_range")
        low, high = (int(word) for word in text.split())
        total = high - low + 1
        needed = -(-total // 1000)  # a thousandth of them, rounded up
        limit = ("--set", "ports-share=0.1%")
        for _ in range(needed - 1):
            app.pair(host, 4)
        self.assertFindings(self.lab.check(app.port, *limit, namespace="client"), {})
        app.pair(host, 4)
        result = self.lab.check(app.port, *limit, namespace="client")
        self.assertFindings(result, {"port-exhaustion": "warning"})
        self.assertSays(result, "port-exhaustion", f"{needed} of {total} ports")
        self.assertFindings(self.lab.check(app.port, namespace="client"), {})

    def test_a_stuck_worker_names_its_upstream(self):
        upstream, app = self.app("upstream"), self.app("waiting")
        host = self.lab.host()
        # A worker that asks the upstream, which never answers, and reads no more.
        code = ("import socket,sys,time\n"
                "s=socket.create_server(('0.0.0.0',int(sys.argv[1])),backlog=64)\n"
                "held=[s.accept()[0] for _ in range(3)]\n"
                "u=socket.create_connection(('10.90.2.2',int(sys.argv[2])))\n"
                "u.sendall(b'select 1')\n"
                "u.recv(1)\n")
        port = self.lab.port()
        worker = self.lab.spawn(lab.PYTHON, "-c", code, str(port), str(upstream.port))
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        clients = []
        started = time.monotonic()
        while len(clients) < 3:
            try:
                clients.append(self.lab.connect(host, 4, port))
            except OSError:
                self.assertLess(time.monotonic() - started, 15, "no worker")
                time.sleep(0.1)
        # It takes the question and keeps the answer.
        question = upstream.do("accept", listener=upstream.listeners[4])
        upstream.do("recv", id=question["id"], count=8)
        for client in clients:
            client.send(300)
        healthy = app.pair(host, 4)
        app.do("echo", id=healthy.id)
        healthy.exchange()
        start = time.monotonic()
        self.at(start, 7)
        limit = ("--set", "slow-upstream-age=3s")
        # The filter must show the worker's calls as well, or it has none.
        where = f"(:{port} or :{upstream.port})"
        result = self.check_where(where, port, *limit)
        self.assertEqual(result.doc["findings"][0]["check"], "stuck-worker",
                         f"\n{result}")
        self.assertFindings(result, {"stuck-worker": "warning",
                                     "slow-upstream": "warning"})
        self.assertSays(result, "stuck-worker", "its only open request is to "
                        f"10.90.2.2:{upstream.port}, unanswered for ")
        part = self.named(result, "slow-upstream")
        self.assertEqual(part["part_of"], self.named(result, "stuck-worker")["fingerprint"])
        self.assertEqual(part["attributes"]["process.pid"], worker.pid)
        self.assertFindings(self.lab.check(app.port, *limit), {})

    def check_where(self, where, port, *options):
        """Like lab.check(), with any filter."""
        run = self.lab.run_in("server", self.lab.binary, "check", where, "--json", *options)
        result = self.lab.check(port)
        return lab.Result(result.argv, self.status_of(run), run, "", result.started,
                          result.seconds, result.rows)

    @staticmethod
    def status_of(text):
        """run_in() keeps the output only; the document says how bad it is."""
        for word, status in (('"severity":"critical"', 2), ('"severity":"warning"', 1)):
            if word in text:
                return status
        return 0

    def uvicorn(self, address, port, *options):
        log = open(f"/tmp/cd-{os.getpid()}-{port}.log", "w", encoding="utf-8")
        self.addCleanup(os.unlink, log.name)
        self.addCleanup(log.close)
        process = self.lab.spawn("uvicorn", "--app-dir", lab.HERE, "--host", address,
                                 "--port", str(port), *options, "night_app:app",
                                 stdout=log, stderr=log, cwd="/run/conn-doctor-lab")
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(self.end_children, process.pid)
        started = time.monotonic()
        while not self.is_open(port):
            self.assertIsNone(process.poll(), "uvicorn has ended")
            self.assertLess(time.monotonic() - started, 20, "uvicorn did not start")
            time.sleep(0.2)
        return process

    def is_open(self, port):
        with contextlib.suppress(OSError), self.lab.inside("server"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                sock.sendall(b"GET /ok HTTP/1.0\r\n\r\n")
                return b"200" in sock.recv(100)
        return False

    @staticmethod
    def end_children(pid):
        """What --reload has started: the worker outlives a killed parent."""
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as text:
                for child in text.read().split():
                    os.kill(int(child), 9)

    def test_reload_on_a_public_address(self):
        ports = [self.lab.port() for _ in range(3)]
        reloader = self.uvicorn("0.0.0.0", ports[0], "--reload")
        self.uvicorn("127.0.0.1", ports[1], "--reload")
        self.uvicorn("0.0.0.0", ports[2])
        result = self.lab.check(ports[0])
        self.assertFindings(result, {"risky-flags": "warning"})
        finding = self.named(result, "risky-flags")
        self.assertIn("--reload", finding["summary"])
        self.assertEqual(finding["attributes"]["process.pid"], reloader.pid,
                         f"the parent has the flags\n{result}")
        service, = result.doc["services"]
        self.assertEqual({p.get("stack") for p in service["processes"]}, {"uvicorn"})
        self.assertFindings(self.lab.check(ports[1]), {})
        self.assertFindings(self.lab.check(ports[2]), {})

    def test_a_development_server_that_only_its_parent_tells(self):
        # As nodemon does: the listener belongs to a child whose command line is mute.
        folder = tempfile.TemporaryDirectory(prefix="cd-")
        self.addCleanup(folder.cleanup)
        script = os.path.join(folder.name, "nodemon")
        with open(script, "w", encoding="ascii") as text:
            text.write("import subprocess, sys\n"
                       "subprocess.run(['setpriv', '--pdeathsig', 'KILL', sys.executable,\n"
                       "    '-c', 'import socket, sys, time; s = socket.create_server(('\n"
                       "    'sys.argv[1], int(sys.argv[2]))); time.sleep(60)', *sys.argv[1:]])\n")
        ports = {self.lab.port(): "0.0.0.0", self.lab.port(): "127.0.0.1"}
        parents = {}
        for port, address in ports.items():
            parents[port] = self.lab.spawn(lab.PYTHON, script, address, str(port))
            self.addCleanup(parents[port].wait)
            self.addCleanup(parents[port].kill)
        for port, address in ports.items():
            started = time.monotonic()
            while f":{port} " not in self.lab.ss(port):
                self.assertLess(time.monotonic() - started, 15, "no listener")
                time.sleep(0.1)
            result = self.lab.check(port)
            is_public = address == "0.0.0.0"
            self.assertFindings(result, {"risky-flags": "warning"} if is_public else {})
            if is_public:
                pid = self.named(result, "risky-flags")["attributes"]["process.pid"]
                self.assertEqual(pid, parents[port].pid, f"\n{result}")


if __name__ == "__main__":
    lab.main("uvicorn")
