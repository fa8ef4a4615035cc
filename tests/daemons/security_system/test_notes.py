"""Notes reach the next run, also when the disk refuses them at first."""

from collections.abc import Callable
from pathlib import Path

from app.daemons.security_system.disk_writer import DiskWriter
from app.daemons.security_system.notes import Notes, read_small_file


class Run:
    """One run of a program, with its notes in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.disk = DiskWriter()
        self.jobs: list[Callable[[], None]] = []
        self.notes = Notes(folder, self.disk, self.jobs.append)

    def write(self) -> None:
        """Do what the thread that writes does."""
        while self.jobs:
            self.jobs.pop(0)()


def test_a_note_is_there_for_the_next_run_until_it_is_removed(tmp_path: Path) -> None:
    first, second = Run(tmp_path), Run(tmp_path)
    assert first.notes.read("opening") is None
    first.notes.keep("opening", "an old note")
    first.notes.keep("opening", "the note")
    first.write()
    assert second.notes.read("opening") == "the note"
    for _ in range(2):
        second.notes.keep("opening", None)
        second.write()
        assert second.notes.read("opening") is None
    assert second.disk.trouble is None


def test_a_refused_note_is_written_later(tmp_path: Path) -> None:
    run = Run(tmp_path)
    (tmp_path / "opening").mkdir()
    run.notes.keep("opening", "the note")
    run.write()
    assert run.disk.trouble
    assert not run.notes.write_refused()
    (tmp_path / "opening").rmdir()
    assert run.notes.write_refused()
    assert run.notes.read("opening") == "the note"


def test_a_newer_note_replaces_a_refused_one(tmp_path: Path) -> None:
    run = Run(tmp_path)
    (tmp_path / "opening").mkdir()
    run.notes.keep("opening", "the old note")
    run.write()
    run.notes.keep("opening", "the new note")
    (tmp_path / "opening").rmdir()
    run.write()
    assert run.notes.write_refused()
    assert run.notes.read("opening") == "the new note"


def test_bytes_that_are_no_text_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "note").write_bytes(b"\xff1-0")
    assert read_small_file(tmp_path / "note") == "\ufffd1-0"
    assert read_small_file(tmp_path) is None
