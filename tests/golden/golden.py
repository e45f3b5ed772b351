#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Recordings through the whole program, every format, byte for byte.

A case is a folder with recording.cdrec and, where they are needed, the options
of `check` in the file args, and files that these name. expect.* is what the program says about it.

    CONN_DOCTOR=... golden.py CASE       compare
    CONN_DOCTOR=... golden.py --update   write what it says now; read the difference"""
import difflib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BINARY = os.environ["CONN_DOCTOR"]

# file -> command and options
OUTPUTS = {
    "expect.check.text": ["check"],
    "expect.check.plain": ["check", "-o", "plain"],
    "expect.check.json": ["check", "-o", "json", "--all-connections"],
    "expect.list.text": ["list", "--wide"],
    "expect.list.plain": ["list", "-o", "plain"],
    "expect.list.json": ["list", "-o", "json"],
}


def say(case, command, *options):
    folder = HERE / case
    args = folder / "args"
    extra = args.read_text().split() if args.exists() else []
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "dumb", "TZ": "UTC",
                   "CONN_DOCTOR_CONFIG": "none"}
    done = subprocess.run([BINARY, command, *options, *extra, "--read",
                           str(folder / "recording.cdrec")],
                          capture_output=True, text=True, env=environment, timeout=60,
                          cwd=folder)
    return f"{done.stdout}{done.stderr}exit status {done.returncode}\n"


def compare(case):
    different = 0
    for name, (command, *options) in OUTPUTS.items():
        path = HERE / case / name
        expected = path.read_text() if path.exists() else ""
        actual = say(case, command, *options)
        if actual != expected:
            different += 1
            sys.stdout.writelines(difflib.unified_diff(
                expected.splitlines(True), actual.splitlines(True), str(path), "now"))
    print(f"{case}: {len(OUTPUTS) - different} of {len(OUTPUTS)} outputs as expected")
    return different


def update():
    for folder in sorted(p.parent for p in HERE.glob("*/recording.cdrec")):
        for name, (command, *options) in OUTPUTS.items():
            (folder / name).write_text(say(folder.name, command, *options))
        print(f"{folder.name} updated")


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        sys.exit(1 if sum(compare(case) for case in sys.argv[1:]) or not sys.argv[1:] else 0)
