#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""More that looks sick and is not, and is sick in an unusual way.

What a second judge found said wrongly, or not at all.
"""
import subprocess
import time

import lab
from strange import PORT, SOON, StrangeTest


class Strange(StrangeTest):
    """Odd manners, each on a machine of its own."""

    def drop(self, site, namespace, hook, rule):
        """Packets that this rule takes are lost from now on, without a word."""
        lab.run("ip", "netns", "exec", self.lab.ns(namespace), "nft", "-f", "-", text=(
            f"table inet odd {{\n chain c {{\n type filter hook {hook} priority 0\n"
            f" {rule} drop\n }}\n}}\n"))

    def only(self, result, code, severity="warning"):
        """The one finding above info; it has this code."""
        found = [f for f in result.findings() if not f.get("part_of")]
        self.assertEqual([(f["check"], f["severity"]) for f in found],
                         [(code, severity)], f"\n{result}")
        return found[0]

    def assertSays(self, finding, part):
        self.assertIn(part, "\n".join(finding["evidence"]))

    # Healthy

    def test_silent_clients_of_a_listener_that_defers_accept_are_no_flood(self):
        site = self.site("defer")
        self.app(site, "deferred", PORT)
        socks = [site.connect(PORT, n) for n in range(24)]
        time.sleep(3.5)
        result = self.assertStaysHealthy(site, times=2, pause=1)
        self.assertEqual(result.counts(), {"handshake": 24}, f"\n{result}")
        socks[0].sendall(b"hello")
        self.assertEqual(socks[0].recv(4096), b"hello")

    def test_half_closed_clients_of_this_host_wait(self):
        site = self.site("wait")
        self.app(site, "work", PORT)
        client = self.app(site, "half-closer", "127.0.0.1", PORT, 4, port=None,
                          stdout=subprocess.PIPE, text=True)
        self.addCleanup(client.stdout.close)
        self.assertEqual(client.stdout.readline(), "ready\n")
        time.sleep(7)
        result = self.assertStaysHealthy(site, times=1)
        self.assertEqual(result.counts(), {"close-wait": 4, "closing": 4}, f"\n{result}")

    def test_a_client_that_leaves_a_greeting_unread(self):
        site = self.site("ticket")
        self.app(site, "welcome", PORT)
        _ = [site.connect(PORT, n) for n in range(4)]
        time.sleep(7)
        result = self.assertStaysHealthy(site, times=1, namespace=site.others)
        self.assertEqual(result.counts(), {"unread": 4}, f"\n{result}")

    def test_idle_clients_of_a_server_that_drains(self):
        site = self.site("drain")
        self.app(site, "drain", PORT, 5)
        for sock in self.sent(site, 5):
            sock.recv(4096)
        time.sleep(7)
        for namespace in (site.server, site.others):
            result = site.check(*SOON, namespace=namespace)
            self.assertFindings(result, {})
            self.assertEqual(result.counts(), {"idle": 5}, f"\n{result}")

    # The network

    def test_a_firewall_of_this_host_that_drops_what_leaves(self):
        site = self.site("output")
        self.app(site, "echo", PORT)
        socks = self.sent(site, 4)
        for sock in socks:
            sock.recv(4096)
        self.drop(site, site.server, "output", "ip daddr 10.91.0.10")
        socks[0].sendall(b"hello")
        time.sleep(8)
        result = site.check()
        finding = self.only(result, "local-path-down")
        self.assertEqual(finding["acts"], "network")
        self.assertIn("nothing leaves this host", finding["summary"])
        self.assertEqual(result.counts(), {"local-path-down": 1, "idle": 3})

    def test_a_path_that_drops_large_packets(self):
        site = self.site("mtu")
        self.app(site, "big-or-small", PORT)
        for sock in self.sent(site, 2):
            site.repeat(lambda sock=sock: (sock.recv(4096), sock.sendall(b"more")), 0.2)
        self.drop(site, site.others, "prerouting", "meta length > 900")
        self.sent(site, 2, b"big")
        time.sleep(9)
        result = site.check()
        finding = self.only(result, "half-open")
        self.assertEqual(finding["acts"], "network")
        self.assertIn("to hosts that answer on others", finding["summary"])
        self.assertSays(finding, "large segments")
        self.assertEqual(result.counts(), {"half-open": 2, "active": 2}, f"\n{result}")

    def test_who_does_not_read_what_was_closed(self):
        site = self.site("orphan")
        self.app(site, "flood", PORT)
        for n in range(2):
            site.connect(PORT, n, receive_buffer=8192).sendall(b"hello")
        time.sleep(12)
        result = self.assertStaysHealthy(site, times=1)
        self.assertEqual(result.counts(), {"slow-reader": 2}, f"\n{result}")
        self.assertEqual([f["check"] for f in result.findings("info")], ["slow-reader"])

    # The server

    def test_idle_clients_that_hold_the_only_worker(self):
        site = self.site("kept")
        self.app(site, "one-client-at-a-time", PORT)
        kept = site.connect(PORT)
        kept.sendall(b"hello")
        kept.recv(4096)
        self.sent(site, 3)
        time.sleep(7)
        finding = self.only(site.check(), "stuck-worker")
        self.assertEqual(finding["confidence"], "likely")
        self.assertSays(finding, "1 idle connection, answered up to")
        self.assertNotIn("restart", "\n".join(finding["next"]))

    def test_a_worker_that_writes_to_a_client_that_does_not_read(self):
        site = self.site("write")
        self.app(site, "one-client-at-a-time", PORT)
        site.connect(PORT, receive_buffer=8192).sendall(b"much")
        time.sleep(0.5)
        self.sent(site, 3)
        time.sleep(12)
        result = site.check()
        first = self.assertLeads(result, "stuck-worker", "warning")
        self.assertSays(first, "1 client of it does not read")
        self.assertSays(first, "to read from or to write to")

    def test_a_server_without_descriptors_does_not_accept(self):
        site = self.site("fds")
        server = self.app(site, "few-descriptors", PORT)
        self.sent(site, 12)
        time.sleep(7)
        finding = self.only(site.check(), "fd-exhaustion", "critical")
        self.assertEqual(finding["attributes"]["process.pid"], server.pid)
        self.assertSays(finding, "nobody accepts for")

    def test_connections_on_their_way_between_processes(self):
        site = self.site("flight")
        self.app(site, "hand-on", PORT)
        self.sent(site, 4)
        time.sleep(7)
        finding = self.only(site.check(), "stuck-worker")
        self.assertSays(finding, "no process that is visible here holds them")
        self.assertNotIn("process.pid", finding["attributes"])

    def test_helpers_that_inherited_connections(self):
        site = self.site("heirs")
        server = self.app(site, "with-heirs", PORT)
        for n in range(3):
            sock = site.connect(PORT, n)
            sock.sendall(b"hello")
            sock.recv(4096)
            sock.close()
        time.sleep(7)
        finding = self.only(site.check(*SOON), "close-wait-leak")
        self.assertEqual(finding["attributes"]["process.pid"], server.pid)
        self.assertSays(finding, "3 of them held by programs that it started")
        self.assertIn("SOCK_CLOEXEC", "\n".join(finding["next"]))


if __name__ == "__main__":
    lab.main()
