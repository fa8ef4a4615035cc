"""`bench --timeline`: measures the dashboard's pages of a house with thousands of events.

It makes the folders of the events, fills a Redis of its own, and asks the real gunicorn.
"""

import http.client
import json
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app import protocol
from app.benchmarks.web_programs import Address, pss_mb, server
from app.errors import SuiteError
from app.protocol import EventRecord, Evidence, Fact
from app.recording.event_folder import CLEAN_SNAPSHOT, SNAPSHOT, EventFolders
from app.state import State

EVENTS = 5000
DAYS = 30
TIMES = 20
#: By then the server has begun to read the events: some seconds after `server.BUSY_S`.
IDLE_AFTER_S = 12.0
#: The time without work after which it has read all of them.
QUIET_S = 2.0
_PICTURE = bytes(50_000)
_EVIDENCE = Evidence((0, 164, 88, 316), 0.05, 0.66, 0.2, 0.14, 0.83, 0.5, "left")
#: A page with a part that no earlier page has asked for.
_COLD = ("first page after a start", "first filter by label")


def measure_timeline(count: int = EVENTS, times: int = TIMES) -> dict[str, Any]:
    """Return the milliseconds for each page of a house with *count* events, and the memory.

    A page is asked for so many *times*: the median counts. The CPU time is the mean, and other work
    of this machine does not change it. The first of a kind is asked for once, when the server has
    read the events, as it does in the idle time after its start. The memory is that of gunicorn and
    its workers together, in megabytes (PSS), before that and after all pages.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="timeline-load-")))
        records = list(_records(count, datetime.now(UTC)))
        for record in records:
            _write(folder / "data", record)
        served = stack.enter_context(server(folder, secrets.token_hex(16)))
        _publish(served.url, records)
        address, pid = served.dashboard, served.pid
        _ask(address, "/static/theme.js")
        before_mb = pss_mb(pid)
        _await_idle(pid)
        pages = {
            name: _costs(address, pid, path, 1 if name in _COLD else times)
            for name, path in _pages(records).items()
        }
        after_mb = pss_mb(pid)
    return {
        "events": count,
        "pages": pages,
        "pss_before_mb": round(before_mb, 1),
        "pss_after_mb": round(after_mb, 1),
    }


def timeline_table(figures: dict[str, Any]) -> str:
    """Return the figures of `measure_timeline` for people to read."""
    rows = [f"Milliseconds for a page, with {figures['events']} events in {DAYS} days"]
    rows += [
        f"  {name:24} {cost['took_ms']:7.1f}  of them CPU {cost['cpu_ms']:6.1f}"
        for name, cost in figures["pages"].items()
    ]
    rows.append(
        f"  memory of gunicorn and its workers together (PSS): {figures['pss_before_mb']:.1f} MB "
        f"before, {figures['pss_after_mb']:.1f} MB after"
    )
    return "\n".join(rows)


def _pages(records: list[EventRecord]) -> dict[str, str]:
    """Return the addresses of the pages by their names, in the order in which they are asked for.

    *records* have the oldest event first.
    """
    middle = records[len(records) // 2]
    event = protocol.event_id(middle.started_at, middle.camera)
    day = f"{middle.started_at.astimezone():%Y-%m-%d}"
    return {
        "first page after a start": "/timeline",
        "first page": "/timeline",
        "first filter by label": "/timeline?label=unoccupied",
        "filter by label": "/timeline?label=unoccupied",
        "filter by camera": "/timeline?camera=garden",
        "filter by class": "/timeline?what=bird",
        "filter without a match": "/timeline?what=cow",
        "filter by day": f"/timeline?day={day}",
        "older page": f"/timeline?before={event}",
        "newer events": f"/timeline/newer?than={event}",
        "event": f"/event/{event}",
        "picture": f"/event/{event}/snapshot.jpg",
    }


def _records(count: int, now: datetime) -> Iterator[EventRecord]:
    """Yield *count* events of two cameras in the last `DAYS`, the oldest first."""
    for number in range(count):
        at = now - timedelta(days=DAYS) * (count - number) / count
        record = EventRecord(
            "garden" if number % 3 == 0 else "front",
            at,
            at + timedelta(seconds=12),
            seen="person" if number % 5 else "cat",
            seen_score=0.71,
            decision="sent" if number % 5 else "held",
            boxes=((0, 164, 88, 316),),
            peak_area_px=18154.3,
            evidence=_EVIDENCE,
        )
        if number % 500 == 7:
            record = replace(record, seen="bird")
        if number % 10 == 0:
            record = replace(record, label="unoccupied", label_by="Ben", label_at=at)
        yield record


def _write(data_dir: Path, record: EventRecord) -> None:
    event = protocol.event_id(record.started_at, record.camera)
    folder = EventFolders(data_dir).folder(event, record.started_at)
    folder.mkdir(parents=True)
    fields = {"id": event, **protocol.plain_event(record)}
    (folder / "event.json").write_text(json.dumps(fields, indent=1))
    if record.label:
        (folder / "label.json").write_text(json.dumps({"label": record.label, "user": "U1"}))
    for name in (SNAPSHOT, CLEAN_SNAPSHOT, "clip.mp4"):
        (folder / name).touch()
    (folder / SNAPSHOT).write_bytes(_PICTURE)


def _publish(url: str, records: list[EventRecord]) -> None:
    state = State(url)
    for record in records:
        event = protocol.event_id(record.started_at, record.camera)
        at, camera = record.started_at, record.camera
        fact = Fact(f"{event}-motion_started", "motion_started", at, "Motion.", camera, event)
        state.publish(fact, record)
        state.publish(replace(fact, id=f"{event}-motion_ended", kind="motion_ended", alert=False))
        state.mark_event(event, {"delivered:slack": at.isoformat()})
    state.close()


def _await_idle(pid: int) -> None:
    """Wait until gunicorn *pid* has read the events after its start, and is idle."""
    time.sleep(IDLE_AFTER_S)
    before_s = -1.0
    while before_s != (before_s := _cpu_s(pid)):
        time.sleep(QUIET_S)


def _costs(address: Address, pid: int, path: str, times: int) -> dict[str, float]:
    before_s = _cpu_s(pid)
    took_s = sorted(_ask(address, path) for _ in range(times))
    cpu_s = (_cpu_s(pid) - before_s) / times
    return {"took_ms": round(took_s[times // 2] * 1000, 1), "cpu_ms": round(cpu_s * 1000, 1)}


def _cpu_s(pid: int) -> float:
    """Return the CPU time of gunicorn *pid* and its workers."""
    import psutil

    master = psutil.Process(pid)
    spent = (process.cpu_times() for process in (master, *master.children(recursive=True)))
    return sum(one.user + one.system for one in spent)


def _ask(address: Address, path: str) -> float:
    """Return the seconds until all of *path* is here; `SuiteError` when it is no success."""
    began_s = time.perf_counter()
    connection = http.client.HTTPConnection(*address, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise SuiteError(f"{path}: the server answered {answer.status}: {body[:200]!r}")
    return time.perf_counter() - began_s
