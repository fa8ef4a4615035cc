"""The page Logs: the last lines of each program's log, followed and searched."""

import heapq
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from flask import Blueprint, Response, abort, jsonify, render_template, request

from app.config import Config
from app.launcher.specs import GLANCES, REDIS, daemons
from app.web.dashboard.context import dashboard
from app.web.dashboard.machine.log_files import (
    LEVELS,
    SEARCH_S,
    TAIL_BYTES,
    Line,
    LogPlace,
    LogReader,
)

#: All logs in one order of time.
ALL = "all"
SUPERVISORD = "supervisord"
#: The bytes of each log that are read when all are shown.
ALL_TAIL_BYTES = 65_536
MOST_LINES = 500
MOST_NEEDLE_CHARS = 200
#: The levels that may be chosen, and the words for them.
LEVEL_WORDS = {"": "All lines", "WARNING": "Warnings and errors", "ERROR": "Errors"}

page = Blueprint("logs", __name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The lines that somebody wants to see: of which *programs*, with what in them."""

    programs: tuple[str, ...]
    needle: str
    level: str

    @property
    def is_search(self) -> bool:
        return bool(self.needle or self.level)

    def has(self, line: Line) -> bool:
        """Return whether *line* is one of them."""
        is_important = line.is_at_least(self.level or LEVELS[0])
        return is_important and self.needle.casefold() in line.text.casefold()


@page.get("/logz")
def show() -> str:
    """Show the last lines of a log, or those with what was searched."""
    reader, names = _reader(), program_names(dashboard().config)
    existing = reader.existing(names)
    chosen, wanted = _wanted(names, existing)
    lines, places, note = _found(reader, wanted)
    return render_template(
        "logs.html",
        names=names,
        existing=existing,
        chosen=chosen,
        wanted=wanted,
        levels=LEVEL_WORDS,
        lines=lines,
        places=_text_of(places),
        note=note,
        folder=dashboard().config.logs_dir,
        most_needle_chars=MOST_NEEDLE_CHARS,
    )


@page.get("/logz/added")
def added() -> Response:
    """Return the lines that were added since the places in `at`, and the new places."""
    reader, names = _reader(), program_names(dashboard().config)
    _, wanted = _wanted(names, reader.existing(names))
    places = _places(request.args.get("at", ""))
    found = {
        program: reader.added(program, places.get(program, LogPlace(0, 0)), MOST_LINES)
        for program in wanted.programs
    }
    lines = _merged([[line for line in one.lines if wanted.has(line)] for one in found.values()])
    new = {program: one.place for program, one in found.items() if one.place}
    return jsonify(
        lines=[asdict(line) for line in lines],
        at=_text_of(new),
        skipped=any(one.skipped for one in found.values()),
    )


def program_names(config: Config) -> list[str]:
    """Return the names of all processes that may have a log."""
    return [*(process.name for process in daemons(config)), REDIS, GLANCES, SUPERVISORD]


def _reader() -> LogReader:
    config = dashboard().config
    return LogReader(config.logs_dir, config.redactor())


def _wanted(names: list[str], existing: list[str]) -> tuple[str, Wanted]:
    """Return the chosen program, or `ALL`, and which lines are wanted; 404 for any other name."""
    chosen = request.args.get("program", ALL)
    level = request.args.get("level", "")
    if chosen not in (*names, ALL) or level not in LEVEL_WORDS:
        abort(404)
    needle = request.args.get("q", "").strip()[:MOST_NEEDLE_CHARS]
    return chosen, Wanted(tuple(existing) if chosen == ALL else (chosen,), needle, level)


def _found(reader: LogReader, wanted: Wanted) -> tuple[list[Line], dict[str, LogPlace], str]:
    """Return the newest lines that are *wanted*, the ends of their logs, and a remark."""
    most_bytes = TAIL_BYTES if len(wanted.programs) == 1 else ALL_TAIL_BYTES
    ends = {program: reader.end(program, MOST_LINES, most_bytes) for program in wanted.programs}
    places = {program: end.place for program, end in ends.items() if end.place}
    if not wanted.is_search:
        lines = _merged([end.lines for end in ends.values()])
        older = len(lines) > MOST_LINES or any(end.skipped for end in ends.values())
        note = "Older lines are not shown; a search finds them." if older else ""
        return lines[-MOST_LINES:], places, note
    until_s = time.monotonic() + SEARCH_S
    found, complete = [], True
    for program in wanted.programs:
        level = wanted.level or LEVELS[0]
        lines, all_read = reader.search(program, wanted.needle, level, MOST_LINES, until_s)
        found.append(lines)
        complete &= all_read
    lines = _merged(found)
    if complete and len(lines) <= MOST_LINES:
        return lines, places, ""
    return lines[-MOST_LINES:], places, "Only the newest part of the logs was searched."


def _merged(logs: list[list[Line]]) -> list[Line]:
    """Return the lines of all *logs* in the order of their times."""
    return list(heapq.merge(*logs, key=lambda line: line.time))


def _text_of(places: Mapping[str, LogPlace]) -> str:
    return "*".join(f"{program}*{place}" for program, place in places.items())


def _places(text: str) -> dict[str, LogPlace]:
    """Return the places in *text*, as `_text_of` writes them; what is no place is left out."""
    words = text.split("*")
    found = {
        program: LogPlace.of(place) for program, place in zip(words[::2], words[1::2], strict=False)
    }
    return {program: place for program, place in found.items() if place}
