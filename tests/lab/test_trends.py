#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What grows, at a rate the test sets, and when it really meets its limit."""
import json
import re
import resource
import socket
import struct
import threading
import time

import lab

UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
PASSES = ("--count", "12", "--interval", "1s", "--set", "trend-window=10s")


def seconds(text):
    """"1m30s" as a number."""
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|[hms])", text))


class Pace:
    """Does step(number) at a rate, in a thread, until it fails or is stopped."""

    def __init__(self, rate, step):
        self.rate, self.step = rate, step
        self.count = 0
        self.ended = None  # when
        self.error = None
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        start = time.monotonic()
        try:
            while not self._stop.wait(max(0.0, start + self.count / self.rate -
                                          time.monotonic())):
                self.step(self.count)
                self.count += 1
        except (OSError, RuntimeError) as error:
            self.error = error
        self.ended = time.monotonic()

    def stop(self):
        self._stop.set()
        self.thread.join()


class Trends(lab.LabTest):
    """Growth with its end, and the steady twin."""

    def app(self, name):
        app = self.lab.app(name)
        app.listen(self.lab.port(), backlog=512)
        return app

    def codes(self, result):
        return {f["check"] for f in result.findings("info")}

    def leak(self, app, host):
        """The peer closes, the application reads that and keeps the descriptor."""
        client = app.pair(host, 4)
        client.shutdown()
        app.do("recv_eof", id=client.id)

    def test_a_leak_says_when_it_ends(self):
        app, hosts = self.app("leaking"), [self.lab.host() for _ in range(8)]
        rate, limit = 10, 400
        resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (limit, limit))
        pace = Pace(rate, lambda n: self.leak(app, hosts[n % 8]))
        result = self.lab.check(app.port, *PASSES, "--set", "close-wait-age=2s")
        seen = result.started + result.seconds
        self.assertIsNone(pace.error)
        self.assertIn("close-wait-leak", self.codes(result), f"\n{result}")
        finding = next(f for f in result.findings() if f["check"] == "close-wait-leak")
        self.assertEqual(finding["severity"], "critical", f"\n{result}")
        said = next((line for line in finding["evidence"] if "CLOSE_WAIT +" in line), "")
        match = re.search(r"CLOSE_WAIT \+([\d.]+)/s over .*the limit of 400 descriptors in "
                          r"(\w+)(?: to (\w+))?", said)
        self.assertTrue(match, f"{said!r}\n{result}")
        # One story: the growth is told by the leak.
        self.assertNotIn("connection-growth", self.codes(result), f"\n{result}")
        pace.thread.join(60)
        self.assertIn("Too many open files", str(pace.error))
        slope = float(match[1])
        early, late = seconds(match[2]), seconds(match[3] or match[2])
        truth = pace.ended - seen
        self.note(f"slope {slope}/s of {rate}/s; the end in {early} to {late} s, it came "
                  f"after {truth:.1f} s")
        if pace.count < rate * (pace.ended - result.started) * 0.95:
            raise lab.TooSlow(f"{pace.count} connections only")
        self.assertAlmostEqual(slope, rate, delta=rate * 0.1, msg=f"\n{result}")
        # Written in whole seconds, and the exit took part of one.
        self.assertTrue(early - 1.5 <= truth <= late + 1.5,
                        f"{truth:.1f} s is not in {early} to {late}\n{result}")

    def test_steady_churn_does_not_grow(self):
        app, hosts = self.app("steady"), [self.lab.host() for _ in range(8)]
        clients = [app.pair(hosts[i % 8], 4) for i in range(60)]
        for client in clients[:6]:
            app.do("echo", id=client.id)
            client.keep_busy()

        def replace(number):
            old = clients.pop(6)
            old.close()
            app.do("recv_eof", id=old.id)
            app.do("close", id=old.id)
            clients.append(app.pair(hosts[number % 8], 4))

        pace = Pace(10, replace)
        result = self.lab.check(app.port, *PASSES)
        pace.stop()
        self.assertIsNone(pace.error)
        self.assertGreater(pace.count, 60)
        self.assertFindings(result, {})
        self.assertNotIn("connection-growth", self.codes(result), f"\n{result}")
        self.assertFalse(result.doc.get("unknown"), f"it was judged\n{result}")

    def test_more_clients_are_told_and_nobody_is_accused(self):
        app, hosts = self.app("busier"), [self.lab.host() for _ in range(8)]
        pace = Pace(5, lambda n: app.pair(hosts[n % 8], 4))
        result = self.lab.check(app.port, *PASSES)
        pace.stop()
        self.assertIsNone(pace.error)
        self.assertFindings(result, {})
        finding = next((f for f in result.findings("info")
                        if f["check"] == "connection-growth"), None)
        self.assertIsNotNone(finding, f"\n{result}")
        self.assertEqual(finding["severity"], "info")
        self.assertAlmostEqual(finding["value"], 55, delta=8, msg=f"\n{result}")

    def host_check(self, *options):
        """The whole host, as the server's namespace sees it."""
        text = lab.run("ip", "netns", "exec", self.lab.ns("server"), self.lab.binary,
                       "check", "--json", *options, check=False)
        doc = json.loads(text)
        return doc, {f["check"]: f for f in doc["findings"]}

    def close_at(self, app, host, rate, linger):
        """Clients that come, speak and go: with a FIN, or with a reset."""
        def step(_):
            with self.lab.socket(4) as sock:
                sock.settimeout(10)
                sock.bind((host.address[4], 0))
                sock.connect((self.lab.target(host, 4), app.port))
                sock.sendall(b"hello")
                sock.recv(5)
                if linger:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
        pace = Pace(rate, step)
        time.sleep(0.5)
        return pace

    def test_a_reset_storm_and_normal_closing(self):
        app, host = self.app("resetting"), self.lab.host()
        app.do("echo_all", listener=app.listeners[4])
        rate = 100
        pace = self.close_at(app, host, rate, linger=False)
        doc, found = self.host_check()
        pace.stop()
        self.assertIsNone(pace.error)
        self.assertNotIn("reset-storm", found)
        self.assertNotIn("reset-storm", {u["check"] for u in doc.get("unknown", [])})

        pace = self.close_at(app, host, rate, linger=True)
        begun, before = time.monotonic(), pace.count
        _, found = self.host_check()
        real = (pace.count - before) / (time.monotonic() - begun)
        _, once = self.host_check("--once")
        pace.stop()
        self.assertIsNone(pace.error)
        if real < rate * 0.8:
            raise lab.TooSlow(f"{real:.0f} closes per second only")
        self.assertIn("reset-storm", found)
        finding = found["reset-storm"]
        self.note(f"{finding['value']:.1f} resets per second seen, {real:.1f} made")
        self.assertEqual(finding["severity"], "warning")
        self.assertAlmostEqual(finding["value"], real, delta=real * 0.2)
        self.assertTrue(finding["evidence"][1].startswith("EstabResets leads"),
                        finding["evidence"])
        # One pass has no rate.
        self.assertNotIn("reset-storm", once)


if __name__ == "__main__":
    lab.main()
