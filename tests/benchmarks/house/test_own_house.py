"""The house of the benchmark has a folder, a Redis and ports of its own."""

from pathlib import Path

import pytest

from app.benchmarks.house.own_house import HouseCamera, OwnHouse, camera_process
from app.errors import SuiteError


def house(folder: Path) -> OwnHouse:
    cameras = {
        "front": HouseCamera("rtsp://127.0.0.1:1/", 10),
        "large": HouseCamera("rtsp://camera/", 15),
    }
    return OwnHouse(folder, cameras, "http://127.0.0.1:2")


def test_its_configuration_is_valid_and_its_own(tmp_path: Path) -> None:
    config = house(tmp_path).config
    assert config.data_dir == tmp_path / "data"
    assert config.cameras["large"].fps == 15
    assert len(config.cameras["front"].masks) == 1
    assert config.slack.api_url == "http://127.0.0.1:2/api/"
    assert not config.slack.missing()
    binds = {config.slack.bind, config.dashboard.bind, config.glances.bind}
    assert len(binds) == 3
    assert (tmp_path / "config" / "private.yml").stat().st_mode & 0o077 == 0


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    made = house(tmp_path)
    with (tmp_path / "config" / "config.yml").open("a") as file:
        file.write("oops")
    with pytest.raises(SuiteError, match="the suite did not start"), made.running():
        pass


def test_the_size_of_redis_log_is_that_of_its_files(tmp_path: Path) -> None:
    made = house(tmp_path)
    log = tmp_path / "data" / "redis" / "appendonlydir"
    log.mkdir(parents=True)
    (log / "one").write_bytes(bytes(12))
    (log / "two").write_bytes(bytes(30))
    assert made.log_bytes() == 42


def test_a_camera_has_its_name_in_supervisord() -> None:
    assert camera_process("front") == "security_system-front"
