"""The verb that sets the password of the dashboard."""

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.config.password import PasswordFile, is_password
from tests.servers.programs import REPO, write_config
from tests.servers.suite import run_verb

GOOD = "four ducks in the green pond"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_config(tmp_path, "redis://127.0.0.1:1")


@pytest.fixture
def file(folder: Path) -> PasswordFile:
    return PasswordFile(folder.parent / "data")


def test_a_password_is_asked_for_twice(folder: Path, file: PasswordFile) -> None:
    done = run_verb("set-password", "--config", str(folder), typed=f"{GOOD}\n{GOOD}\n")
    assert done.returncode == 0, done.stderr
    assert "The password is set." in done.stdout
    assert GOOD not in done.stdout + done.stderr
    assert is_password(file.read(), GOOD)
    assert not is_password(file.read(), GOOD + "s")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert GOOD not in file.path.read_text()


def test_two_different_words_set_nothing(folder: Path, file: PasswordFile) -> None:
    done = run_verb("set-password", "--config", str(folder), typed=f"{GOOD}\nother words\n")
    assert done.returncode != 0
    assert file.read() is None


def test_a_pipe_gives_one_line(folder: Path, file: PasswordFile) -> None:
    done = run_verb("set-password", "--config", str(folder), "--stdin", typed=f"{GOOD}\r\nmore")
    assert done.returncode == 0, done.stderr
    assert is_password(file.read(), GOOD)


def test_each_password_has_a_new_key(folder: Path, file: PasswordFile) -> None:
    file.write(GOOD)
    first = file.read()
    file.write(GOOD)
    second = file.read()
    assert first and second
    assert first.session_key != second.session_key


def test_a_weak_password_changes_nothing(folder: Path, file: PasswordFile) -> None:
    file.write(GOOD)
    was = file.read()
    done = run_verb("set-password", "--config", str(folder), "--stdin", typed="geese\n")
    assert (done.returncode, "at least 10" in done.stderr) == (1, True)
    assert file.read() == was


def test_a_password_can_be_removed(folder: Path, file: PasswordFile) -> None:
    file.write(GOOD)
    removed = run_verb("set-password", "--config", str(folder), "--remove")
    again = run_verb("set-password", "--config", str(folder), "--remove")
    assert "is removed" in removed.stdout
    assert again.stdout == "There was no password.\n"
    assert file.read() is None


def test_a_disk_that_refuses_is_named(folder: Path, file: PasswordFile) -> None:
    file.path.parent.mkdir()
    (file.path.parent / f".{file.path.name}.part").mkdir()
    done = run_verb("set-password", "--config", str(folder), "--stdin", typed=f"{GOOD}\n")
    assert done.returncode == 1
    assert f"The password was not changed: {file.path}: " in done.stderr
    assert file.read() is None


def test_two_at_once_leave_a_whole_file(folder: Path, file: PasswordFile) -> None:
    script = (
        f"from pathlib import Path; from app.config.password import PasswordFile; "
        f"[PasswordFile(Path({str(file.path.parent)!r})).write({GOOD!r}) for _ in range(2)]"
    )

    def write(_: int) -> int:
        return subprocess.run([sys.executable, "-c", script], cwd=REPO, check=False).returncode

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(write, range(2))) == [0, 0]
    assert is_password(file.read(), GOOD)
    assert [one.name for one in file.path.parent.iterdir()] == [file.path.name]
    assert json.loads(file.path.read_text()).keys() == {"hash", "session_key"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_gives_the_file_to_the_folders_owner(folder: Path, file: PasswordFile) -> None:
    file.path.parent.mkdir()
    os.chown(file.path.parent, 1234, 1234)
    file.write(GOOD)
    assert (file.path.stat().st_uid, file.path.stat().st_gid) == (1234, 1234)
