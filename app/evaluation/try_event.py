"""Tries other settings of the detector on the clip of a recorded event: a child of the dashboard.

    python -m app.evaluation.try_event EVENT [--config DIR] [--profile NAME] < SETTINGS

SETTINGS is JSON such as `{"motion": {"min_size": 0.004}, "events": {}}`, or nothing: they replace
those of the configuration. The output is a JSON object a line, each with its `kind`:

* `settings`: the camera and its `settings`: key, value, default and help; and a `note`, or null.
* `progress`, from time to time: `t_s`. All times are in seconds from the beginning of the clip.
* `trace`: the fields of `app.recording.trace.EventTrace`.
* `event`, for each that is found: `opened_s`, `closed_s`, `alert`, `peak_area_px`, `evidence`; and
  `fate`, what the person model makes of the alert, as in "held after 1.0 s: car 0.78", or null.
* `picture`, at most 12: `t_s`, `jpeg` in base64, and the words of `app.display.tiles.describe`.
* `end`: how many `frames` were judged, for how long the detector was `learning_s`, why it was
  `stopped` before the end of the clip, or null, and the person `model` that looked, or null.
* `error`, and nothing after it: `problems`, each a sentence. The exit code is 1.

It reads the clip only, writes nothing, and asks nothing of Redis. A person model that decides about
alerts looks as it would at the camera, but remembers nobody from before the clip. The program ends
when its output is closed, and by SIGALRM after `MOST_S` seconds in any case.
"""

import base64
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, BinaryIO

import click
import cv2

from app import protocol
from app.cameras import fast_frames
from app.cameras.base import CameraSettings
from app.config import PROJECT, CameraConfig, Config, load_config, with_changes
from app.config.help import key_help
from app.config.of_camera import people_settings, unjudged_areas
from app.config.options import config_options
from app.detector import Detector, EventSettings
from app.display.tiles import describe, draw_tiles
from app.errors import CameraError, ConfigError, ProtocolError
from app.evaluation.key_frames import KeyFrame, KeyFrames
from app.evaluation.people_replay import AlertOutcome, PeopleReplay
from app.evaluation.replay_lines import alert_text
from app.evaluation.tune.footage import WARM_S, there_and_back
from app.files import has_link
from app.frames import Frame, jpeg
from app.motion import make_motion
from app.motion.base import MotionSettings
from app.motion.thresholds import thresholds
from app.people.base import PersonModel
from app.people.choice import make_model
from app.recording.event_folder import EventFolders, clip_name, part_path
from app.recording.trace import Limits, TracePoint, TraceRecorder

#: The seconds after which the process is ended, and those for which it replays.
MOST_S, REPLAY_S = 60, 45.0
#: The bytes of settings that are read.
_MOST_SETTINGS = 65_536
_PROGRESS_S = 0.5
#: The frames that are shown there and back before the clip, so that the scene is known.
_HELD_FRAMES = 10
_QUALITY = 70


class CannotTry(Exception):
    """The event cannot be tried; the text is for the owner."""


@click.command()
@click.argument("event")
@config_options
def main(event: str, folder: Path | None, profile: str | None) -> None:
    """Try settings, which are JSON on the standard input, on the clip of EVENT."""
    signal.alarm(MOST_S)
    os.nice(10)
    cv2.setNumThreads(1)
    sys.exit(try_event(event, folder, profile, sys.stdin.buffer))


def try_event(event: str, folder: Path | None, profile: str | None, given: BinaryIO) -> int:
    """Try the settings in *given* on the clip of *event*; return the exit code."""
    try:
        config = with_changes(load_config(folder, profile), _read(given), ("motion", "events"))
        camera, note = _camera(config, event)
        clip = _clip(config, event)
        _print("settings", camera=protocol.event_camera(event), note=note, settings=_rows(config))
        TryOut(config, camera).run(clip)
    except ConfigError as error:
        _print("error", problems=error.problems)
    except (CannotTry, CameraError) as error:
        _print("error", problems=[str(error)])
    else:
        return 0
    return 1


def _read(given: BinaryIO) -> Any:
    text = given.read(_MOST_SETTINGS)
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise CannotTry("the settings are not JSON") from None


def _camera(config: Config, event: str) -> tuple[CameraConfig, str | None]:
    """Return the settings of the camera of *event*, and a note if it has none any more."""
    try:
        protocol.event_started_at(event)
        name = protocol.event_camera(event)
    except ProtocolError as error:
        raise CannotTry(str(error)) from None
    if name in config.cameras:
        return config.cameras[name], None
    note = f"Camera {name} is not in the configuration any more, so it has no masks and zones here."
    return CameraConfig(), note


def _clip(config: Config, event: str) -> Path:
    """Return the clip of *event*; `CannotTry` when there is none here."""
    folder = EventFolders(config.data_dir).folder(event, protocol.event_started_at(event))
    clip = folder / clip_name(1)
    if not folder.is_dir():
        raise CannotTry(
            "The event is not on this machine: it was deleted to make room, or its camera runs on "
            "another machine of the house."
        )
    if part_path(clip).exists():
        raise CannotTry("The clip of this event is still being recorded. Try again in a minute.")
    if not clip.is_file() or has_link(clip, config.data_dir):
        off = "" if config.recording.clips else " Clips are switched off (recording.clips)."
        raise CannotTry(f"This event has no clip to try anything on.{off}")
    return clip


def _rows(config: Config) -> list[dict[str, Any]]:
    """Return the settings of the detector: key, value, default and help of each."""
    present = {"motion": config.motion, "events": config.events.for_detector()}
    usual: Mapping[str, Any] = {"motion": MotionSettings(), "events": EventSettings()}
    explained: dict[str, str] = {}
    with suppress(OSError, UnicodeDecodeError):
        explained = key_help((PROJECT / "config" / "config.yml").read_text(encoding="utf-8"))
    return [
        {
            "key": f"{section}.{one.name}",
            "value": getattr(settings, one.name),
            "default": getattr(usual[section], one.name),
            "help": explained.get(f"{section}.{one.name}", ""),
        }
        for section, settings in present.items()
        for one in fields(settings)  # type: ignore[arg-type]
    ]


class TryOut:
    """Replays a clip through a detector with the settings of *config* and *camera*."""

    def __init__(self, config: Config, camera: CameraConfig) -> None:
        self._motion, self._fps = config.motion, camera.fps
        motion = make_motion(config.motion, unjudged_areas(camera), camera.fps, camera.zones)
        self._detector = Detector(motion, config.events.for_detector(), fps=camera.fps)
        self._model = _deciding_model(config, camera)
        self._trace, self._key_frames = TraceRecorder(), KeyFrames()
        self._people = PeopleReplay(self._detector, config.people, self._model)
        self._people.on_look = self._trace.looked
        self._outcomes: list[AlertOutcome] = []
        self._learning_s = 0.0
        self._began_s = time.monotonic()
        self._printed_s = self._began_s

    def run(self, clip: Path) -> None:
        """Replay *clip*, and print what is found."""
        for frame in _before(_frames(clip, self._fps)):
            self._detector.judge(frame)
        self._trace.begin(0.0)
        stopped, count, last = None, 0, None
        for last in _frames(clip, self._fps):
            self._judge(last)
            count += 1
            now_s = time.monotonic()
            if now_s - self._began_s > REPLAY_S:
                stopped = (
                    f"It was stopped after {REPLAY_S:.0f} s, at {last.at_s:.0f} s of the clip."
                )
                break
            if now_s - self._printed_s > _PROGRESS_S:
                self._printed_s = now_s
                _print("progress", t_s=round(last.at_s, 1))
        if last and (event := self._people.end_event(last.at_s)):
            self._outcomes.append(self._people.outcome(event))
        if last:
            self._report(last)
        learning_s, model = round(self._learning_s, 1), self._model and self._model.detail
        _print("end", frames=count, learning_s=learning_s, stopped=stopped, model=model)

    def _judge(self, frame: Frame) -> None:
        verdict = self._people.judge(frame)
        if frame.damaged:
            return
        if verdict.learning:
            self._learning_s = frame.at_s
        self._trace.add(TracePoint(frame.at_s, verdict.changed_px, verdict.hidden, verdict.level))
        if self._key_frames.wants(frame, verdict):
            comparison, people = self._detector.comparison(), self._people.view()
            self._key_frames.add(KeyFrame(frame, verdict, comparison, people))
        if verdict.event and verdict.changed == "closed":
            self._outcomes.append(self._people.outcome(verdict.event))

    def _report(self, last: Frame) -> None:
        rows, columns = last.luma.shape
        least = thresholds(self._motion, (rows, columns))
        score = self._people.threshold if self._model else None
        trace = self._trace.end(Limits(least.area_px, least.hidden, least.level, score))
        _print("trace", **({} if trace is None else asdict(trace)))
        for outcome in self._outcomes:
            self._report_event(outcome)
        for one in self._key_frames.frames():
            judged = one.frame, one.verdict, one.comparison, one.people
            picture = base64.b64encode(jpeg(draw_tiles(*judged), _QUALITY)).decode()
            _print("picture", t_s=round(one.frame.at_s, 2), **describe(*judged), jpeg=picture)

    def _report_event(self, outcome: AlertOutcome) -> None:
        event = outcome.event
        _print(
            "event",
            opened_s=round(event.started_at_s, 2),
            closed_s=event.ended_at_s and round(event.ended_at_s, 2),
            alert=outcome.decision == "sent",
            fate=alert_text(outcome) if self._model else None,
            peak_area_px=round(event.peak_area_px),
            evidence=event.evidence and asdict(event.evidence),
        )


def _deciding_model(config: Config, camera: CameraConfig) -> PersonModel | None:
    """Return the person model that decides about the alerts of *camera*; None without one."""
    settings = people_settings(config, camera)
    model = make_model(settings, config.models_dir) if settings else None
    return model if model and model.decides else None


def _frames(clip: Path, fps: float) -> Iterator[Frame]:
    """Return the frames of *clip*, at most *fps* a second, as fast as they can be decoded."""
    # They were flipped when the clip was recorded.
    settings = CameraSettings(source=str(clip), fps=fps)
    return fast_frames("the clip", settings)


def _before(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Yield the first of *frames* there and back for some seconds before the first one."""
    held = [frame for frame, _ in zip(frames, range(_HELD_FRAMES), strict=False)]
    if len(held) < 2:
        return
    step_s = max((held[-1].at_s - held[0].at_s) / (len(held) - 1), 0.01)
    count = round(WARM_S / step_s)
    for number, place in enumerate(list(there_and_back(len(held), count))[::-1]):
        one = held[place]
        at_s = held[0].at_s - (count - number) * step_s
        yield Frame(
            luma=one.luma,
            at_s=at_s,
            taken_at=one.taken_at,
            number=one.number,
            make_bgr=one.make_bgr,
            luma_span=one.luma_span,
            damaged=one.damaged,
        )


def _print(kind: str, **values: Any) -> None:
    click.echo(json.dumps({"kind": kind, **values}))


if __name__ == "__main__":
    main(prog_name="python -m app.evaluation.try_event")
