"""The disk and what waits, from the heartbeats."""

from datetime import UTC, datetime

from app.protocol import Counters, Heartbeat, heartbeat_key, host_name
from app.times import format_time
from app.uploads.base import DiskSettings
from app.web.dashboard.machine.backlog import alert_rows, disk_rows, upload_rows

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HERE = host_name()


def beats(program: str, counters: Counters, host: str = HERE) -> dict[str, Heartbeat]:
    return {heartbeat_key(program, host): Heartbeat(1, NOW, NOW, counters)}


def test_the_next_deletions_have_their_sizes_and_times() -> None:
    event = "20261120T101500.123Z-front"
    counters: Counters = {
        "free_gb": 3.5,
        "recordings_gb": 1.25,
        "deleted": 2,
        "next_deleted_mb": {f"2026-11-20/{event}": 1.5, "stills/a.jpg": 0.1},
        "next_deleted_why": {f"2026-11-20/{event}": "it is uploaded"},
    }
    (disk,) = disk_rows(beats("uploader", counters), DiskSettings(keep_days=1), NOW)
    assert (disk.free_gb, disk.recordings_gb, disk.deleted) == (3.5, 1.25, 2)
    event_row, still = disk.deletions
    at = format_time(datetime(2026, 11, 20, 10, 15, tzinfo=UTC), NOW)
    assert (event_row.name, event_row.size_mb) == (f"front {at}", 1.5)
    assert event_row.why == "it is uploaded"
    assert event_row.latest == format_time(datetime(2026, 11, 21, 10, 15, tzinfo=UTC), NOW)
    assert (still.name, still.why, still.latest) == ("stills/a.jpg", "", None)


def test_an_uploader_of_an_earlier_version_says_less() -> None:
    (disk,) = disk_rows(beats("uploader", {"free_gb": None}), DiskSettings(), NOW)
    assert (disk.free_gb, disk.recordings_gb, disk.deletions) == (None, None, ())


def test_each_store_has_what_waits_and_its_trouble() -> None:
    counters: Counters = {
        "store_waiting": {"s3": 3, "dropbox": 0},
        "store_waiting_mb": {"s3": 4.25, "dropbox": 0},
        "store_last": {"s3": None, "dropbox": "2026-11-20T10:00:00+00:00"},
        "store_trouble": {"s3": "no network", "dropbox": None},
    }
    s3, dropbox = upload_rows(beats("uploader", counters, "garden-pi"), NOW)
    assert (s3.name, s3.waiting, s3.trouble) == ("s3 on garden-pi", 3, "no network")
    assert s3.details == "4.2 MB"
    assert (dropbox.waiting, dropbox.trouble) == (0, "")
    assert dropbox.details.startswith("last upload ")


def test_each_channel_has_its_oldest_alert() -> None:
    counters: Counters = {
        "channel_waiting": {"slack": 2, "folder": 0},
        "channel_oldest_s": {"slack": 200, "folder": None},
        "channel_trouble": {"slack": "refused", "folder": None},
    }
    slack, folder = alert_rows(beats("notifier", counters))
    assert (slack.name, slack.waiting, slack.details) == ("slack", 2, "the oldest for 3 min")
    assert slack.trouble == "refused"
    assert (folder.waiting, folder.details) == (0, "")
