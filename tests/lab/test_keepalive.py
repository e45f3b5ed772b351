#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Keepalive settings are read from the process, without touching it."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import lab

# What may be done to a duplicate: these getsockopt(2), and close(2) at once.
OPTIONS = {"SO_COOKIE", "SO_KEEPALIVE", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT",
           "TCP_USER_TIMEOUT"}


class Keepalive(lab.LabTest):
    """Settings, detection times, permission, and what the program does to sockets."""

    def service(self, name, *settings):
        """An app with a client for each of the settings."""
        app = self.lab.app(name)
        app.listen(self.lab.port())
        host = self.lab.host()
        clients = [app.pair(host, 4, values) for values in settings]
        return app, clients

    def traced(self, port, *options):
        """check --once under strace: the document and the calls."""
        with tempfile.TemporaryDirectory() as folder:
            log = os.path.join(folder, "log")
            argv = ["ip", "netns", "exec", self.lab.ns("server"), "strace", "-f", "-o",
                    log, *options, self.lab.binary, "check", f":{port}", "--once",
                    "--json", "--all-connections"]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=100,
                                  check=False,
                                  env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
            with open(log, encoding="utf-8", errors="replace") as file:
                return json.loads(done.stdout), file.read()

    def test_detection_times_are_exact(self):
        cases = (((60, 10, 3), 90), ((7200, 75, 9), 7875), ((60, 10, 3, 5000), 70),
                 ((20, 5, 4, 90000), 90))
        app, clients = self.service("exact", *(values for values, _ in cases))
        silent = app.pair(self.lab.host(), 6)
        result = self.lab.check(app.port, "--once")
        for (values, seconds), client in zip(cases, clients):
            row = result.of(client)
            self.assertIs(row["keepalive"], True)
            self.assertEqual(row["keepalive_idle_seconds"], values[0])
            self.assertEqual(row["keepalive_interval_seconds"], values[1])
            self.assertEqual(row["keepalive_count"], values[2])
            self.assertEqual(row["user_timeout_seconds"] * 1000, (*values, 0)[3])
            self.assertIs(row["dead_peer_detected"], True)
            self.assertEqual(row["dead_peer_detection_seconds"], seconds)
            self.assertIs(row["dead_peer_detection_exact"], True)
        row = result.of(silent)
        self.assertIs(row["keepalive"], False)
        self.assertIs(row["dead_peer_detected"], False)
        self.assertNotIn("dead_peer_detection_seconds", row)
        service, = result.doc["services"]
        self.assertIs(service["dead_peer_detected"], False)

    def test_a_service_is_as_slow_as_its_slowest(self):
        app, _ = self.service("slowest", (60, 10, 3), (30, 10, 3))
        service, = self.lab.check(app.port).doc["services"]
        self.assertEqual(service["dead_peer_detection_seconds"], 90)
        self.assertIs(service["dead_peer_detection_exact"], True)

    def test_the_time_is_what_the_kernel_does(self):
        app, (client,) = self.service("measured", (2, 1, 3))
        row = self.lab.check(app.port, "--once").of(client)
        self.assertEqual(row["dead_peer_detection_seconds"], 5)
        started = time.monotonic()
        client.host.vanish()
        while self.lab.check(app.port, "--once").of(client):
            self.assertLess(time.monotonic() - started, 15)
            time.sleep(0.1)
        passed = time.monotonic() - started
        self.note(f"gone after {passed:.1f} s")
        # The last answered segment was up to 2 s before the client vanished.
        self.assertGreater(passed, 2.5)
        self.assertLess(passed, 8)

    def test_a_recording_carries_the_settings(self):
        app, (client,) = self.service("recorded", (60, 10, 3))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "r.cdrec")
            live = self.lab.check(app.port, "--record", path)
            read = self.lab.run_in("server", self.lab.binary, "check", "--read", path,
                                   "--json", "--all-connections")
        row, = (c for c in json.loads(read)["connections"] if c.get("peer") == client.name)
        self.assertEqual(row["dead_peer_detection_seconds"], 90)
        self.assertEqual(live.of(client)["keepalive_count"], row["keepalive_count"])

    def test_list_does_not_read_them(self):
        app, (client,) = self.service("list", (60, 10, 3))
        row = self.lab.check(app.port, command="list").of(client)
        self.assertNotIn("keepalive_count", row)
        self.assertIs(row["dead_peer_detection_exact"], False)

    def test_nothing_else_is_done_to_the_sockets(self):
        if not shutil.which("strace"):
            self.skipTest("no strace")
        app, clients = self.service("traced", (60, 10, 3), (60, 10, 3), (60, 10, 3))
        _, log = self.traced(app.port)
        calls = [line.split(None, 1)[1] for line in log.splitlines()]
        copies, copy = 0, None
        for call in calls:
            found = re.match(r"pidfd_getfd\(.*\)\s+= (\d+)", call)
            if found:
                self.assertIsNone(copy, "the duplicate before this is still open")
                copy, copies = found.group(1), copies + 1
            elif copy and re.match(rf"close\({copy}\)", call):
                copy = None
            elif copy:
                option = re.match(rf"getsockopt\({copy}, SOL_\w+, (\w+),", call)
                self.assertTrue(option, call)
                self.assertIn(option.group(1), OPTIONS, call)
        self.assertIsNone(copy)
        self.assertGreaterEqual(copies, len(clients))
        for word in ("SO_ERROR", "shutdown(", "ptrace("):
            self.assertNotIn(word, log)
        for client in clients:  # they work as before
            app.do("echo", id=client.id)
            client.exchange()

    def test_a_refusal_is_said_once_and_the_timer_is_used(self):
        if not shutil.which("strace"):
            self.skipTest("no strace")
        app, clients = self.service("refused", (60, 10, 3), (60, 10, 3))
        doc, _ = self.traced(app.port, "-e", "inject=pidfd_getfd:error=EPERM")
        found = [d for d in doc["collection"]["degraded"]
                 if d["what"] == "keepalive settings"]
        self.assertEqual(len(found), 1, doc["collection"])
        self.assertRegex(found[0]["why"], r"^not permitted for \d+ of \d+ sockets")
        self.assertIn("run as root", found[0]["why"])
        for client in clients:
            row, = (c for c in doc["connections"] if c.get("peer") == client.name)
            self.assertNotIn("keepalive_count", row)
            self.assertAlmostEqual(row["dead_peer_detection_seconds"], 60, delta=0.5)
            self.assertIs(row["dead_peer_detection_exact"], False)

    def test_without_privilege_it_says_what_it_cannot_see(self):
        app, (client,) = self.service("nobody", (60, 10, 3))
        out = self.lab.run_in("server", "setpriv", "--reuid=65534", "--regid=65534",
                              "--clear-groups", self.lab.binary, "check",
                              f":{app.port}", "--once", "--json", "--all-connections")
        doc = json.loads(out)
        self.assertIn("process owners",
                      [d["what"] for d in doc["collection"]["degraded"]])
        row, = (c for c in doc["connections"] if c.get("peer") == client.name)
        self.assertNotIn("keepalive_count", row)
        self.assertIs(row["dead_peer_detection_exact"], False)


if __name__ == "__main__":
    lab.main()
