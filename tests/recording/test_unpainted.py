"""Files from before a privacy mask."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.frames import Polygon
from app.recording.unpainted import (
    delete,
    hidden_since,
    is_noted,
    note_privacy,
    note_repainted,
    unpainted,
)

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
WINDOW: Polygon = ((0.5, 0.5), (0.9, 0.5), (0.9, 0.9))
BEFORE, AFTER = "20261120T101459.000Z-front", "20261120T101500.500Z-front"


def files(data: Path) -> list[str]:
    for name in (
        f"events/2026-11-20/{BEFORE}/snapshot.jpg",
        f"events/2026-11-20/{AFTER}/snapshot.jpg",
        f"events/2026-11-20/{BEFORE.replace('front', 'front-2')}/snapshot.jpg",
        f"alerts/{BEFORE}.jpg",
        f"alerts/{AFTER}.jpg",
        f"samples/{BEFORE.replace('.', '-')}.tar",
        "samples/99999999T999999.999Z-front.tar",
    ):
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return sorted(str(path.relative_to(data)) for path in unpainted(data, "front"))


def test_what_is_older_than_the_mask_is_found(tmp_path: Path) -> None:
    note_privacy(tmp_path, "front", (WINDOW,), NOW)
    assert files(tmp_path) == [
        f"alerts/{BEFORE}.jpg",
        f"events/2026-11-20/{BEFORE}",
        f"samples/{BEFORE.replace('.', '-')}.tar",
    ]
    for path in list(unpainted(tmp_path, "front")):
        delete(path)
    assert list(unpainted(tmp_path, "front")) == []
    assert (tmp_path / f"events/2026-11-20/{AFTER}").is_dir()


def test_the_time_of_a_mask_is_that_of_its_last_change(tmp_path: Path) -> None:
    assert hidden_since(tmp_path, "front") is None
    note_privacy(tmp_path, "front", (), NOW)
    assert not (tmp_path / "spool").exists()
    note_privacy(tmp_path, "front", (WINDOW,), NOW)
    note_privacy(tmp_path, "front", (WINDOW,), NOW + timedelta(days=1))
    assert hidden_since(tmp_path, "front") == NOW
    note_privacy(tmp_path, "front", (WINDOW, WINDOW), NOW + timedelta(days=2))
    assert hidden_since(tmp_path, "front") == NOW + timedelta(days=2)
    note_privacy(tmp_path, "front", (), NOW + timedelta(days=3))
    assert hidden_since(tmp_path, "front") is None
    assert files(tmp_path) == []


def test_what_is_repainted_is_listed_again_after_another_mask(tmp_path: Path) -> None:
    note_privacy(tmp_path, "front", (WINDOW,), NOW)
    before = files(tmp_path)
    note_repainted(tmp_path, "front", tmp_path / before[0])
    with (tmp_path / "spool" / "front" / "repainted").open("a") as note:
        note.write(f"{NOW.isoformat()} {tmp_path / before[1]}"[:-1])  # a kill cuts a line off
    assert files(tmp_path) == before[1:]
    assert is_noted(tmp_path, "front", (WINDOW,))
    assert not is_noted(tmp_path, "front", (WINDOW, WINDOW))
    note_privacy(tmp_path, "front", (WINDOW, WINDOW), NOW + timedelta(seconds=0.1))
    assert files(tmp_path) == before


def test_copies_elsewhere_are_found(tmp_path: Path) -> None:
    data, nas = tmp_path / "data", tmp_path / "nas"
    note_privacy(data, "front", (WINDOW,), NOW)
    for name in (nas / f"clips/{BEFORE}.mp4", nas / f"clips/{AFTER}.mp4"):
        name.parent.mkdir(parents=True, exist_ok=True)
        name.touch()
    copies = (nas, data / "alerts", tmp_path / "missing")
    assert list(unpainted(data, "front", copies)) == [nas / f"clips/{BEFORE}.mp4"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"areas": 3, "since": "x"}', b"\xff\xfe"])
def test_a_damaged_note_is_written_again(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spool" / "front" / "privacy.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert hidden_since(tmp_path, "front") is None
    note_privacy(tmp_path, "front", (WINDOW,), NOW)
    assert hidden_since(tmp_path, "front") == NOW


def test_a_disk_that_takes_no_note_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").touch()
    note_privacy(tmp_path, "front", (WINDOW,), NOW)
    assert "it is not noted since when areas are hidden" in caplog.text
