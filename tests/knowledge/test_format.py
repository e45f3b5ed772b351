#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tools/embed_knowledge.py names every mistake with file and line, all in one run,
and writes nothing then."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCES = "UV: uvicorn docs\n"
CODE = """code: leak
title: A leak
meaning: It leaks,
    for "hours".
evidence: Recv-Q 0
cause: no close
remedy: Close it.
versions: any
source: UV
next: ss -t
shows: states
"""
STACK = """stack: uvicorn
title: A server
recognised: argv
default: 5 s
remedy: Set it.
for: leak
flag: --keep 5
versions: any
source: UV
"""


class Format(unittest.TestCase):
    def embed(self, **changes):
        files = {"sources": SOURCES, "leak": CODE, "stack-uvicorn": STACK}
        files.update({name.replace("_", "-"): text for name, text in changes.items()})
        with tempfile.TemporaryDirectory() as name:
            where = pathlib.Path(name)
            for stem, text in files.items():
                (where / f"{stem}.txt").write_text(text)
            out = where / "table.c"
            result = subprocess.run([sys.executable, ROOT / "tools/embed_knowledge.py",
                                     where, out], capture_output=True, text=True)
            self.assertEqual(out.exists(), result.returncode == 0, result.stderr)
            table = out.read_text() if out.exists() else ""
            return result, result.stderr.replace(f"{name}/", ""), table

    def refused(self, expected, **changes):
        result, errors, _ = self.embed(**changes)
        self.assertEqual(result.returncode, 1)
        for line in expected:
            self.assertIn(line, errors)
        self.assertEqual(len(errors.splitlines()), len(expected), errors)

    def test_good_files_become_a_table(self):
        result, errors, table = self.embed()
        self.assertEqual((result.returncode, errors), (0, ""))
        self.assertIn('"It leaks, for \\"hours\\"."', table)

    def test_mistakes_are_named_with_file_and_line(self):
        self.refused(["leak.txt:12: unknown key 'colour'"], leak=CODE + "colour: red\n")
        self.refused(["leak.txt:1: missing key 'cause'"],
                     leak=CODE.replace("cause: no close\n", ""))
        self.refused(["leak.txt:7: missing key 'source' of this 'remedy'"],
                     leak=CODE.replace("source: UV\n", ""))
        self.refused(["leak.txt:9: unknown source 'XX'"],
                     leak=CODE.replace("source: UV", "source: XX"))
        self.refused(["stack-uvicorn.txt:6: unknown code 'leek'"],
                     stack_uvicorn=STACK.replace("for: leak", "for: leek"))
        self.refused(["stack-uvicorn.txt:1: unknown stack 'unicorn'"],
                     stack_uvicorn=STACK.replace("stack: uvicorn", "stack: unicorn"))
        self.refused(["leak.txt:12: 206 characters, more than 200"],
                     leak=CODE + "# " + "x" * 204 + "\n")
        self.refused(
                     ["leak.txt:1: 'code' may stand once only"], leak=CODE + "code: leak\n")
        self.refused(["leak.txt:1: 'versions' must follow 'remedy'"],
                     leak="versions: any\n" + CODE)
        self.refused(["stack-uvicorn.txt:7: 'keep' is no command-line flag"],
                     stack_uvicorn=STACK.replace("--keep 5", "keep"))
        self.refused(["leak.txt:2: 'title' has no value"],
                     leak=CODE.replace("title: A leak", "title:"))
        self.refused(["leak.txt:12: neither 'key: value' nor indented"], leak=CODE + "hm\n")
        self.refused(["leak.txt:12: a character that is not printable ASCII"],
                     leak=CODE + "cause: \x01\n")

    def test_all_mistakes_of_all_files_come_in_one_run(self):
        self.refused(["leak.txt:12: unknown key 'a'", "leak.txt:13: unknown key 'b'",
                      "stack-uvicorn.txt:10: unknown key 'c'"],
                     leak=CODE + "a: 1\nb: 2\n", stack_uvicorn=STACK + "c: 3\n")


if __name__ == "__main__":
    unittest.main()
