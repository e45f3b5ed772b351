#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Applications that do not read what they were sent, or read it and do not answer."""
import time

import lab


class Worker(lab.LabTest):
    """A worker that moves, however slowly, is not stuck."""

    def crowd(self, name):
        app = self.lab.app(name)
        app.listen(self.lab.port())
        return app, app.neighbours()

    def test_one_unread_request_is_unread_after_5_s_but_no_stuck_worker(self):
        app, crowd = self.crowd("one-unread")
        sick = app.pair(self.lab.host(), 4)
        sick.send(300)
        start = time.monotonic()
        first = []

        def look(result, earliest, latest):
            self.assertHealthy(result, crowd)
            row = result.of(sick)
            if row["verdict"] == "unread":
                first.append((earliest, latest, row["confidence"]))
            else:
                self.assertIn(row["verdict"], lab.HEALTHY, f"\n{result}")
            return bool(first)

        self.poll(app.port, start, 9, 0.5, look)
        self.assertTrue(first, "never seen by check --once")
        self.note(f"unread at {first[0][0]:.1f} s, one sample: {first[0][2]}")
        self.assertGreater(first[0][1], 4.9)
        self.assertEqual(first[0][2], "likely")
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(unread=1))
        self.assertVerdict(result, sick, "unread", confidence="proven", acts="local-app",
                           recv_queue_bytes=300, **{"process.pid": app.pid})
        self.assertNotIn("stuck-worker", {f["check"] for f in result.findings()},
                         f"one alone may be back-pressure\n{result}")

    def test_unread_requests_on_several_connections_are_a_stuck_worker_by_name(self):
        app, crowd = self.crowd("stuck")
        free, _ = self.crowd("free")
        sick = [app.pair(self.lab.host(), f) for f in lab.FAMILIES for _ in range(2)]
        for client in sick:
            client.send(300)
        start = time.monotonic()
        self.at(start, 6)
        result = self.lab.check(app.port)
        self.note(f"stuck-worker warning at {result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(unread=4))
        for client in sick:
            self.assertVerdict(result, client, "unread", confidence="proven",
                               **{"process.pid": app.pid})
        self.assertFindings(result, {"stuck-worker": "warning"})
        finding = self.assertNamesProcess(result, "stuck-worker", app)
        self.assertEqual(finding["attributes"].get("process.executable.name"), app.name,
                         f"\n{result}")
        result = self.lab.check(app.port, "--set", "stuck-worker-critical-age=3s")
        self.assertFindings(result, {"stuck-worker": "critical"})
        self.at(start, 31)
        result = self.lab.check(app.port)
        self.note(f"critical by the default of 30 s at {result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(unread=4))
        self.assertFindings(result, {"stuck-worker": "critical"})
        self.assertNamesProcess(result, "stuck-worker", app)
        other = self.lab.check(free.port)
        self.assertFindings(other, {})

    def test_full_receive_window_is_unread(self):
        app, crowd = self.crowd("back-pressure")
        sick = [app.pair(self.lab.host(), f) for f in lab.FAMILIES]
        for client in sick:
            client.sock.settimeout(0.5)
            try:
                while True:
                    client.sock.send(b"c" * 65536)
            except TimeoutError:
                pass
        start = time.monotonic()
        self.at(start, 8)
        result = self.lab.check(app.port)
        self.note(f"at {result.started - start:.1f} s with "
                  f"{result.of(sick[0])['recv_queue_bytes']} bytes waiting")
        self.assertVerdicts(result, crowd.expect(unread=2))

    def test_worker_that_reads_slowly_is_never_flagged(self):
        app, crowd = self.crowd("sipping")
        slow = [app.pair(self.lab.host(), f) for f in lab.FAMILIES]
        for client in slow:
            client.send(30000)
            app.do("sip", id=client.id, count=100, interval=0.3)
        start = time.monotonic()
        self.at(start, 7)
        # Long after the last data came and with Recv-Q > 0: only a second look can tell.
        for _ in range(4):
            result = self.lab.check(app.port)
            self.assertHealthy(result, slow)
            self.assertVerdicts(result, crowd.expect(
                active=result.counts().get("active", 0) - len(crowd.busy),
                idle=result.counts().get("idle", 0) - len(crowd.idle + crowd.silent)))
            self.assertFindings(result, {})
            self.assertGreater(result.of(slow[0])["recv_queue_bytes"], 0)
        self.note(f"four looks of two samples until {time.monotonic() - start:.1f} s")

    def test_request_read_and_not_answered_is_slow_response_at_its_limit(self):
        app, crowd = self.crowd("owing")
        one, others = self.crowd("owing-one")
        known, beside = self.crowd("uvicorn")  # by its name: a known stack
        sick = [app.pair(self.lab.host(), f) for f in lab.FAMILIES for _ in range(2)]
        sick_one = one.pair(self.lab.host(), 6)
        sick_known = [known.pair(self.lab.host(), f) for f in lab.FAMILIES * 2]
        for owner, client in [*((app, c) for c in sick), (one, sick_one),
                              *((known, c) for c in sick_known)]:
            client.send(300)
            owner.do("recv", id=client.id, count=300)
        start = time.monotonic()
        limit = ("--set", "slow-response-age=3s")
        result = self.lab.check(app.port, "--once", *limit)
        self.in_time(start, 2.9)
        self.assertNotIn("slow-response", result.counts(), f"\n{result}")
        self.at(start, 4)
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(idle=4))
        self.assertFindings(result, {})
        result = self.lab.check(app.port, *limit)
        self.note(f"slow-response at {result.started - start:.1f} s, limit 3 s")
        self.assertVerdicts(result, crowd.expect(slow_response=4))
        for client in sick:
            self.assertVerdict(result, client, "slow-response", confidence="suspect",
                               acts="local-app", turn="local", role="server")
        # Of an unknown protocol it is not known that a reply is owed: said, no alarm.
        self.assertFindings(result, {})
        self.assertNamesFinding(result, "slow-response", "info")
        # Not yet of a known one either: a WebSocket is pinged only after 20 s.
        result = self.lab.check(known.port, *limit)
        self.assertVerdicts(result, beside.expect(slow_response=4))
        self.assertFindings(result, {})
        result = self.lab.check(one.port, *limit)
        self.assertVerdicts(result, others.expect(slow_response=1))
        self.assertFindings(result, {})
        self.at(start, 31)
        result = self.lab.check(known.port)
        self.note(f"slow-response by the default of 30 s at {result.started - start:.1f} s")
        self.assertVerdicts(result, beside.expect(slow_response=4))
        for client in sick_known:
            self.assertVerdict(result, client, "slow-response", confidence="likely",
                               acts="local-app")
        self.assertFindings(result, {"slow-response": "warning"})

    def assertNamesFinding(self, result, code, severity):
        found = [f["severity"] for f in result.findings("info") if f["check"] == code]
        self.assertEqual(found, [severity], f"{code}\n{result}")

    def test_peer_that_owes_us_a_reply_is_a_slow_upstream_seen_from_the_client(self):
        app, crowd = self.crowd("upstream")
        sick = [app.pair(self.lab.host(), f) for f in lab.FAMILIES]
        for client in sick:
            client.send(300)
            app.do("recv", id=client.id, count=300)
        start = time.monotonic()
        self.at(start, 4)
        result = self.lab.check(app.port, namespace="client")
        self.assertVerdicts(result, crowd.expect(idle=2))
        result = self.lab.check(app.port, "--set", "slow-upstream-age=3s",
                                namespace="client")
        self.note(f"slow-upstream at {result.started - start:.1f} s, limit 3 s")
        self.assertVerdicts(result, crowd.expect(slow_upstream=2))
        for client in sick:
            self.assertVerdict(result, client, "slow-upstream", acts="peer", turn="peer",
                               role="client")


if __name__ == "__main__":
    lab.main()
