"""The uploader's index of 10,000 events: the time of a scan, the time for a fact, and the memory.

The index is measured in a process of its own: `python -m app.benchmarks.house.archive FOLDER`.
"""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from app import protocol
from app.benchmarks.house.usage import field
from app.clock import SystemClock
from app.config import PROJECT
from app.errors import SuiteError
from app.recording.event_folder import EventFolders
from app.uploads.base import DiskSettings
from app.uploads.disk_guard import DiskGuard
from app.uploads.folder import FolderStore
from app.uploads.inventory import Inventory
from app.uploads.sources import EventFiles
from app.uploads.upload_queue import UploadQueue

EVENTS = 10_000
CAMERA = "front"
_DAYS = 25
_PASSES = 7
_STORE = "folder"


def measure_archive(folder: Path, events: int = EVENTS) -> dict[str, Any]:
    """Return the costs of *events* events below *folder*, all of them uploaded."""
    write_archive(folder, events)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "app.benchmarks.house.archive", str(folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SuiteError(f"the index of the uploader cannot be measured:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return {"events": events, **figures}


def write_archive(data_dir: Path, events: int) -> None:
    """Write *events* events of some days, which the store has confirmed, to *data_dir*."""
    newest = datetime.now(UTC) - timedelta(hours=1)
    for number in range(events):
        at = newest - timedelta(days=_DAYS) * (number / events)
        folder = data_dir / "events" / f"{at:%Y-%m-%d}" / protocol.event_id(at, CAMERA)
        folder.mkdir(parents=True)
        record = {"id": folder.name, "camera": CAMERA, "ended_at": at.isoformat()}
        (folder / "event.json").write_text(json.dumps(record), encoding="utf-8")
        for name, key in (("clip.mp4", "mp4"), ("snapshot.jpg", "jpg")):
            file = folder / name
            file.touch()
            confirmed = {
                "key": f"clips/{folder.name}.{key}",
                "size": 0,
                "checksum": "",
                "changed_ns": file.stat().st_mtime_ns,
                "at": at.isoformat(),
            }
            marker = folder / f".{name}.uploaded"
            marker.write_text(json.dumps({_STORE: confirmed}), encoding="utf-8")
        os.utime(folder, (at.timestamp(), at.timestamp()))


def index_costs(data_dir: Path) -> dict[str, float]:
    """Return the milliseconds and megabytes of the index of *data_dir* in this process."""
    clock = SystemClock()
    before_kb = _memory_kb()
    inventory = Inventory(data_dir, [_STORE])
    (data_dir / "copies").mkdir(exist_ok=True)
    source = EventFiles(inventory, _STORE, clock)
    queue = UploadQueue(FolderStore(data_dir / "copies"), source, clock, every_s=3600)
    began_s = time.process_time()
    folders = inventory.scan(clock.now())
    first_ms = 1000 * (time.process_time() - began_s)
    newest = folders[-1].event
    del folders
    queue.step()
    memory_kb = _memory_kb() - before_kb

    def hurry() -> None:
        queue.hurry(newest)
        queue.step()

    def search_newest_days() -> None:
        """Do what delays the start of a camera's program; it searches the other days later."""
        found = EventFolders(data_dir)
        list(found.unfinished_clips(CAMERA, found.days()[-2:]))

    limits = DiskSettings(keep_days=2 * _DAYS, max_gb=1e6, min_free_gb=0)
    guard = DiskGuard(data_dir, limits, inventory, clock, every_s=1e-6)
    return {
        "first_scan_ms": round(first_ms, 2),
        "scan_ms": _median_ms(lambda: inventory.scan(clock.now())),
        "fact_ms": _median_ms(hurry),
        "guard_ms": _median_ms(guard.step),
        "unfinished_clips_ms": _median_ms(search_newest_days),
        "memory_mb": round(memory_kb * 1024 / 1e6, 1),
    }


def _median_ms(call: Callable[[], object]) -> float:
    took_s = []
    for _ in range(_PASSES):
        began_s = time.process_time()
        call()
        took_s.append(time.process_time() - began_s)
    return round(1000 * median(took_s), 2)


def _memory_kb() -> int:
    gc.collect()
    return field(Path("/proc/self/smaps_rollup"), "Anonymous")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(index_costs(Path(sys.argv[1]))))
