"""Who may enter: whoever knows the password, nobody, or everybody in the demo."""

import logging
from pathlib import Path

import pytest

from app.config import SOURCE_VARIABLE, load_config
from app.config.password import PasswordFile
from app.web.dashboard.access.control import AccessControl
from tests.servers.programs import write_config
from tests.web.dashboard.conftest import PASSWORD, store_password


def control(folder: Path, dashboard: str = "{enabled: true}") -> AccessControl:
    config = load_config(write_config(folder, "redis://127.0.0.1:1", f"dashboard: {dashboard}\n"))
    return AccessControl(config)


#: The source of the cameras, the settings of the dashboard, and whether everybody may enter.
OPEN_TO_ALL = (
    ("demo", "{enabled: true}", True),
    ("demo", "{bind: '[::1]:52963'}", True),
    ("demo", "{bind: '0.0.0.0:52963'}", False),
    ("demo", "{proxy: true}", False),
    ("demo.mp4", "{enabled: true}", False),
    ("", "{enabled: true}", False),
)


@pytest.mark.parametrize(("source", "dashboard", "is_open"), OPEN_TO_ALL)
def test_only_a_demo_on_this_machine_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, dashboard: str, is_open: bool
) -> None:
    monkeypatch.setenv(SOURCE_VARIABLE, source)
    assert control(tmp_path, dashboard).current().is_open is is_open


def test_a_password_closes_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SOURCE_VARIABLE, "demo")
    access = control(tmp_path)
    store_password(load_config(tmp_path / "config"))
    assert not access.current().is_open
    PasswordFile(tmp_path / "data").path.write_text("garbage")
    assert not access.current().is_open


def test_a_new_password_is_read_without_a_restart(tmp_path: Path) -> None:
    access, file = control(tmp_path), PasswordFile(tmp_path / "data")
    key_without = access.current().key
    file.write(PASSWORD)
    first = access.current()
    assert first == access.current()
    file.write(PASSWORD)
    second = access.current()
    assert len({key_without, first.key, second.key}) == 3
    file.remove()
    assert access.current().stored is None


def test_a_damaged_file_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    access, file = control(tmp_path), PasswordFile(tmp_path / "data")
    file.write(PASSWORD)
    key = access.current().key
    file.path.write_text("garbage")
    with caplog.at_level(logging.ERROR):
        found = [access.current() for _ in range(3)]
    assert all(one.stored is None and one.trouble and one.key != key for one in found)
    assert [record.message.count("set-password") for record in caplog.records] == [1]
    file.write(PASSWORD)
    assert access.current().stored


def test_a_file_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    access, file = control(tmp_path), PasswordFile(tmp_path / "data")
    file.path.mkdir(parents=True)
    assert access.current().trouble
    file.path.rmdir()
    file.write(PASSWORD)
    assert access.current().stored
