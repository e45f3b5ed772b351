#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""check and list with --state: two runs, and all that can be wrong with the file.
The binary is named by CONN_DOCTOR."""
import fcntl
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
import zlib

BINARY = os.environ["CONN_DOCTOR"]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "style"))
import validate_schema  # pylint: disable=wrong-import-position

warnings.simplefilter("ignore", DeprecationWarning)
SCHEMAS = validate_schema.load_schemas()
HEADER = b"\x89CDS\r\n\x1a\n"


def frames(data):
    """The sections of a state file: [type, payload]."""
    at, found = 16, []
    while at < len(data):
        kind, length, checksum, own = struct.unpack_from("<4I", data, at)
        payload = data[at + 16:at + 16 + length]
        assert zlib.crc32(payload) == checksum and zlib.crc32(data[at:at + 12]) == own
        found.append([kind, payload])
        at += 16 + length
    return found


def build(sections, version=1):
    """A state file as the program writes it."""
    data = HEADER + struct.pack("<II", version, 0)
    for kind, payload in sections:
        head = struct.pack("<3I", kind, len(payload), zlib.crc32(payload))
        data += head + struct.pack("<I", zlib.crc32(head)) + payload
    return data


class StateTest(unittest.TestCase):
    """A listener with connections of its own, and a folder for the file."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.path = self.folder / "state"
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.port = self.server.getsockname()[1]
        self.kept = []

    def leak(self, count):
        """Connections whose peer left; the end of the stream stays unread."""
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", self.port)) as client:
                accepted, _ = self.server.accept()
                self.addCleanup(accepted.close)
                self.kept.append(accepted)
                client.send(b"x")

    def run_check(self, *args, command="check", state=None, **options):
        argv = [BINARY, command, f"sport = :{self.port}", "--state", str(state or self.path), "--json", *args]
        if command == "check":
            argv[5:5] = ["--once", "--all-connections", "--set", "close-wait-unread-age=100ms",
                         "--set", "stuck-worker-sockets=1"]
        env = dict(os.environ, LC_ALL="C.UTF-8", CONN_DOCTOR_CONFIG="none")
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=env, check=False, **options)
        done.doc = json.loads(done.stdout)
        self.assertEqual(list(validate_schema.violations(done.doc, SCHEMAS)), [])
        done.memory = done.doc["collection"]["memory"]
        return done

    def set_aside(self):
        return sorted(p.name for p in self.folder.iterdir() if ".damaged-" in p.name)

    def degraded(self, done):
        return [d["why"] for d in done.doc["collection"]["degraded"] if d["what"] == "earlier runs"]


class TwoRuns(StateTest):
    def test_the_second_run_goes_on_from_the_first(self):
        self.leak(2)
        time.sleep(0.3)
        first = self.run_check()
        at = time.monotonic()
        self.assertEqual(first.memory, {"status": "new"})
        self.assertEqual(first.returncode, 1, first.stdout)
        self.leak(3)
        time.sleep(1)
        second = self.run_check()
        gap = time.monotonic() - at
        self.assertEqual(second.memory["status"], "continued")
        self.assertLess(abs(second.memory["gap_seconds"] - gap), 0.5)
        finding, = [f for f in second.doc["findings"] if f["check"] == "stuck-worker"]
        self.assertEqual((finding["value_before"], finding["value"]), (2, 5))
        self.assertEqual(finding["phase"], "open")
        self.assertTrue(finding["evidence"][-1].startswith("3 more than in the last run, "))
        self.assertEqual(finding["first_seen"][:17], first.doc["time"][:17])
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["state", "state.lock"])

    def test_list_profits_and_keeps_the_findings(self):
        self.leak(1)
        time.sleep(0.2)
        self.run_check()
        time.sleep(0.5)
        done = self.run_check(command="list")
        self.assertEqual(done.memory["status"], "continued")
        third = self.run_check()
        finding, = [f for f in third.doc["findings"] if f["check"] == "stuck-worker"]
        self.assertEqual(finding["value_before"], 1)

    def test_without_the_option_nothing_is_said_of_memory(self):
        env = dict(os.environ, CONN_DOCTOR_CONFIG="none")
        self.leak(1)
        time.sleep(0.2)
        done = subprocess.run([BINARY, "check", f":{self.port}", "--once", "--json", "--set",
                               "close-wait-unread-age=100ms", "--set", "stuck-worker-sockets=1"],
                              capture_output=True, text=True, env=env, timeout=60, check=False)
        doc = json.loads(done.stdout)
        self.assertNotIn("memory", doc["collection"])
        self.assertTrue(doc["findings"])
        self.assertNotIn("phase", doc["findings"][0])

    def test_each_format_tells_a_finding_that_recovers(self):
        self.leak(2)
        time.sleep(0.2)
        self.run_check()
        for accepted in self.kept:
            accepted.close()
        done = self.run_check()
        self.assertEqual(done.returncode, 1)
        finding, = done.doc["findings"]
        self.assertEqual((finding["phase"], finding["severity"]), ("recovering", "warning"))
        self.assertTrue(finding["summary"].startswith("recovering: "))
        self.assertRegex(finding["evidence"][0], r"^not seen for .*; closes after 1m30s$")
        for name, line in (("plain", f"phase {finding['fingerprint']} recovering "),
                           ("text", "recovering: ")):
            out = subprocess.run([BINARY, "check", f"sport = :{self.port}", "--once", "-o", name,
                                  "--state", str(self.path)], capture_output=True, text=True,
                                 env=dict(os.environ, CONN_DOCTOR_CONFIG="none"), timeout=60, check=False)
            self.assertEqual(out.returncode, 1)
            self.assertIn(line, out.stdout)
        closed = self.run_check("--set", "close-after=0")
        self.assertEqual((closed.returncode, closed.doc["findings"]), (0, []))

    def test_a_pending_finding_does_not_change_the_status(self):
        self.leak(2)
        time.sleep(0.2)
        done = self.run_check("--set", "open-for=1h")
        finding, = [f for f in done.doc["findings"] if f["check"] == "stuck-worker"]
        self.assertEqual((finding["phase"], finding["severity"], finding["severity_when_open"]),
                         ("pending", "info", "warning"))
        self.assertEqual(done.returncode, 0)


class OtherFiles(StateTest):
    """Whatever stands there, the report is made."""

    def test_a_damaged_one_is_set_aside(self):
        self.run_check()
        whole = self.path.read_bytes()
        newer = bytearray(whole)
        newer[8] = 2
        cases = [(whole[:-3], "its end is missing"), (whole[:-20] + b"x" + whole[-19:], "it is damaged"),
                 (b"hello", "it is no state file"), (bytes(newer), "another version")]
        for number, (data, why) in enumerate(cases, 1):
            with self.subTest(why=why):
                self.path.write_bytes(data)
                done = self.run_check()
                self.assertEqual((done.returncode, done.memory["status"]), (0, "damaged"))
                self.assertIn(why, done.stderr)
                self.assertIn(why, self.degraded(done)[0])
                names = self.set_aside()
                self.assertEqual(len(names), number)
                self.assertIn(data, [(self.folder / n).read_bytes() for n in names])
                self.assertRegex(names[0], r"^state\.damaged-\d{8}T\d{6}Z(\.\d)?$")
                self.assertEqual(self.run_check().memory["status"], "continued")

    def test_an_empty_one_is_none(self):
        self.path.touch()
        done = self.run_check()
        self.assertEqual((done.memory["status"], done.stderr), ("new", ""))

    def test_a_restart_of_the_host_is_said_and_no_error(self):
        self.leak(1)
        self.run_check()
        sections = frames(self.path.read_bytes())
        head = bytearray(sections[0][1])
        head[24:28] = b"0000" if head[24:28] != b"0000" else b"1111"
        self.path.write_bytes(build([[1, bytes(head)]] + sections[1:]))
        done = self.run_check()
        self.assertEqual((done.memory, done.stderr, self.set_aside()), ({"status": "restarted"}, "", []))
        text = subprocess.run([BINARY, "check", "--once", "--state", str(self.path)], capture_output=True,
                              text=True, env=dict(os.environ, CONN_DOCTOR_CONFIG="none"), timeout=60, check=False)
        self.assertIn("memory: ages and findings go on from the last run", text.stdout)

    def test_another_namespace_is_foreign(self):
        self.run_check()
        sections = frames(self.path.read_bytes())
        head = bytearray(sections[0][1])
        struct.pack_into("<Q", head, 16, 4242)
        self.path.write_bytes(build([[1, bytes(head)]] + sections[1:]))
        done = self.run_check()
        self.assertEqual((done.memory, self.set_aside()), ({"status": "foreign"}, []))


class CannotBeUsed(StateTest):
    """Exit status 3, and the report all the same."""

    def refused(self, done, message):
        self.assertEqual(done.returncode, 3)
        self.assertIn(message, done.stderr)
        self.assertEqual(done.memory["status"], "unusable")
        self.assertIn(message, self.degraded(done)[0])
        self.assertEqual(done.doc["schema"], "conn-doctor.report/1")

    def test_a_lock_that_is_held(self):
        with open(f"{self.path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = self.run_check("--timeout", "300ms")
        self.refused(done, "another run holds")
        self.assertFalse(self.path.exists())

    def test_runs_at_the_same_time_wait_for_each_other(self):
        argv = [BINARY, "check", f":{self.port}", "--once", "--json", "--state", str(self.path)]
        runs = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=dict(os.environ, CONN_DOCTOR_CONFIG="none")) for _ in range(4)]
        status = []
        for process in runs:
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (0, ""))
            status.append(json.loads(out)["collection"]["memory"]["status"])
        self.assertEqual(sorted(status), ["continued"] * 3 + ["new"])

    def test_a_folder_that_is_not_there_or_not_ours(self):
        self.refused(self.run_check(state="/nonexistent/state"), "/nonexistent/state")
        if os.geteuid() == 0:
            def as_nobody():
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            self.folder.chmod(0o755)
            self.refused(self.run_check(preexec_fn=as_nobody), "Permission denied")

    def test_a_link_or_a_fifo(self):
        target = self.folder / "target"
        target.write_text("precious")
        self.path.symlink_to(target)
        self.refused(self.run_check(), "symbolic link")
        self.assertEqual(target.read_text(), "precious")
        self.path.unlink()
        os.mkfifo(self.path)
        self.refused(self.run_check(), "no regular file")

    def test_a_full_disk_keeps_the_old_file(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to mount a small file system")
        self.leak(100)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(self.folder)], check=True)
        self.addCleanup(subprocess.run, ["umount", str(self.folder)], check=True)
        self.path.write_bytes(b"")
        pathlib.Path(self.folder, "ballast").write_bytes(b"x" * 4096)
        done = self.run_check()
        self.assertEqual(done.returncode, 3)
        self.assertIn("as the last run left it", done.stderr)
        leaked = [c for c in done.doc["connections"] if c["state"] == "close_wait"]
        self.assertEqual(len(leaked), 100)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["ballast", "state", "state.lock"])
        self.assertEqual(self.path.read_bytes(), b"")

    def test_a_recording_has_no_state(self):
        done = subprocess.run([BINARY, "check", "--read", "x", "--state", "y"], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("exclude each other", done.stderr)


if __name__ == "__main__":
    unittest.main()
