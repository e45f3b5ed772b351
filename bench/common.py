# SPDX-License-Identifier: MIT
"""What the programs of bench/ share: sockets to look at, made and taken away again,
where it was measured, and the sections of bench/RESULTS.md."""
import contextlib
import datetime
import os
import pathlib
import platform
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "RESULTS.md"
PROGRAM = pathlib.Path(sys.argv[0]).name
QUIET = 0  # the "number of sockets" of the empty namespace
NAMESPACE = "cd-bench-"
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
OTHERS_MARK = "<!-- Below: sections of other programs in bench/. bench/run keeps them. -->"


# What is made, and how it is taken away again.

def remove_leftovers():
    """Namespaces of runs that were killed: nobody else removes them."""
    folder = pathlib.Path("/run/netns")
    for entry in folder.glob(f"{NAMESPACE}*"):
        pid = entry.name.removeprefix(NAMESPACE)
        if pid.isdigit() and not pathlib.Path("/proc", pid).exists():
            subprocess.run(["ip", "netns", "del", entry.name], check=False)


@contextlib.contextmanager
def namespace(name):
    try:
        subprocess.run(["ip", "netns", "add", name], check=True)
        inside = ["nsenter", f"--net=/run/netns/{name}", "--"]
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        subprocess.run([*inside, "sh", "-c",
                        "echo 10000 65535 >/proc/sys/net/ipv4/ip_local_port_range"],
                       check=True)
        yield inside
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


@contextlib.contextmanager
def sockets(inside, build, count):
    """That many sockets; yields the number of rows the kernel should report."""
    helper = subprocess.Popen(
        [*inside, str(build / "bench" / "bench_sockets"), str(count)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        answer = helper.stdout.readline().split()
        if answer[:1] != ["ready"]:
            raise SystemExit(f"bench/{PROGRAM}: could not make the sockets")
        yield int(answer[1])
    finally:
        helper.stdin.close()
        try:
            helper.wait(timeout=120)
        except subprocess.TimeoutExpired:
            helper.kill()
            helper.wait()


# Where it is measured.

def text_of(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False,
                              cwd=ROOT)
        return done.stdout.strip() if done.returncode == 0 else "unknown"
    except OSError:
        return "not there"


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    models = [line.split(":", 1)[1].strip() for line in info.splitlines()
              if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, " \
           f"{memory:.0f} GiB"


def environment(build):
    revision = text_of("git", "rev-parse", "--short=12", "HEAD")
    if text_of("git", "status", "--porcelain", "--untracked-files=no", "--",
               ".", ":!bench/RESULTS.md"):
        revision += " with local changes"
    load = os.getloadavg()
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "machine": machine(),
        "kernel": f"{platform.system()} {platform.release()}",
        "date": now.strftime("%Y-%m-%d %H:%M UTC"),
        "revision": revision,
        "conn-doctor": text_of(str(build / "conn-doctor"), "--version").split("\n")[0],
        "load before": f"{load[0]:.2f} {load[1]:.2f} {load[2]:.2f}",
    }


def size_title(count):
    if count == QUIET:
        return "Quiet host (empty network namespace)"
    return f"{count:,} sockets".replace(",", " ")


# The whole.

def note(text):
    print(f"bench/{PROGRAM}: {text}", file=sys.stderr, flush=True)


def build_release():
    subprocess.run([ROOT / "scripts" / "install-packages", "test"], check=True)
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True,
                   stdout=sys.stderr)
    subprocess.run(["cmake", "--build", "--preset", "release", "--target",
                    "conn-doctor", "bench_helpers"], cwd=ROOT, check=True,
                   stdout=sys.stderr)
    return ROOT / "build" / "release"


def end_by_signal(number, _frame):
    """Leaves through every clean-up, which a second signal must not cut short."""
    for ending in ENDING_SIGNALS:
        signal.signal(ending, signal.SIG_IGN)
    sys.exit(128 + number)


def begin():
    """Root is needed, and what a killed run left is removed."""
    if os.geteuid() != 0:
        raise SystemExit(f"bench/{PROGRAM}: needs root for its network namespace")
    for number in ENDING_SIGNALS:
        signal.signal(number, end_by_signal)
    remove_leftovers()


def write_parts(path, parts):
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    path.write_text(text + "\n", encoding="utf-8")
    note(f"written: {path}")


def read_halves(path):
    """What bench/run wrote, and the sections of the others."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    body, _, others = text.partition(OTHERS_MARK)
    return body, others


def write_body(path, text):
    """What bench/run says; the others' sections stay."""
    others = read_halves(path)[1]
    write_parts(path, [text, OTHERS_MARK if others else "", others])


def write_section(path, text):
    """A section begins with its title, `## ...`; one of that title is replaced."""
    body, others = read_halves(path)
    title = text.partition("\n")[0]
    kept = [section for section in others.replace("\n## ", "\0## ").split("\0")
            if section.strip().partition("\n")[0] != title]
    write_parts(path, [body, OTHERS_MARK, *kept, text])
