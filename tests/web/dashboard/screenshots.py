"""Pictures of each page of the dashboard, for the documentation: of the demo scene only.

    python -m tests.web.dashboard.screenshots docs/dashboard

It runs a house for two minutes, so that something has happened in it, and repeats that at earlier
times, so that a day has a shape.
"""

import json
import shutil
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page

from app.protocol import event_id, event_started_at
from app.recording.event_folder import EventFolders
from tests.waiting import until
from tests.web.dashboard.browser import Look, chromium, opened_page
from tests.web.dashboard.house import CAMERA, House

#: The pages, by the names of their pictures; EVENT stands for the newest event. When somebody walks
#: through the picture of the detector, the next page shows that too.
PAGES = {
    "login": "/login",
    "detector": "/detector",
    "now": "/",
    "timeline": "/timeline",
    "event": "/event/EVENT",
    "tag": "/tag",
    "system": "/system",
    "logs": "/logz",
}
LOOKS = {
    f"{device}-{scheme}": Look(*size, scheme)
    for device, size in (("phone", (390, 844)), ("desktop", (1280, 800)))
    for scheme in ("light", "dark")
}
_EVENTS = 6
#: The hours before now at which something happened too.
_EARLIER_H = (0.4, 0.5, 1.1, 2.3, 2.4, 4.2, 6.8, 9.0, 22.5, 23.1, 24.6, 26.2, 28.0, 28.1, 31.5)
_LABELS = ("occupied", "occupied", "unoccupied", None)
_MOST_BYTES = 70_000
#: Until live pictures, plots and what comes by server-sent events are there.
_SETTLE_MS = 2000


def take_all(house: House, browser: Browser, folder: Path) -> None:
    """Write a picture of each page in each look into *folder*."""
    event = house.events()[0].name
    for look_name, look in LOOKS.items():
        with opened_page(browser, house.url, look) as page:
            save(page, "/login", folder / f"login-{look_name}.jpg")
        with house.opened(browser, look) as page:
            for name, path in PAGES.items():
                if name != "login":
                    save(page, path.replace("EVENT", event), folder / f"{name}-{look_name}.jpg")


def save(page: Page, path: str, picture: Path) -> None:
    """Write what *page* shows at *path* to *picture*, as good as the size allows."""
    page.goto(path, wait_until="domcontentloaded")
    page.wait_for_timeout(_SETTLE_MS)
    if path == "/detector":
        page.get_by_role("heading", name="Somebody").wait_for()
    shown = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    for quality in range(90, 20, -10):
        small = [cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
        _, written = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality, *small])
        if len(written) <= _MOST_BYTES:
            break
    picture.write_bytes(written.tobytes())
    sys.stdout.write(f"{picture}: {len(written) / 1000:.0f} kB, quality {quality}\n")


def repeat_earlier(house: House) -> None:
    """Copy the events that were recorded to `_EARLIER_H`, and tag most of the copies."""
    folders, recorded = EventFolders(house.config.data_dir), house.events()
    for number, hours in enumerate(_EARLIER_H):
        source = recorded[number % len(recorded)]
        earlier = timedelta(hours=hours)
        at = event_started_at(source.name) - earlier
        event = event_id(at, CAMERA)
        shutil.copytree(source, folders.folder(event, at))
        fields = json.loads((source / "event.json").read_text())
        for name in ("started_at", "ended_at"):
            fields[name] = (datetime.fromisoformat(fields[name]) - earlier).isoformat()
        del fields["id"]
        folders.write_event(event, at, fields)
        if label := _LABELS[number % len(_LABELS)]:
            tagged_at = (at + timedelta(minutes=5)).isoformat()
            folders.write_label(event, at, {"label": label, "user": "anna", "time": tagged_at})


def run(folder: Path) -> None:
    """Start a house with the demo scene, wait for some events, and take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="house-") as place,
        House(Path(place), "demo", programs=()) as house,
        chromium() as browser,
    ):
        until(lambda: len(house.events()) >= _EVENTS, "some visits are recorded", 240.0)
        repeat_earlier(house)
        take_all(house, browser, folder)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
