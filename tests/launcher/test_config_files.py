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
        "Web-Server",
        "Slack-Socket",
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
    keys = {program.name: program.heartbeat_keys for program in specs.daemons(config)}
    names = ["security_system-front", "notifier", "who_is_home", "uploader", "web_server"]
    assert list(keys) == names
    (key,) = keys["security_system-front"]
    assert key.startswith("heartbeat:security_system:")
    assert key.endswith(":front")


@pytest.mark.parametrize(
    ("settings", "programs", "processes"),
    [
        ({}, ["dashboard"], 2),
        ({"slack": {"signing_secret": "abc"}}, ["slack_server", "dashboard"], 3),
        (
            {"slack": {"signing_secret": "abc"}, "dashboard": {"enabled": False}},
            ["slack_server"],
            2,
        ),
        ({"dashboard": {"enabled": False}}, [], 0),
        ({"slack": {"mode": "socket", "signing_secret": "abc"}}, ["dashboard"], 2),
    ],
)
def test_one_gunicorn_runs_the_web_programs(
    settings: dict[str, dict[str, object]], programs: list[str], processes: int
) -> None:
    config = _with_somebody(settings)
    run = specs.daemons(config)
    web = [process for process in run if process.kind == "web_server"]
    assert [program.name for process in web for program in process.programs] == programs
    amp = glances_for(config, run)["amp_Web-Server"]
    assert (amp["countmin"], amp["countmax"]) == (str(processes), "8")
    for process in web:
        assert process.command[1:] == ("-m", "gunicorn", "-c", "gunicorn.conf")
        assert re.search(amp["regex"], " ".join(process.command))


def test_the_slack_socket_is_a_program_of_its_own() -> None:
    config = _with_somebody({"slack": {"mode": "socket", "app_token": "xapp-1"}})
    run = specs.daemons(config)
    (socket,) = [process for process in run if process.kind == "slack_socket"]
    amp = glances_for(config, run)["amp_Slack-Socket"]
    assert (amp["countmin"], amp["countmax"]) == ("1", "1")
    assert re.search(amp["regex"], " ".join(socket.command))


def test_without_an_app_token_there_is_no_slack_socket() -> None:
    config = _with_somebody({"slack": {"app_token": "xapp-1"}})
    assert not [process for process in specs.daemons(config) if process.kind == "slack_socket"]
    assert glances_for(config, specs.daemons(config))["amp_Slack-Socket"]["countmin"] == "0"


def _with_somebody(settings: dict[str, dict[str, object]]) -> Config:
    slack = {"slack": {**settings.get("slack", {}), "allowed_users": ["U1"]}}
    return Config.model_validate(settings | slack)
