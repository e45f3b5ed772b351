#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Peers that are gone, paths that are down, and what only looks like it."""
import os
import tempfile
import threading
import time

import lab

PREFIX = {4: 24, 6: 64}
KEEPALIVE = (1, 1, 9)  # idle, interval, count: nine seconds from suspicion to death


class HalfOpen(lab.LabTest):
    """In every scenario healthy neighbours stand on the same port."""

    def crowd(self, name, keepalive=None):
        app = self.lab.app(name)
        app.listen(self.lab.port())
        return app, app.neighbours(keepalive)

    def watch(self, app, crowd, sick, start, until, *options, code="half-open"):
        """Polls; returns when each sick one was first called likely and proven."""
        seen = {}

        def look(result, earliest, latest):
            self.assertHealthy(result, crowd)
            for client in sick:
                row = result.of(client)
                if row and row["verdict"] == code:
                    seen.setdefault((client, row["confidence"]), (earliest, latest))
            return all((client, "proven") in seen for client in sick)

        self.last = self.poll(app.port, start, until, 0.7, look, *options)
        return seen

    def first(self, seen, client):
        return min(times for (who, _), times in seen.items() if who is client)

    def test_peer_gone_with_data_in_flight_is_likely_at_5_s_and_proven_by_8_s(self):
        app, crowd = self.crowd("in-flight")
        sick = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        for client in sick:
            client.host.vanish()
            app.do("send", id=client.id, count=1000)
        start = time.monotonic()
        seen = self.watch(app, crowd, sick, start, 12)
        for client in sick:
            self.assertIn((client, "likely"), seen, f"never likely\n{self.last}")
            self.assertIn((client, "proven"), seen, "never proven")
            early, late = self.first(seen, client)
            self.note(f"IPv{client.family}: half-open at {early:.1f} s, proven at "
                      f"{seen[client, 'proven'][0]:.1f} s after the send")
            self.assertGreater(late, 4.9, "before five seconds of silence")
            self.assertLess(early, 6.6)
            self.assertGreater(seen[client, "proven"][1], 5.9)
            self.assertLess(seen[client, "proven"][0], 8.5)
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(half_open=2))
        for client in sick:
            self.assertVerdict(result, client, "half-open", confidence="proven",
                               acts="peer", state="established", role="server",
                               **{"process.pid": app.pid})
        self.assertFindings(result, {"half-open": "warning"})
        self.assertListAgrees(app, crowd)
        self.assertRecordingAgrees(app, result)

    def assertListAgrees(self, app, crowd):
        result = self.lab.check(app.port, command="list")
        self.assertEqual(result.doc["schema"], "conn-doctor.list/1")
        self.assertVerdicts(result, crowd.expect(half_open=2))
        result = self.lab.check(app.port, command="list", where="verdict = half-open")
        self.assertEqual(result.counts(), {"half-open": 2}, f"\n{result}")

    def assertRecordingAgrees(self, app, live):
        """The same night again, read from a file, in a namespace that knows nothing."""
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "night")
            recorded = self.lab.check(app.port, "--record", name)
            read = self.lab.check(app.port, "--read", name, namespace="router")
        for result in (recorded, read):
            self.assertEqual({c["cookie"]: (c["verdict"], c.get("process.pid"))
                              for c in result.connections()},
                             {c["cookie"]: (c["verdict"], c.get("process.pid"))
                              for c in live.connections()}, f"\n{result}")
        self.assertEqual(read.doc["time"], recorded.doc["time"])

    def test_silence_counts_from_the_send_not_from_the_idle_time_before_it(self):
        app, crowd = self.crowd("idle-first")
        sick = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        time.sleep(8)
        for client in sick:
            client.host.vanish()
            app.do("send", id=client.id, count=1000)
        start = time.monotonic()
        seen = self.watch(app, crowd, sick, start, 12)
        for client in sick:
            early, late = self.first(seen, client)
            self.note(f"IPv{client.family}: idle for 8 s, half-open {early:.1f} s after "
                      "the send")
            self.assertGreater(late, 4.9, "the idle time before was taken for silence")
            self.assertLess(early, 6.6)

    def test_short_outage_in_flight_is_never_half_open(self):
        app, crowd = self.crowd("outage")
        shaken = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        for client in shaken:
            client.keep_reading()
            client.host.vanish()
            app.do("send", id=client.id, count=1000)
        start = time.monotonic()
        verdicts = set()

        def look(result, *_):
            self.assertHealthy(result, crowd)
            for client in shaken:
                verdict = result.of(client)["verdict"]
                verdicts.add(verdict)
                self.assertNotEqual(verdict, "half-open", f"\n{result}")
            return False

        outage = threading.Timer(2.5, lambda: [c.host.come_back() for c in shaken])
        outage.start()
        self.poll(app.port, start, 9, 0.4, look)
        outage.join()
        self.note(f"2.5 s without a word were called {sorted(verdicts)}")
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(idle=2))
        self.assertFindings(result, {})
        for client in shaken:
            self.assertEqual(client.count, 1000)

    def test_peer_gone_while_the_server_closes_is_half_open_in_every_closing_state(self):
        app, crowd = self.crowd("closing")
        kinds = {}
        for family in lab.FAMILIES:
            for kind in ("FIN_WAIT1 orphan", "FIN_WAIT1 held", "LAST_ACK",
                         "CLOSE_WAIT with data"):
                client = app.pair(self.lab.host(), family)
                kinds[client] = kind
                if kind in ("LAST_ACK", "CLOSE_WAIT with data"):
                    client.shutdown()
                    app.do("recv_eof", id=client.id)
        for client, kind in kinds.items():
            client.host.vanish()
            if kind == "CLOSE_WAIT with data":
                app.do("send", id=client.id, count=500)
            elif kind == "FIN_WAIT1 held":
                app.do("shutdown", id=client.id)
            else:
                app.do("close", id=client.id)
        start = time.monotonic()
        states = {"FIN_WAIT1 orphan": "fin_wait_1", "FIN_WAIT1 held": "fin_wait_1",
                  "LAST_ACK": "last_ack", "CLOSE_WAIT with data": "close_wait"}
        self.at(start, 1)
        result = self.lab.check(app.port, "--once")
        self.in_time(start, 4.9)
        self.assertVerdicts(result, {
            **crowd.expect(), **{v: n for v, n in result.counts().items()
                                 if v in ("closing", "close-wait")}})
        self.at(start, 8)
        result = self.lab.check(app.port)
        self.note(f"all four states, both families, at {result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(half_open=8))
        for client, kind in kinds.items():
            owner = None if kind in ("FIN_WAIT1 orphan", "LAST_ACK") else app.pid
            self.assertVerdict(result, client, "half-open", confidence="proven",
                               acts="peer", state=states[kind],
                               **{"process.pid": owner})
        self.assertFindings(result, {"half-open": "warning"})

    def test_peer_gone_while_idle_without_keepalive_is_only_ever_a_suspect(self):
        app, crowd = self.crowd("undecidable", keepalive=KEEPALIVE)
        sick = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        for client in sick:
            app.do("echo", id=client.id)
            client.exchange()
            client.host.vanish()
        start = time.monotonic()
        limit = ("--set", "idle-unverified-age=3s")
        result = self.lab.check(app.port, "--once", *limit)
        self.in_time(start, 2.9)
        self.assertFalse({"half-open", "half-open-suspect"} & set(result.counts()),
                         f"before the limit\n{result}")
        self.assertHealthy(result, crowd)
        self.at(start, 4)
        result = self.lab.check(app.port, *limit)
        self.note("suspected only where no keepalive is armed, "
                  f"{result.started - start:.1f} s after the last byte; limit 3 s")
        self.assertVerdicts(result, crowd.expect(half_open_suspect=2))
        self.assertHealthy(result, crowd)
        for client in sick:
            self.assertVerdict(result, client, "half-open-suspect",
                               confidence="suspect", acts="local-app", keepalive=False)
        severities = {f["severity"] for f in result.findings("info")
                      if f["check"] == "half-open-suspect"}
        self.assertTrue(severities and severities <= {"info", "warning"}, f"\n{result}")
        self.at(start, 20)
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(idle=2))
        self.assertFindings(result, {})

    def test_peer_gone_while_idle_with_keepalive_is_likely_then_proven(self):
        app, crowd = self.crowd("probing", keepalive=KEEPALIVE)
        sick = [app.pair(self.lab.host(), family, KEEPALIVE) for family in lab.FAMILIES]
        for client in sick:
            app.do("echo", id=client.id)
            client.exchange()
            client.host.vanish()
        start = time.monotonic()
        seen = self.watch(app, crowd, sick, start, 8, "--set", "idle-unverified-age=3s")
        for client in sick:
            self.assertIn((client, "proven"), seen, "never proven")
            early, late = self.first(seen, client)
            self.note(f"IPv{client.family}: half-open at {early:.1f} s, proven at "
                      f"{seen[client, 'proven'][0]:.1f} s; probes each second")
            self.assertGreater(late, 2.0, "before two unanswered probes")
            self.assertGreater(seen[client, "proven"][1], 3.0)
            self.assertLess(early, 5.0)
            self.assertLess(seen[client, "proven"][0], 6.0)
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(half_open=2))
        for client in sick:
            self.assertVerdict(result, client, "half-open", confidence="proven",
                               acts="peer", keepalive=True)
        self.assertFindings(result, {"half-open": "warning"})

    def test_peer_gone_in_close_wait_with_keepalive_is_half_open(self):
        app, crowd = self.crowd("probing-cw", keepalive=KEEPALIVE)
        sick = [app.pair(self.lab.host(), family, KEEPALIVE) for family in lab.FAMILIES]
        for client in sick:
            client.shutdown()
            app.do("recv_eof", id=client.id)
            client.host.vanish()
        start = time.monotonic()
        self.at(start, 5)
        result = self.lab.check(app.port)
        self.note(f"at {result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(half_open=2))
        for client in sick:
            self.assertVerdict(result, client, "half-open", confidence="proven",
                               state="close_wait")

    def test_peer_gone_behind_a_closed_window_is_half_open(self):
        app, crowd = self.crowd("closed-window")
        sick = []
        for family in lab.FAMILIES:
            client = self.lab.connect(self.lab.host(), family, app.port,
                                      receive_buffer=4096)
            app.accept(client)
            sick.append(client)
        for client in sick:
            app.do("fill", id=client.id)
        for client in sick:
            client.host.vanish()
        start = time.monotonic()
        seen = self.watch(app, crowd, sick, start, 40)
        for client in sick:
            self.assertIn((client, "proven"), seen, "never proven")
            early, late = self.first(seen, client)
            self.note(f"IPv{client.family}: half-open at {early:.1f} s, proven at "
                      f"{seen[client, 'proven'][0]:.1f} s")
            self.assertGreater(late, 0.5, "one unanswered probe is harmless")

    def test_network_that_answers_unreachable_is_the_networks_fault(self):
        # One kind after the other: a router answers only about once a second.
        # Linux gives up its back-off for every such answer of IPv4, but of IPv6 only
        # for "no route"; "address unreachable" leaves no trace that sock_diag shows.
        app, crowd = self.crowd("icmp")
        for kind, cut, heal in (
                ("no route to the host", self.reject, self.accept_again),
                ("host does not answer ARP", self.unplug, self.plug)):
            sick = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
            for client in sick:
                client.keep_reading()
                cut(client)
                app.do("send", id=client.id, count=1000)
            start = time.monotonic()
            silent = [c for c in sick if cut == self.unplug and c.family == 6]
            expected = {c: "half-open" if c in silent else "unreachable" for c in sick}
            first = {}

            def look(result, earliest, _, expected=expected, first=first):
                self.assertHealthy(result, crowd)
                for client, verdict in expected.items():
                    if result.of(client)["verdict"] == verdict:
                        first.setdefault(client, earliest)
                return len(first) == len(expected)

            self.poll(app.port, start, 20, 0.7, look)
            result = self.lab.check(app.port)
            for client in sick:
                self.note(f"IPv{client.family}, {kind}: {expected[client]} at "
                          f"{first.get(client, -1):.1f} s")
            self.assertVerdicts(result, crowd.expect(unreachable=2 - len(silent),
                                                     half_open=len(silent)))
            for client in sick:
                if client not in silent:
                    self.assertVerdict(result, client, "unreachable", acts="network",
                                       confidence="likely")
                heal(client)
            healed = time.monotonic()
            while any(client.count < 1000 for client in sick):
                self.assertLess(time.monotonic() - healed, 40, "the lab did not heal")
                time.sleep(0.2)
            time.sleep(1.5)
            result = self.lab.check(app.port)
            self.assertVerdicts(result, crowd.expect(idle=2))
            self.assertFindings(result, {})
            for client in sick:
                app.do("reset", id=client.id)

    def reject(self, client):
        self.lab.ip("router", f"-{client.family}", "route", "add", "unreachable",
                    f"{client.host.address[client.family]}")

    def accept_again(self, client):
        self.lab.ip("router", f"-{client.family}", "route", "del", "unreachable",
                    f"{client.host.address[client.family]}")

    def unplug(self, client):
        address = client.host.address[client.family]
        self.lab.ip("client", "addr", "del", f"{address}/{PREFIX[client.family]}",
                    "dev", "eth0")
        self.lab.ip("router", "neigh", "flush", "to", address)

    def plug(self, client):
        address = client.host.address[client.family]
        self.lab.ip("client", "addr", "add", f"{address}/{PREFIX[client.family]}",
                    "dev", "eth0", *(["nodad"] if client.family == 6 else []))

    def test_connect_that_nobody_answers_is_stuck_after_3_s(self):
        app = self.lab.app("connected")
        app.listen(self.lab.port())
        port = app.port
        crowd = app.neighbours()
        host = self.lab.host()
        # Dropped in the router, which would else say that nobody has the address.
        self.lab.nft("add element inet lab gone4 { 10.90.2.99 }\n"
                     "add element inet lab gone6 { fd90:2::99 }\n")
        start = time.monotonic()
        sick = [self.lab.start_connect(host, 4, "10.90.2.99", port),
                self.lab.start_connect(host, 6, "fd90:2::99", port)]
        result = self.lab.check(port, "--once", namespace="client")
        self.in_time(start, 2.9)
        self.assertVerdicts(result, crowd.expect(connecting=2))
        self.assertFindings(result, {})
        self.at(start, 5)
        result = self.lab.check(port, namespace="client")
        self.note(f"connecting at once, connect-stuck at {result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(connect_stuck=2))
        for client in sick:
            self.assertVerdict(result, client, "connect-stuck", confidence="proven",
                               state="syn_sent", role="client")

    def test_local_route_gone_is_local_path_down(self):
        app, crowd = self.crowd("no-route")
        self.lab.ip("server", "route", "replace", "10.90.9.0/24", "via", "10.90.2.1")
        self.lab.ip("server", "route", "replace", "fd90:9::/64", "via", "fd90:2::1")
        sick = [app.pair(lab.Remote(self.lab), family) for family in lab.FAMILIES]
        self.lab.ip("server", "route", "del", "10.90.9.0/24")
        self.lab.ip("server", "-6", "route", "del", "fd90:9::/64")
        self.local_path_down(app, crowd, sick)

    def test_local_link_down_is_local_path_down(self):
        app, crowd = self.crowd("no-link")
        self.lab.ip("server", "link", "set", "cable", "up")
        self.lab.ip("server", "addr", "replace", "fd90:20::2/64", "dev", "cable", "nodad")
        sick = [app.pair(lab.Direct(self.lab), family) for family in lab.FAMILIES]
        self.lab.ip("server", "link", "set", "cable", "down")
        self.local_path_down(app, crowd, sick)

    def local_path_down(self, app, crowd, sick):
        for client in sick:
            app.do("send", id=client.id, count=1000)
        start = time.monotonic()
        first = {}

        def look(result, earliest, latest):
            self.assertHealthy(result, crowd)
            for client in sick:
                row = result.of(client)
                if row["verdict"] == "local-path-down":
                    first.setdefault(client, (earliest, latest))
            return len(first) == len(sick)

        self.poll(app.port, start, 12, 0.7, look)
        result = self.lab.check(app.port)
        for client in sick:
            self.assertIn(client, first, f"\n{result}")
            self.note(f"IPv{client.family}: local-path-down at {first[client][0]:.1f} s")
            self.assertGreater(first[client][1], 1.9, "before two seconds")
        self.assertVerdicts(result, crowd.expect(local_path_down=2))
        for client in sick:
            self.assertVerdict(result, client, "local-path-down", acts="network",
                               confidence="likely")


if __name__ == "__main__":
    lab.main()
