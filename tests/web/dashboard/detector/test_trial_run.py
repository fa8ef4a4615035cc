"""A try of settings in a child process."""

import json
from pathlib import Path
from threading import Event

import psutil
import pytest

from app.errors import Refused
from app.web.dashboard.detector.trial_run import Message, TrialRun
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.recorded import EVENT, record


def stays() -> bool:
    """The browser stays."""
    return True


def as_it_is(message: Message) -> Message:
    """A page that shows everything as it comes."""
    return message


def found(run: TrialRun) -> list[Message]:
    return [json.loads(line) for line in run]


def children() -> list[psutil.Process]:
    return [
        one
        for one in psutil.Process().children()
        if one.status() != psutil.STATUS_ZOMBIE and EVENT in one.cmdline()
    ]


def test_what_the_child_prints_is_passed_on(site: Site) -> None:
    record(site)
    changes = {"events": {"event_gap_s": 1}}
    run = TrialRun(site.config, EVENT, changes, stays, as_it_is)
    with pytest.raises(Refused, match="Another try is running"):
        TrialRun(site.config, EVENT, {}, stays, as_it_is)
    messages = found(run)
    assert messages[0] == {"kind": "lines", "text": "events:\n  event_gap_s: 1\n"}
    assert [one["alert"] for one in messages if one["kind"] == "event"] == [True]
    assert messages[-1]["kind"] == "end"
    assert children() == []


def test_the_child_ends_when_the_browser_leaves(site: Site) -> None:
    record(site)
    left = Event()
    run = iter(TrialRun(site.config, EVENT, {}, lambda: not left.is_set(), as_it_is))
    next(run)
    assert len(children()) == 1
    left.set()
    assert list(run) == []
    assert children() == []


def test_a_run_that_nobody_reads_ends_when_it_is_closed(site: Site) -> None:
    run = TrialRun(site.config, EVENT, {}, stays, as_it_is)
    assert len(children()) == 1
    run.close()
    assert children() == []
    TrialRun(site.config, EVENT, {}, stays, as_it_is).close()


@pytest.mark.parametrize(
    ("prints", "why"),
    [
        ("echo hello", "something that is no result"),
        ("""echo '{"kind": "trace", "t_s": [NaN]}'""", "something that is no result"),
        ("""yes "$(printf '{"kind":"progress","t_s":"%0100000d"}')" """, "printed too much"),
        ("head -c 3000000 /dev/zero", "printed too much"),
        ("""echo '{"kind":"progress","t_s":1}'""", "ended without a result"),
    ],
)
def test_a_child_is_not_trusted(
    prints: str, why: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{prints}\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    last = found(TrialRun(site.config, EVENT, {}, stays, as_it_is))[-1]
    assert last["kind"] == "error"
    assert why in last["problems"][0]
