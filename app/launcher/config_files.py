"""The files in `run_dir` with which supervisord, Redis and Glances are started.

Each is the repository's file, with additions by the configuration.
"""

import configparser
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import join

from app import programs
from app.config import PROJECT, Config
from app.errors import SuiteError
from app.launcher import specs
from app.launcher.specs import ProcessSpec

_EVERY_PROGRAM = "every program"
#: Each Glances AMP, and the kind of program that it counts.
_AMPS = {
    "amp_Security-System": programs.SECURITY_SYSTEM,
    "amp_Notifier": "notifier",
    "amp_Who-Is-Home": "who_is_home",
    "amp_Uploader": "uploader",
    "amp_Slack-Socket": programs.SLACK_SOCKET,
}
#: gunicorn with the web programs has one more process for each of them.
_AMP_WEB = "amp_Web-Server"


def write_private(path: Path, content: str) -> None:
    """Write *content* to a new file at *path* that only this user can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(content)


def supervisord_conf(base: Path, logs_dir: Path, run: Iterable[ProcessSpec]) -> str:
    """Return the file *base* with a section for each of *run*, whose output goes to *logs_dir*."""
    parser = _parser(base, inline_comment_prefixes=(";", "#"))
    every = dict(parser[_EVERY_PROGRAM])
    parser.remove_section(_EVERY_PROGRAM)
    parser["supervisord"]["logfile"] = escaped(str(logs_dir / "supervisord.log"))
    names = []
    for program in run:
        # supervisord expands this value twice.
        log = escaped(escaped(str(logs_dir / f"{program.name}.log")))
        own = {
            "command": escaped(join(program.command)),
            "directory": escaped(str(PROJECT)),
            "stdout_logfile": log,
        }
        parser[f"program:{program.name}"] = every | own
        if program.kind != specs.REDIS:
            names.append(program.name)
    # The last group ends first, all of its programs at once, while Redis still answers them.
    if names:
        parser["group:suite"] = {"programs": ",".join(names), "priority": "2"}
    if f"program:{specs.REDIS}" in parser:
        parser[f"program:{specs.REDIS}"]["priority"] = "1"
        parser[f"program:{specs.REDIS}"]["stopwaitsecs"] = "2"
    return _text(parser)


def escaped(value: str) -> str:
    """Return *value* escaped for supervisord.

    supervisord expands %, and reads a ; or # after a space as the start of a comment.
    """
    return re.sub(r"(?<=\s)(?=[;#])", "%(here).0s", on_one_line(value).replace("%", "%%"))


def on_one_line(value: str) -> str:
    """Return *value*; `SuiteError` when it has several lines, which these files cannot hold."""
    if "\n" in value or "\r" in value:
        raise SuiteError(f"a path or source with a line break in it cannot be used: {value!r}")
    return value


def glances_conf(
    base: Path,
    config: Config,
    run: Sequence[ProcessSpec],
    password_dir: Path,
    *,
    redis_is_here: bool,
) -> str:
    """Return the file *base* with the counts of *run* and the folder of the hashed password."""
    parser = _parser(base)
    kinds = [program.kind for program in run]
    for section, kind in _AMPS.items():
        parser[section]["countmin"] = parser[section]["countmax"] = str(kinds.count(kind))
    web = [process for process in run if process.kind == programs.WEB_SERVER]
    parser[_AMP_WEB]["countmin"] = str(sum(1 + len(process.programs) for process in web))
    if not redis_is_here:
        parser["amp_Redis"]["countmin"] = "0"
    if specs.glances_address(config)[0] not in ("127.0.0.1", "::1", "localhost"):
        parser["outputs"]["webui_allowed_hosts"] = "*"
    parser["passwords"] = {"local_password_path": on_one_line(str(password_dir))}
    return _text(parser)


def _parser(
    base: Path, inline_comment_prefixes: tuple[str, ...] = ()
) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=inline_comment_prefixes)
    try:
        parser.read_string(base.read_text(encoding="utf-8"), str(base))
    except configparser.Error as error:
        raise SuiteError(f"{base}: {error}") from error
    return parser


def _text(parser: configparser.RawConfigParser) -> str:
    file = io.StringIO()
    parser.write(file)
    return file.getvalue()
