#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PostgreSQL and Redis with clients that misbehave, each beside its healthy twin."""
import glob
import os
import pwd
import subprocess
import time

import lab
import servers

POOL = 10
PUBSUB_PORT = 6379


def postgres_folder():
    """Where Debian keeps initdb and postgres, the newest; None without them."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda path: int(path.split("/")[4]))
    return os.path.dirname(found[-1]) if found else None


class Data(servers.ServerTest):
    """Servers that keep data, seen from their own machine and from their client's."""

    def postgres(self, site):
        """A cluster of its own in the site's folder; gone with it."""
        user = pwd.getpwnam("postgres")
        data = site.path("data")
        os.mkdir(data)
        os.chown(data, user.pw_uid, user.pw_gid)
        as_postgres = ("--reuid", str(user.pw_uid), "--regid", str(user.pw_gid),
                       "--clear-groups")
        bin_folder = postgres_folder()
        lab.run("setpriv", *as_postgres, f"{bin_folder}/initdb", "-D", data,
                "--no-sync", "--no-instructions", "-A", "trust")
        with open(os.path.join(data, "pg_hba.conf"), "a", encoding="ascii") as rules:
            rules.write("host all all 10.91.0.0/24 trust\n")
        # SIGQUIT: it ends at once, and its children with it.
        return site.start(f"{bin_folder}/postgres", "-D", data, "-c",
                          "listen_addresses=*", "-c", f"unix_socket_directories={data}",
                          "-c", "fsync=off", port=5432, before=as_postgres, end=3,
                          cwd=data)

    def pool(self, site, mode):
        client = site.start(lab.PYTHON, os.path.join(lab.HERE, "pool_client.py"),
                            servers.SERVER_ADDRESS, str(POOL), mode,
                            namespace=site.others, stdout=subprocess.PIPE, text=True)
        self.addCleanup(client.stdout.close)
        self.assertEqual(client.stdout.readline(), "ready\n")
        return client

    def backends(self, server):
        """The titles of the sessions that the pool has."""
        titles = []
        with open(f"/proc/{server.pid}/task/{server.pid}/children",
                  encoding="ascii") as text:
            pids = text.read().split()
        for pid in pids:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as text:
                title = text.read().rstrip("\0 ")
            if "10.91.0." in title:
                titles.append(title)
        return titles

    # (f) all connections of a pool taken, each idle in a transaction

    def test_postgresql_with_a_pool_at_its_limit(self):
        site = self.site("pool")
        server = self.postgres(site)
        client = self.pool(site, "leak")
        start = time.monotonic()
        self.at(start, 12)
        titles = self.backends(server)
        self.assertEqual([t.endswith("idle in transaction") for t in titles],
                         [True] * POOL, f"{titles}")
        here = site.check("--set", "idle-in-transaction-age=8s")
        self.assertFindings(here, {"pool-leak": "warning"})
        (leak,) = here.findings()
        self.assertTrue(leak["listener"].endswith(":5432"), f"\n{here}")
        self.assertEqual(leak["value"], POOL, f"\n{here}")
        self.assertIn(leak["attributes"]["process.pid"], site.children(server))
        self.assertIn(f"{POOL} sessions of {servers.OTHERS_ADDRESS} idle in "
                      "transaction", leak["summary"], f"\n{here}")
        self.assertIn("idle_in_transaction_session_timeout", "".join(leak["next"]))
        self.assertEqual(self.owners(here, "server", 5432).keys(), {"postgres"},
                         f"\n{here}")
        there = self.pool_result(site, site.others)
        self.assertEqual(self.owners(there, "client", 5432), {"shop": {client.pid}},
                         f"\n{there}")
        self.assertEqual(here.counts(), {"idle": POOL}, f"\n{here}")

    def pool_result(self, site, namespace):
        """Nobody waits for the client, so its idle pool is none of our business."""
        result = site.check(namespace=namespace)
        self.assertFindings(result, {})
        return result

    def owners(self, result, role, port):
        """Program -> pids, of the connections in that role at that port."""
        found = {}
        end = "local" if role == "server" else "peer"
        for row in result.connections():
            if row[end].endswith(f":{port}"):
                self.assertEqual(row["role"], role, f"\n{result}")
                found.setdefault(row["process.executable.name"], set()).add(
                    row["process.pid"])
        return found

    def declared(self, site, size):
        """The options that tell conn-doctor how large the pool is."""
        path = site.path("pool.conf")
        with open(path, "w", encoding="ascii") as out:
            out.write(f"[target shop]\nfilter = dport = :5432\npool-size = {size}\n")
        return ("--config", path)

    def test_postgresql_with_a_pool_that_waits(self):
        site = self.site("poolWait")
        self.postgres(site)
        client = self.pool(site, "slow")
        time.sleep(7)
        result = site.check(*self.declared(site, POOL), namespace=site.others)
        self.assertFindings(result, {"pool-exhausted": "warning"})
        (full,) = result.findings()
        self.assertEqual((full["value"], full["attributes"]["process.pid"]),
                         (POOL, client.pid), f"\n{result}")
        self.assertIn(f"all {POOL} connections of the pool to "
                      f"{servers.SERVER_ADDRESS}:5432 wait", full["summary"])
        larger = site.check(*self.declared(site, POOL + 1), namespace=site.others)
        self.assertFindings(larger, {})

    def test_postgresql_with_a_pool_at_work(self):
        site = self.site("poolTwin")
        self.postgres(site)
        self.pool(site, "work")
        time.sleep(2)
        for namespace in (site.server, site.others):
            self.assertStaysHealthy(site, times=4, pause=2, namespace=namespace)
        busy = site.check("--set", "idle-in-transaction-age=2s")
        self.assertFindings(busy, {})
        full = site.check(*self.declared(site, POOL), namespace=site.others)
        self.assertFindings(full, {})

    # (g) a subscriber that does not read

    def redis(self, site):
        return site.start("redis-server", "--port", str(PUBSUB_PORT), "--bind",
                          "0.0.0.0", "--protected-mode", "no", "--save", "",
                          "--client-output-buffer-limit", "pubsub 0 0 0", "--dir",
                          site.folder, port=PUBSUB_PORT)

    def subscriber(self, site, number, receive_buffer=None):
        sock = site.connect(PUBSUB_PORT, number, receive_buffer)
        sock.sendall(b"SUBSCRIBE news\r\n")
        self.assertTrue(sock.recv(1000).startswith(b"*3"))
        return sock

    def publish(self, site, size, pause):
        """News for ever, a message of that size each time."""
        sock = site.connect(PUBSUB_PORT, 7)
        message = b"n" * size
        command = b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$%d\r\n%s\r\n" % (size, message)

        def work():
            sock.sendall(command)
            sock.recv(100)
        site.repeat(work, pause)

    def readers(self, site, count):
        """Subscribers that read; how much each has read."""
        read = [0] * count
        for number in range(count):
            sock = self.subscriber(site, number)

            def work(sock=sock, number=number):
                read[number] += len(sock.recv(65536))
            site.repeat(work, 0)
        return read

    def test_redis_with_a_subscriber_that_does_not_read(self):
        site = self.site("news")
        server = self.redis(site)
        read = self.readers(site, 5)
        self.subscriber(site, 5, receive_buffer=8192)
        self.publish(site, 100_000, 0.05)
        start = time.monotonic()
        self.at(start, 20)
        self.show(site)
        result = site.check()
        self.assertLeads(result, "slow-reader", "warning", server.pid, "redis",
                         says=["1 peer is not reading"],
                         remedy=["client-output-buffer-limit pubsub 32mb 8mb 60",
                                 "CLIENT LIST"])
        self.assertOneStory(result)
        self.assertGreater(min(read), 1_000_000)

    def test_redis_with_subscribers_that_read(self):
        site = self.site("newsTwin")
        self.redis(site)
        read = self.readers(site, 6)
        self.publish(site, 100_000, 0.05)
        time.sleep(2)
        self.assertStaysHealthy(site, times=5, pause=3)
        self.assertGreater(min(read), 1_000_000)


if __name__ == "__main__":
    if subprocess.run([lab.PYTHON, "-c", "import psycopg2"], capture_output=True,
                      check=False).returncode:
        lab.skip("python3-psycopg2 is missing")
    if not postgres_folder():
        lab.skip("postgresql is missing")
    lab.main("redis-server")
