"""The time from a command or a click in Slack until the camera has done it."""

import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.benchmarks.house.own_house import OwnHouse
from app.benchmarks.rtsp_server import RtspServer
from app.benchmarks.slack_load import request_for, send_all, signed_request
from app.benchmarks.web_programs import USER
from app.errors import SuiteError

ROUNDS = 5
#: A camera that is armed has its first picture within this time: the next key frame.
_PLAYS_S = 2.0
#: What takes longer than this has failed.
_LONGEST_S = 10.0
_LOOK_EVERY_S = 0.001


def measure_answers(house: OwnHouse, server: RtspServer) -> dict[str, Any]:
    """Return the longest time, in milliseconds, to disarm, to arm, and from a click to its label.

    *server* plays the video of the house's only camera, and to nobody else.
    """
    events = sorted(house.config.data_dir.glob("events/*/*"))
    took_s: dict[str, list[float]] = {"disarm": [], "arm": [], "label": []}
    for number in range(ROUNDS):
        _pause(1.0)
        took_s["label"].append(_label_s(house, events[number % len(events)], number))
        _pause(_PLAYS_S)
        took_s["disarm"].append(_command_s(house, "pycam_off", server.ended_at_s))
        _pause(1.0)
        took_s["arm"].append(_command_s(house, "pycam_on", server.began_at_s))
    return {f"{name}_ms": round(1000 * max(each), 1) for name, each in took_s.items()}


def _pause(least_s: float) -> None:
    """Wait for at least so long, until any moment of a poll."""
    time.sleep(least_s + 0.6 * random.random())


def _command_s(house: OwnHouse, command: str, at_s: Sequence[float]) -> float:
    """Return the time from *command* until the camera has come or gone, as in *at_s*."""
    known, began_s = len(at_s), time.monotonic()
    send_all(house.slack, [request_for(command, house.secret)], 1)
    _wait(lambda: len(at_s) > known, f"the camera does not follow /{command}")
    return at_s[known] - began_s


def _label_s(house: OwnHouse, event: Path, number: int) -> float:
    """Return the time from a click on a button of *event* until its label is on disk."""
    label = event / "label.json"
    known_ns = label.stat().st_mtime_ns if label.exists() else 0
    request = click(event.name, ("occupied", "unoccupied")[number % 2], house.secret)
    began_s = time.monotonic()
    send_all(house.slack, [request], 1)
    _wait(
        lambda: label.exists() and label.stat().st_mtime_ns != known_ns,
        f"a click on {event.name} gives no label",
    )
    return time.monotonic() - began_s


def click(event: str, answer: str, secret: str) -> bytes:
    """Return Slack's request for a click on the button *answer* of the alert of *event*."""
    action = {
        "action_id": f"tag_{answer}",
        "type": "button",
        "value": json.dumps({"event": event, "answer": answer}),
    }
    payload = {
        "type": "block_actions",
        "user": {"id": USER, "name": "bench", "username": "bench"},
        "actions": [action],
        "response_url": "https://hooks.slack.com/actions/T0/1/x",
    }
    return signed_request("interactive", {"payload": json.dumps(payload)}, secret)


def _wait(has_happened: Callable[[], bool], otherwise: str) -> None:
    deadline_s = time.monotonic() + _LONGEST_S
    while not has_happened():
        if time.monotonic() > deadline_s:
            raise SuiteError(f"{otherwise}, not within {_LONGEST_S:g} s")
        time.sleep(_LOOK_EVERY_S)
