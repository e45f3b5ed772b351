#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The lab leaves nothing behind, whatever ends it."""
import os
import signal
import subprocess
import sys
import time

import lab

CHILD = """
import sys, time
sys.path.insert(0, sys.argv[1])
import lab
own = lab.Lab()
app = own.app("left-behind")
app.listen(21000)
print(app.pid, flush=True)
if sys.argv[2] == "raise":
    raise RuntimeError("on purpose")
time.sleep(60)
"""


class Tidy(lab.LabTest):
    """Namespaces and processes of a child that is ended in the middle."""

    def end(self, how, send):
        child = subprocess.Popen([lab.PYTHON, "-c", CHILD, lab.HERE, how],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 text=True)
        app = int(child.stdout.readline())
        if send:
            child.send_signal(send)
        child.wait(20)
        child.stdout.close()
        return child.pid, app

    def left(self, pid):
        return [n for n in os.listdir("/run/netns") if n.startswith(f"cd-{pid}-")]

    def assertGone(self, pid, app):
        self.assertEqual(self.left(pid), [])
        end = time.monotonic() + 5
        while os.path.exists(f"/proc/{app}") and time.monotonic() < end:
            time.sleep(0.05)
        self.assertFalse(os.path.exists(f"/proc/{app}"), "the application lives on")

    def test_terminated_interrupted_or_failed_run_removes_everything(self):
        for how, send in (("sleep", signal.SIGTERM), ("sleep", signal.SIGINT),
                          ("sleep", signal.SIGHUP), ("raise", None)):
            with self.subTest(how=how, send=send):
                self.assertGone(*self.end(how, send))

    def test_killed_run_is_removed_by_the_next(self):
        pid, app = self.end("sleep", signal.SIGKILL)
        self.assertEqual(len(self.left(pid)), 3, "nothing was left: nothing to prove")
        lab.remove_stale()
        self.assertGone(pid, app)
        self.assertEqual(len(self.left(os.getpid())), 3, "a living run was removed")

    def test_run_without_root_is_a_visible_skip(self):
        done = subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", sys.executable,
             os.path.join(lab.HERE, "test_healthy.py")],
            capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, lab.SKIP, done.stderr)
        self.assertIn("SKIPPED", done.stdout)
        self.assertIn("needs root", done.stdout)


if __name__ == "__main__":
    lab.main()
