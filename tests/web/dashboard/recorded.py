"""A recorded event on the disk of a `Site`."""

from datetime import datetime, timedelta

from app.protocol import event_started_at
from app.recording.event_folder import EventFolders
from tests.recording.videos import numbered_video
from tests.web.dashboard.conftest import Site

EVENT = "20261120T101500.123Z-front"


def record(site: Site, event: str = EVENT) -> None:
    """Record *event*, in whose clip of 8 s somebody comes at 2.5 s, and goes at 5.5 s."""
    started_at: datetime = event_started_at(event)
    folders = EventFolders(site.data_dir)
    fields = {
        "camera": "front",
        "trigger": "background",
        "started_at": started_at.isoformat(),
        "ended_at": (started_at + timedelta(seconds=3)).isoformat(),
    }
    folders.write_event(event, started_at, fields)
    clip = folders.folder(event, started_at) / "clip.mp4"
    numbered_video(clip, 80, options={"g": "40"}, visits=range(25, 55))
