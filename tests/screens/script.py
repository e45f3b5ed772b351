# SPDX-License-Identifier: MIT
"""A key script against watch on a recording, in a terminal of fixed size.

What is shown then depends on nothing but the recording: the time on the screen is
the time of the recording, in UTC.
"""
import pathlib
import tempfile
import time

from test_watch import Terminal

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INTERVAL = "100ms"


class Session:
    """watch at the end of a recording of tests/golden."""

    def __init__(self, program, case, columns, lines, term="screen-256color",
                 locale="C.UTF-8"):
        folder = ROOT / "tests" / "golden" / case
        args = folder / "args"
        options = args.read_text().split() if args.exists() else []
        self.state = tempfile.TemporaryDirectory(prefix="cd-screens-")
        self.terminal = Terminal(
            [program, "watch", *options, "--read", str(folder / "recording.cdrec"),
             "-i", INTERVAL],
            columns, lines, term, LC_ALL=locale, CONN_DOCTOR_CONFIG="none",
            XDG_STATE_HOME=self.state.name, HOME=self.state.name)
        if columns >= 80:
            self.terminal.wait_for(r" END\b", 90)
        self.settle(1.5 if columns < 80 else 0.4)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.terminal.close()
        self.state.cleanup()

    def settle(self, seconds=0.4, most=30):
        """Waits until nothing has changed for so long."""
        end = time.monotonic() + most
        before, since = None, time.monotonic()
        while time.monotonic() < end and time.monotonic() - since < seconds:
            text = self.terminal.text
            if text != before:
                before, since = text, time.monotonic()
            time.sleep(0.02)

    def press(self, *keys):
        for key in keys:
            self.terminal.press(key)
            self.settle()

    @property
    def text(self):
        return self.terminal.text.rstrip("\n") + "\n"
