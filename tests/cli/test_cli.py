#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The program at its edges: wrong options, bad input, streams that fail. Each
must end with a message that says what to do, exit status 3, nothing half
written. The binary is named by CONN_DOCTOR."""
import datetime
import json
import os
import pathlib
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import unittest
import zlib

BINARY = os.environ["CONN_DOCTOR"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(*args, **kwargs):
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    env = dict(os.environ, LC_ALL="C.UTF-8", TERM="dumb", CONN_DOCTOR_CONFIG="none", **kwargs.pop("env", {}))
    return subprocess.run([BINARY, *args], stderr=subprocess.PIPE, text=True, timeout=60,
                          env=env, **kwargs)


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


class WrongCommandLines(unittest.TestCase):
    """What was typed, and a part of what the message must say."""
    CASES = [
        ([], "which command?"),
        (["chekc"], "did you mean 'check'?"),
        ([":30020"], "conn-doctor check ':30020'"),
        (["check", "--onec"], "did you mean '--once'?"),
        (["check", "--once=3"], "takes no value"),
        (["check", "--interv", "3s"], "did you mean '--interval'?"),
        (["check", "-Z"], "there is no option '-Z'"),
        (["check", "-H"], "'check' has no option '--no-header'"),
        (["list", "-q"], "'list' has no option '--quiet'"),
        (["watch", "--json"], "'watch' has no option '--json'"),
        (["check", "--read"], "needs a value"),
        (["check", "-i", "5x"], "is not a duration"),
        (["check", "-i", "1M"], "is not a duration"),
        (["check", "-i", "3s1h"], "is not a duration"),
        (["check", "-i", "10ms"], "is outside 100ms to 7d"),
        (["check", "-i", "99999999999999999999s"], "is not a duration"),
        (["check", "-n", "0"], "is not a number from 1"),
        (["check", "-n", "-1"], "is not a number"),
        (["list", "-o", "xml"], "use text, plain or json"),
        (["check", "--set", "foo"], "is not NAME=VALUE"),
        (["check", "--set", "close-wait-ago=3s"], "did you mean 'close-wait-age'?"),
        (["check", "--set", "close-wait-age=5x"], "is not a duration"),
        (["check", "--set", "close-wait-age=9w"], "is outside 0ms to 7d"),
        (["check", "--set", "lossy-share=120%"], "is not a share"),
        (["check", "--fail-on", "info"], "is not warning or critical"),
        (["check", "--color=maybe"], "is not auto, always or never"),
        (["check", "--read", "a", "--record", "b"], "exclude each other"),
        (["check", "--at", "18:00"], "--at needs a recording: name it with --read"),
        (["watch", "--at", "-5m", "--record", "a"], "--at needs a recording"),
        (["help", "wat"], "is not a command"),
        (["check", "sport = :80 and ("], "a term is missing"),
        (["check", "verdict = half-opne"], "half-open"),
        (["check", "host.example.com"], "filter:"),
        (["check", "dev nosuchdevice0"], "nosuchdevice0"),
    ]

    def test_each_is_refused_with_a_hint(self):
        for args, message in self.CASES:
            with self.subTest(args=args):
                result = run(*args)
                self.assertEqual(result.returncode, 3)
                self.assertEqual(result.stdout, "")
                self.assertIn(message, result.stderr)
                self.assertTrue(result.stderr.startswith("conn-doctor: "))

    def test_a_filter_error_points_at_the_place(self):
        lines = run("check", "sport = :80 and bogus").stderr.splitlines()
        self.assertEqual(lines[1], "  sport = :80 and bogus")
        self.assertEqual(lines[2], "                  ^")


class HelpAndVersion(unittest.TestCase):
    def test_they_succeed_and_name_every_command(self):
        text = run("--help").stdout
        for command in ("check", "list", "watch", "help"):
            self.assertIn(f"\n  {command} ", text)
            self.assertIn(f"Usage: conn-doctor {command}", run("help", command).stdout)
            self.assertIn(f"Usage: conn-doctor {command}", run(command, "--help").stdout)
        self.assertRegex(run("--version").stdout, r"^conn-doctor \d+\.\d+\.\d+\n$")


class OutputThatFails(unittest.TestCase):
    def test_a_full_disk_is_said(self):
        for args in (["check", "--once"], ["list"], ["list", "-o", "plain"],
                     ["list", "-o", "json"], ["check", "--once", "--json"], ["--help"]):
            with self.subTest(args=args), open("/dev/full", "w") as full:
                result = run(*args, stdout=full)
                self.assertEqual(result.returncode, 3)
                self.assertIn("cannot write to standard output: No space left", result.stderr)

    def test_the_reason_outlives_what_fits_the_buffer(self):
        """Of text that overflows a buffer, the first failure is the one that is told."""
        for args in (["explain", "--list"], ["explain", "stuck-worker"]):
            with self.subTest(args=args), open("/dev/full", "w") as full:
                result = run(*args, stdout=full)
                self.assertEqual(result.returncode, 3)
                self.assertIn("No space left", result.stderr)

    def test_many_rows_to_a_full_disk(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(400)]
        try:
            for args in (["list", "-o", "plain"], ["list", "-o", "json"], ["list"]):
                with self.subTest(args=args), open("/dev/full", "w") as full:
                    result = run(*args, f":{listener.getsockname()[1]}", stdout=full)
                    self.assertEqual(result.returncode, 3)
                    self.assertIn("No space left", result.stderr)
        finally:
            for sock in (*clients, listener):
                sock.close()

    def test_a_closed_standard_output_is_said(self):
        result = run("check", "--once", preexec_fn=lambda: os.close(1), stdout=None)
        self.assertEqual(result.returncode, 3)
        self.assertIn("standard output is closed", result.stderr)

    def test_a_closed_standard_input_does_no_harm(self):
        result = run("check", "--once", preexec_fn=lambda: os.close(0), stdin=None)
        self.assertIn(result.returncode, (0, 1, 2))

    def test_a_reader_that_leaves_ends_it_like_any_other_program(self):
        read, write = os.pipe()
        os.close(read)
        result = run("list", stdout=write)
        os.close(write)
        self.assertEqual(result.returncode, -signal.SIGPIPE)

    def test_a_file_is_replaced_whole_or_not_at_all(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "report.json")
            path.write_text("old")
            result = run("check", "--once", "--json", f"--output-file={path}")
            self.assertIn(result.returncode, (0, 1, 2))
            self.assertEqual(json.loads(path.read_text())["schema"], "conn-doctor.report/1")
            self.assertEqual(path.stat().st_mode & 0o777, 0o644)
            path.write_text("old")
            limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
            ignore = lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), limit())
            result = run("check", "--once", "--json", f"--output-file={path}", preexec_fn=ignore)
            self.assertEqual(result.returncode, 3)
            self.assertIn("cannot write", result.stderr)
            self.assertEqual(path.read_text(), "old")
            self.assertEqual(os.listdir(folder), ["report.json"])

    def test_a_folder_that_is_not_there_is_said(self):
        result = run("check", "--once", "--output-file=/nonexistent/x")
        self.assertEqual(result.returncode, 3)
        self.assertIn("/nonexistent/x", result.stderr)


class Recordings(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "night.cdrec")

    def tearDown(self):
        self.folder.cleanup()

    def assert_refused(self, path, message):
        result = run("check", f"--read={path}")
        self.assertEqual(result.returncode, 3)
        self.assertEqual(result.stdout, "")
        self.assertIn(message, result.stderr)

    def test_a_recording_reads_back_as_what_was_seen(self):
        live = run("list", "-o", "plain", f"--record={self.path}")
        self.assertEqual(live.returncode, 0)
        self.assertEqual(run("list", "-o", "plain", f"--read={self.path}").stdout, live.stdout)
        with open(self.path, "rb") as file:
            self.assertEqual(run("list", "-o", "plain", "--read=-", stdin=file).stdout,
                             live.stdout)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)

    def at(self, moment, *args, command="list"):
        """What is said of that moment of a recording of 40 passes, 5 s apart, from 18:00:00Z."""
        result = run(command, *args, f"--read={self.path}", f"--at={moment}", env={"TZ": "UTC"})
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.returncode, 0)
        return json.loads(result.stdout)

    def make_long_recording(self):
        """Passes that hold their time and nothing else; every tenth frame is of an unknown type."""
        first = int(datetime.datetime(2026, 11, 20, 18, 0, tzinfo=datetime.timezone.utc).timestamp())
        with open(self.path, "wb") as file:
            file.write(b"\x89CDR\r\n\x1a\n" + struct.pack("<II", 1, 0))
            for n in range(40):
                stamps = struct.pack("<QQ", (first + 5 * n) * 10**9, 5000 * n + 1)
                items = (struct.pack("<HHI", 1, 0, 16) + stamps +
                         struct.pack("<HHIQB", 9, 0, 9, 1000000, 1))
                # A zstd frame of one raw block, with its content size.
                packed = (bytes.fromhex("28b52ffd20") + bytes([len(items)]) +
                          struct.pack("<I", 1 | len(items) << 3)[:3] + items)
                for kind, payload in ((1, stamps + struct.pack("<II", len(items), 0) + packed),
                                      (99, b"later"))[:2 if n % 10 == 0 else 1]:
                    head = struct.pack("<III", kind, len(payload), zlib.crc32(payload))
                    file.write(head + struct.pack("<I", zlib.crc32(head)) + payload)

    def test_each_form_of_a_moment_finds_its_pass(self):
        self.make_long_recording()
        for moment, second in (("+0s", 0), ("-0s", 195), ("+1m", 60), ("-15s", 180), ("+62s", 60),
                               ("18:00", 0), ("18:01", 60), ("18:01:03", 60), ("18:01:05", 65),
                               ("19:01:05+01:00", 65), ("2026-11-20T18:02:00Z", 120),
                               ("2026-11-20 18:02:04.999", 120)):
            for command in ("list", "check"):
                with self.subTest(moment=moment, command=command):
                    report = self.at(moment, "--json", command=command)
                    self.assertEqual(report["time"], f"2026-11-20T18:0{second // 60}:{second % 60:02}.000Z")
                    self.assertEqual(report["collection"]["passes"], min(24, second // 5 + 1))

    def test_a_moment_is_seen_with_as_many_passes_as_asked_for(self):
        self.make_long_recording()
        for options, passes in ((["--once"], 1), (["-n", "3"], 3), (["-n", "1000"], 13)):
            report = self.at("+1m", "--json", *options, command="check")
            self.assertEqual(report["time"], "2026-11-20T18:01:00.000Z")
            self.assertEqual(report["collection"]["passes"], passes)

    def test_watch_begins_at_the_moment(self):
        self.make_long_recording()
        for moment, passes in (("18:03", 4), ("-0s", 1), ("-10s", 3)):
            result = run("watch", f"--read={self.path}", f"--at={moment}", "-i", "100ms",
                         env={"TZ": "UTC"})
            self.assertEqual(result.stdout.count("no connections"), passes, moment)

    def test_a_moment_that_is_not_there_is_told_with_the_range(self):
        self.make_long_recording()
        for moment in ("17:59", "18:03:16", "2026-11-21T18:00:00Z", "+1h", "-196s"):
            with self.subTest(moment=moment):
                result = run("check", f"--read={self.path}", f"--at={moment}", env={"TZ": "UTC"})
                self.assertEqual(result.returncode, 3)
                self.assertEqual(result.stdout, "")
                self.assertIn("is not in the recording, which goes from 2026-11-20T18:00:00+0000 to "
                              "2026-11-20T18:03:15+0000", result.stderr)
        result = run("check", f"--read={self.path}", "--at=noon")
        self.assertIn("'noon' is not a time; write 18:00,", result.stderr)

    def test_what_cannot_be_wound_is_refused(self):
        self.make_long_recording()
        with open(self.path, "rb") as file:
            result = run("list", "--read=-", "--at=18:00", stdin=file)
        self.assertEqual(result.returncode, 3)
        self.assertIn("to go to a time, name the file", result.stderr)

    def test_what_is_no_recording_is_refused(self):
        self.assert_refused("/nonexistent", "No such file")
        self.assert_refused("/", "Is a directory")
        self.assert_refused("/etc/passwd", "neither a conn-doctor recording")
        with open(self.path, "wb") as file:
            file.write(os.urandom(5000))
        self.assert_refused(self.path, "neither a conn-doctor recording")
        open(self.path, "wb").close()
        self.assert_refused(self.path, self.path)

    def test_a_torn_tail_costs_one_pass_and_is_said(self):
        run("check", "-n", "3", "-i", "100ms", "-q", f"--record={self.path}")
        with open(self.path, "r+b") as file:
            file.truncate(os.path.getsize(self.path) - 7)
        report = json.loads(run("check", "--json", f"--read={self.path}").stdout)
        self.assertEqual(report["collection"]["passes"], 2)
        self.assertIn("torn", json.dumps(report["collection"]["degraded"]))

    def test_a_full_disk_loses_nothing_silently(self):
        result = run("check", "--once", "--record=/dev/full")
        self.assertEqual(result.returncode, 3)
        self.assertIn("cannot record to /dev/full: No space left", result.stderr)

    def test_a_dump_of_ss_is_read(self):
        if not os.path.exists("/usr/bin/ss") and not os.path.exists("/bin/ss"):
            self.skipTest("no ss")
        subprocess.run(["ss", "-D", self.path, "-tanim"], check=True, capture_output=True)
        result = run("list", "-o", "json", f"--read={self.path}")
        self.assertEqual(result.returncode, 0)
        self.assertIn("ss", json.dumps(json.loads(result.stdout)["collection"]["degraded"]))


@unittest.skipUnless(os.geteuid() == 0, "needs root to become nobody")
class WithoutRights(unittest.TestCase):
    def test_everything_but_the_owners_is_seen_and_that_is_said(self):
        result = run("check", "--json", "-i", "100ms", preexec_fn=as_nobody)
        self.assertIn(result.returncode, (0, 1, 2))
        degraded = json.loads(result.stdout)["collection"]["degraded"]
        self.assertEqual([d["what"] for d in degraded], ["process owners"])
        self.assertIn("CAP_SYS_PTRACE", degraded[0]["why"])

    def test_a_recording_that_may_not_be_read_is_said(self):
        with tempfile.NamedTemporaryFile() as file:
            result = run("check", f"--read={file.name}", preexec_fn=as_nobody)
            self.assertEqual(result.returncode, 3)
            self.assertIn("Permission denied", result.stderr)


def refuse_sock_diag():
    """From here on socket(AF_NETLINK, ..., NETLINK_SOCK_DIAG) fails as on a kernel
    without it: a seccomp filter of seven instructions (x86-64 and aarch64 share the
    layout of struct seccomp_data, not the number of the call)."""
    import ctypes
    import platform
    import struct
    number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    load, equal, result = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
    program = [(load, 0, 0, 0), (equal, 0, 5, number), (load, 0, 0, 16), (equal, 0, 3, 16),
               (load, 0, 0, 32), (equal, 0, 1, 4), (result, 0, 0, 0x00050000 | 93),
               (result, 0, 0, 0x7fff0000)]
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


class KernelWithoutSockDiag(unittest.TestCase):
    def test_the_kernel_option_is_named(self):
        for command in ("check", "list", "watch"):
            with self.subTest(command=command):
                result = run(command, "-n", "1", preexec_fn=refuse_sock_diag)
                self.assertEqual(result.returncode, 3)
                self.assertIn("CONFIG_INET_DIAG", result.stderr)
                self.assertIn("modprobe tcp_diag", result.stderr)


class ExitStatus(unittest.TestCase):
    def test_findings_can_be_kept_out_of_the_status(self):
        self.assertEqual(run("check", "--once", "--exit-zero").returncode, 0)

    def test_quiet_says_nothing(self):
        result = run("check", "--once", "-q")
        self.assertEqual((result.stdout, result.stderr), ("", ""))


class Watch(unittest.TestCase):
    def test_without_a_terminal_it_prints(self):
        result = run("watch", "-n", "2", "-i", "200ms")
        self.assertEqual(result.returncode, 0)
        self.assertIn("needs a terminal", result.stderr)
        self.assertNotIn("\x1b", result.stdout)


class Documents(unittest.TestCase):
    def test_every_document_follows_its_schema(self):
        validate = ROOT / "tests/style/validate_schema.py"
        for args in (["check", "--json"], ["check", "--json", "--all-connections"],
                     ["list", "-o", "json"], ["check", "--json", "--no-processes", ":1"]):
            with self.subTest(args=args), tempfile.NamedTemporaryFile("w") as file:
                file.write(run(*args).stdout)
                file.flush()
                done = subprocess.run(["/usr/bin/python3", validate, file.name],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
