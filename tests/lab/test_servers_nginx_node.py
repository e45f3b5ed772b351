#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""nginx and Node in front of uvicorn, whose 5 s of keep-alive meet longer ones."""
import json
import os
import subprocess
import time

import lab
import servers

FRONT, APP = 80, 8000
CLIENTS = 12

NGINX = """
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/upstream.conf;
  server {{
    listen 80;
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""
WITHOUT_KEEPALIVE = "upstream app { server 127.0.0.1:8000; }\n"
WITH_KEEPALIVE = ("upstream app { server 127.0.0.1:8000; keepalive 16; "
                  "keepalive_timeout 60s; }\n")


class Front(servers.ServerTest):
    """Who closes first: the server's 5 s, or the 60 s of what stands in front."""

    def uvicorn(self, site, *options):
        environment = {**os.environ, "LAB_ASGI": "1", "PYTHONDONTWRITEBYTECODE": "1",
                       "PYTHONPATH": lab.HERE}
        return site.start("uvicorn", "--host", "127.0.0.1", "--port", str(APP),
                          "--no-access-log", *options, "web_app:app", port=APP,
                          env=environment, cwd=site.folder)

    def nginx(self, site, upstream):
        path = site.path("nginx.conf")
        for name, text in (("nginx.conf", NGINX.format(folder=site.folder)),
                           ("upstream.conf", upstream)):
            with open(site.path(name), "w", encoding="ascii") as out:
                out.write(text)
        return site.start("nginx", "-c", path, "-p", site.folder, port=FRONT)

    def front_scene(self, name, upstream, *options):
        """nginx before uvicorn, under load, with time for idle connections."""
        site = self.site(name)
        app = self.uvicorn(site, *options)
        front = self.nginx(site, upstream)
        webs = servers.serve_load(site, FRONT, CLIENTS)
        time.sleep(8)
        return site, app, front, webs

    def assertBoth(self, result, app, front):
        """Both are seen, by their names; the worker of nginx has the connections."""
        services = {s["listener"]: s for s in result.doc["services"]}
        self.assertEqual([(p["pid"], p["stack"])
                          for p in services[f"127.0.0.1:{APP}"]["processes"]],
                         [(app.pid, "uvicorn")], f"\n{result}")
        self.assertEqual({(p["pid"], p["stack"])
                          for p in services[f"0.0.0.0:{FRONT}"]["processes"]},
                         {(front.pid, "nginx"),
                          *((pid, "nginx") for pid in self.workers)}, f"\n{result}")

    def front_day(self, name, upstream, *options):
        """Nothing above info, several times; both named."""
        site, app, front, webs = self.front_scene(name, upstream, *options)
        self.workers = site.children(front)
        result = self.assertStaysHealthy(site, times=4, pause=3)
        self.assertBoth(result, app, front)
        self.assertServed(webs, 2)
        return result

    # (h) 5 s behind 60 s, with and without connections that are kept

    def assertChain(self, result, app, summary, words):
        """The one finding above info: the two times, and the flag to change."""
        self.assertFindings(result, {"timeout-chain": "warning"})
        (chain,) = result.findings()
        self.assertEqual(
            (chain["listener"], chain["summary"], chain["value"], chain["unit"],
             chain["attributes"]["process.pid"]),
            (f"127.0.0.1:{APP}", summary, 5, "s", app.pid), f"\n{result}")
        said = "\n".join(chain["evidence"] + chain["next"])
        for word in ("R1", "uvicorn's default", *words):
            self.assertIn(word, said, f"\n{result}")

    def test_nginx_that_keeps_connections_longer_than_uvicorn(self):
        site, app, front, webs = self.front_scene("short", WITH_KEEPALIVE)
        self.workers = site.children(front)
        result = site.check()
        self.assertChain(result, app, "uvicorn closes idle connections after 5 s, "
                         "nginx reuses them for 60 s",
                         ("upstream.conf:1", "upstream prematurely closed connection",
                          "--timeout-keep-alive 75", "keepalive_timeout 4s;"))
        self.assertBoth(result, app, front)
        self.assertServed(webs, 2)

    def test_nginx_that_keeps_connections_shorter_than_uvicorn(self):
        self.front_day("shortTwin", WITH_KEEPALIVE, "--timeout-keep-alive", "75")

    def test_nginx_without_kept_upstream_connections(self):
        self.front_day("each", WITHOUT_KEEPALIVE)

    # (i) Node's agent never closes an idle connection; uvicorn does after 5 s

    def agent(self, site, pause):
        client = site.start("node", os.path.join(lab.HERE, "agent.js"), str(APP), "8",
                            str(pause), stdout=subprocess.PIPE, text=True)
        self.addCleanup(client.stdout.close)
        return client

    def agent_day(self, name, pause, *options, is_race=False):
        """Rounds of eight requests with an idle time between them."""
        site = self.site(name)
        app = self.uvicorn(site, *options)
        client = self.agent(site, pause)
        sums, self.chains = {"failed": 0}, 0
        for _ in range(4):
            failed = sums["failed"]
            sums = json.loads(client.stdout.readline())
            result = site.check()
            if is_race and result.findings():
                self.chains += 1
                self.assertChain(result, app, "uvicorn closes idle connections after "
                                 "5 s, Node reuses them for 5 s",
                                 ("socket hang up", "--timeout-keep-alive 20"))
            else:
                self.assertFindings(result, {})
            rows = [row for row in result.connections()
                    if row["local"] == f"127.0.0.1:{APP}" and "process.pid" in row]
            if sums["failed"] > failed:
                continue  # those connections are gone: this is what the user sees
            self.assertEqual({row["process.pid"] for row in rows}, {app.pid},
                             f"\n{result}")
            callers = {row["process.pid"] for row in result.connections()
                       if row["peer"] == f"127.0.0.1:{APP}" and "process.pid" in row}
            self.assertEqual(callers, {client.pid}, f"\n{result}")
        return sums

    def test_node_agent_that_meets_the_close_of_uvicorn(self):
        # In the first round no connection has been used twice or closed by uvicorn.
        sums = self.agent_day("agent", 4995, is_race=True)
        self.assertGreaterEqual(self.chains, 2)
        self.note(f"requests of the agent: {sums}")
        self.assertGreater(sums["answered"] + sums["failed"], 24)

    def test_node_agent_below_the_time_of_uvicorn(self):
        sums = self.agent_day("agentTwin", 3000, "--timeout-keep-alive", "30")
        self.assertEqual(sums["failed"], 0)
        self.assertGreater(sums["reused"], 16)


if __name__ == "__main__":
    if subprocess.run([lab.PYTHON, "-c", "import fastapi"], capture_output=True,
                      check=False).returncode:
        lab.skip("python3-fastapi is missing")
    lab.main("uvicorn", "nginx", "node")
