"""The verb `replay` over real footage and short videos."""

import csv
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tests.conftest import REPO
from tests.evaluation.videos import (
    config_folder,
    lines,
    run,
    run_as_process,
    video_of_a_visit,
    video_of_light,
)
from tests.recording.videos import beginning_of

VIDEO = "one-by-one-person-detection.mp4"
QUICK = (
    "motion: {method: running_average}\n"
    "events: {event_gap_s: 1, motion_classification_store_cnt: 10}\n"
    "people: {backend: none}"
)
EVENT_FIELDS = ["video", "event", "started_s", "ended_s", "peak_area_px", "boxes"]
FRAME_FIELDS = ["video", "frame", "t_s", "motion", "area_px", "event"]
Found = list[dict[str, Any]]


@pytest.fixture(scope="module")
def quick(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The output of replay for the real video when events end quickly."""
    config = config_folder(tmp_path_factory.mktemp("quick"), QUICK)
    done = run("replay", footage / VIDEO, "--json", "--frames", "--config", config)
    assert done.exit_code == 0, done.stderr
    return lines(done.stdout)


@pytest.fixture(scope="module")
def labels(footage: Path) -> list[tuple[range, bool]]:
    """Stretches of the real video's frames, and whether somebody is there."""
    with (footage / "one-by-one-person-detection.presence.csv").open() as file:
        return [
            (range(int(row["frame_from"]), int(row["frame_to"]) + 1), row["label"] == "person")
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_of_a_visit(tmp_path_factory.mktemp("videos") / "visit.mp4")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return config_folder(tmp_path / "config", QUICK)


def frames_of(found: Found) -> Found:
    return [one for one in found if "frame" in one]


def events_of(found: Found) -> Found:
    return [one for one in found if "started_s" in one]


def test_every_frame_and_every_event_is_one_line(quick: Found, footage: Path) -> None:
    frames, events = frames_of(quick), events_of(quick)
    assert len(frames) + len(events) == len(quick)
    assert {tuple(one) for one in frames} == {tuple(FRAME_FIELDS)}
    assert {tuple(one) for one in events} == {tuple(EVENT_FIELDS)}
    assert {one["video"] for one in quick} == {str(footage / VIDEO)}
    assert [one["frame"] for one in frames] == list(range(1394))
    assert [one["t_s"] for one in frames] == pytest.approx([number / 10 for number in range(1394)])
    assert [one["event"] for one in events] == list(range(1, len(events) + 1))


def test_an_event_is_open_during_each_of_the_six_visits(
    quick: Found, labels: Sequence[tuple[range, bool]]
) -> None:
    is_open = [one["event"] for one in frames_of(quick)]
    visits = [[is_open[number] for number in stretch] for stretch, somebody in labels if somebody]
    assert [any(visit) for visit in visits] == [True] * 6


def test_no_event_opens_while_the_room_is_empty(
    quick: Found, labels: Sequence[tuple[range, bool]]
) -> None:
    empty = {number for stretch, somebody in labels if not somebody for number in stretch}
    assert len(empty) == 247
    opened = {round(one["started_s"] * 10) for one in events_of(quick)}
    assert opened
    assert not opened & empty


def test_an_event_is_open_until_its_gap_has_passed(quick: Found) -> None:
    frames = frames_of(quick)
    for event in events_of(quick):
        first, last = round(event["started_s"] * 10), round(event["ended_s"] * 10)
        assert not frames[first - 1]["event"]
        assert all(one["event"] for one in frames[first : last + 1])
        assert frames[last]["motion"]
        assert not any(one["motion"] for one in frames[last + 1 : last + 10])
        assert max(one["area_px"] for one in frames[first : last + 1]) == event["peak_area_px"]


def test_the_frame_that_closes_an_event_is_not_part_of_it(tmp_path: Path) -> None:
    text = QUICK.replace("gap_s: 1,", "gap_s: 0.95,")
    config = config_folder(tmp_path / "config", text)
    video = video_of_a_visit(tmp_path / "visit.mp4", after=40)
    found = lines(run("replay", video, "--json", "--frames", config=config).stdout)
    (event,) = events_of(found)
    last = round(event["ended_s"] * 10)
    assert [one["event"] for one in frames_of(found)[last:]] == [True] * 10 + [False] * (90 - last)
    assert found.index(event) == last + 11


def test_by_default_an_event_opens_soon_after_the_visitor(footage: Path, tmp_path: Path) -> None:
    video = beginning_of(footage / VIDEO, 150, tmp_path / "video.mp4")
    done = run("replay", video, "--json", config=config_folder(tmp_path / "config"))
    first = lines(done.stdout)[0]
    assert 5.4 <= first["started_s"] <= 8.4
    assert first["boxes"]
    assert all(
        min(x, y) >= 0 and x + width <= 768 and y + height <= 432
        for x, y, width, height in first["boxes"]
    )


def test_cars_are_detected_too(footage: Path, tmp_path: Path) -> None:
    video = beginning_of(footage / "car-detection.mp4", 180, tmp_path / "cars.mp4")
    config = config_folder(tmp_path / "config")
    done = run("replay", video, "--json", "--frames", config=config)
    assert done.exit_code == 0
    assert len(frames_of(lines(done.stdout))) == 180
    assert events_of(lines(done.stdout))


MODELS = ("yolox_nano.onnx", "FastestDet.onnx")


def alerts(video: Path, model: Path, config: Path) -> Found:
    """The events of *video*, about whose alerts *model* decides."""
    done = run("replay", video, "--json", "--people", model, config=config)
    assert done.exit_code == 0, done.stderr
    assert model.name in done.stderr
    return lines(done.stdout)


@pytest.mark.parametrize("model", MODELS)
def test_a_visitor_is_sent_as_a_person_within_a_second(
    model: str, footage: Path, model_files: Path, tmp_path: Path
) -> None:
    video = beginning_of(footage / VIDEO, 90, tmp_path / "video.mp4")
    (event,) = alerts(video, model_files / model, config_folder(tmp_path / "config"))
    assert (event["decision"], event["why"], event["seen"]) == ("sent", "person", "person")
    assert event["decided_s"] <= 7.0  # a first hand is in view at 6.0
    assert event["score"] >= 0.75


@pytest.mark.parametrize("model", MODELS)
def test_cars_are_held_back(model: str, footage: Path, model_files: Path, tmp_path: Path) -> None:
    video = beginning_of(footage / "car-detection.mp4", 110, tmp_path / "cars.mp4")
    (event,) = alerts(video, model_files / model, config_folder(tmp_path / "config"))
    assert (event["decision"], event["why"], event["person"]) in [
        ("held", "nobody", None),
        ("held", "nobody", False),
    ]


def test_a_model_that_is_missing_is_named(visit: Path, plain: Path) -> None:
    done = run("replay", visit, "--people", "no-such.onnx", config=plain)
    assert done.exit_code == 1
    assert "no-such.onnx" in done.stderr


def test_an_event_open_at_the_end_is_printed(visit: Path, plain: Path) -> None:
    (event,) = lines(run("replay", visit, "--json", config=plain).stdout)
    assert event["started_s"] == 3.5
    assert event["ended_s"] == 5.9


def test_without_json_it_prints_a_table(visit: Path, plain: Path) -> None:
    done = run_as_process("replay", visit, config=plain)
    assert done.returncode == 0
    assert "{" not in done.stdout
    name, header, row = done.stdout.splitlines()
    assert name == f"{visit}:"
    assert header.split()[:3] == ["event", "from", "s"]
    assert row.split()[:3] == ["1", "3.5", "5.9"]
    assert done.stderr == ""


def test_a_video_without_motion_has_no_event(plain: Path, tmp_path: Path) -> None:
    still = video_of_a_visit(tmp_path / "still.mp4", during=0)
    assert run("replay", still, config=plain).stdout == f"{still}: no event\n"
    assert run("replay", still, "--json", config=plain).stdout == ""


def test_a_terminal_shows_a_progress_bar(visit: Path, plain: Path) -> None:
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "app", "replay", str(visit), "--config", str(plain)]
    with subprocess.Popen(
        command, cwd=REPO, stdout=subprocess.PIPE, stderr=end, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(end)
        output, _ = process.communicate(timeout=60)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "visit.mp4" in shown
    assert "100%" in shown
    assert output.startswith(bytes(visit))


def broken(kind: str, folder: Path, whole: Path) -> Path:
    path = folder / f"{kind}.mp4"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no video\n" * 1000)
    elif kind == "cut":
        path.write_bytes(whole.read_bytes()[:2000])
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "cut", "folder"])
def test_a_broken_video_is_named_and_others_are_replayed(
    kind: str, visit: Path, plain: Path, tmp_path: Path
) -> None:
    path = broken(kind, tmp_path, visit)
    done = run("replay", path, visit, "--json", config=plain)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith("Error: ")
    assert path.name in done.stderr
    assert [one["video"] for one in lines(done.stdout)] == [str(visit)]


def test_a_damaged_video_is_replayed_as_far_as_possible(
    visit: Path, plain: Path, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.mp4"
    data = bytearray(visit.read_bytes())
    start = data.index(b"mdat") + 1200
    data[start : start + 1200] = bytes(1200)
    path.write_bytes(data)
    done = run("replay", path, "--json", "--frames", config=plain)
    assert done.exit_code == 1
    assert "damaged.mp4" in done.stderr
    assert frames_of(lines(done.stdout))


MASKED = "{masks: [[[0, 0], [1, 0], [1, 1], [0, 1]]]}"


def test_the_masks_of_the_only_camera_apply(visit: Path, tmp_path: Path) -> None:
    config = config_folder(tmp_path / "config", f"{QUICK}\ncameras:\n  front: {MASKED}\n")
    assert run("replay", visit, "--json", config=config).stdout == ""


def test_one_of_several_cameras_can_be_chosen(visit: Path, tmp_path: Path) -> None:
    text = f"{QUICK}\ncameras:\n  front: {MASKED}\n  yard: {{masks: []}}\n"
    config = config_folder(tmp_path / "config", text)
    found = {
        name: len(lines(run("replay", visit, "--json", "--camera", name, config=config).stdout))
        for name in ("front", "yard")
    }
    assert found == {"front": 0, "yard": 1}
    unchosen = run("replay", visit, "--json", config=config)
    assert len(lines(unchosen.stdout)) == 1
    assert "--camera chooses among front, yard" in unchosen.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--frames"], "--json"),
        (["--camera", "attic"], "front"),
        (["--config", "/nowhere"], "/nowhere"),
        (["--render", "/nowhere/out.mp4"], "the folder /nowhere does not exist"),
        (["--render", "out.avi"], "out.avi must end in .mp4"),
        (["--render", str(Path(__file__).with_suffix(".mp4")), "other.mp4"], "name one VIDEO"),
    ],
)
def test_a_wrong_call_is_answered_with_the_right_one(
    arguments: list[str], hint: str, visit: Path, plain: Path
) -> None:
    done = run("replay", visit, *arguments, config=plain)
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code != 0
    assert hint in done.stderr
    assert done.stdout == ""


def test_with_the_trigger_light_each_opening_is_an_event(tmp_path: Path) -> None:
    spans = ((3, 4), (0.1, 200), (2, 4), (5, 110), (2, 4), (1.5, 90))
    video = video_of_light(tmp_path / "fridge.mp4", *spans)
    config = config_folder(tmp_path / "config", "motion: {trigger: light}")
    done = run("replay", video, "--json", "--frames", config=config)
    assert done.exit_code == 0, done.stderr
    found = lines(done.stdout)
    levels = [one["level"] for one in frames_of(found)]
    assert levels[10] == pytest.approx(4, abs=3)
    assert levels[80] == pytest.approx(114, abs=3)
    times_s = [(one["started_s"], one["ended_s"]) for one in events_of(found)]
    assert times_s == [(5.1, 10.1), (12.1, 13.5)]


def test_a_drawn_scene_is_replayed_for_a_minute(tmp_path: Path) -> None:
    config = config_folder(tmp_path, QUICK)
    done = run("replay", "demo", "--json", "--frames", "--config", config)
    found = lines(done.stdout)
    assert done.exit_code == 0
    assert [one["t_s"] for one in found if "t_s" in one][-1] == pytest.approx(59.9)
    assert len([one for one in found if "started_s" in one]) >= 3


@pytest.mark.parametrize("method", ["running_average", "structure"])
def test_somebody_is_found_at_two_frames_a_second(
    method: str, footage: Path, tmp_path: Path
) -> None:
    config = config_folder(tmp_path, f"motion: {{method: {method}}}")
    done = run("replay", footage / "trouble" / "slow-2fps.ts", "--json", "--config", config)
    (event,) = lines(done.stdout)
    assert 20 <= event["started_s"] <= 22


def test_a_rendered_video_shows_every_frame_at_its_time(
    visit: Path, plain: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    done = run("replay", visit, "--render", out, config=plain)
    assert done.exit_code == 0, done.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with av.open(str(out)) as written:
        stream = written.streams.video[0]
        assert (stream.width, stream.height) == (1280, 720)
        assert stream.average_rate == Fraction(10)
        times_s = [one.time for one in written.decode(stream)]
    assert times_s == pytest.approx([number / 10 for number in range(60)], abs=1e-3)
    again = run("replay", visit, "--render", out, config=plain)
    assert again.exit_code == 2
    assert "out.mp4 exists already" in again.stderr


def test_a_broken_video_leaves_no_rendered_one(plain: Path, tmp_path: Path) -> None:
    done = run("replay", "missing.mp4", "--render", tmp_path / "out.mp4", config=plain)
    assert done.exit_code == 1
    assert "there is no such file" in done.stderr
    assert list(tmp_path.glob("*.mp4")) + list(tmp_path.glob(".*")) == []


def test_a_damaged_video_is_rendered_as_far_as_possible(
    visit: Path, plain: Path, tmp_path: Path
) -> None:
    data = bytearray(visit.read_bytes())
    start = data.index(b"mdat") + 1200
    data[start : start + 1200] = bytes(1200)
    (tmp_path / "damaged.mp4").write_bytes(data)
    out = tmp_path / "out.mp4"
    done = run("replay", tmp_path / "damaged.mp4", "--render", out, config=plain)
    assert done.exit_code == 1
    assert "of its pictures are damaged" in done.stderr
    assert out.is_file()


def test_a_window_without_a_display_is_a_clear_error(
    visit: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", "")
    done = run("replay", visit, "--show", config=plain)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: no window can be opened: DISPLAY is not set.")
