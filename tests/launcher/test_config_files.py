"""supervisord and Glances must read the values that were written for them."""

import configparser
import re
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from app.config import Config
from app.errors import SuiteError
from app.launcher import specs
from app.launcher.config_files import glances_conf, supervisord_conf
from app.launcher.specs import ProcessSpec
from tests.servers.programs import REPO, write_config

BASE = REPO / "config" / "supervisord.conf"
ODD = [
    "plain",
    "with space",
    "100%",
    "%(here)s",
    "a #b ;c",
    "it's",
    'a "quoted" one',
    "back\\slash",
    "$HOME",
    "größe",
    "x=y, z",
]


def read_by_supervisord(text: str, folder: Path) -> dict[str, tuple[list[str], str]]:
    """Command and log of every program, as supervisord understands *text*."""
    (folder / "supervisord.conf").write_text(text, encoding="utf-8")
    options = ServerOptions()
    options.realize(["-c", str(folder / "supervisord.conf")])
    found = [
        process for group in options.process_group_configs for process in group.process_configs
    ]
    return {
        process.name: (process.make_process().get_execv_args()[1], process.stdout_logfile)
        for process in found
    }


@pytest.mark.parametrize("odd", ODD)
def test_supervisord_understands_odd_words_in_commands_and_paths(odd: str, tmp_path: Path) -> None:
    logs = tmp_path / odd
    logs.mkdir()
    program = ProcessSpec("notifier", "notifier", ("/bin/echo", "--source", odd, f" {odd}"))
    understood = read_by_supervisord(supervisord_conf(BASE, logs, [program]), tmp_path)
    assert understood == {
        "notifier": (["/bin/echo", "--source", odd, f" {odd}"], str(logs / "notifier.log"))
    }


def test_a_line_break_in_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="line break"):
        supervisord_conf(BASE, tmp_path / "a\nb", [])


def test_a_base_that_is_no_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.conf").write_text("autorestart = true\n")
    with pytest.raises(SuiteError, match=r"broken\.conf"):
        supervisord_conf(tmp_path / "broken.conf", tmp_path, [])


def glances_for(
    config: Config, run: list[ProcessSpec], *, redis_is_here: bool = True
) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(
        glances_conf(
            REPO / "glances.conf", config, run, Path("/where"), redis_is_here=redis_is_here
        )
    )
    return parser


def test_glances_expects_a_security_system_for_each_camera() -> None:
    config = Config.model_validate({"cameras": {"front": {}, "garden": {}}})
    parser = glances_for(config, specs.daemons(config))
    assert (
        parser["amp_Security-System"]["countmin"],
        parser["amp_Security-System"]["countmax"],
    ) == ("2", "2")
    assert (parser["amp_Notifier"]["countmin"], parser["amp_Notifier"]["countmax"]) == ("1", "1")


def test_glances_expects_only_programs_started_here() -> None:
    parser = glances_for(Config(), [], redis_is_here=False)
    assert {
        parser[section]["countmin"]
        for section in parser.sections()
        if "countmin" in parser[section]
    } == {"0"}


def test_glances_accepts_any_name_only_when_bound_to_all() -> None:
    assert glances_for(Config(), [])["outputs"]["webui_allowed_hosts"] == "localhost,127.0.0.1"
    everywhere = Config.model_validate({"glances": {"bind": "0.0.0.0:52962"}})
    assert glances_for(everywhere, [])["outputs"]["webui_allowed_hosts"] == "*"


def test_each_amp_is_known_and_has_no_comma_in_its_expression() -> None:
    parser = configparser.RawConfigParser()
    parser.read(REPO / "glances.conf")
    amps = [
        section.removeprefix("amp_") for section in parser.sections() if section.startswith("amp_")
    ]
    assert amps == [
        "Security-System",
        "Slack-Server",
        "Notifier",
        "Who-Is-Home",
        "Uploader",
        "Redis",
        "Temperature",
    ]
    assert not any("," in parser[f"amp_{name}"].get("regex", "") for name in amps)


def test_every_program_has_the_name_its_heartbeat_and_log_have(tmp_path: Path) -> None:
    write_config(tmp_path, "redis://x")
    config = Config.model_validate({"cameras": {"front": {}}})
    named = {program.name: program.heartbeat_key for program in specs.daemons(config)}
    assert list(named) == ["security_system-front", "notifier", "who_is_home", "uploader"]
    assert str(named["security_system-front"]).startswith("heartbeat:security_system:")
    assert str(named["security_system-front"]).endswith(":front")


@pytest.mark.parametrize(
    ("slack", "name", "command"),
    [
        ({"signing_secret": "abc"}, "slack_server", ["-m", "gunicorn", "-c", "gunicorn.conf"]),
        (
            {"mode": "socket", "app_token": "xapp-1"},
            "slack_socket",
            ["-m", "app.daemons.slack_socket"],
        ),
    ],
)
def test_slack_is_answered_by_the_program_that_its_mode_asks_for(
    slack: dict[str, str], name: str, command: list[str]
) -> None:
    config = Config.model_validate({"slack": {**slack, "allowed_users": ["U1"]}})
    run = specs.daemons(config)
    assert [list(program.command[1:]) for program in run if program.kind.startswith("slack")] == [
        command
    ]
    assert run[-1].name == name
    amp = glances_for(config, run)["amp_Slack-Server"]
    assert (amp["countmin"], amp["countmax"]) == ("1", "5")
    assert re.search(amp["regex"], " ".join(run[-1].command))


@pytest.mark.parametrize(
    "slack",
    [{}, {"mode": "socket", "signing_secret": "abc"}, {"mode": "http", "app_token": "xapp-1"}],
)
def test_without_what_its_mode_needs_slack_has_no_program(slack: dict[str, str]) -> None:
    config = Config.model_validate({"slack": {**slack, "allowed_users": ["U1"]}})
    assert not [program for program in specs.daemons(config) if program.kind.startswith("slack")]
    assert glances_for(config, specs.daemons(config))["amp_Slack-Server"]["countmin"] == "0"
