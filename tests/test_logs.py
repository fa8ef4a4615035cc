"""Logging by `logging.yml`, without secrets."""

import logging
from pathlib import Path

import pytest

from app.errors import ConfigError
from app.logs import set_up_logs
from tests.conftest import REPO

pytestmark = pytest.mark.usefixtures("root_logger_as_before")


def test_secrets_are_hidden_in_messages_and_tracebacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path, ["xoxb-1234", ""])
    try:
        raise ValueError("the token xoxb-1234 is refused")
    except ValueError:
        logging.getLogger("app").exception("with %s", "xoxb-1234")
    said = capsys.readouterr().err
    assert "xoxb-1234" not in said
    # The message, the source line and the error.
    assert said.count("[hidden]") == 3


def test_the_file_sets_the_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = REPO / "config" / "logging.yml"
    (tmp_path / "logging.yml").write_text(own.read_text().replace("INFO", "WARNING"))
    set_up_logs(tmp_path)
    logging.getLogger("app").info("below the level")
    logging.getLogger("app").warning("loud")
    assert "loud" in (said := capsys.readouterr().err)
    assert "below the level" not in said


@pytest.mark.parametrize(
    "text", ["version: 2\n", "[]\n", "root: {handlers: [nowhere]}\nversion: 1\n", "{\n"]
)
def test_an_error_names_a_wrong_logging_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "logging.yml").write_text(text)
    with pytest.raises(ConfigError, match=r"logging\.yml"):
        set_up_logs(tmp_path)
