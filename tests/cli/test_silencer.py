"""The verb `silencer` says what was learned, and switches it on and off."""

from pathlib import Path

from click.testing import CliRunner

from app.__main__ import main
from app.silencer.memory import Memory, is_on, write_memory
from tests.servers.programs import write_config
from tests.silencer.house import tagged_house

NO_REDIS = "redis://127.0.0.1:9/0"


def silencer(config: Path, *arguments: str) -> str:
    done = CliRunner().invoke(main, ["silencer", "--config", str(config), *arguments])
    return done.output if done.exit_code == 0 else done.stderr


def test_it_says_how_many_tags_are_missing(tmp_path: Path) -> None:
    said = silencer(write_config(tmp_path, NO_REDIS))
    assert "front: off: all alerts are sent" in said
    assert "front: it needs 60 more tags, at least 20 as occupied and at least 20 as" in said


def test_it_says_what_is_promised(tmp_path: Path) -> None:
    config = write_config(tmp_path, NO_REDIS)
    write_memory(config, Memory("front", examples=tuple(tagged_house())))
    assert "of 60 tagged false alarms; at most 0." in silencer(config, "status", "front")
    few = tuple(one for one in tagged_house() if not one.is_sure)
    write_memory(config, Memory("front", examples=few))
    assert "it silences nothing yet: with 0 visits" in silencer(config)


def test_it_is_switched_on_and_off(tmp_path: Path) -> None:
    config = write_config(tmp_path, NO_REDIS)
    assert "front: on since" in silencer(config, "on", "front")
    assert is_on(config, "front")
    assert "front: off" in silencer(config, "off")
    assert not is_on(config, "front")


def test_an_unknown_camera_is_named(tmp_path: Path) -> None:
    assert "no camera is named garden" in silencer(write_config(tmp_path, NO_REDIS), "on", "garden")
