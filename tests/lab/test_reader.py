#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Peers that do not read, and peers that read slowly but do."""
import time

import lab


class Reader(lab.LabTest):
    """A closed window alone is no complaint; one that stays closed is."""

    def test_peer_that_reads_nothing_is_a_slow_reader_after_10_s(self):
        app = self.lab.app("big-answer")
        app.listen(self.lab.port())
        crowd = app.neighbours()
        sick = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        moving = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        for client in moving:
            client.keep_reading(count=60000, interval=1.0)
            app.do("stream", id=client.id, count=100000, interval=0.0)
        filled = {client: app.do("fill", id=client.id) for client in sick}
        start = time.monotonic()
        first = {}

        def look(result, earliest, latest):
            self.assertHealthy(result, crowd)
            for client in moving:
                self.assertVerdict(result, client, "active")
            for client in sick:
                row = result.of(client)
                if row["verdict"] == "slow-reader":
                    first.setdefault(client, (earliest, latest, row["confidence"]))
                else:
                    self.assertEqual(row["verdict"], "active", f"\n{result}")
            return len(first) == len(sick)

        last = self.poll(app.port, start, 16, 0.7, look)
        self.assertIsNotNone(last, "not seen within 16 s by check --once")
        for client in sick:
            early, late, confidence = first[client]
            self.note(f"IPv{client.family}: {filled[client]} bytes sent; slow-reader at "
                      f"{early:.1f} s after the last byte was taken, one sample: "
                      f"{confidence}")
            self.assertGreater(late, 9.0, "before ten seconds without progress")
            self.assertEqual(confidence, "likely", "proven needs two samples")
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(slow_reader=2, active=2))
        for client in sick:
            self.assertVerdict(result, client, "slow-reader", confidence="proven",
                               acts="peer", **{"process.pid": app.pid})
        self.assertFindings(result, {"slow-reader": "warning"})
        result = self.lab.check(app.port, "--set", "slow-reader-critical-age=5s")
        self.assertFindings(result, {"slow-reader": "critical"})
        # A long look at those which move: 8 samples with a history.
        result = self.lab.check(app.port, "--interval", "1s", "--count", "8")
        self.assertVerdicts(result, crowd.expect(slow_reader=2, active=2))
        self.assertTrue(all(c.count > 100000 for c in moving), "the lab itself stands")

    def test_half_closed_peer_that_reads_nothing_is_a_slow_reader(self):
        app = self.lab.app("half-closed")
        app.listen(self.lab.port())
        crowd = app.neighbours()
        sick = [app.pair(self.lab.host(), family) for family in lab.FAMILIES]
        for client in sick:
            client.shutdown()
            app.do("recv_eof", id=client.id)
            app.do("fill", id=client.id)
        start = time.monotonic()
        self.at(start, 13)
        result = self.lab.check(app.port)
        self.note(f"CLOSE_WAIT at {result.started - start:.1f} s")
        self.assertVerdicts(result, crowd.expect(slow_reader=2))
        for client in sick:
            self.assertVerdict(result, client, "slow-reader", confidence="proven",
                               acts="peer", state="close_wait")


if __name__ == "__main__":
    lab.main()
