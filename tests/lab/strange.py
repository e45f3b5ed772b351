# SPDX-License-Identifier: MIT
"""What the labs of strange states have in common."""
import os

import lab
import servers

PORT = 7000
APP = os.path.join(lab.HERE, "strange_app.py")
# The limits that a scenario would have to wait a minute for.
SOON = ("--set", "close-wait-age=5s", "--set", "slow-response-age=5s", "--set",
        "slow-upstream-age=5s")


class StrangeTest(servers.ServerTest):
    """Odd manners, each on a machine of its own."""

    def app(self, site, *arguments, namespace=None, port=PORT, **options):
        return site.start(lab.PYTHON, "-I", APP, *map(str, arguments),
                          namespace=namespace, port=port, **options)

    def sent(self, site, count, data=b"hello"):
        socks = [site.connect(PORT, n) for n in range(count)]
        for sock in socks:
            sock.sendall(data)
        return socks
