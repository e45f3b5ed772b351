#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What nginx of Debian was started with is read from its files."""
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time

import lab

MAIN = """
daemon on; pid {folder}/pid; error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    keepalive_timeout 65;
    proxy_set_header Authorization "secret-token";
    include sites/*.conf;
}}
"""
SITE = """
upstream app {{ server 127.0.0.1:1; keepalive 8; keepalive_timeout 4s; }}
server {{
    listen {port} backlog=77 so_keepalive=60s:10s:3;
    location / {{
        proxy_pass http://app/secret-path;
        proxy_read_timeout 90s;
    }}
}}
"""


def settings_of(path, pid):
    """The lines of ITEM_SETTINGS of a process in the first pass of a recording."""
    with open(path, "rb") as file:
        data = file.read()
    kind, length = struct.unpack_from("<II", data, 16)
    assert kind == 1, kind
    packed = data[16 + 16 + 24:16 + 16 + length]
    items = subprocess.run(["zstd", "-dc"], input=packed, capture_output=True,
                           check=True).stdout
    at, lines = 0, []
    while at < len(items):
        kind, key_len, size = struct.unpack_from("<HHI", items, at)
        key = items[at + 8:at + 8 + key_len].decode()
        at += 8 + key_len
        if kind == 11 and key == str(pid):
            lines += items[at:at + size].decode().splitlines()
        at += size
    return [tuple(line.split("\t")) for line in lines]


class Nginx(lab.LabTest):
    """A real master with -c, includes, and files that cannot be read."""

    def start(self, folder, main=MAIN, site=SITE):
        port = self.lab.port()
        os.mkdir(os.path.join(folder, "sites"))
        os.chmod(folder, 0o755)
        paths = [os.path.join(folder, "x.conf"), os.path.join(folder, "sites/a.conf")]
        for path, text in zip(paths, (main, site)):
            with open(path, "w", encoding="ascii") as file:
                file.write(text.format(folder=folder, port=port))
        lab.run("ip", "netns", "exec", self.lab.ns("server"), "nginx", "-c", paths[0])
        self.addCleanup(self.stop, folder)
        return port, paths

    @staticmethod
    def pid(folder):
        with open(os.path.join(folder, "pid"), encoding="ascii") as file:
            return int(file.read())

    @classmethod
    def stop(cls, folder):
        pid = cls.pid(folder)
        os.kill(pid, 15)
        for _ in range(100):
            if not os.path.exists(f"/proc/{pid}"):
                return
            time.sleep(0.05)

    def look(self, folder, port):
        path = os.path.join(folder, f"r{time.monotonic_ns()}.cdrec")
        result = self.lab.check(port, "--once", "--record", path)
        return self.degraded(result.doc, folder), settings_of(path, self.pid(folder))

    def degraded(self, doc, folder):
        """Why, of this nginx: the tests run at the same time."""
        return [d["why"] for d in doc["collection"]["degraded"]
                if d["what"] == f"nginx configuration of {self.pid(folder)}"]

    def folder(self):
        folder = tempfile.mkdtemp(prefix="cd-nginx-")
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def test_settings_come_from_the_file_on_the_command_line(self):
        folder = self.folder()
        port, (main, site) = self.start(folder)
        degraded, found = self.look(folder, port)
        version = subprocess.run(["nginx", "-v"], capture_output=True, text=True,
                                 check=True).stderr.strip().rpartition("/")[2]
        self.assertEqual(found, [
            ("", "version", version, "nginx", "0"),
            ("http", "keepalive_timeout", "65", main, "9"),
            ("http", "proxy_set_header", "another", main, "10"),
            ("http/upstream 1", "upstream", "app", site, "2"),
            ("http/upstream 1", "server", "127.0.0.1:1", site, "2"),
            ("http/upstream 1", "keepalive", "8", site, "2"),
            ("http/upstream 1", "keepalive_timeout", "4s", site, "2"),
            ("http/server 2", "listen", f"{port} backlog=77 so_keepalive=60s:10s:3",
             site, "4"),
            ("http/server 2/location 1", "proxy_pass", "http://app", site, "6"),
            ("http/server 2/location 1", "proxy_read_timeout", "90s", site, "7"),
        ])
        self.assertNotIn("secret", str(found))
        self.assertEqual(degraded, [])

    def test_what_cannot_be_read_is_said(self):
        folder = self.folder()
        port, (_, site) = self.start(folder)
        os.unlink(site)
        os.mkfifo(site)  # opening it would wait for ever
        degraded, found = self.look(folder, port)
        self.assertIn(("http", "unreadable", "not a regular file", site, "0"), found)
        self.assertEqual(degraded, [f"cannot read {site}: not a regular file"])

    def test_a_recording_says_the_same(self):
        folder = self.folder()
        port, (_, site) = self.start(folder)
        os.unlink(site)
        os.symlink("nowhere", site)
        path = os.path.join(folder, "r.cdrec")
        live = self.lab.check(port, "--record", path)
        read = json.loads(self.lab.run_in("server", self.lab.binary, "check", "--read",
                                          path, "--json"))
        why, = self.degraded(live.doc, folder)
        self.assertEqual(self.degraded(read, folder), [why])
        self.assertEqual(why, f"cannot read {site}: No such file or directory")


if __name__ == "__main__":
    if not shutil.which("nginx") or not shutil.which("zstd"):
        print("skipped: needs nginx and zstd")
        raise SystemExit(lab.SKIP)
    lab.main()
