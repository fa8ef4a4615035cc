"""The options that choose a configuration, and warnings about doubtful settings."""

from pathlib import Path

import pytest

from app.cli.options import checked, doubts, loaded
from app.config import load_config
from app.errors import ConfigError
from tests.servers.programs import write_config


def test_mistakes_are_printed_and_end_with_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_config(tmp_path, "ftp://x")
    with pytest.raises(SystemExit) as ended:
        loaded(folder, None)
    assert ended.value.code == 1
    assert "redis.url" in capsys.readouterr().err


def test_a_wrong_logging_file_is_a_mistake_too(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "redis://localhost")
    (folder / "logging.yml").write_text("version: 17")
    with pytest.raises(ConfigError, match="not a logging configuration"):
        checked(folder, None)


@pytest.mark.parametrize(("min_free_gb", "doubtful"), [(1, False), (1e9, True)])
def test_a_floor_above_the_whole_disk_is_doubtful(
    tmp_path: Path, min_free_gb: float, doubtful: bool
) -> None:
    folder = write_config(tmp_path, "redis://localhost", f"disk: {{min_free_gb: {min_free_gb}}}\n")
    found = doubts(load_config(folder))
    assert any("more than the whole disk has" in one for one in found) is doubtful
