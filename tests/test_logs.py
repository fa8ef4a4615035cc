"""Logging by `logging.yml`, without secrets."""

import logging
from pathlib import Path

import pytest

from app.errors import ConfigError
from app.logs import Redactor, printable, set_up_logs
from tests.conftest import REPO

pytestmark = pytest.mark.usefixtures("root_logger_as_before")


def test_secrets_are_hidden_in_messages_and_tracebacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path, Redactor(["xoxb-1234", ""]))
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("camera front: lost", "camera front: lost"),
        ("slack.signing_secret is missing", "slack.signing_secret is missing"),
        ("GET http://admin:front@192.168.1.1/", "GET http://admin:[hidden]@192.168.1.1/"),
        ("POST /login password=secret&x=1", "POST /login password=[hidden]&x=1"),
        ("with hunter2: refused; hunter22 is a file", "with [hidden]: refused; hunter22 is a file"),
        ("/bot123:AbCdEfGhIj/send", "/bot[hidden]/send"),
        ("rtsp://u:pa%23ss1@cam", "rtsp://u:[hidden]@cam"),
        ("cam1 has opened", "cam1 has opened"),
    ],
)
def test_a_secret_is_hidden_only_where_it_occurs(text: str, shown: str) -> None:
    secrets = ["front", "secret", "hunter2", "123:AbCdEfGhIj", "pa#ss1", "cam1"]
    assert Redactor(secrets, names=["Cam1"])(text) == shown


FORGED = [
    "anna\n2026-11-30 10:15:00 INFO app: disarmed by ben",
    "anna\r2026-11-30 10:15:00 INFO app: disarmed by ben",
    "anna\x1b[2K\x1b[1A",
    "anna\x9b31m",
    "anna\x85b",
    "anna\u2028b\u2029c",
    "anna\u202ebob\u2066",
    "anna\x00\x08\x7f",
    "anna\ud800",
    "anna\u200b\ufeff",
]


@pytest.mark.parametrize("name", FORGED)
def test_no_name_can_forge_a_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path)
    logging.getLogger("app").info("%s clicked", name)
    said = capsys.readouterr().err
    (line,) = said.splitlines()
    assert line.isprintable()
    assert line.startswith("20")
    assert line.endswith(" clicked")


def test_a_name_in_any_script_stays_readable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path)
    logging.getLogger("app").info("%s", "Zoë Łódź 陳 ع 🏠")
    assert "Zoë Łódź 陳 ع 🏠" in capsys.readouterr().err


def test_a_traceback_is_indented_and_forges_no_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path)
    try:
        raise ValueError("bad\n2026-11-30 10:15:00 INFO app: forged\x1b[31m")
    except ValueError:
        logging.getLogger("app").exception("a mistake")
    first, *more = capsys.readouterr().err.splitlines()
    assert first.endswith("a mistake")
    assert more[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") and line.isprintable() for line in more)


@pytest.mark.parametrize(
    ("text", "printed"),
    [("anna", "anna"), ("a\nb\t", r"a\nb\t"), ("\x1b[1m", r"\x1b[1m"), ("\u202e", r"\u202e")],
)
def test_what_is_not_printed_becomes_an_escape(text: str, printed: str) -> None:
    assert printable(text) == printed
