"""scripts/install-service.sh, run in a small checkout with a stand-in for systemctl, and the unit
that it makes, run as systemd would.
"""

import configparser
import os
import pwd
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rights import denied
from tests.servers.programs import REPO, write_config
from tests.servers.suite import Suite
from tests.waiting import until

NAME = "whos-there.service"
#: It writes down what it is asked, and knows only what is enabled.
SYSTEMCTL = """\
#!/bin/sh
here=${0%/*}
echo "$*" >> "$here/asked"
case "$*" in
    is-system-running) cat "$here/state" ;;
    *is-enabled* | *is-active*) [ -e "$here/on" ] ;;
    *enable\\ whos*) touch "$here/on" ;;
    *disable*) rm "$here/on" ;;
esac
"""
#: --user NAME -- COMMAND: systemd's user is ours here.
RUNUSER = '#!/bin/sh\nshift 3\nexec "$@"\n'
#: A user that no machine knows.
NAMELESS = 54321
AS_ROOT, AS_ANYBODY = ["unshare", "--user", "--map-root-user"], ["unshare", "--user"]


@dataclass
class Machine:
    """A checkout in *root*, the folder *units* of systemd's, and *bin* with the stand-ins."""

    root: Path
    units: Path
    bin: Path

    def script(
        self, *arguments: str, apart: list[str] | None = None, **exported: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the script to its end, with what is *exported*."""
        env = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "WHOS_THERE_UNITS": str(self.units),
            **exported,
        }
        command = [*(apart or []), str(self.root / "scripts" / "install-service.sh"), *arguments]
        return subprocess.run(
            command, cwd=self.root.parent, env=env, capture_output=True, text=True, check=False
        )

    def root_script(self, *arguments: str, **exported: str) -> subprocess.CompletedProcess[str]:
        """Run the script as root."""
        return self.script(*arguments, apart=[] if os.geteuid() == 0 else AS_ROOT, **exported)

    def asked(self) -> list[str]:
        """What systemctl was told to change since the last call."""
        path = self.bin / "asked"
        lines = path.read_text().splitlines()
        path.write_text("")
        return [line for line in lines if " is-" not in line and line != "is-system-running"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "my house", tmp_path / "units", tmp_path / "bin")
    shutil.copytree(REPO / "scripts", made.root / "scripts")
    for name in ("app", ".venv"):
        (made.root / name).symlink_to(REPO / name)
    made.units.mkdir()
    made.bin.mkdir()
    for name, program in (("systemctl", SYSTEMCTL), ("runuser", RUNUSER)):
        (made.bin / name).write_text(program)
        (made.bin / name).chmod(0o755)
    (made.bin / "state").write_text("degraded\n")
    return made


@pytest.fixture
def as_root(machine: Machine) -> Machine:
    """A machine where we are root, if only in a namespace."""
    if (
        os.geteuid() != 0
        and (
            tried := subprocess.run([*AS_ROOT, "true"], capture_output=True, text=True, check=False)
        ).returncode
    ):
        denied("root of a namespace", tried.stderr)
    return machine


def unit_of(text: str) -> configparser.RawConfigParser:
    unit = configparser.RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(text)
    return unit


def test_systemd_finds_no_fault_in_the_unit(machine: Machine, tmp_path: Path) -> None:
    printed = machine.script("--print", "--profile", "small-pi", "--config", "some where").stdout
    unit = unit_of(printed)
    assert unit["Service"]["User"] == pwd.getpwuid(machine.root.stat().st_uid).pw_name
    assert unit["Service"]["WorkingDirectory"] == str(machine.root)
    assert shlex.split(unit["Service"]["ExecStart"]) == [
        *(f"{machine.root}/.venv/bin/python", "-m", "app", "start", "--foreground"),
        *("--profile", "small-pi", "--config", str(machine.root.parent / "some where")),
    ]
    if verify := shutil.which("systemd-analyze"):
        (tmp_path / NAME).write_text(printed)
        done = subprocess.run(
            [verify, "verify", tmp_path / NAME], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_is_installed_once_by_whole_files_and_gone_when_that_is_asked(as_root: Machine) -> None:
    done = as_root.root_script("--profile", "small-pi")
    assert "the suite starts now, and at every boot" in done.stdout, done.stderr
    assert (as_root.units / NAME).read_text() == as_root.root_script(
        "--print", "--profile", "small-pi"
    ).stdout
    assert as_root.asked() == ["daemon-reload", f"--quiet enable {NAME}", f"restart {NAME}"]

    assert "is installed and runs already" in as_root.root_script("--profile", "small-pi").stdout
    assert as_root.asked() == []

    as_root.root_script()
    assert "small-pi" not in (as_root.units / NAME).read_text()
    assert as_root.asked()[-1] == f"restart {NAME}"
    assert [path.name for path in as_root.units.iterdir()] == [NAME]

    assert "the suite has ended" in as_root.root_script("--uninstall").stdout
    assert as_root.asked() == [f"--quiet disable --now {NAME}", "daemon-reload"]
    assert not list(as_root.units.iterdir())
    assert "is not installed" in as_root.root_script("--uninstall").stdout


def test_settings_that_start_nothing_are_not_installed(as_root: Machine) -> None:
    done = as_root.root_script(
        "--config", str(write_config(as_root.root, "redis://127.0.0.1", "motion: {alpha: 7}\n"))
    )
    assert done.returncode == 1
    assert "motion.alpha" in done.stdout
    assert "nothing was installed" in done.stderr
    assert not list(as_root.units.iterdir())


@pytest.mark.parametrize("variable", ["WHOS_THERE_CONFIG", "WHOS_THERE_PROFILE"])
def test_what_is_checked_is_what_the_unit_starts_whatever_is_exported(
    as_root: Machine, variable: str
) -> None:
    done = as_root.root_script(**{variable: "/no/such/thing"})
    assert "the suite starts now" in done.stdout, done.stdout + done.stderr


def test_a_folder_whose_owner_has_no_name_is_not_installed(machine: Machine) -> None:
    nameless = ["unshare", "--user", f"--map-user={NAMELESS}"]
    if (
        tried := subprocess.run([*nameless, "true"], capture_output=True, text=True, check=False)
    ).returncode:
        denied("user of a namespace", tried.stderr)
    done = machine.script("--print", apart=nameless)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        f"user {NAMELESS}, to whom {machine.root} belongs, has no name here: sudo chown -R YOU "
        in done.stderr
    )


def test_whoever_is_not_root_is_told_the_line_with_sudo(machine: Machine) -> None:
    done = machine.script("--profile", "small-pi", apart=AS_ANYBODY if os.geteuid() == 0 else [])
    script = str(machine.root / "scripts" / "install-service.sh").replace(" ", "\\ ")
    assert f"only root may do this: sudo {script} --profile small-pi" in done.stderr
    assert not list(machine.units.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile"], "--profile: which?"),
        (["--print", "--config", ""], "--config: which folder?"),
        (["--profil", "a"], "--profil: what is that?"),
        (["--print", "--profile", "100%"], 'systemd takes no ", \\, $, % or line break here: 100%'),
        (["--print", "--config", 'a "b"'], "systemd takes no"),
    ],
)
def test_what_cannot_be_meant_or_written_is_refused(
    machine: Machine, arguments: list[str], said: str
) -> None:
    done = machine.script(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_without_systemd_it_says_what_to_do_instead(machine: Machine) -> None:
    (machine.bin / "state").write_text("offline\n")
    done = machine.script("--profile", "small-pi")
    assert done.returncode == 1
    assert "give cron this line instead (crontab -e): @reboot " in done.stderr
    line = done.stderr.partition("@reboot ")[2]
    assert shlex.split(line) == [
        str(machine.root / "scripts" / "start.sh"),
        "--profile",
        "small-pi",
    ]


def test_without_packages_it_says_who_fetches_them(machine: Machine) -> None:
    (machine.root / ".venv").unlink()
    done = machine.script()
    assert (done.returncode, done.stderr) == (
        1,
        "install-service.sh: not set up yet: scripts/setup.sh does that\n",
    )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Suite]:
    with Suite(tmp_path / "its settings", "cameras: {front: {source: demo}}\n") as suite:
        yield suite


def test_the_unit_runs_the_house_in_its_profile_takes_it_over_and_ends_it_cleanly(
    machine: Machine, house: Suite
) -> None:
    (house.folder / "profiles").mkdir()
    (house.folder / "profiles" / "holiday.yml").write_text("cameras: {garden: {source: demo}}\n")
    service = unit_of(
        machine.script("--print", "--config", str(house.folder), "--profile", "holiday").stdout
    )["Service"]
    house.start("who_is_home")
    by_hand = {process.pid for process in house.processes().values()}

    running = as_systemd_would(service, machine.root)
    until(
        lambda: "security_system-garden" in {one.name for one in house.checkup().programs},
        "the house of that profile runs",
        60.0,
    )
    until(lambda: house.verb("status", "--profile", "holiday").returncode == 0, "and is well", 60.0)
    assert house.processes()["supervisord"].pid == running.pid
    assert not by_hand & {process.pid for process in house.processes().values()}
    running.send_signal(signal.SIGTERM)
    assert running.wait(float(service["TimeoutStopSec"])) == 0
    assert not house.processes()

    running = as_systemd_would(service, machine.root)
    until(lambda: "uploader" in house.processes(), "it runs again", 60.0)
    assert "Stopped" in house.verb("stop", "--profile", "holiday").stdout
    assert running.wait(10) == 0, "which systemd would take for a failure"


def as_systemd_would(service: configparser.SectionProxy, home: Path) -> subprocess.Popen[bytes]:
    """What *service* says, started as systemd starts it, with nothing of our environment."""
    env = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "USER": service["User"],
    }
    return subprocess.Popen(
        shlex.split(service["ExecStart"]),
        cwd=service["WorkingDirectory"],
        env=env,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
