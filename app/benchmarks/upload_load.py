"""`bench --uploads`: measures the speed of uploads without the limits of network and store, and
the inventory of many events.

The uploader's own parts (search, S3 over HTTP with checksums, confirmation, markers) upload an hour
of events. The store is a separate process on loopback that reads everything, computes its checksum
and keeps nothing; this machine's processor does the work of both sides.
"""

import base64
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app import protocol
from app.benchmarks.house.archive import EVENTS as INDEXED
from app.benchmarks.house.archive import measure_archive
from app.clock import SystemClock
from app.config import PROJECT
from app.errors import SuiteError
from app.uploads.base import S3Settings, Store
from app.uploads.folder import FolderStore
from app.uploads.inventory import Inventory
from app.uploads.s3 import S3Store
from app.uploads.sources import EventFiles
from app.uploads.upload_queue import UploadQueue

EVENTS = 40
FILES_MB = {"clip.mp4": 5.0, "snapshot.jpg": 0.1, "sample.tar": 2.0}
_READ = 2**20
_ARCHIVE_ROWS = {
    "first_scan_ms": "first search, which reads all folders",
    "scan_ms": "search for new files",
    "fact_ms": "urgent event",
    "guard_ms": "search of the disk guard",
    "unfinished_clips_ms": "a starting camera's search for unfinished clips",
}


def measure_uploads(events: int = EVENTS, indexed: int = INDEXED) -> dict[str, Any]:
    """Return megabytes and files a second to S3 and to a folder, and the peak memory.

    The memory is this process's RSS in MB. The costs of the inventory are those of *indexed*
    events.
    """
    figures: dict[str, Any] = {"events": events}
    with tempfile.TemporaryDirectory(prefix="upload-load-") as name:
        figures["archive"] = measure_archive(Path(name), indexed)
    with tempfile.TemporaryDirectory(prefix="upload-load-") as name, _discarding_store() as address:
        folder = Path(name)
        settings = S3Settings("bench", address, "us-east-1", "bench", SecretStr("bench"))
        (folder / "nas").mkdir()
        for store in (S3Store(settings), FolderStore(folder / "nas")):
            with closing(store):
                figures[store.name] = _figures_of(store, folder / store.name, events)
    return {
        **figures,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1),
    }


def uploads_table(figures: dict[str, Any]) -> str:
    """Return the figures of `measure_uploads` for people to read."""
    events, size_mb = figures["events"], sum(FILES_MB.values())
    rows = [
        f"{events} events of {size_mb:g} MB in three files each, over loopback, one after another"
    ]
    for name in ("s3", "folder"):
        rows.append(
            f"  {name:8} {figures[name]['mb_per_s']:8.1f} MB/s  "
            f"{figures[name]['files_per_s']:8.1f} files/s"
        )
    rows.append(f"  memory at most (RSS): {figures['peak_rss_mb']:.1f} MB")
    archive = figures["archive"]
    rows.append(f"the inventory of {archive['events']} uploaded events, CPU milliseconds")
    rows.extend(f"  {archive[name]:8.2f}  {text}" for name, text in _ARCHIVE_ROWS.items())
    rows.append(f"  memory: {archive['memory_mb']:.1f} MB")
    return "\n".join(rows)


def _figures_of(store: Store, data_dir: Path, events: int) -> dict[str, float]:
    _make_events(data_dir, events)
    clock = SystemClock()
    inventory = Inventory(data_dir, [store.name])
    queue = UploadQueue(store, EventFiles(inventory, store.name, clock), clock, every_s=3600)
    began_s = time.perf_counter()
    while queue.step() == 0:
        if queue.trouble:
            raise SuiteError(queue.trouble)
    took_s = time.perf_counter() - began_s
    return {
        "mb_per_s": round(queue.uploaded_mb / took_s, 1),
        "files_per_s": round(queue.uploaded / took_s, 1),
    }


def _make_events(data_dir: Path, events: int) -> None:
    for number in range(events):
        at = datetime.now(UTC) - timedelta(hours=1, seconds=-90 * number)
        folder = data_dir / "events" / f"{at:%Y-%m-%d}" / protocol.event_id(at, "front")
        folder.mkdir(parents=True)
        for name, size_mb in FILES_MB.items():
            (folder / name).write_bytes(os.urandom(round(size_mb * 1e6)))


@contextmanager
def _discarding_store() -> Iterator[str]:
    """Start a store that keeps nothing, and yield its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.benchmarks.upload_load"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline() if process.stdout else 0)}"
        finally:
            process.terminate()


class _StoreHandler(BaseHTTPRequestHandler):
    """Answers PUT and HEAD as S3 does."""

    protocol_version = "HTTP/1.1"
    kept: dict[str, tuple[int, str]] = {}  # noqa: RUF012 (what all connections share)

    def do_PUT(self) -> None:
        digest, left = hashlib.sha256(), int(self.headers["Content-Length"])
        while left:
            part = self.rfile.read(min(left, _READ))
            digest.update(part)
            left -= len(part)
        self.kept[self.path] = (
            int(self.headers["Content-Length"]),
            base64.b64encode(digest.digest()).decode(),
        )
        self._answer(0)

    def do_HEAD(self) -> None:
        self._answer(self.kept[self.path][0])

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _answer(self, size: int) -> None:
        facts = {
            "Content-Length": size,
            "ETag": '"-"',
            "x-amz-checksum-sha256": self.kept[self.path][1],
        }
        self.send_response(200)
        for name, value in {**facts, "x-amz-server-side-encryption": "AES256"}.items():
            self.send_header(name, str(value))
        self.end_headers()


def main() -> None:
    """Run the store: print the port, and serve until killed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _StoreHandler) as server:
        server.daemon_threads = True
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
