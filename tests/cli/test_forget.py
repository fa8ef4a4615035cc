"""The verb `forget` empties a silencer's file, after a question."""

from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner, Result

from app.__main__ import main
from app.silencer.memory import Memory, is_on, read_memory, switch_on, write_memory
from tests.servers.programs import write_config
from tests.silencer.house import person, tree

NO_REDIS = "redis://127.0.0.1:9/0"


def forget(config: Path, *arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, ["forget", "--config", str(config), *arguments], input=answer)


def test_a_camera_is_forgotten_and_begins_from_now(tmp_path: Path) -> None:
    config = write_config(tmp_path, NO_REDIS)
    old = tree(1, "unoccupied")
    write_memory(config, Memory("front", examples=(old,)))
    switch_on(config, "front", datetime.now(UTC))
    done = forget(config, "front", "--yes")
    assert is_on(config, "front") is None
    assert (done.exit_code, done.stderr) == (0, "")
    left = read_memory(config, "front")
    assert left.examples == ()
    assert left.with_examples([old, person(1)]).examples == ()


def test_no_as_an_answer_forgets_nothing(tmp_path: Path) -> None:
    config = write_config(tmp_path, NO_REDIS)
    memory = Memory("front", examples=(tree(1, "unoccupied"),))
    write_memory(config, memory)
    assert forget(config, answer="n\n").exit_code == 1
    assert forget(config).exit_code == 1
    assert read_memory(config, "front") == memory
    assert forget(config, answer="y\n").exit_code == 0
    assert read_memory(config, "front") != memory


def test_an_unknown_camera_is_named(tmp_path: Path) -> None:
    done = forget(write_config(tmp_path, NO_REDIS), "garden", "--yes")
    assert done.exit_code == 1
    assert "no camera is named garden; there is front" in done.stderr
