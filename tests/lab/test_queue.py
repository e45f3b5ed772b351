#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients in the accept queue: waiting, gone again, and too many."""
import time

import lab


class Queue(lab.LabTest):
    """The application is slow to accept, or does not accept at all."""

    def crowd(self, name, backlog):
        app = self.lab.app(name)
        app.listen(self.lab.port(), backlog=backlog)
        return app, app.neighbours()

    def test_client_in_the_accept_queue_is_queued_at_its_limit_and_not_before(self):
        app, crowd = self.crowd("not-accepting", 64)
        waiting = [self.lab.connect(self.lab.host(), f, app.port) for f in lab.FAMILIES]
        start = time.monotonic()
        waiting[0].send(100)
        result = self.lab.check(app.port, "--once", "--set", "queued-age=8s")
        self.in_time(start, 7.9)
        self.assertNotIn("queued", result.counts(), f"\n{result}")
        self.at(start, 1.5)
        result = self.lab.check(app.port)
        self.note(f"queued by the default of 1 s at {result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(queued=2))
        for client in waiting:
            self.assertVerdict(result, client, "queued", confidence="proven",
                               acts="local-app", state="established")
            self.assertNotIn("process.fd", result.of(client))
        for client in waiting:
            app.accept(client)
            app.do("echo", id=client.id)
        result = self.lab.check(app.port, "--once")
        self.assertNotIn("queued", result.counts(), f"after accept\n{result}")

    def test_client_that_left_the_queue_is_queue_abandoned(self):
        app, crowd = self.crowd("abandoned", 64)
        names = []
        for family in lab.FAMILIES:
            for count in (0, 100):
                client = self.lab.connect(self.lab.host(), family, app.port)
                names.append(client.name)
                if count:
                    client.send(count)
                client.close()
        waiting = [self.lab.connect(self.lab.host(), f, app.port) for f in lab.FAMILIES]
        start = time.monotonic()
        self.at(start, 6)
        result = self.lab.check(app.port)
        self.note(f"queue-abandoned at {result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(queue_abandoned=4, queued=2))
        for name in names:
            self.assertVerdict(result, name, "queue-abandoned", confidence="proven",
                               acts="local-app", state="close_wait")
        for client in waiting:
            self.assertVerdict(result, client, "queued")
        # A queue that nobody empties for seconds may be told as a stuck worker too.
        self.assertFindings(result, {"queue-abandoned": "warning"}, ["stuck-worker"])
        result = self.lab.check(app.port, "--set", "queue-abandoned-critical=4")
        self.assertFindings(result, {"queue-abandoned": "critical"}, ["stuck-worker"])

    def test_full_accept_queue_is_a_critical_finding(self):
        app, crowd = self.crowd("full", 2)
        waiting = [self.lab.connect(self.lab.host(), f, app.port)
                   for f in lab.FAMILIES for _ in range(3)]
        host = self.lab.host()
        outside = [self.lab.start_connect(host, f, self.lab.target(host, f), app.port)
                   for f in lab.FAMILIES for _ in range(3)]
        start = time.monotonic()
        self.at(start, 2.5)
        result = self.lab.check(app.port)
        self.note(f"backlog 2, three clients in, three outside, both families; "
                  f"{result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(queued=6))
        for client in waiting:
            self.assertVerdict(result, client, "queued", confidence="proven")
        for client in outside:
            self.assertIsNone(result.of(client), f"{client.name} never got in\n{result}")
        self.assertFindings(result, {"accept-queue-full": "critical"}, ["stuck-worker"])
        service, = result.doc["services"]
        self.assertEqual(service["accept_queue_count"], 6, f"\n{result}")
        self.assertEqual(service["accept_queue_limit_count"], 4, f"\n{result}")
        clients = self.lab.check(app.port, namespace="client")
        for client in outside:
            self.assertIn(clients.of(client)["verdict"], ("connecting", "connect-stuck"))

    def test_nearly_full_accept_queue_is_a_warning_and_half_full_is_none(self):
        app, crowd = self.crowd("nearly", 20)
        for family in lab.FAMILIES:
            for _ in range(10):
                self.lab.connect(self.lab.host(), family, app.port)
        result = self.lab.check(app.port, "--once")
        self.assertNotIn("accept-queue-full", {f["check"] for f in result.findings()},
                         f"10 of 20\n{result}")
        host = self.lab.host()
        for family in lab.FAMILIES:
            for _ in range(5):
                self.lab.connect(host, family, app.port)
        result = self.lab.check(app.port)
        self.note("10 of 20: nothing; 15 of 20: warning")
        self.assertVerdicts(result, crowd.expect(queued=30))
        self.assertFindings(result, {"accept-queue-full": "warning"}, ["stuck-worker"])


if __name__ == "__main__":
    lab.main()
