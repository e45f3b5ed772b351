#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The peer closed first: normal, leaked, never looked at, or half-closed on purpose."""
import time

import lab


class CloseWait(lab.LabTest):
    """A CLOSE_WAIT is judged by its age and by whether the end was read."""

    def crowd(self, name):
        app = self.lab.app(name)
        app.listen(self.lab.port())
        return app, app.neighbours()

    def test_close_wait_of_50_ms_is_normal(self):
        app, crowd = self.crowd("young")
        ages = []
        for round_ in range(6):
            young = [app.pair(self.lab.host() if round_ == 0 else crowd.idle[0].host, f)
                     for f in lab.FAMILIES]
            for client in young:
                client.send(20)
                client.close_name = client.name
                client.close()
            start = time.monotonic()
            self.at(start, 0.05)
            result = self.lab.check(app.port, "--once", "--set", "close-wait-age=3s")
            self.in_time(start, 2.9)
            ages.append(time.monotonic() - start)
            self.assertVerdicts(result, crowd.expect(close_wait=2))
            for client in young:
                self.assertVerdict(result, client.close_name, "close-wait",
                                   acts="nobody", state="close_wait")
            self.assertFindings(result, {})
            for client in young:
                app.do("close", id=client.id)
        self.note(f"six times two, at most {max(ages) * 1000:.0f} ms old")

    def test_end_of_stream_never_read_is_close_wait_unread_after_5_s(self):
        app, crowd = self.crowd("unread-eof")
        sick = {}
        for family in lab.FAMILIES:
            for count in (0, 500):
                client = app.pair(self.lab.host(), family)
                if count:
                    client.send(count)
                sick[client.name] = count + 1
                client.close()
        start = time.monotonic()
        first = []

        def look(result, earliest, latest):
            self.assertHealthy(result, crowd)
            counts = result.counts()
            if counts.get("close-wait-unread") == 4:
                first.append((earliest, latest))
            else:
                self.assertVerdicts(result, crowd.expect(
                    close_wait=4 - counts.get("close-wait-unread", 0),
                    close_wait_unread=counts.get("close-wait-unread", 0)))
            return bool(first)

        self.poll(app.port, start, 9, 0.5, look)
        self.assertTrue(first, "never seen")
        self.note(f"close-wait-unread at {first[0][0]:.1f} s")
        self.assertGreater(first[0][1], 4.9)
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(close_wait_unread=4))
        for name, unread in sick.items():
            self.assertVerdict(result, name, "close-wait-unread", confidence="proven",
                               acts="local-app", recv_queue_bytes=unread,
                               **{"process.pid": app.pid})
        self.assertFindings(result, {"stuck-worker": "warning"})
        self.assertNamesProcess(result, "stuck-worker", app)

    def leak(self, app, per_family):
        names = []
        for family in lab.FAMILIES:
            for _ in range(per_family):
                client = app.pair(self.lab.host(), family)
                names.append(client.name)
                client.close()
                app.do("recv_eof", id=client.id)
        return names

    def test_descriptor_kept_after_the_end_is_a_leak_at_its_limit(self):
        app, crowd = self.crowd("leaky")
        sick = self.leak(app, 2)
        start = time.monotonic()
        result = self.lab.check(app.port, "--once", "--set", "close-wait-age=3s")
        self.in_time(start, 2.9)
        self.assertVerdicts(result, crowd.expect(close_wait=4))
        self.at(start, 4)
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(close_wait=4))
        for name in sick:
            self.assertVerdict(result, name, "close-wait", acts="nobody")
        self.assertFindings(result, {})
        result = self.lab.check(app.port, "--set", "close-wait-age=3s")
        self.note(f"close-wait-leak at {result.started - start:.1f} s, limit 3 s")
        self.assertVerdicts(result, crowd.expect(close_wait_leak=4))
        for name in sick:
            self.assertVerdict(result, name, "close-wait-leak", acts="local-app",
                               recv_queue_bytes=0, **{"process.pid": app.pid})
        self.assertFindings(result, {"close-wait-leak": "warning"})
        self.assertNamesProcess(result, "close-wait-leak", app)
        result = self.lab.check(app.port, "--set", "close-wait-age=3s", "--set",
                                "close-wait-critical-age=3s", "--set",
                                "close-wait-critical-count=4")
        self.assertFindings(result, {"close-wait-leak": "critical"})
        result = self.lab.check(app.port, "--set", "close-wait-age=3s", "--set",
                                "close-wait-critical-age=3s", "--set",
                                "close-wait-critical-count=5")
        self.assertFindings(result, {"close-wait-leak": "warning"})

    def test_descriptor_kept_for_the_default_60_s_is_a_leak(self):
        app, crowd = self.crowd("leaky-60")
        sick = self.leak(app, 1)
        start = time.monotonic()
        self.at(start, 57)
        result = self.lab.check(app.port, "--once")
        self.assertVerdicts(result, crowd.expect(close_wait=2))
        self.at(start, 61.5)
        result = self.lab.check(app.port)
        self.note(f"close-wait at 57 s, close-wait-leak at {result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(close_wait_leak=2))
        for name in sick:
            self.assertVerdict(result, name, "close-wait-leak", acts="local-app")
        self.assertFindings(result, {"close-wait-leak": "warning"})
        self.assertNamesProcess(result, "close-wait-leak", app)

    def test_half_close_on_which_the_server_still_sends_is_never_flagged(self):
        app, crowd = self.crowd("half-close")
        streams = []
        for family in lab.FAMILIES:
            for interval in (0.05, 0.8):
                client = app.pair(self.lab.host(), family)
                client.shutdown()
                app.do("recv_eof", id=client.id)
                client.keep_reading()
                app.do("stream", id=client.id, count=100, interval=interval)
                streams.append(client)
        start = time.monotonic()
        options = ("--set", "close-wait-age=3s", "--set", "close-wait-unread-age=1s")
        samples = []

        def look(result, *_):
            self.assertHealthy(result, crowd)
            for client in streams:
                self.assertIn(result.of(client)["verdict"], ("close-wait", "active"),
                              f"{client.name}\n{result}")
            self.assertFindings(result, {})
            samples.append(1)
            return False

        self.poll(app.port, start, 9, 0.7, look, *options)
        result = self.lab.check(app.port, *options)
        for client in streams:
            self.assertVerdict(result, client, "close-wait", acts="nobody")
        self.assertVerdicts(result, crowd.expect(close_wait=4))
        self.assertFindings(result, {})
        self.note(f"{len(samples)} samples in {time.monotonic() - start:.0f} s")
        self.assertTrue(all(c.count > 500 for c in streams), "the lab itself stands")


class FinWait(lab.LabTest):
    """We closed first."""

    def test_fin_wait_2_kept_by_the_application_is_held_at_its_limit(self):
        app = self.lab.app("half-closer")
        app.listen(self.lab.port())
        crowd = app.neighbours()
        held = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        orphan = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        waiting = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        for client in held:
            app.do("shutdown", id=client.id)
        for client in orphan + waiting:
            app.do("close", id=client.id)
        names = [client.name for client in waiting]
        for client in waiting:
            client.sock.recv(1)
            client.close()
        start = time.monotonic()
        result = self.lab.check(app.port, "--once", "--set", "fin-wait-age=3s")
        self.in_time(start, 2.9)
        young = crowd.expect(closing=4, time_wait=2)
        self.assertVerdicts(result, young)
        self.assertFindings(result, {})
        self.at(start, 4)
        result = self.lab.check(app.port)
        self.assertVerdicts(result, young)
        self.assertFindings(result, {})
        result = self.lab.check(app.port, "--set", "fin-wait-age=3s")
        self.note(f"fin-wait-held at {result.started - start:.1f} s, limit 3 s")
        self.assertVerdicts(result, crowd.expect(fin_wait_held=2, closing=2, time_wait=2))
        for client in held:
            self.assertVerdict(result, client, "fin-wait-held", confidence="proven",
                               state="fin_wait_2", **{"process.pid": app.pid})
        for client in orphan:
            self.assertVerdict(result, client, "closing", state="fin_wait_2",
                               acts="nobody")
        for name in names:
            self.assertVerdict(result, name, "time-wait", state="time_wait",
                               acts="nobody")
        self.at(start, 63)
        result = self.lab.check(app.port)
        self.note(f"fin-wait-held by the default of 60 s at {result.started - start:.1f} s;"
                  " orphans and TIME_WAIT are gone")
        self.assertVerdicts(result, crowd.expect(fin_wait_held=2))


if __name__ == "__main__":
    lab.main()
