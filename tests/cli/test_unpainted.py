"""The verb `unpainted`, and what `check-config` says about old pictures."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.frames import Polygon, jpeg
from app.protocol import EventRecord, Fact, event_started_at
from app.recording.unpainted import note_privacy
from app.state import State
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer
from tests.servers.suite import run_verb

AREA: Polygon = ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2), (0.1, 0.2))
BEFORE = "20261120T101459.000Z-front"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A house with a privacy mask, and an event from before it."""
    (tmp_path / "data" / "events" / "2026-11-20" / BEFORE).mkdir(parents=True)
    since = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
    note_privacy(tmp_path / "data", "front", (AREA,), since)
    return write_config(tmp_path, "redis://127.0.0.1:9/0")


def run(verb: str, config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    done = run_verb(verb, "--config", str(config), *options)
    assert done.returncode == 0
    return done


def test_old_pictures_are_named_and_deleted(config: Path, tmp_path: Path) -> None:
    assert "`python -m app unpainted front` lists them" in run("check-config", config).stderr
    event = tmp_path / "data" / "events" / "2026-11-20" / BEFORE
    assert run("unpainted", config).stdout == f"{event}\n"
    assert event.is_dir()
    deleted = run("unpainted", config, "front", "--delete").stdout
    assert deleted.startswith(f"deleted {event}\n")
    assert "Copies in Slack, Dropbox and S3 stay where they are." in deleted
    assert not event.exists()
    assert "nothing from before a privacy mask" in run("unpainted", config).stdout
    assert "unpainted" not in run("check-config", config).stderr


def test_old_pictures_are_repainted(config: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    event, alert = data / "events" / "2026-11-20" / BEFORE, data / "alerts" / f"{BEFORE}.jpg"
    alert.parent.mkdir()
    for path in (event / "snapshot.jpg", alert):
        path.write_bytes(jpeg(np.full((240, 320, 3), 120, np.uint8)))
    (event / "clip.mp4").write_bytes(b"garbage")
    refused = run_verb("unpainted", "--config", str(config), "--repaint")
    assert refused.returncode == 1
    assert "the privacy mask of camera front was changed in the configuration" in refused.stderr
    private = config / "private.yml"
    private.write_text(f"cameras: {{front: {{privacy: {json.dumps([AREA])}}}}}\n")
    private.chmod(0o600)
    half = run_verb("unpainted", "--config", str(config), "front", "--repaint")
    assert half.returncode == 1
    assert half.stdout.startswith(f"repainted {alert}\n")
    assert half.stderr.startswith(f"{event}: ")
    assert "clip.mp4" in half.stderr
    (event / "clip.mp4").unlink()
    assert run("unpainted", config).stdout == f"{event}\n"
    assert run("unpainted", config, "--repaint").stdout.startswith(f"repainted {event}\n")
    for path in (event / "snapshot.jpg", alert):
        picture = cv2.imread(str(path))
        assert picture is not None
        assert (picture[28:44, 36:60] < 24).all()
        assert abs(int(np.median(picture)) - 120) < 5
    assert "nothing from before a privacy mask" in run("unpainted", config).stdout
    assert "unpainted" not in run("check-config", config).stderr


@pytest.mark.parametrize("what", ["--repaint", "--delete"])
def test_pictures_that_wait_in_redis_are_treated(
    config: Path, state: State, redis_server: RedisServer, what: str
) -> None:
    areas = json.dumps([AREA])
    text = f"redis: {{url: '{redis_server.url}'}}\ncameras: {{front: {{privacy: {areas}}}}}\n"
    (config / "config.yml").write_text(text)
    folder = config.parent / "data" / "events" / "2026-11-20" / BEFORE
    picture = jpeg(np.full((240, 320, 3), 120, np.uint8))
    (folder / "snapshot.jpg").write_bytes(picture)
    gone, new = "20261120T101400.000Z-front", "20261120T101501.000Z-front"
    for event in (gone, BEFORE, new):
        at = event_started_at(event)
        fact = Fact(f"{event}-motion_started", "motion_started", at, "Motion.", "front", event)
        state.publish(fact, EventRecord("front", at), picture)
    listed = [f"the picture in Redis of event {event}" for event in (gone, BEFORE)]
    assert run("unpainted", config).stdout.splitlines()[-2:] == listed
    done = run("unpainted", config, what).stdout
    assert f"deleted {listed[0]}\n" in done
    assert "nothing from before a privacy mask" in run("unpainted", config).stdout
    assert (state.snapshot(gone), state.snapshot(new)) == (None, picture)
    if what == "--repaint":
        assert state.snapshot(BEFORE) == (folder / "snapshot.jpg").read_bytes() != picture
    else:
        assert state.snapshot(BEFORE) is None
