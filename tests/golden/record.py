#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the recordings of the golden cases from real sockets of the lab; run it
by hand, as root, when the recording format changes:

    CONN_DOCTOR=build/dev/conn-doctor tests/golden/record.py [CASE...]

then tests/golden/golden.py --update, and read the difference."""
import os
import pathlib
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))
import lab  # pylint: disable=wrong-import-position


def record(the_lab, case, app, *options, passes=3):
    folder = HERE / case
    folder.mkdir(exist_ok=True)
    path = folder / "recording.cdrec"
    path.unlink(missing_ok=True)
    subprocess.run(["ip", "netns", "exec", the_lab.ns("server"), the_lab.binary, "check",
                    f":{app.port}", "-q", "-n", str(passes), f"--record={path}", *options],
                   check=False)
    path.chmod(0o644)


def healthy(the_lab):
    app = the_lab.app("api")
    app.listen(the_lab.port())
    app.neighbours()
    record(the_lab, "healthy", app)


def stuck_worker(the_lab):
    app = the_lab.app("api")
    app.listen(the_lab.port(), backlog=2)
    sick = [app.pair(the_lab.host(), family) for family in (4, 4, 6)]
    for client in sick:
        client.send(278)
    sick[0].close()
    left = the_lab.connect(the_lab.host(), 4, app.port)
    left.send(35)
    left.close()
    for _ in range(2):
        the_lab.connect(the_lab.host(), 4, app.port)
    time.sleep(8)
    record(the_lab, "stuck-worker", app)


def half_open(the_lab):
    app = the_lab.app("api")
    app.listen(the_lab.port())
    app.neighbours()
    gone = [app.pair(the_lab.host(), family) for family in (4, 6)]
    for client in gone:
        client.host.vanish()
        app.do("send", id=client.id, count=1000)
    time.sleep(9)
    record(the_lab, "half-open", app)


def close_wait(the_lab):
    app = the_lab.app("api")
    app.listen(the_lab.port())
    kept = [app.pair(the_lab.host(), 4) for _ in range(3)]
    for client in kept:
        client.close()
    time.sleep(0.3)
    for client in kept:
        app.do("recv_eof", id=client.id)
    time.sleep(3)
    record(the_lab, "close-wait", app)


def night_of(the_lab, app):
    """Clients come and go for two minutes; then threads hang, and it piles up."""
    hosts = [the_lab.host() for _ in range(12)]
    busy = []

    def greet(host, family, interval=0.3):
        client = app.pair(host, family)
        app.do("echo", id=client.id)
        client.exchange()
        client.keep_busy(interval)
        return client

    for step in range(24):
        busy += [greet(hosts[step % 8], (4, 6)[step % 2]) for _ in range(2)]
        if step % 5 == 4:
            for client in (busy.pop(0), busy.pop(2)):
                client.stop()
                client.close()
        time.sleep(5)
    gone = [greet(host, 4, 1) for host in hosts[8:10]]
    for client in gone:
        client.host.vanish()
        app.do("send", id=client.id, count=1000)
    hung = []
    for step in range(14):
        client = app.pair(hosts[step % 7], (4, 6)[step % 2])
        client.send(278 + 31 * step)
        hung.append(client)
        if step > 5 and step % 2:
            hung[step - 6].close()
        time.sleep(2)
    for step in range(12):
        the_lab.connect(hosts[step % 5], 4, app.port).send(120 + step)
        time.sleep(2.5)
    time.sleep(20)


def night(the_lab):
    app = the_lab.app("api")
    app.listen(the_lab.port(), backlog=16)
    story = threading.Thread(target=night_of, args=(the_lab, app), daemon=True)
    story.start()
    record(the_lab, "night", app, "-i", "2s", passes=100)


SCENES = {"healthy": healthy, "stuck-worker": stuck_worker, "half-open": half_open,
          "close-wait": close_wait, "night": night}


def main():
    the_lab = lab.Lab()
    try:
        for name in sys.argv[1:] or SCENES:
            print(name)
            SCENES[name](the_lab)
    finally:
        the_lab.remove()


if __name__ == "__main__":
    os.umask(0o022)
    main()
