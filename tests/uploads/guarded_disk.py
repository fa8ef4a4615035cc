"""A disk guard on real files and a simulated free space."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.uploads import disk_guard
from app.uploads.base import DiskSettings, Receipt
from app.uploads.disk_guard import DiskGuard
from app.uploads.inventory import Inventory
from tests.uploads.events import NOON, age, event_of, make_event, noon

GB, MB = 10**9, 10**6
SIZE = 4 * MB


class GuardedDisk:
    """A disk guard over *data_dir* on a simulated disk of 100 MB, whose events go to *stores*."""

    def __init__(
        self,
        data_dir: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        stores: tuple[str, ...] = ("s3",),
        **settings: float,
    ) -> None:
        self.data_dir = data_dir
        self.clock: FakeClock = noon()
        self.inventory = Inventory(data_dir, stores)
        self.taken_by_others = 0
        self.size = 100 * MB
        self.guard = DiskGuard(
            data_dir,
            DiskSettings(**{"min_free_gb": 0.0, **settings}),
            self.inventory,
            self.clock,
            every_s=300,
            alerts=data_dir / "alerts",
            stills_wait=bool(stores),
        )
        monkeypatch.setattr(disk_guard, "free_bytes", lambda _: self.free())

    def event(self, hours_ago: float, *names: str, label: str | None = None) -> Path:
        return make_event(
            self.data_dir, event_of(hours_ago), *(names or ("clip.mp4",)), label=label, size=SIZE
        )

    def upload(self, folder: Path) -> Path:
        """Have S3 confirm all files of the event in *folder*; returns that."""
        for found in self.inventory.scan(NOON):
            for file in found.files if found.path == folder else ():
                self.inventory.confirm(file, "s3", Receipt(file.size, "00"), NOON)
        age(folder, NOON - timedelta(hours=1))
        return folder

    def low(self) -> str | None:
        """Return the alert for the owner."""
        return self.guard.low

    def trouble(self) -> str:
        """Return why the guard cannot do its work."""
        return self.guard.trouble or ""

    def run_s(self, seconds: float) -> None:
        """Let the guard check as often as it wants in *seconds*."""
        until_s = self.clock.monotonic() + seconds
        while self.clock.monotonic() <= until_s:
            self.clock.advance(self.guard.step())

    def free(self) -> int:
        """Return the free bytes of the simulated disk."""
        files = [
            path for path in self.data_dir.rglob("*") if not path.is_symlink() and path.is_file()
        ]
        return self.size - self.taken_by_others - sum(path.stat().st_blocks * 512 for path in files)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.data_dir.glob("events/*/*"))


MakeScene = Callable[..., GuardedDisk]
