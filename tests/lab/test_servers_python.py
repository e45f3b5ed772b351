#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""uvicorn and gunicorn as they hang in real life, each beside its healthy twin."""
import os
import subprocess
import time

import lab
import servers

PORT = 8000
UPSTREAM = 5999
UPSTREAM_NAME = f"{servers.OTHERS_ADDRESS}:{UPSTREAM}"
CLIENTS = 12


class Python(servers.ServerTest):
    """What hangs is told by name, with the cure of that very server."""

    def serve(self, site, *argv, asgi=True):
        """The server, and the upstream that takes requests and never answers."""
        prices = self.lab.app("prices", namespace=site.others)
        prices.listen(UPSTREAM)
        environment = {**os.environ, "LAB_UPSTREAM": UPSTREAM_NAME,
                       "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": lab.HERE}
        if asgi:
            environment["LAB_ASGI"] = "1"
        return site.start(*argv, port=PORT, env=environment, cwd=site.folder)

    def uvicorn(self, site, *options):
        return self.serve(site, "uvicorn", "--host", "0.0.0.0", "--port", str(PORT),
                          "--no-access-log", *options, "web_app:app")

    def gunicorn(self, site, *options, app="wsgi", asgi=False):
        server = self.serve(site, "gunicorn", "--bind", f"0.0.0.0:{PORT}", *options,
                            f"web_app:{app}", asgi=asgi)
        workers = int(options[options.index("--workers") + 1])
        deadline = time.monotonic() + 20
        while len(site.children(server)) < workers:
            self.assertLess(time.monotonic(), deadline, "workers are missing")
            time.sleep(0.1)
        return server

    def ask(self, site, path, count):
        """Clients that ask and wait."""
        return [site.web(PORT, n).ask(path) for n in range(count)]

    def good_day(self, name, start, slow="/slowish", count=CLIENTS, least=5):
        site = self.site(name)
        start(site)
        webs = servers.serve_load(site, PORT, count, slow=slow)
        started = time.monotonic()
        time.sleep(3)
        result = self.assertStaysHealthy(site, times=5, pause=4)
        self.at(started, 3 + least)
        self.assertServed(webs, 2)
        return result

    # (a) one blocking call in an async handler

    def test_uvicorn_with_a_blocked_loop(self):
        site = self.site("block")
        server = self.uvicorn(site)
        kept = [site.web(PORT, n) for n in range(CLIENTS - 3)]
        for web in kept:
            web.get("/ok")
        self.ask(site, "/block", 1)
        start = time.monotonic()
        time.sleep(0.5)
        for web in kept:
            web.ask("/ok")
        kept[0].sock.close()
        self.ask(site, "/ok", 2)
        self.at(start, 8)
        result = site.check()
        self.assertLeads(result, "stuck-worker", "warning", server.pid, "uvicorn")
        self.at(start, 34)
        self.show(site)
        result = site.check()
        self.assertLeads(
            result, "stuck-worker", "critical", server.pid, "uvicorn",
            says=[f"unread", UPSTREAM_NAME],
            remedy=[f"py-spy dump --pid {server.pid}", "asyncio.to_thread"])
        self.assertOneStory(result)

    def test_uvicorn_on_a_good_day(self):
        self.good_day("blockTwin", self.uvicorn)

    # (b) handlers that await something slow

    def test_uvicorn_with_awaiting_handlers(self):
        site = self.site("await")
        server = self.uvicorn(site)
        webs = servers.serve_load(site, PORT, CLIENTS - 5)
        self.ask(site, "/await", 5)
        start = time.monotonic()
        self.at(start, 9)
        self.assertFindings(site.check("--set", "slow-response-age=5s"), {})
        self.at(start, 33)
        self.show(site)
        result = site.check()
        self.assertLeads(result, "slow-response", "warning", server.pid, "uvicorn",
                         says=["5 replies owed", UPSTREAM_NAME],
                         remedy=["asyncio.timeout"])
        self.assertOneStory(result)
        self.assertServed(webs, 2)

    # (c) all 40 threads of `def` handlers are taken

    def test_uvicorn_with_its_thread_pool_exhausted(self):
        site = self.site("threads")
        server = self.uvicorn(site)
        webs = servers.serve_load(site, PORT, 8)
        self.ask(site, "/thread", 52)
        start = time.monotonic()
        self.at(start, 33)
        self.show(site)
        result = site.check()
        self.assertLeads(result, "slow-response", "warning", server.pid, "uvicorn",
                         says=["52 replies owed", "40 threads", UPSTREAM_NAME],
                         remedy=["anyio"])
        self.assertOneStory(result)
        self.assertServed(webs, 2)

    def test_uvicorn_with_its_thread_pool_exhausted_and_nobody_left(self):
        site = self.site("nobody")
        server = self.uvicorn(site)
        webs = servers.serve_load(site, PORT, 8)
        asked = self.ask(site, "/thread", 44)
        start = time.monotonic()
        self.at(start, 4)
        for web in asked:
            web.close()  # their own timeouts; the threads go on
        self.at(start, 33)
        result = site.check()
        self.assertLeads(result, "slow-upstream", "warning", server.pid,
                         says=["40 requests to " + UPSTREAM_NAME, "40 threads"],
                         remedy=["anyio", UPSTREAM_NAME])
        self.assertOneStory(result)
        self.assertServed(webs, 2)

    def test_uvicorn_with_one_of_its_workers_blocked(self):
        site = self.site("forked")
        server = self.uvicorn(site, "--workers", "2", "--timeout-keep-alive", "600")
        self.block_one_worker(site, server, "uvicorn", ["asyncio.to_thread"])

    def test_uvicorn_with_threads_to_spare(self):
        self.good_day("threadsTwin", self.uvicorn, slow="/brief-thread", count=60)

    # (d) all sync workers are busy

    def test_gunicorn_sync_with_all_workers_busy(self):
        site = self.site("sync")
        server = self.gunicorn(site, "--workers", "3", "--timeout", "300")
        workers = site.children(server)
        self.ask(site, "/hang", CLIENTS - 1)
        self.ask(site, "/ok", 1)[0].sock.close()
        start = time.monotonic()
        self.at(start, 8)
        result = site.check()
        self.assertLeads(result, "stuck-worker", "warning", workers, "gunicorn")
        self.at(start, 33)
        self.show(site)
        result = site.check()
        self.assertLeads(result, "stuck-worker", "critical", workers, "gunicorn",
                         says=["3 workers", *map(str, workers), UPSTREAM_NAME],
                         remedy=["--timeout", "--threads", "gthread"])
        self.assertOneStory(result)

    def test_gunicorn_sync_on_a_good_day(self):
        self.good_day("syncTwin",
                      lambda site: self.gunicorn(site, "--workers", "3"))

    # (e) one of two UvicornWorkers is blocked

    def uvicorn_workers(self, site, *more):
        return self.gunicorn(site, "--workers", "2", "--worker-class",
                             "uvicorn.workers.UvicornWorker", "--timeout", "300",
                             *more, app="app", asgi=True)

    def test_gunicorn_with_a_blocked_uvicorn_worker(self):
        site = self.site("uworker")
        server = self.uvicorn_workers(site, "--keep-alive", "600")
        self.block_one_worker(site, server, "gunicorn", ["asyncio.to_thread", "--timeout 30"],
                              says=["UvicornWorker", "silent for 300 s"])

    def block_one_worker(self, site, server, stack, remedy, says=()):
        """Of two workers one is blocked: that one is named, and who started it."""
        pairs = {}
        # Which worker has a connection, only its owner tells.
        deadline = time.monotonic() + 20
        while len(pairs) < 2 or min(map(len, pairs.values())) < 4:
            self.assertLess(time.monotonic(), deadline, "one worker takes everything")
            webs = [site.web(PORT, n) for n in range(6)]
            for web in webs:
                web.get("/ok")
            owners = self.owners(site)
            for web in webs:
                pid = owners[web.sock.getsockname()[1]]
                pairs.setdefault(pid, []).append(web)
        sick, well = pairs
        self.assertNotIn(server.pid, pairs)
        pairs[sick][0].ask("/block")
        time.sleep(0.3)
        for web in pairs[sick][1:]:
            web.ask("/ok")
        start = time.monotonic()
        for web in pairs[well]:
            site.repeat(lambda web=web: web.get("/ok"), 0.5)
        self.at(start, 33)
        self.show(site)
        result = site.check()
        self.assertLeads(result, "stuck-worker", "critical", sick, stack,
                         says=[f"worker of {server.pid}", UPSTREAM_NAME, *says],
                         remedy=remedy)
        self.assertOneStory(result)

    def owners(self, site):
        """Client's port -> pid of the server's process."""
        text = lab.run("ip", "netns", "exec", self.lab.ns(site.server), "ss", "-tnpH",
                       f"( sport = :{PORT} )")
        found = {}
        for line in text.splitlines():
            if "pid=" in line:
                found[int(line.split()[4].rsplit(":", 1)[1])] = int(
                    line.split("pid=")[1].split(",")[0])
        return found

    def test_gunicorn_with_uvicorn_workers_on_a_good_day(self):
        self.good_day("uworkerTwin", self.uvicorn_workers)


if __name__ == "__main__":
    if subprocess.run([lab.PYTHON, "-c", "import fastapi"], capture_output=True,
                      check=False).returncode:
        lab.skip("python3-fastapi is missing")
    lab.main("uvicorn", "gunicorn")
