#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Nothing is wrong, and nothing may be said to be."""
import threading
import time

import lab

NORMAL = {"active", "idle", "time-wait", "closing", "close-wait", "handshake",
          "connecting"}


class Healthy(lab.LabTest):
    """Zero findings above info, exit status 0, from both ends."""

    def observe(self, port, exact=None, rounds=5, options=()):
        started = time.monotonic()
        looks = 0
        for number in range(rounds):
            if time.monotonic() - started > 20:
                break  # a poll of the test would soon owe its answer for too long
            for namespace in ("server", "client"):
                once = ("--once",) if number % 2 else ()
                result = self.lab.check(port, *once, *options, namespace=namespace)
                if exact:
                    self.assertVerdicts(result, exact)
                for row in result.connections():
                    self.assertIn(row["verdict"], NORMAL, f"\n{result}")
                    self.assertEqual(row["acts"], "nobody", f"\n{result}")
                self.assertFindings(result, {})
                self.assertEqual(result.status, 0, f"\n{result}")
                looks += 1
        self.note(f"{looks} looks in {time.monotonic() - started:.1f} s")

    def server(self, name, **options):
        app = self.lab.app(name)
        app.listen(self.lab.port(), **options)
        return app

    def test_busy_idle_and_silent_connections(self):
        app = self.server("plain")
        crowd = app.neighbours()
        time.sleep(1.5)
        self.observe(app.port, crowd.expect())

    def test_v4_clients_of_a_dual_stack_listener(self):
        app = self.server("dual", dual=True)
        crowd = app.neighbours()
        time.sleep(1.5)
        self.observe(app.port, crowd.expect())
        result = self.lab.check(app.port)
        self.assertHealthy(result, crowd)
        self.assertEqual(len(result.doc["services"]), 1, f"\n{result}")

    def test_idle_with_keepalive_below_every_limit(self):
        app = self.server("kept")
        crowd = app.neighbours(keepalive=(1, 1, 3))
        time.sleep(4)
        # The client's ends have no keepalive: look at the server's only.
        for _ in range(4):
            result = self.lab.check(app.port, "--set", "idle-unverified-age=3s")
            self.assertVerdicts(result, crowd.expect())
            self.assertFindings(result, {})

    def test_bulk_transfer_both_ways(self):
        app = self.server("bulk")
        crowd = app.neighbours()
        host = self.lab.host()
        moving = []
        for family in lab.FAMILIES:
            down = app.pair(host, family)
            down.keep_reading(count=200000, interval=0.005)
            app.do("stream", id=down.id, count=100000, interval=0.002)
            up = app.pair(host, family)
            app.do("sip", id=up.id, count=200000, interval=0.005)
            moving += [down, up]

            def upload(client=up):
                try:
                    while True:
                        client.sock.sendall(b"u" * 100000)
                        time.sleep(0.002)
                except OSError:
                    pass

            threading.Thread(target=upload, daemon=True).start()
        time.sleep(1)
        self.observe(app.port, crowd.expect(active=4))

    def test_server_push_and_short_long_polls(self):
        app = self.server("push")
        crowd = app.neighbours()
        host = self.lab.host()
        for family in lab.FAMILIES:
            pushed = app.pair(host, family)
            pushed.keep_reading()
            app.do("stream", id=pushed.id, count=200, interval=0.3)
            polled = app.pair(host, family)
            polled.send(100)
            app.do("recv", id=polled.id, count=100)
        time.sleep(1.5)
        # The poll waits for its answer, well below thirty seconds.
        self.observe(app.port, crowd.expect(active=2, idle=2))

    def test_short_connections_come_and_go(self):
        app = self.server("churn")
        crowd = app.neighbours()
        for listener in app.listeners.values():
            app.do("echo_all", listener=listener)
        stop = threading.Event()
        host = self.lab.host()
        count = [0]

        def churn(family):
            while not stop.is_set():
                client = self.lab.connect(host, family, app.port)
                client.exchange()
                client.close()
                count[0] += 1
                time.sleep(0.02)

        threads = [threading.Thread(target=churn, args=(f,)) for f in lab.FAMILIES]
        for thread in threads:
            thread.start()
        try:
            time.sleep(0.5)
            self.observe(app.port)
            result = self.lab.check(app.port)
            self.assertHealthy(result, crowd)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.note(f"{count[0]} connections")
        self.assertGreater(count[0], 50)

    def test_reset_leaves_nothing(self):
        app = self.server("reset")
        crowd = app.neighbours()
        for family in lab.FAMILIES:
            app.do("reset", id=app.pair(self.lab.host(), family).id)
        self.observe(app.port, crowd.expect(), rounds=2)


if __name__ == "__main__":
    lab.main()
