"""What earlier versions left open to others is closed at a start, and nothing else is changed."""

import os
import stat
from pathlib import Path

import pytest

from app.config import Config, load_config
from app.launcher.privacy import make_private
from tests.rights import denied
from tests.servers.programs import write_config


def house(folder: Path, more: str = "") -> Config:
    """A house of an earlier version in *folder*, all of it open to others."""
    config = load_config(write_config(folder, "redis://127.0.0.1:1/0", more))
    for path in (
        config.data_dir / "events" / "2026-11-30" / "clip.mp4",
        config.data_dir / "alerts" / "2026-11-30" / "a.jpg",
        config.data_dir / "redis" / "appendonlydir" / "a.aof",
        config.logs_dir / "redis.log",
    ):
        write(path)
    return config


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o644)
    for folder in path.parents[:3]:
        folder.chmod(0o755)
    return path


def is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.lstat().st_mode) & 0o077)


def open_files(*folders: Path) -> list[Path]:
    found = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return [path for path in found if is_open(path) and not path.is_symlink()]


def test_all_files_of_an_earlier_version_are_closed(tmp_path: Path) -> None:
    config = house(tmp_path)
    write(tmp_path / "program").chmod(0o755)
    outside = write(tmp_path / "outside" / "photo.jpg")
    (config.data_dir / "events" / "link").symlink_to(outside.parent)
    assert len(open_files(config.data_dir, config.logs_dir)) > 10
    assert make_private(config) == []
    assert open_files(config.data_dir, config.logs_dir) == []
    assert is_open(outside)
    assert is_open(outside.parent)
    assert is_open(config.folder / "config.yml")


def test_a_closed_folder_is_not_looked_into_again(tmp_path: Path) -> None:
    config = house(tmp_path)
    make_private(config)
    clip = config.data_dir / "events" / "2026-11-30" / "clip.mp4"
    clip.chmod(0o644)
    make_private(config)
    assert is_open(clip)


def test_in_a_home_only_the_suites_own_folders_are_closed(tmp_path: Path) -> None:
    home, share = tmp_path / "home", tmp_path / "share"
    house(home)
    photo = write(home / "photos" / "a.jpg")
    write(home / "events" / "clip.mp4")
    write(home / "messages" / "a.jpg")
    write(share / "a.jpg")
    for alerts in ("messages", str(share)):
        text = f"{{data_dir: ., notify: {{folder: {alerts}}}}}"
        (home / "config" / "config.yml").write_text(text)
        make_private(load_config(home / "config"))
    assert open_files(home / "events", home / "messages") == []
    assert all(is_open(path) for path in (photo, home, share, share / "a.jpg"))


def test_files_of_another_user_stay_and_those_inside_are_closed(tmp_path: Path) -> None:
    config = house(tmp_path)
    try:
        os.chown(config.data_dir, 12345, -1)
    except PermissionError as error:
        denied("other user", str(error))
    make_private(config)
    assert open_files(config.data_dir) == [config.data_dir]


def test_what_cannot_be_closed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = house(tmp_path)
    refuse = OSError(30, "Read-only file system")

    def chmod(_path: Path, _mode: int) -> None:
        raise refuse

    with monkeypatch.context() as broken:
        broken.setattr(Path, "chmod", chmod)
        (warning,) = make_private(config)
    assert f"chmod -R go= {config.logs_dir}" in warning
