#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The night of the design: one blocking call in a real uvicorn, and its clients."""
import contextlib
import os
import threading
import time

import lab


class Web:
    """One HTTP client on one kept connection."""

    def __init__(self, test, host, family, port):
        self.client = test.lab.connect(host, family, port)
        self.sock = self.client.sock
        self.name = self.client.name
        self.is_busy = False

    def ask(self, path):
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nhost: night\r\n\r\n".encode())
        return self

    def answer(self):
        lab.http_answer(self.sock)
        return self


class UvicornNight(lab.LabTest):
    """Told apart before the block, told as one story after it; by name and pid."""

    def start_uvicorn(self, family, port):
        address = {4: "0.0.0.0", 6: "::"}[family]
        log = open(f"/tmp/cd-{os.getpid()}-uvicorn-{family}.log", "w", encoding="utf-8")
        self.addCleanup(os.unlink, log.name)
        self.addCleanup(log.close)
        process = self.lab.spawn(
            "uvicorn", "--app-dir", lab.HERE, "--host", address, "--port", str(port),
            "--timeout-keep-alive", "3600", "night_app:app", stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        started = time.monotonic()
        while True:
            try:
                Web(self, self.lab.host(), family, port).ask("/ok").answer().sock.close()
                return process
            except OSError:
                if process.poll() is not None or time.monotonic() - started > 20:
                    with open(log.name, encoding="utf-8") as text:
                        self.fail(f"uvicorn did not start: {text.read()}")
                time.sleep(0.1)

    def test_night_on_ipv4(self):
        self.night(4, 30020)

    def test_night_on_ipv6(self):
        self.night(6, 30021)

    attempts = 0

    def night(self, family, port):
        port += 2 * self.attempts  # what a slow attempt has left stays on its port
        self.attempts += 1
        uvicorn = self.start_uvicorn(family, port)
        self.pid = uvicorn.pid
        home = self.lab.host()

        def web(host=None):
            return Web(self, host or home, family, port)

        def kept(count, host=None):
            return [web(host).ask("/ok").answer() for _ in range(count)]

        # Before the block: the loop is alive.
        busy, idle, awaiting = kept(2), kept(2), [web().ask("/await") for _ in range(3)]
        waiting, leaving = kept(3), kept(4)
        gone_idle = kept(1, self.lab.host())
        gone_idle[0].client.host.vanish()
        later = web(self.lab.host()).ask("/later")
        time.sleep(1)
        later.client.host.vanish()
        cut = web(self.lab.host())
        cut.client.host.cut_after(3_000_000)
        cut.client.keep_reading(count=1 << 20)
        cut.ask("/big")
        reader = web(self.lab.host()).ask("/big")
        impatient = [web().ask("/await") for _ in range(2)]
        time.sleep(1)
        for one in impatient:
            one.sock.close()
        start = time.monotonic()
        self.keep_busy(busy)

        self.at(start, 12)
        result = self.lab.check(port)
        before = {"active": 2, "idle": 2 + 3 + 3 + 4 + 1, "half-open": 2, "slow-reader": 1}
        self.note(f"before the block, {result.started - start:.0f} s after the request: "
                  f"{result.counts()}")
        self.assertVerdicts(result, before)
        self.assertNight(result, busy, "active", acts="nobody")
        self.assertNight(result, idle + gone_idle + awaiting, "idle", acts="nobody")
        self.assertNight(result, [later, cut], "half-open", confidence="proven",
                         acts="peer")
        self.assertNight(result, [reader], "slow-reader", confidence="proven",
                         acts="peer")
        for one in impatient:
            self.assertIsNone(result.of(one.name), f"uvicorn has closed it\n{result}")
        self.assertFindings(result, {"half-open": "warning", "slow-reader": "warning"})
        result = self.lab.check(port, "--set", "slow-response-age=5s")
        self.assertVerdicts(result, {**before, "idle": before["idle"] - 3,
                                     "slow-response": 3})
        # It might be a WebSocket that uvicorn does not ping yet: likely only later.
        self.assertNight(result, awaiting, "slow-response", acts="local-app",
                         turn="local")
        self.assertNotIn("stuck-worker", {f["check"] for f in result.findings("info")})

        # The block. Nothing is read, accepted or closed from here on.
        for one in busy:
            one.is_busy = False
        time.sleep(0.5)
        blocker = web().ask("/block")
        time.sleep(1)
        block = time.monotonic()
        for one in busy + waiting + leaving:
            one.ask("/ok")
        new = [web().ask("/ok") for _ in range(2)]
        gave_up = web().ask("/ok")
        time.sleep(2)
        for one in leaving + [gave_up]:
            one.sock.close()

        self.at(block, 8)
        result = self.lab.check(port)
        after = {"unread": 5, "close-wait-unread": 4, "queued": 2, "queue-abandoned": 1,
                 "half-open": 2, "slow-reader": 1, "idle": 2 + 1}
        # /await was asked less than 30 s ago: not yet slow by the default.
        early = {**after, "idle": after["idle"] + 3 + 1}
        self.note(f"{result.started - block:.0f} s after the block: {result.counts()}")
        self.assertVerdicts(result, early)
        self.assertNames(result, "stuck-worker", severity=None)

        self.at(block, 33)
        result = self.lab.check(port)
        self.note(f"{result.started - block:.0f} s after the block: {result.counts()}, "
                  f"exit status {result.status}")
        self.assertVerdicts(result, {**after, "slow-response": 3 + 1})
        self.assertNight(result, busy + waiting, "unread", confidence="proven",
                         acts="local-app")
        self.assertNight(result, leaving, "close-wait-unread", confidence="proven",
                         acts="local-app")
        self.assertNight(result, [later, cut], "half-open", confidence="proven",
                         acts="peer")
        self.assertNight(result, [reader], "slow-reader", confidence="proven",
                         acts="peer")
        self.assertNight(result, idle + gone_idle, "idle", acts="nobody")
        self.assertNight(result, awaiting + [blocker], "slow-response",
                         confidence="likely", acts="local-app")
        for one in new:
            self.assertVerdict(result, one.name, "queued", confidence="proven")
        self.assertVerdict(result, gave_up.name, "queue-abandoned", confidence="proven")
        self.assertEqual(result.status, 2, f"\n{result}")
        finding = self.assertNames(result, "stuck-worker", severity="critical")
        self.assertEqual(finding["confidence"] if "confidence" in finding else "proven",
                         "proven", f"\n{result}")
        self.assertEqual(result.doc["findings"][0]["check"], "stuck-worker",
                         f"the story comes first\n{result}")
        service, = result.doc["services"]
        self.assertEqual([p["pid"] for p in service["processes"]], [self.pid])
        self.assertEqual(service["processes"][0]["command"], "uvicorn")
        self.assertReadAloud(port)
        # Nothing of this night's diagnosis changed anything.
        self.assertIsNone(uvicorn.poll(), "uvicorn has ended")

    def keep_busy(self, webs):
        """Requests on kept connections until `is_busy` is taken away."""
        def work(one):
            with contextlib.suppress(OSError):
                while one.is_busy:
                    one.ask("/ok").answer()
                    time.sleep(0.2)
        for one in webs:
            one.is_busy = True
            threading.Thread(target=work, args=(one,), daemon=True).start()

    def assertReadAloud(self, port):
        """The first line alone must be worth reading on the incident call."""
        text = self.lab.run_in("server", self.lab.binary, "check", f":{port}",
                               "--no-pager", "--color=never")
        first = text.splitlines()[0]
        self.note(first)
        for part in ("CRITICAL", f":{port}", f"uvicorn[{self.pid}]"):
            self.assertIn(part, first, f"\n{text}")

    def assertNight(self, result, webs, verdict, **fields):
        for one in webs:
            self.assertVerdict(result, one.name, verdict, **{
                "process.pid": self.pid, "process.executable.name": "uvicorn", **fields})

    def assertNames(self, result, code, severity):
        found = [f for f in result.findings("info") if f["check"] == code]
        self.assertEqual(len(found), 1, f"{code} once\n{result}")
        attributes = found[0]["attributes"]
        self.assertEqual(attributes.get("process.pid"), self.pid, f"\n{result}")
        self.assertEqual(attributes.get("process.executable.name"), "uvicorn")
        if severity:
            self.assertEqual(found[0]["severity"], severity, f"\n{result}")
        return found[0]


if __name__ == "__main__":
    lab.main("uvicorn")
