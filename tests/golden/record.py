#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the recordings of the golden cases from real sockets of the lab; run it
by hand, as root, when the recording format changes:

    CONN_DOCTOR=build/dev/conn-doctor tests/golden/record.py

then tests/golden/golden.py --update, and read the difference."""
import os
import pathlib
import subprocess
import sys
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


def main():
    the_lab = lab.Lab()
    try:
        for scene in (healthy, stuck_worker, half_open, close_wait):
            print(scene.__name__)
            scene(the_lab)
    finally:
        the_lab.remove()


if __name__ == "__main__":
    os.umask(0o022)
    main()
