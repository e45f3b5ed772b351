#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What looks sick and is not, and what is sick in an unusual way.

Each of these was once called what it is not, or might be.
"""
import contextlib
import signal
import socket
import subprocess
import time

import lab
import servers
from strange import PORT, SOON, StrangeTest


class Strange(StrangeTest):
    """Odd manners, each on a machine of its own."""

    def only(self, result, code):
        """The one finding above info; it has this code."""
        found = result.findings()
        self.assertEqual([f["check"] for f in found], [code], f"\n{result}")
        return found[0]

    # Clients

    def test_a_pool_whose_idle_connections_the_server_closed(self):
        site = self.site("pool")
        self.app(site, "greet", PORT)
        client = self.app(site, "pool", servers.SERVER_ADDRESS, PORT, 8,
                          namespace=site.others, port=None, stdout=subprocess.PIPE,
                          text=True)
        self.addCleanup(client.stdout.close)
        self.assertEqual(client.stdout.readline(), "ready\n")
        time.sleep(9)
        result = site.check(*SOON, namespace=site.others)
        self.assertEqual(result.counts(), {"close-wait-unread": 8}, f"\n{result}")
        finding = self.only(result, "close-wait-leak")
        self.assertEqual(finding["severity"], "warning", f"\n{result}")
        self.assertEqual(finding["attributes"]["process.pid"], client.pid)
        self.assertNotIn("stuck", result.stdout)
        self.assertNotIn("restart the worker", result.stdout)

    def test_lines_of_a_log_are_not_answered(self):
        site = self.site("log")
        self.app(site, "sink", PORT)
        socks = self.sent(site, 4)
        time.sleep(7)
        for sock in socks:
            sock.sendall(b"one more line\n")
        time.sleep(6)
        for namespace in (site.server, site.others):
            result = site.check(*SOON, namespace=namespace)
            self.assertFindings(result, {})
            self.assertEqual(result.counts(), {"idle": 4}, f"\n{result}")
        # The first request of a connection that is not answered is another matter.
        self.sent(site, 1)
        time.sleep(6)
        counts = site.check(*SOON).counts()
        self.assertEqual(counts, {"idle": 4, "slow-response": 1})

    # Servers that work

    def test_a_server_that_sends_and_does_not_care_for_input(self):
        site = self.site("ticker")
        self.app(site, "ticker", PORT)
        socks = self.sent(site, 4)
        for sock in socks:
            site.repeat(lambda sock=sock: sock.recv(4096), 0.01)
        time.sleep(12)
        result = self.assertStaysHealthy(site, times=2, pause=1)
        self.assertEqual(result.counts(), {"active": 4}, f"\n{result}")

    def test_a_half_closed_client_that_takes_a_long_reply(self):
        site = self.site("half")
        self.app(site, "ticker", PORT)
        for sock in self.sent(site, 4):
            sock.shutdown(socket.SHUT_WR)
            site.repeat(lambda sock=sock: sock.recv(4096), 0.01)
        time.sleep(12)
        result = self.assertStaysHealthy(site, times=2, pause=1)
        self.assertEqual(result.counts(), {"close-wait": 4}, f"\n{result}")

    def test_a_saturated_worker_accepts(self):
        site = self.site("busy")
        self.app(site, "one-at-a-time", PORT, 0.8)

        def ask():
            with contextlib.closing(site.connect(PORT)) as sock:
                sock.sendall(b"hello")
                sock.recv(4096)

        for _ in range(12):
            site.repeat(ask, 0.01)
        time.sleep(15)
        finding = self.only(site.check(), "stuck-worker")
        self.assertIn("wait to be accepted", finding["summary"])
        self.assertEqual(finding["severity"], "warning")
        advice = "\n".join(finding["next"])
        self.assertNotIn("restart", advice)
        self.assertIn("more workers", advice)

    def test_threads_that_hang_beside_others_that_answer(self):
        site = self.site("threads")
        self.app(site, "echo", PORT)
        for sock in self.sent(site, 2, b"hang"):
            sock.recv(4096)
            sock.sendall(b"more")
        web = self.sent(site, 4)

        def exchange(sock):
            sock.recv(4096)
            sock.sendall(b"hello")

        for sock in web:
            site.repeat(lambda sock=sock: exchange(sock), 0.2)
        time.sleep(8)
        result = site.check()
        finding = self.only(result, "stuck-worker")
        self.assertIn("while others are answered", finding["summary"])
        self.assertNotIn("worker stuck", finding["summary"])
        self.assertEqual(result.counts(), {"unread": 2, "active": 4}, f"\n{result}")

    def test_handlers_of_clients_that_left(self):
        site = self.site("left")
        server = self.app(site, "work", PORT)
        socks = self.sent(site, 4)
        time.sleep(1)
        for sock in socks:
            sock.close()
        time.sleep(7)
        result = site.check()
        finding = self.only(result, "stuck-worker")
        self.assertEqual(finding["attributes"]["process.pid"], server.pid)
        self.assertIn("4 clients gave up", finding["summary"])
        self.assertNotIn("worker stuck", finding["summary"])
        self.assertEqual(finding["severity"], "warning", f"\n{result}")

    # Servers that do not

    def test_a_stopped_worker_is_told_how_to_go_on(self):
        site = self.site("stopped")
        server = self.app(site, "echo", PORT)
        socks = self.sent(site, 4)
        for sock in socks:
            sock.recv(4096)
        server.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # its threads stop one by one
        for sock in socks:
            sock.sendall(b"hello")
        time.sleep(7)
        finding = self.only(site.check(), "stuck-worker")
        self.assertIn("is stopped (state T)", "\n".join(finding["evidence"]))
        self.assertIn(f"kill -CONT {server.pid}   lets it go on", finding["next"])
        server.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        self.assertFindings(site.check(), {})

    def test_a_helper_that_inherited_the_listener_is_not_accused(self):
        site = self.site("helper")
        server = self.app(site, "with-helper", PORT)
        self.sent(site, 4)
        time.sleep(7)
        finding = self.only(site.check(), "stuck-worker")
        self.assertEqual(finding["attributes"]["process.pid"], server.pid)
        self.assertIn("nobody accepts", finding["summary"])


if __name__ == "__main__":
    lab.main()
