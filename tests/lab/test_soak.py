#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Everything a healthy service does, for a while: no finding above info, ever.

SOAK_SECONDS=600 is the proof; a test run takes 30 s of it. What is looked at: the
server's and the client's host, all of each, with the limits as they are shipped.
"""
import collections
import contextlib
import os
import random
import struct
import threading
import time

import lab

SECONDS = float(os.environ.get("SOAK_SECONDS", "30"))
CHECK_EVERY = 5
PINGING, SILENT, POOL = 30020, 30021, 30022


class Traffic:
    """Threads that talk until the end; what goes wrong in one is kept."""

    def __init__(self, test):
        self.test = test
        self.is_over = threading.Event()
        self.errors = []
        self.done = collections.Counter()

    def start(self, name, work, *arguments):
        def run():
            while not self.is_over.is_set():
                try:
                    work(name, *arguments)
                except (OSError, EOFError) as error:
                    if not self.is_over.is_set():
                        self.errors.append(f"{name}: {error!r}")
                        self.is_over.wait(1)
        threading.Thread(target=run, daemon=True).start()

    def connect(self, host, port, family=4):
        client = self.test.lab.connect(host, family, port)
        client.sock.settimeout(60)
        return client.sock

    def rest(self, seconds):
        return self.is_over.wait(seconds)

    @staticmethod
    def ask(sock, path):
        sock.sendall(f"GET {path} HTTP/1.1\r\nhost: soak\r\n\r\n".encode())
        data = b""
        while not data.endswith(b"fine\n"):
            part = sock.recv(4096)
            if not part:
                raise EOFError("closed within an answer")
            data += part

    def short(self, name, host, family, rate):
        while not self.rest(random.expovariate(rate)):
            with contextlib.closing(self.connect(host, PINGING, family)) as sock:
                self.ask(sock, "/")
                self.done[name] += 1

    def kept(self, name, host, family, path="/"):
        """One connection, asked again before the server's five seconds are over."""
        with contextlib.closing(self.connect(host, PINGING, family)) as sock:
            while not self.rest(random.uniform(0.2, 3.5)):
                self.ask(sock, path)
                self.done[name] += 1

    def download(self, name, host, family, bytes_per_second):
        """Slow, but it takes some every time."""
        with contextlib.closing(self.connect(host, PINGING, family)) as sock:
            sock.sendall(b"GET /download HTTP/1.1\r\nhost: soak\r\n\r\n")
            portion = max(bytes_per_second // 20, 1)
            while not self.rest(0.05):
                if not sock.recv(portion):
                    raise EOFError("closed within a download")
                self.done[name] += 1

    def websocket(self, name, host, port, path, say_every):
        """Answers pings and closes in order; with `say_every`, talks as well."""
        with contextlib.closing(self.connect(host, port)) as sock:
            sock.sendall((f"GET {path} HTTP/1.1\r\nhost: soak\r\nupgrade: websocket\r\n"
                          "connection: upgrade\r\nsec-websocket-version: 13\r\n"
                          "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n").encode())
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += sock.recv(1)
            if b" 101 " not in head:
                raise EOFError(head.decode("latin-1"))
            sock.settimeout(0.5)
            said = time.monotonic()
            while not self.is_over.is_set():
                if say_every and time.monotonic() - said > say_every:
                    self.frame(sock, 1, b"hello")
                    said = time.monotonic()
                with contextlib.suppress(TimeoutError):
                    self.hear(name, sock)

    def hear(self, name, sock):
        opcode, length = self.take(sock, 2)
        payload = self.take(sock, length)
        self.done[f"{name}: opcode {opcode & 15}"] += 1
        if opcode & 15 == 9:
            self.frame(sock, 10, payload)

    @staticmethod
    def take(sock, count):
        data = b""
        while len(data) < count:
            part = sock.recv(count - len(data))
            if not part:
                raise EOFError("closed without a word")
            data += part
        return data

    @staticmethod
    def frame(sock, opcode, payload):
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        sock.sendall(struct.pack("BB", 0x80 | opcode, 0x80 | len(payload)) + mask + masked)


class Soak(lab.LabTest):
    """One scenario, which is all of them at once."""

    def start_uvicorn(self, port, *options):
        """One for each family: asyncio listens on one only."""
        for family in lab.FAMILIES:
            self.start_one(family, port, *options)

    def start_one(self, family, port, *options):
        address = {4: "0.0.0.0", 6: "::"}[family]
        log = open(f"/tmp/cd-{os.getpid()}-soak-{port}-{family}.log", "w",
                   encoding="utf-8")
        self.addCleanup(os.unlink, log.name)
        self.addCleanup(log.close)
        process = self.lab.spawn("uvicorn", "--app-dir", lab.HERE, "--host", address,
                                 "--port", str(port), *options, "soak_app:app", stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        started = time.monotonic()
        while True:
            try:
                self.lab.connect(self.lab.host(), family, port).close()
                return
            except OSError:
                if process.poll() is not None or time.monotonic() - started > 20:
                    with open(log.name, encoding="utf-8") as text:
                        self.fail(f"uvicorn did not start: {text.read()}")
                time.sleep(0.1)

    def start_pools(self):
        """Twenty idle connections with keepalive and twenty without, used and kept."""
        for number, keepalive in enumerate((None, [60, 10, 3])):
            app = self.lab.app(f"pool{number}")
            app.listen(POOL + number)
            host = self.lab.host()
            for i in range(20):
                client = app.pair(host, lab.FAMILIES[i % 2], keepalive)
                app.do("echo", id=client.id)
                client.exchange()

    def start_traffic(self):
        t = Traffic(self)
        for family in lab.FAMILIES:
            for i in range(3):
                t.start(f"short{i}", t.short, self.lab.host(), family, 10)
                t.start(f"kept{i}", t.kept, self.lab.host(), family)
            t.start("slower", t.kept, self.lab.host(), family, "/slower")
            for rate in (250_000, 60_000):
                t.start(f"download at {rate}", t.download, self.lab.host(), family, rate)
            weak = self.lab.host()
            weak.start_loss(5)
            t.start("kept, 5 % loss", t.kept, weak, family)
            t.start("short, 5 % loss", t.short, weak, family, 2)
            t.start("download, 5 % loss", t.download, weak, family, 250_000)
        for port in (PINGING, SILENT):
            for path, say_every in (("/echo", 2), ("/push", 0), ("/quiet", 0),
                                    ("/quiet", 45)):
                t.start(f"{port} {path} {say_every}", t.websocket, self.lab.host(), port,
                        path, say_every)
        return t

    def assertCalm(self, namespace):
        done = self.lab.run_in(namespace, self.lab.binary, "check", "--json")
        result = lab.Result(["check"], 0, done, "", 0, 0, "")
        self.assertEqual([f["summary"] for f in result.findings()], [], done[:20000])
        self.assertIn(result.doc["severity"], ("ok", "info"))
        self.assertGreater(result.doc["collection"]["sockets"], 40)
        return [f["check"] for f in result.doc["findings"]]

    def test_healthy_traffic_is_never_accused(self):
        self.start_uvicorn(PINGING)
        self.start_uvicorn(SILENT, "--ws-ping-interval", "86400")
        self.start_pools()
        traffic = self.start_traffic()
        self.addCleanup(traffic.is_over.set)
        start, count, infos = time.monotonic(), 0, collections.Counter()
        while time.monotonic() - start < SECONDS:
            for namespace in ("server", "client"):
                infos.update(self.assertCalm(namespace))
            count += 1
            self.at(start, count * CHECK_EVERY)
        traffic.is_over.set()
        self.note(f"{count} times both hosts in {time.monotonic() - start:.0f} s; info: "
                  f"{dict(infos)}; done: {dict(traffic.done)}")
        self.assertEqual(traffic.errors, [], "the traffic itself must be healthy")
        for name in ("short0", "kept0", "download at 60000", "download, 5 % loss"):
            self.assertGreater(traffic.done[name], SECONDS / 5, name)
        self.assertGreater(traffic.done[f"{PINGING} /echo 2: opcode 1"], SECONDS / 5)


if __name__ == "__main__":
    lab.main("uvicorn")
