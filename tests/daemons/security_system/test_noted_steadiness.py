"""A run continues with the steadiness that the last one kept, unless the note of it is damaged."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.daemons.security_system.disk_writer import DiskWriter
from app.daemons.security_system.noted_steadiness import NotedSteadiness
from app.daemons.security_system.notes import Notes
from app.protocol import SteadinessRecord
from app.state.steadiness import Pace

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def opened(folder: Path) -> NotedSteadiness:
    """The steadiness of a new run with its notes in *folder*."""

    def at_once(write: Callable[[], None]) -> None:
        write()

    notes = Notes(folder, DiskWriter(), at_once)
    steadiness = NotedSteadiness(Pace(0.0, 0.0), notes, "losses", "the losses of the camera")
    steadiness.open()
    return steadiness


def test_the_next_run_announces_no_loss_again(tmp_path: Path) -> None:
    first = opened(tmp_path)
    notice = first.observe(True, NOW, 1.0)
    assert notice
    assert notice.kind == "down"
    first.keep()
    second = opened(tmp_path)
    assert second.record == first.record
    assert second.observe(True, NOW, 2.0) is None


def test_a_damaged_note_is_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "losses").write_text('{"announced": 3}')
    assert opened(tmp_path).record == SteadinessRecord()
    assert "the note about the losses of the camera is ignored: " in caplog.text
