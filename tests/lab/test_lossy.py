#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A path that loses a fifth of what we send, for a while."""
import time

import lab

LOSS_SECONDS = 20


class Lossy(lab.LabTest):
    """Loss is loss: never a dead peer."""

    def test_lossy_path_is_lossy_while_it_loses_and_never_half_open(self):
        app = self.lab.app("lossy")
        app.listen(self.lab.port())
        crowd = app.neighbours()
        shaken = []
        for family in lab.FAMILIES:
            # Small writes: bursts would run into true silences of five seconds.
            for kind in ("echo", "few", "many"):
                client = app.pair(self.lab.host(), family)
                shaken.append(client)
                if kind == "echo":
                    app.do("echo", id=client.id)
                    client.keep_busy(0.02)
                else:
                    client.keep_reading()
                    app.do("stream", id=client.id, count=300,
                           interval=0.02 if kind == "many" else 0.1)
        result = self.lab.check(app.port)
        self.assertVerdicts(result, crowd.expect(active=6))
        for client in shaken:
            client.host.start_loss()
        start = time.monotonic()
        lossy, silence, samples = [], [0], [0]

        def look(result, earliest, _):
            samples[0] += 1
            self.assertHealthy(result, crowd)
            for client in shaken:
                row = result.of(client)
                self.assertIn(row["verdict"], ("active", "idle", "lossy"),
                              f"{client.name} works, with loss\n{result}")
                silence[0] = max(silence[0], row["tcp_info"]["last_ack_recv"])
                if row["verdict"] == "lossy":
                    self.assertEqual(row["acts"], "network")
                    lossy.append(earliest)
            return False

        self.poll(app.port, start, LOSS_SECONDS / 2, 0.25, look)
        while time.monotonic() - start < LOSS_SECONDS:
            result = self.lab.check(app.port)
            look(result, result.started - start, 0)
        self.assertTrue(lossy, f"20 % loss was never seen\n{result}")
        for client in shaken:
            client.host.end_loss()
        end = time.monotonic()
        self.note(f"first lossy at {lossy[0]:.1f} s, {len(lossy)} times in {samples[0]} "
                  f"samples of 6; longest silence {silence[0]} ms")
        quiet = []
        while time.monotonic() - end < 15 and len(quiet) < 4:
            result = self.lab.check(app.port)
            self.assertHealthy(result, crowd)
            if "lossy" in result.counts():
                quiet.clear()
            else:
                quiet.append(result.started - end)
        self.assertTrue(quiet, f"still lossy 15 s after the loss ended\n{result}")
        self.note(f"not lossy any more {quiet[0]:.1f} s after the end of the loss")
        self.assertLess(quiet[0], 8, f"\n{result}")
        self.assertVerdicts(result, crowd.expect(active=6))
        self.assertFindings(result, {})
        self.assertTrue(all(c.count > 100 for c in shaken), "the lab itself stands")


if __name__ == "__main__":
    lab.main()
