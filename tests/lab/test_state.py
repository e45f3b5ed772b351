#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Memory between runs: ages against the truth over two runs as cron makes them,
growth, and a fault that comes and goes."""
import concurrent.futures
import os
import shutil
import tempfile
import time

import lab

# Answers to it come each second and reset the kernel's own clocks.
KEEPALIVE = (1, 1, 100)
GAP = 11.5  # longer than what counts as watching (10 s)
AGE = ("--set", "close-wait-age=3s")


class StateTest(lab.LabTest):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="cd-state-")
        self.addCleanup(shutil.rmtree, folder)
        self.state = ("--state", os.path.join(folder, "state"))

    def crowd(self, name):
        app = self.lab.app(name)
        app.listen(self.lab.port())
        return app, app.neighbours()

    def leak(self, app, family):
        """Closed by the peer, kept by the application, and kept alive."""
        client = app.pair(self.lab.host(), family, keepalive=KEEPALIVE)
        client.close_name = client.name
        client.close()
        app.do("recv_eof", id=client.id)
        return client.close_name


class Ages(StateTest):
    def test_age_of_a_leak_survives_what_resets_the_kernels_clocks(self):
        app, crowd = self.crowd("leaky")
        names = [self.leak(app, family) for family in lab.FAMILIES]
        closed = time.monotonic()
        self.at(closed, 0.5)
        first = self.lab.check(app.port, "--once", *AGE, *self.state)
        first_end = time.monotonic()
        self.in_time(closed, 2.5)
        self.assertVerdicts(first, crowd.expect(close_wait=2))
        self.assertEqual(first.doc["collection"]["memory"], {"status": "new"})
        self.at(closed, 0.5 + GAP)
        blind = self.lab.check(app.port, "--once", *AGE)
        self.assertVerdicts(blind, crowd.expect(close_wait=2))
        second = self.lab.check(app.port, "--once", *AGE, *self.state)
        truth = time.monotonic() - closed
        self.assertVerdicts(second, crowd.expect(close_wait_leak=2))
        self.assertFindings(second, {"close-wait-leak": "warning"})
        for name in names:
            row = second.of(name)
            self.assertFalse(row["since_exact"])
            self.assertLessEqual(row["since_seconds"], truth)
            self.assertGreaterEqual(row["since_seconds"], second.started - first_end)
            self.assertLess(blind.of(name)["since_seconds"], 3)
        self.note(f"true age {truth:.1f} s, told {second.of(names[0])['since_seconds']} s, "
                  f"without memory {blind.of(names[0])['since_seconds']} s")

    def test_age_that_was_seen_beginning_stays_exact(self):
        app, crowd = self.crowd("watched")
        client = app.pair(self.lab.host(), 4, keepalive=KEEPALIVE)
        name = client.name
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            begun = time.monotonic()
            look = pool.submit(self.lab.check, app.port, *AGE, *self.state)
            self.at(begun, 0.5)
            client.close()
            closed = time.monotonic()
            app.do("recv_eof", id=client.id)
            row = look.result().of(name)
        if not row.get("since_exact"):
            raise lab.TooSlow("the peer did not close between the two passes")
        self.at(closed, GAP)
        before = time.monotonic() - closed
        second = self.lab.check(app.port, "--once", *AGE, *self.state)
        truth = time.monotonic() - closed
        self.assertVerdicts(second, crowd.expect(close_wait_leak=1))
        row = second.of(name)
        self.assertTrue(row["since_exact"], str(second))
        self.assertGreaterEqual(row["since_seconds"], before - 1.1)
        self.assertLessEqual(row["since_seconds"], truth)
        self.note(f"true age {truth:.2f} s, told {row['since_seconds']} s")

    def test_growth_between_two_runs_is_the_true_one(self):
        app, crowd = self.crowd("growing")
        for family in lab.FAMILIES:
            client = app.pair(self.lab.host(), family)
            client.close()
            app.do("recv_eof", id=client.id)
        time.sleep(3.5)
        first = self.lab.check(app.port, "--once", *AGE, *self.state)
        self.assertFindings(first, {"close-wait-leak": "warning"})
        self.assertNotIn("value_before", first.findings()[0])
        for _ in range(3):
            client = app.pair(self.lab.host(), 4)
            client.close()
            app.do("recv_eof", id=client.id)
        time.sleep(3.5)
        second = self.lab.check(app.port, "--once", *AGE, *self.state)
        finding = second.findings()[0]
        self.assertEqual((finding["value_before"], finding["value"]), (2, 5), str(second))
        self.assertHealthy(second, crowd)

    def test_healthy_connections_stay_healthy_from_run_to_run(self):
        """Something fresh lies in a queue at each look, after a long quiet time."""
        app, crowd = self.crowd("healthy")
        talkers = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        for client in talkers:
            client.send(100)
            app.do("recv", id=client.id, count=100)
        self.lab.check(app.port, "--once", *self.state)
        time.sleep(GAP)
        for client in talkers:
            client.send(100)
        start = time.monotonic()
        result = self.lab.check(app.port, "--once", *self.state)
        self.in_time(start, 4)
        self.assertEqual(result.doc["collection"]["memory"]["status"], "continued")
        self.assertHealthy(result, crowd)
        self.assertHealthy(result, talkers)
        self.assertFindings(result, {})


class Hysteresis(StateTest):
    OPTIONS = ("--once", "--set", "unread-age=1s", "--set", "close-after=5s")

    def look(self, app, *more):
        return self.lab.check(app.port, *self.OPTIONS, *more)

    def make_sick(self, app, clients):
        for client in clients:
            client.send(100)
        time.sleep(1.3)

    def heal(self, app, clients):
        for client in clients:
            app.do("recv", id=client.id, count=100)

    def phases(self, result):
        return [f["phase"] for f in result.findings() if f["check"] == "stuck-worker"]

    def test_a_fault_that_comes_and_goes_does_not_flip_the_exit_status(self):
        app, crowd = self.crowd("flapping")
        clients = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        plain, kept, phases = [], [], []
        for _ in range(3):
            for change in (self.make_sick, self.heal):
                change(app, clients)
                plain.append(self.look(app).status)
                result = self.look(app, *self.state)
                kept.append(result.status)
                phases += self.phases(result)
                self.assertHealthy(result, crowd)
        healed = time.monotonic()
        self.assertEqual(plain, [1, 0] * 3)
        self.assertEqual(kept, [1] * 6)
        self.assertEqual(phases, ["open", "recovering"] * 3)
        self.at(healed, 5.5)
        result = self.look(app, *self.state)
        self.assertEqual((result.status, result.findings("info")), (0, []), str(result))

    def test_a_fault_opens_when_it_has_lasted(self):
        app, _ = self.crowd("pending")
        clients = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        options = (*self.state, "--set", "open-for=4s")
        start = time.monotonic()
        self.make_sick(app, clients)
        result = self.look(app, *options)
        self.in_time(start, 3.9)
        finding, = [f for f in result.findings("info") if f["check"] == "stuck-worker"]
        self.assertEqual((finding["phase"], finding["severity"], finding["severity_when_open"]),
                         ("pending", "info", "warning"), str(result))
        self.assertEqual(result.status, 0)
        self.at(start, 5)
        result = self.look(app, *options)
        self.assertEqual(self.phases(result), ["open"], str(result))
        self.assertEqual(result.status, 1)


if __name__ == "__main__":
    lab.main()
