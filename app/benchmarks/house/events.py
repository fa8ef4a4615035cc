"""The way of an alert: from the frame to Redis' stream and to Slack, and the bytes of an event.

libav hands a picture of an RTSP stream out when the next one begins, since only that shows that it
is complete. So a frame comes one interval after it was sent, to every program that uses libav.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from app.benchmarks.house.drawn_video import read_number
from app.benchmarks.house.own_house import OwnHouse
from app.benchmarks.house.stand_in_slack import StandInSlack
from app.benchmarks.rtsp_server import RtspServer
from app.recording.event_folder import CLEAN_SNAPSHOT

#: The reader of the stream of facts, besides those of the house.
_READER = "bench"
#: The time after the last event in which its files and messages are finished.
_FINISH_S = 3.0


@dataclass(frozen=True, slots=True)
class Opening:
    """The beginning of *event*, which was in Redis' stream at *at_s* (wall time)."""

    event: str
    at_s: float


def measure_events(
    house: OwnHouse, server: RtspServer, slack: StandInSlack, lasts_s: float
) -> dict[str, Any]:
    """Return the delays and bytes of the events of the next *lasts_s* seconds."""
    log_bytes, began_s = house.log_bytes(), time.time()
    time.sleep(lasts_s)
    openings = [one for one in _openings(house) if one.at_s > began_s]
    log_bytes = house.log_bytes() - log_bytes
    time.sleep(_FINISH_S)
    folders = {path.name: path for path in house.config.data_dir.glob("events/*/*")}
    openings = [one for one in openings if one.event in folders]
    return {
        "events": len(openings),
        "decoder_ms": 1000 / server.fps,
        "frame_to_stream_ms": _spread(stream_delays_ms(openings, folders, server)),
        "beyond_slack_ms": _spread(slack_delays_ms(openings, slack)),
        "besides_clip_kb": _median([besides_clip(folders[one.event]) / 1e3 for one in openings]),
        "log_kb_per_event": round(log_bytes / 1e3 / max(len(openings), 1), 1),
    }


def stream_delays_ms(
    openings: Sequence[Opening], folders: Mapping[str, Path], server: RtspServer
) -> list[float]:
    """Return the time of each event from the sending of its frame until it was in the stream."""
    ahead_s = time.time() - time.monotonic()
    found = []
    for one in openings:
        number = read_number((folders[one.event] / CLEAN_SNAPSHOT).read_bytes())
        sent_s = last_sent_s(server, number, one.at_s - ahead_s)
        found.append(1000 * (one.at_s - ahead_s - sent_s))
    return found


def last_sent_s(server: RtspServer, number: int, before_s: float) -> float:
    """Return when *server* last sent the picture *number* of its video *before_s* (monotonic)."""
    period = len(server.pictures)
    rounds = int((before_s - server.sent_at_s(number)) * server.fps / period)
    return server.sent_at_s(number + rounds * period)


def slack_delays_ms(openings: Sequence[Opening], slack: StandInSlack) -> list[float]:
    """Return the time of each alert from the stream to Slack's message, without Slack's own."""
    posted_s = {post.key: post.at_s for post in reversed(slack.posts)}
    delays = []
    for one in openings:
        if shown_s := posted_s.get(one.event):
            own_s = slack.own_time_s(one.at_s, shown_s)
            delays.append(1000 * (shown_s - one.at_s - own_s))
    return delays


def besides_clip(folder: Path) -> int:
    """Return the bytes of an event's files that are no clip."""
    return sum(path.stat().st_size for path in folder.iterdir() if "clip" not in path.stem)


def _openings(house: OwnHouse) -> list[Opening]:
    found = []
    with house.state() as state:
        reader = state.facts(_READER, _READER)
        while facts := reader.new(0.1):
            for entry, fact in facts:
                if fact.kind == "motion_started" and fact.event:
                    found.append(Opening(fact.event, int(entry.partition("-")[0]) / 1000))
                reader.acknowledge(entry)
        reader.leave()
    return found


def _spread(delays_ms: Sequence[float]) -> dict[str, float | None]:
    worst = round(max(delays_ms), 1) if delays_ms else None
    return {"median": _median(delays_ms), "worst": worst}


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 1) if values else None
