"""Tests of scripts/install-service.sh, in a small checkout with a stand-in for systemctl.

The unit that it makes runs as systemd would run it.
"""

import configparser
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.config import load_config
from app.launcher.health import check_up
from tests.rights import denied
from tests.servers.programs import REPO, write_config
from tests.servers.suite import Suite
from tests.waiting import until

NAME = "whos-there.service"
#: A stand-in for systemctl. It records its arguments, and knows only whether the unit is enabled.
SYSTEMCTL = """\
#!/bin/sh
here=${0%/*}
echo "$*" >> "$here/asked"
case "$*" in
    is-system-running) cat "$here/state" ;;
    *RuntimeWatchdogUSec*) if [ -e "$here"/../conf/* ]; then echo 14s; else echo 0; fi ;;
    *is-enabled* | *is-active*) [ -e "$here/on" ] ;;
    *enable\\ whos*) touch "$here/on" ;;
    *disable*) rm "$here/on" ;;
esac
"""
#: A stand-in for runuser: `--user NAME -- COMMAND` runs COMMAND as the present user.
RUNUSER = '#!/bin/sh\nshift 3\nexec "$@"\n'
#: A profile with a camera of its own.
HOLIDAY = "cameras: {garden: {source: demo, fps: 2}}\n"
#: A user that no machine knows.
NAMELESS = 54321
AS_ROOT, AS_ANYBODY = ["unshare", "--user", "--map-root-user"], ["unshare", "--user"]


@dataclass
class Machine:
    """A checkout in *root*, systemd's folder *units*, and the stand-ins in *bin*."""

    root: Path
    units: Path
    bin: Path

    def script(
        self, *arguments: str, apart: list[str] | None = None, **exported: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the script to its end, with the variables *exported* and in the namespace *apart*."""
        env = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "WHOS_THERE_UNITS": str(self.units),
            "WHOS_THERE_SYSTEM_CONF": str(self.bin.parent / "conf"),
            "WHOS_THERE_WATCHDOG": str(self.bin / "watchdog"),
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
        """Return the changes that systemctl was asked for since the last call."""
        path = self.bin / "asked"
        lines = path.read_text().splitlines()
        path.write_text("")
        return [line for line in lines if not re.search(r"\bis-|^show ", line)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "my house", tmp_path / "units", tmp_path / "bin")
    shutil.copytree(REPO / "scripts", made.root / "scripts")
    for name in ("app", ".venv"):
        (made.root / name).symlink_to(REPO / name)
    # It would make a .venv of its own.
    (made.root / "scripts" / "setup.sh").write_text("#!/bin/sh\n")
    made.units.mkdir()
    made.bin.mkdir()
    for name, program in (("systemctl", SYSTEMCTL), ("runuser", RUNUSER)):
        (made.bin / name).write_text(program)
        (made.bin / name).chmod(0o755)
    (made.bin / "state").write_text("degraded\n")
    return made


@pytest.fixture
def as_root(machine: Machine) -> Machine:
    """A machine where the test is root, at least in a namespace."""
    if os.geteuid() != 0:
        need_namespace(AS_ROOT, "root of a namespace")
    return machine


def need_namespace(command: list[str], what: str) -> None:
    """End the test when *command*, which makes the namespace *what*, fails here."""
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        denied(what, tried.stderr)


def unit_of(text: str) -> configparser.RawConfigParser:
    """Return the sections of a unit file."""
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
        *(f"{machine.root}/scripts/start.sh", "--foreground"),
        *("--profile", "small-pi", "--config", str(machine.root.parent / "some where")),
    ]
    if verify := shutil.which("systemd-analyze"):
        (tmp_path / NAME).write_text(printed)
        done = subprocess.run(
            [verify, "verify", tmp_path / NAME], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_is_installed_changed_and_uninstalled(as_root: Machine) -> None:
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


def test_the_watchdog_is_on_as_long_as_the_service(as_root: Machine) -> None:
    """Where there is one, and nobody else has switched it on."""
    (as_root.bin / "watchdog").touch()
    assert "reboots when it hangs" in as_root.root_script().stdout
    conf = as_root.bin.parent / "conf" / "whos-there-watchdog.conf"
    assert unit_of(conf.read_text())["Manager"]["RuntimeWatchdogSec"] == "14"
    assert "daemon-reexec" in as_root.asked()
    assert "reboots when it hangs" not in as_root.root_script().stdout
    assert "daemon-reexec" not in as_root.asked()
    as_root.root_script("--uninstall")
    assert not conf.exists()
    assert as_root.asked()[-1] == "daemon-reexec"


def test_settings_with_a_mistake_are_not_installed(as_root: Machine) -> None:
    done = as_root.root_script(
        "--config", str(write_config(as_root.root, "redis://127.0.0.1", "motion: {alpha: 7}\n"))
    )
    assert done.returncode == 1
    assert "motion.alpha" in done.stdout
    assert "nothing was installed" in done.stderr
    assert not list(as_root.units.iterdir())


@pytest.mark.parametrize("variable", ["WHOS_THERE_CONFIG", "WHOS_THERE_PROFILE"])
def test_exported_settings_change_neither_check_nor_unit(as_root: Machine, variable: str) -> None:
    done = as_root.root_script(**{variable: "/no/such/thing"})
    assert "the suite starts now" in done.stdout, done.stdout + done.stderr


def test_a_folder_whose_owner_has_no_name_is_not_installed(machine: Machine) -> None:
    nameless = ["unshare", "--user", f"--map-user={NAMELESS}"]
    need_namespace(nameless, "user of a namespace")
    done = machine.script("--print", apart=nameless)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        f"{machine.root} belongs to user {NAMELESS}, who has no name here: sudo chown -R YOU "
        in done.stderr
    )


def test_a_user_without_root_gets_the_line_with_sudo(machine: Machine) -> None:
    done = machine.script("--profile", "small-pi", apart=AS_ANYBODY if os.geteuid() == 0 else [])
    script = str(machine.root / "scripts" / "install-service.sh").replace(" ", "\\ ")
    assert f"only root may do this: sudo {script} --profile small-pi" in done.stderr
    assert not list(machine.units.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile"], "--profile: a value is missing"),
        (["--print", "--config", ""], "--config: the folder is missing"),
        (["--profil", "a"], "--profil: unknown"),
        (
            ["--print", "--profile", "100%"],
            'systemd allows no ", \\, $, % or line break here: 100%',
        ),
        (["--print", "--config", 'a "b"'], "systemd allows no"),
    ],
)
def test_a_wrong_or_unwritable_argument_is_refused(
    machine: Machine, arguments: list[str], said: str
) -> None:
    done = machine.script(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_without_systemd_it_prints_a_line_for_cron(machine: Machine) -> None:
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


def test_without_packages_it_names_the_setup_script(machine: Machine) -> None:
    (machine.root / ".venv").unlink()
    done = machine.script()
    assert (done.returncode, done.stderr) == (
        1,
        "install-service.sh: not set up yet: run scripts/setup.sh\n",
    )


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Suite]:
    with Suite(tmp_path / "its settings") as suite:
        yield suite


def test_the_unit_replaces_a_running_suite_and_ends_it_cleanly(
    machine: Machine, suite: Suite
) -> None:
    (suite.folder / "profiles").mkdir()
    (suite.folder / "profiles" / "holiday.yml").write_text(HOLIDAY)
    options = ["--config", str(suite.folder), "--profile", "holiday"]
    service = unit_of(machine.script("--print", *options).stdout)["Service"]
    suite.start("who_is_home")
    by_hand = {process.pid for process in suite.processes().values()}

    running = as_systemd_would(service, machine.root)
    holiday = load_config(suite.folder, "holiday")
    until(lambda: "notifier" in suite.processes(), "the suite of the unit runs", 60.0, 0.5)
    until(lambda: check_up(holiday).healthy, "all of its programs are healthy", 60.0, 0.5)
    assert "security_system-garden" in suite.processes()
    assert suite.processes()["supervisord"].pid == running.pid
    assert not by_hand & {process.pid for process in suite.processes().values()}
    running.send_signal(signal.SIGTERM)
    assert running.wait(float(service["TimeoutStopSec"])) == 0
    assert not suite.processes()

    running = as_systemd_would(service, machine.root)
    until(lambda: "uploader" in suite.processes(), "it runs again", 60.0, 0.2)
    assert "Stopped" in suite.verb("stop", "--profile", "holiday").stdout
    assert running.wait(10) == 0, "which systemd would take for a failure"


def as_systemd_would(service: configparser.SectionProxy, home: Path) -> subprocess.Popen[bytes]:
    """Start *service* like systemd, without the test's environment."""
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
