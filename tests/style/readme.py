#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The screen in README.md is what the program says about its golden recording."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
golden = (ROOT / "tests/golden/stuck-worker/expect.check.text").read_text()
screen = golden[:golden.rindex("exit status")].rstrip("\n")
shown = f"```\n$ conn-doctor check :21001\n{screen}\n```"
if shown not in (ROOT / "README.md").read_text():
    print(f"README.md does not show what the program says today:\n{shown}")
    sys.exit(1)
