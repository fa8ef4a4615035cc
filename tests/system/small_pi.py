"""Sets the suite up as on the smallest Pi, and starts it. Run by hand, or once a day:

    python -m tests.system.small_pi [--debian 12|13] [--arch arm64|amd64] [--base TAR]

It needs root, mmdebstrap and a network. For another processor it needs qemu-user-static and
arch-test too, and the kernel starts that processor's programs in qemu until the end. In a chroot of
Debian, in a cgroup of 416 MB with a /tmp of 209 MB, it runs scripts/setup.sh, kills it, and runs it
again; then it starts the demo twice without a network. The exit code is 0 if all of that works and
each figure is within its limit. An emulated demo gets more memory, for the emulator itself, and
has no limit of time.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import REPO

SUITES = {"12": "bookworm", "13": "trixie"}
PACKAGES = "ca-certificates,python3,python3-venv,sudo,procps"
MEMORY_MB = 416
TMP_MB = 209
#: What qemu adds to the memory of the demo: it keeps the code that it has translated, in each
#: program. Eight programs of the suite take about 38 MB more each (the notifier 72 instead of 34),
#: and a shell, sudo, sleep and Redis about as much as a bare Python, 17 MB.
EMULATOR_MB = 8 * 38 + 4 * 17
#: The limits of the figures, for a machine that runs this processor itself.
MOST_RESIDENT_MB = 200
SECOND_START_S = 5.0
ALERT_WITHIN_S = 60.0
EVERY_S = 0.05
#: The step of set-up at which it is killed.
KILLED_AT = r"(Fetching|Installing) 7 of"
HOME = "/home/pi/whos-there"
#: How the kernel knows a program of an arm64 processor (see qemu's binfmt.d/qemu-aarch64.conf).
_ARM64 = (
    r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
)
#: Variables that the network of this machine may need.
_PASSED = re.compile(
    r"(PIP_(CERT|INDEX_URL|DEFAULT_TIMEOUT)|SSL_CERT_\w+|https?_proxy|no_proxy)$", re.I
)


@dataclass
class Figures:
    """What is measured while the chroot works; sizes are peaks."""

    resident_mb: float = 0.0
    tmp_kb: float = 0.0
    tmp_files: set[str] = field(default_factory=set)


class Cgroup:
    """A cgroup with a limit of memory, of version 1 or 2."""

    def __init__(self, name: str, limit_mb: int) -> None:
        first = Path("/sys/fs/cgroup/memory")
        self._is_first = first.is_dir()
        self.folder = (first if self._is_first else Path("/sys/fs/cgroup")) / name
        self.folder.mkdir(exist_ok=True)
        self.limit(limit_mb)

    def limit(self, limit_mb: int) -> None:
        """Let it have at most *limit_mb* of memory from now on."""
        file = "memory.limit_in_bytes" if self._is_first else "memory.max"
        (self.folder / file).write_text(str(limit_mb * 1024 * 1024))

    def resident_mb(self) -> float:
        """Return the memory that belongs to processes, without files in the cache and in /tmp."""
        words = (self.folder / "memory.stat").read_text().split()
        stat = dict(zip(words[::2], words[1::2], strict=True))
        return int(stat["total_rss" if self._is_first else "anon"]) / 1e6

    def kills(self) -> int:
        """Return how often the kernel has killed a process because the memory was full."""
        file = "memory.oom_control" if self._is_first else "memory.events"
        found = re.search(r"oom_kill (\d+)", (self.folder / file).read_text())
        return int(found[1]) if found else 0

    def end(self) -> None:
        """Kill every process in it."""
        for _ in range(100):
            pids = (self.folder / "cgroup.procs").read_text().split()
            if not pids:
                return
            for pid in pids:
                os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.1)


class Machine:
    """A chroot in *root* in which user pi runs commands within the limits of the smallest Pi."""

    def __init__(self, root: Path, cgroup: Cgroup) -> None:
        self.root, self.cgroup, self.figures = root, cgroup, Figures()
        self._is_over = threading.Event()

    def command(self, line: str, *, network: bool) -> list[str]:
        """Return the command that runs *line* in the folder of the suite."""
        env = {name: value for name, value in os.environ.items() if _PASSED.match(name)}
        words = [f"{name}={value}" for name, value in env.items()]
        inside = ["chroot", str(self.root), "sudo", "-H", "-u", "pi", "env", *words]
        joined = f'echo $$ > {self.cgroup.folder}/cgroup.procs; exec "$@"'
        if not network:
            joined = f"ip link set lo up; {joined}"
        return [
            *([] if network else ["unshare", "--net"]),
            *("/bin/sh", "-c", joined, "sh"),
            *(*inside, "/bin/sh", "-c", f"cd {HOME}; {line}"),
        ]

    def run(self, line: str, *, network: bool, kill_at: str | None = None) -> tuple[int, str]:
        """Run *line*; returns its exit code and what it printed, and kills all at a line of it."""
        said = []
        with subprocess.Popen(
            self.command(line, network=network),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            assert running.stdout is not None
            for text in running.stdout:
                sys.stdout.write(f"    {text}")
                sys.stdout.flush()
                said.append(text)
                if kill_at and re.search(kill_at, text):
                    time.sleep(5)
                    self.cgroup.end()
        return running.returncode, "".join(said)

    @contextmanager
    def watched(self) -> Iterator[Figures]:
        """Measure until the end of the block."""
        self.figures = Figures()
        self._is_over.clear()
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            yield self.figures
        finally:
            self._is_over.set()
            watcher.join()

    def _watch(self) -> None:
        tmp = self.root / "tmp"
        while not self._is_over.wait(EVERY_S):
            figures, disk = self.figures, os.statvfs(tmp)
            used_kb = (disk.f_blocks - disk.f_bfree) * disk.f_frsize / 1024
            figures.tmp_kb = max(figures.tmp_kb, used_kb)
            figures.tmp_files |= set(os.listdir(tmp))  # noqa: PTH208
            figures.resident_mb = max(figures.resident_mb, self.cgroup.resident_mb())


@contextmanager
def emulator() -> Iterator[None]:
    """Let the kernel start programs of arm64 in qemu until the end of the block.

    The way of Debian's packages leaves out the flag C, without which sudo is not root there.
    """
    qemu = shutil.which("qemu-aarch64-static") or sys.exit("qemu-user-static is not installed")
    kernel = Path("/proc/sys/fs/binfmt_misc")
    if not (kernel / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", kernel], check=True)
    name = f"small-pi-{os.getpid()}"
    (kernel / "register").write_text(f":{name}:M::{_ARM64}:{qemu}:OCPF")
    try:
        yield
    finally:
        (kernel / name).write_text("-1")


def make_root(root: Path, suite: str, arch: str, base: Path | None) -> None:
    """Make a Debian in *root* with user pi, who may use sudo, and a copy of this checkout."""
    if base is None:
        base = root.with_suffix(".tar")
        mirror = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(SITE)", "Identifier: Packages"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[0]
        subprocess.run(
            [
                *("mmdebstrap", "--variant=minbase", f"--arch={arch}", f"--include={PACKAGES}"),
                *(suite, str(base), mirror),
            ],
            check=True,
        )
    subprocess.run(["tar", "--extract", "--file", base, "--directory", root], check=True)
    for name in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"):
        shutil.copy(f"/{name}", root / name)
    home = root / HOME[1:]
    home.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "-C", REPO, "archive", "HEAD"], capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "--extract", "--directory", home], input=archive, check=True)
    (root / "etc/sudoers.d").mkdir(exist_ok=True)
    (root / "etc/sudoers.d/pi").write_text("pi ALL=(ALL) NOPASSWD: ALL\n")
    shell = "useradd --shell /bin/bash pi && chown -R pi: /home/pi"
    subprocess.run(["chroot", root, "/bin/sh", "-c", shell], check=True)


def mount(root: Path) -> None:
    """Give the chroot its /proc, /dev and small /tmp; the mounts end with this process."""
    for options in (
        ["-t", "proc", "proc", str(root / "proc")],
        ["--rbind", "/dev", str(root / "dev")],
        ["-t", "tmpfs", "-o", f"size={TMP_MB}m,mode=1777", "tmpfs", str(root / "tmp")],
    ):
        subprocess.run(["mount", *options], check=True)


def try_out(machine: Machine, *, is_own: bool) -> Iterator[str]:
    """Yield a line for each thing that is not as it should be; *is_own*: nothing is emulated."""
    with machine.watched() as setup:
        machine.run("scripts/setup.sh", network=True, kill_at=KILLED_AT)
        code, said = machine.run("scripts/setup.sh", network=True)
    report("peak resident of set-up", f"{setup.resident_mb:.0f} MB", f"at most {MOST_RESIDENT_MB}")
    report("peak in /tmp", f"{setup.tmp_kb:.0f} kB {sorted(setup.tmp_files)}", "0")
    if code or "going on where an earlier set-up was interrupted" not in said:
        yield "set-up did not continue and end well after a kill"
    if setup.tmp_kb:
        yield "set-up used /tmp"
    if is_own and setup.resident_mb > MOST_RESIDENT_MB:
        yield "set-up took too much memory"
    yield from try_start(machine, is_own=is_own)
    if machine.cgroup.kills():
        yield f"the kernel killed {machine.cgroup.kills()} processes: too little memory"


def try_start(machine: Machine, *, is_own: bool) -> Iterator[str]:
    """Start the demo twice without a network; yields a line for each fault."""
    alerts = machine.root / HOME[1:] / "data" / "alerts"
    wait = f"i=0; until ls {HOME}/data/alerts/*/*.jpg 2>/dev/null; do sleep 1; i=$((i+1)); "
    wait += f"[ $i -lt {ALERT_WITHIN_S if is_own else ALERT_WITHIN_S * 10:.0f} ] || exit 1; done"
    start = "scripts/start.sh --source demo --profile small-pi"
    # start.sh gives its programs a minute, which is too short for them in an emulator.
    line = f"{start} && {wait}; " if is_own else f"{start} --foreground & {wait}; "
    line += "echo; scripts/stop.sh; start=$(date +%s%N); scripts/setup.sh; "
    line += "echo second setup took $((($(date +%s%N) - start) / 1000000)) ms; "
    if is_own:
        line += f"start=$(date +%s%N); {start}; "
        line += "echo second start took $((($(date +%s%N) - start) / 1000000)) ms; scripts/stop.sh"
    limit_mb = MEMORY_MB if is_own else MEMORY_MB + EMULATOR_MB
    machine.cgroup.limit(limit_mb)
    with machine.watched() as figures:
        code, said = machine.run(line, network=False)
    limit = f"{limit_mb} MB for all memory"
    if not is_own:
        limit += f", of which {EMULATOR_MB} are for the emulator"
    report("peak resident of the demo", f"{figures.resident_mb:.0f} MB", limit)
    if code or not list(alerts.glob("*/*.jpg")):
        yield "the demo raised no alert"
    took = re.search(r"second setup took (\d+) ms", said)
    took_s = int(took[1]) / 1000 if took else float("inf")
    report("set-up at the second start", f"{took_s:.1f} s", f"at most {SECOND_START_S:.0f} s")
    if whole := re.search(r"second start took (\d+) ms", said):
        report("the whole second start", f"{int(whole[1]) / 1000:.1f} s", "none")
    if is_own and took_s > SECOND_START_S:
        yield "the second start took too long"


def report(what: str, figure: str, limit: str) -> None:
    sys.stdout.write(f"{what}: {figure} (limit: {limit})\n")


def main() -> int:
    """Run it all, and return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--debian", choices=SUITES, default="12")
    parser.add_argument("--arch", choices=("arm64", "amd64"), default="arm64")
    parser.add_argument("--base", type=Path, help="a tar file that mmdebstrap has made before")
    options = parser.parse_args()
    own = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    is_own = own == options.arch
    if "SMALL_PI_INSIDE" not in os.environ:
        # Its own processes only: scripts/stop.sh would end another suite of the same path.
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command = [*apart, sys.executable, "-m", "tests.system.small_pi", *sys.argv[1:]]
        environment = os.environ | {"SMALL_PI_INSIDE": str(os.getpid())}
        with nullcontext() if is_own else emulator():
            return subprocess.run(command, env=environment, check=False).returncode
    cgroup = Cgroup(f"small-pi-{os.environ['SMALL_PI_INSIDE']}", MEMORY_MB)
    with tempfile.TemporaryDirectory(prefix="small-pi-", dir="/var/tmp") as folder:
        root = Path(folder) / "root"
        root.mkdir()
        root.chmod(0o755)
        make_root(root, SUITES[options.debian], options.arch, options.base)
        mount(root)
        try:
            machine = Machine(root, cgroup)
            faults = list(try_out(machine, is_own=is_own))
        finally:
            cgroup.end()
            for name in ("tmp", "dev", "proc"):
                subprocess.run(["umount", "--lazy", "--recursive", root / name], check=True)
    cgroup.folder.rmdir()
    sys.stdout.write("".join(f"FAULT: {fault}\n" for fault in faults) or "All is well.\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
