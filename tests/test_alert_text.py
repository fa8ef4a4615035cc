"""The sentences that announce an event to the owner."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from app.alert_text import AlertText, EventWords
from app.config import load_config
from app.errors import ConfigError
from app.protocol import Evidence
from tests.conftest import REPO

MORNING = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
FAR = Evidence((0, 0, 9, 9), 0.005, 0.1, 0.3, 0.1, 0.8, 0.5, "left")


@pytest.fixture(autouse=True)
def house_in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from in_zone(monkeypatch, "UTC")


def in_zone(monkeypatch: pytest.MonkeyPatch, zone: str) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


def fridge(words: EventWords | None = None) -> AlertText:
    return AlertText("fridge", "light", words or EventWords())


def test_the_fridge_says_when_and_for_how_long_it_was_opened() -> None:
    assert (
        fridge().clip(MORNING, 34.2)
        == "Your fridge was opened on Friday, November 20 2026 at 10:15AM for 34 seconds."
    )
    assert (
        fridge().left_open(MORNING, 61)
        == "Your fridge has been left open: since 10:15AM, for 61 seconds so far."
    )
    assert (
        fridge().opening(MORNING)
        == "Your fridge was opened on Friday, November 20 2026 at 10:15AM."
    )
    assert fridge().ended(34.2) == "Your fridge was closed after 34 seconds."


def test_motion_has_its_usual_sentences() -> None:
    motion = AlertText("front", "background", EventWords())
    assert motion.opening(MORNING) == "Motion in front of camera front."
    assert motion.ended(12.4) == "Motion in front of camera front ended after 12 s."


@pytest.mark.parametrize(
    ("lasted_s", "said"),
    [
        (0.3, "1 second"),
        (1, "1 second"),
        (1.5, "2 seconds"),
        (2.5, "3 seconds"),
        (3600, "3600 seconds"),
    ],
)
def test_a_duration_is_in_whole_seconds_and_at_least_one(lasted_s: float, said: str) -> None:
    assert AlertText("a", "light", EventWords(clip="{duration}")).clip(MORNING, lasted_s) == said


@pytest.mark.parametrize(
    ("hour", "minute", "said"),
    [
        (0, 0, "12:00AM"),
        (0, 5, "12:05AM"),
        (1, 0, "1:00AM"),
        (11, 59, "11:59AM"),
        (12, 0, "12:00PM"),
        (13, 7, "1:07PM"),
        (23, 59, "11:59PM"),
    ],
)
def test_the_time_has_twelve_hours(hour: int, minute: int, said: str) -> None:
    assert (
        fridge(EventWords(opening="{time}")).opening(MORNING.replace(hour=hour, minute=minute))
        == said
    )


def test_times_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in in_zone(monkeypatch, "EST5EDT,M3.2.0,M11.1.0"):
        late = MORNING.replace(hour=2)
        assert (
            fridge(EventWords(opening="{date}, {time}")).opening(late)
            == "Thursday, November 19 2026, 9:15PM"
        )
        in_summer = late + timedelta(days=240)
        assert fridge(EventWords(opening="{time}")).opening(in_summer) == "10:15PM"


def make_foreign_locale(folder: Path) -> None:
    """Make the locale `foreign`, in which Wednesday is Day3 and May is Month5.

    It needs nothing but the C library.
    """
    names = {"day": 7, "abday": 7, "mon": 12, "abmon": 12}
    lists = [
        f"{key} " + ";".join(f'"{key.removeprefix("ab").title()}{n}"' for n in range(count))
        for key, count in names.items()
    ]
    formats = ['am_pm "";""', 'd_t_fmt "%c"', 'd_fmt "%d"', 't_fmt "%T"', 't_fmt_ampm ""']
    (folder / "words").write_text("\n".join(["LC_TIME", *lists, *formats, "END LC_TIME", ""]))
    letters = [f"<U{n:04X}> /x{n:02x} LETTER" for n in range(128)]
    head = ["<code_set_name> LETTERS", "<mb_cur_min> 1", "<mb_cur_max> 1", "CHARMAP"]
    (folder / "letters").write_text("\n".join([*head, *letters, "END CHARMAP", ""]))
    files = ["--inputfile", "./words", "--charmap", "./letters", "./foreign"]
    command = ["localedef", "--no-archive", "--force", *files]
    subprocess.run(command, cwd=folder, check=False, capture_output=True)


def test_sentences_are_english_in_any_locale(tmp_path: Path) -> None:
    make_foreign_locale(tmp_path)
    program = (
        "import locale, datetime as d; from app.alert_text import *; "
        "locale.setlocale(locale.LC_TIME, 'foreign');"
        "at = d.datetime(2026, 5, 20, 22, 15).astimezone();"
        "print(at.strftime('%A'), AlertText('f', 'light', EventWords(opening='{date} "
        "{time}')).opening(at))"
    )
    environment = {"LOCPATH": str(tmp_path), "TZ": "UTC", "PATH": "/usr/bin:/bin"}
    said = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == "Day3 Wednesday, May 20 2026 10:15PM\n"


def test_an_opening_by_light_is_announced_only_in_own_words() -> None:
    assert AlertText("front", "background", EventWords()).announces_opening
    assert not fridge().announces_opening
    assert fridge(EventWords(opening="Who is there?")).announces_opening


def test_own_sentences_replace_the_usual_ones() -> None:
    own = EventWords(
        opening="{camera}!",
        clip="{{{camera}}} {seconds}",
        left_open="Close the {camera}: {time}, {duration}",
    )
    assert fridge(own).opening(MORNING) == "fridge!"
    assert fridge(own).clip(MORNING, 3) == "{fridge} 3"
    assert fridge(own).left_open(MORNING, 61) == "Close the fridge: 10:15AM, 61 seconds"


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        (
            "clip",
            "{fridge}",
            "has {fridge} with an unknown name or a format; the names to fill in are {camera}, "
            "{date}, {time}, {seconds}, {duration}, exactly as here",
        ),
        ("opening", "for {seconds}", "has {seconds} with"),
        ("clip", "{}", "has {} with"),
        ("clip", "{0}", "has {0} with"),
        ("clip", "{camera.__class__.__mro__}", "has {camera.__class__.__mro__} with"),
        ("clip", "{camera[0]}", "has {camera[0]} with"),
        ("clip", "{camera!r}", "has {camera} with an unknown name or a format"),
        ("clip", "{seconds:>{seconds}}", "has {seconds} with an unknown name or a format"),
        ("left_open", "open {camera", "has a single brace; write {{ or }} for a brace itself"),
        ("left_open", "open camera}", "has a single brace"),
        ("left_open", "", "must have at least 1 character"),
        ("opening", "x" * 501, "must have at most 500 characters"),
    ],
)
def test_a_template_with_unknown_names_is_refused(
    tmp_path: Path, key: str, text: str, said: str
) -> None:
    (tmp_path / "config.yml").write_text(f"events:\n  words:\n    {key}: '{text}'\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{tmp_path / 'config.yml'}:3: events.words.{key}: ")
    assert said in problem


@pytest.mark.parametrize(
    ("size", "height", "entered", "said"),
    [
        (0.08, 0.6, "left", "a person-sized shape came in from the left"),
        (0.08, 0.6, "below", "a person-sized shape came in from the front"),
        (0.004, 0.1, None, "a small or distant shape appeared"),
        (0.4, 1.0, "right", "something close to the camera came in from the right"),
    ],
)
def test_the_evidence_is_said_in_everyday_words(
    size: float, height: float, entered: Literal["left", "right", "below"] | None, said: str
) -> None:
    evidence = Evidence((0, 0, 9, 9), size, height, 0.3, 0.1, 0.8, 0.5, entered)
    at = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
    text = AlertText("front", "background", EventWords())
    assert text.opening(at, evidence) == f"Motion in front of camera front: {said}."
    on_the_path = replace(evidence, zone="on the path")
    assert text.opening(at, on_the_path).endswith(f"{said}, on the path.")
    own = AlertText("front", "background", EventWords(opening="Come and see."))
    assert own.opening(at, evidence) == "Come and see."


@pytest.mark.parametrize(
    ("seen", "evidence", "expected"),
    [
        ("person", FAR, "A person in front of camera front: came in from the left."),
        ("person", None, "A person in front of camera front."),
        ("cat", FAR, "Motion in front of camera front: a cat came in from the left."),
        ("horse", None, "Motion in front of camera front: an animal."),
    ],
)
def test_what_a_model_saw_is_said(seen: str, evidence: Evidence | None, expected: str) -> None:
    text = AlertText("front", "background", EventWords())
    assert text.opening(MORNING, evidence, seen) == expected
    own = AlertText("front", "background", EventWords(opening="Look at {camera}!"))
    assert own.opening(MORNING, evidence, seen) == "Look at front!"


def test_a_correction_says_what_it_was() -> None:
    text = AlertText("front", "background", EventWords())
    assert text.corrected("cat") == "That was a cat."
    assert text.corrected("cow") == "That was an animal."
