#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Whole screens of watch on the recordings of tests/golden, compared character by
character with expected/NAME.txt.

    CONN_DOCTOR=... screens.py               compare all
    CONN_DOCTOR=... screens.py NAME...       compare these
    CONN_DOCTOR=... screens.py --update      write what it shows now; read the difference"""
import difflib
import os
import pathlib
import sys
import time

try:
    import pyte  # noqa: F401  pylint: disable=unused-import
except ImportError:
    print("needs python3-pyte")
    sys.exit(77)

from script import Session

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = os.environ["CONN_DOCTOR"]

F2 = "\x1bOQ"

# name: recording, columns, lines, keys, terminal
SCREENS = {
    "connections-80x24": ("stuck-worker", 80, 24, []),
    "connections-40x10": ("stuck-worker", 40, 10, []),
    "connections-120x40": ("half-open", 120, 40, []),
    "night-200x60": ("night", 200, 60, []),
    "night-80x24": ("night", 80, 24, ["]", "j", "j"]),
    "ascii-100x30": ("night", 100, 30, [], {"locale": "C"}),
    "vt100-80x24": ("close-wait", 80, 24, [], {"term": "vt100"}),
    "linux-120x40": ("stuck-worker", 120, 40, [">", "r"], {"term": "linux"}),
    "connection-80x24": ("stuck-worker", 80, 24, ["\r"]),
    "findings-120x40": ("night", 120, 40, ["2"]),
    "unknown-80x24": ("night", 80, 24, ["p", "B", "2"]),
    "finding-40x10": ("half-open", 40, 10, ["2", "\r"]),
    "services-200x60": ("stuck-worker", 200, 60, ["3"]),
    "sort-80x24": ("night", 80, 24, ["s", "j", "j"]),
    "groups-100x30": ("night", 100, 30, ["t", "z", "j", " "]),
    "options-80x24": ("stuck-worker", 80, 24, [F2, "j"]),
    "peers-100x30": ("night", 100, 30, ["4"]),
    "processes-120x40": ("stuck-worker", 120, 40, ["5"]),
    "events-80x24": ("stuck-worker", 80, 24, ["6"]),
    "explain-80x24": ("half-open", 80, 24, ["x"]),
    "json-80x24": ("half-open", 80, 24, ["2", "y"]),
    "help-80x24": ("healthy", 80, 24, ["?"]),
    "paused-80x24": ("night", 80, 24, ["p", "T", "50%", "\r", ","]),
    "time-error-100x30": ("night", 100, 30, ["T", "13:1", "\r"]),
    "filter-error-80x24": ("half-open", 80, 24, ["/", "verdict idel"]),
}


def show(name):
    case, columns, lines, keys, *how = SCREENS[name]
    return Session(PROGRAM, case, columns, lines, **(how[0] if how else {})), keys


def compare(name):
    """A machine under load may be late, so it is asked until it is as expected."""
    path = HERE / "expected" / f"{name}.txt"
    expected = path.read_text(encoding="utf-8") if path.exists() else ""
    session, keys = show(name)
    with session:
        session.press(*keys)
        end = time.monotonic() + 5
        while session.text != expected and time.monotonic() < end:
            time.sleep(0.1)
        actual = session.text
    if actual != expected:
        sys.stdout.writelines(difflib.unified_diff(
            expected.splitlines(True), actual.splitlines(True), str(path), "now"))
    print(f"{name}: {'as expected' if actual == expected else 'DIFFERENT'}")
    return actual == expected


def update(names):
    for name in names:
        session, keys = show(name)
        with session:
            session.press(*keys)
            (HERE / "expected" / f"{name}.txt").write_text(session.text,
                                                           encoding="utf-8")
        print(f"{name} updated")


def main():
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    names = arguments or list(SCREENS)
    if "--update" in sys.argv:
        update(names)
        return 0
    stray = {p.stem for p in (HERE / "expected").glob("*.txt")} - set(SCREENS)
    if stray:
        print(f"nobody makes these: {', '.join(sorted(stray))}")
    return 0 if all([compare(name) for name in names]) and not stray else 1


if __name__ == "__main__":
    sys.exit(main())
