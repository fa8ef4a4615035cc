"""Pictures and clips of events, by id only."""

import os
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from app.errors import StateUnavailable
from app.recording.event_folder import clip_name
from app.recording.thumbnail import with_thumbnail
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.made_events import (
    CLEAN_JPEG,
    JPEG,
    an_event,
    folder_of,
    publish_event,
    write_event,
)

CLIP = bytes(range(256)) * 1000


@pytest.fixture
def event(site: Site) -> str:
    return write_event(site.data_dir, an_event(), clip=CLIP)


def fetch(site: Site, address: str, **headers: str) -> TestResponse:
    """Get all of *address*, after which its file is closed."""
    return site.client.get(address, headers=headers, buffered=True)


def test_pictures_are_sent_to_this_browser_only(site: Site, event: str) -> None:
    marked = fetch(site, f"/event/{event}/snapshot.jpg")
    assert (marked.data, marked.mimetype) == (JPEG, "image/jpeg")
    assert marked.headers["Cache-Control"] == "private, no-cache"
    again = fetch(site, f"/event/{event}/snapshot.jpg", **{"If-None-Match": marked.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert fetch(site, f"/event/{event}/snapshot-clean.jpg").data == CLEAN_JPEG


def test_lists_get_the_small_picture_or_else_the_large_one(site: Site, event: str) -> None:
    address = f"/event/{event}/thumbnail.jpg"
    assert fetch(site, address).data == JPEG
    both = with_thumbnail(b"\xff\xd8\xff\xe0\0\6JFIF rest", b"small")
    (folder_of(site.data_dir, event) / "snapshot.jpg").write_bytes(both)
    elsewhere = publish_event(site.state, an_event(5, "garden"), snapshot=both)
    for shown in (address, f"/event/{elsewhere}/thumbnail.jpg"):
        small = fetch(site, shown)
        assert (small.data, small.headers["Cache-Control"]) == (b"small", "private, no-cache")
        again = fetch(site, shown, **{"If-None-Match": small.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    assert fetch(site, f"/event/{event[:-5]}cellar/thumbnail.jpg").status_code == 404
    for page in ("/timeline", "/detector/events"):
        assert address in site.get(page).text


def test_a_clip_is_sent_by_ranges(site: Site, event: str) -> None:
    address = f"/event/{event}/clip.mp4"
    whole = fetch(site, address)
    assert (whole.data, whole.mimetype, whole.content_length) == (CLIP, "video/mp4", len(CLIP))
    assert whole.headers["Accept-Ranges"] == "bytes"
    etag = whole.headers["ETag"]
    part = fetch(site, address, Range="bytes=1000-100999")
    assert (part.status_code, part.data) == (206, CLIP[1000:101_000])
    assert part.headers["Content-Range"] == f"bytes 1000-100999/{len(CLIP)}"
    assert fetch(site, address, Range="bytes=-5").data == CLIP[-5:]
    assert fetch(site, address, Range="bytes=255000-").data == CLIP[255_000:]
    assert fetch(site, address, Range=f"bytes={len(CLIP)}-").status_code == 416
    same = fetch(site, address, **{"Range": "bytes=0-9", "If-Range": etag})
    assert (same.status_code, same.data) == (206, CLIP[:10])
    changed = fetch(site, address, **{"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (changed.status_code, changed.data) == (200, CLIP)
    head = site.client.head(address, buffered=True)
    assert (head.status_code, head.data, head.content_length) == (200, b"", len(CLIP))


def test_a_download_has_a_name_of_its_own(site: Site, event: str) -> None:
    folder = folder_of(site.data_dir, event)
    (folder / "clip-2.mp4").write_bytes(b"second")
    (folder / "sample.tar").write_bytes(b"tar")
    second = fetch(site, f"/event/{event}/clip.mp4?part=2&download=1")
    assert second.data == b"second"
    assert second.headers["Content-Disposition"].endswith('00-2.mp4"')
    sample = fetch(site, f"/event/{event}/sample.tar?download=1")
    assert (sample.data, sample.mimetype) == (b"tar", "application/x-tar")


def test_a_part_is_a_number_of_a_clip(site: Site, event: str) -> None:
    for part in ("0", "-1", "x", "٣", "99999", "../1", "1.5"):
        assert fetch(site, f"/event/{event}/clip.mp4?part={part}").status_code == 400


def test_what_is_no_event_is_not_found(site: Site, event: str) -> None:
    names = (
        "20261120T100000.000Z-back",
        "20261399T100000.000Z-front",
        "00010101T000000.000Z-front",
        "..%2f..%2fconfig",
        "....",
        "20261120T100000.000Z-front%00",
        "20261120T100000.000Z-..%2ffront",
    )
    files = ("", "/snapshot.jpg", "/snapshot-clean.jpg", "/clip.mp4", "/sample.tar", "/event.json")
    for address in (f"/event/{name}{file}" for name in names for file in files):
        assert fetch(site, address).status_code == 404
    assert fetch(site, f"/event/{event}/event.json").status_code == 404


def test_no_link_leads_out_of_the_recordings(site: Site, event: str) -> None:
    folder = folder_of(site.data_dir, event)
    secret = site.data_dir / "secret"
    secret.write_bytes(b"secret")
    (folder / "clip.mp4").unlink()
    (folder / "clip.mp4").symlink_to(secret)
    (folder / "sample.tar").mkdir()
    os.mkfifo(folder / clip_name(2))
    assert fetch(site, f"/event/{event}/clip.mp4").status_code == 404
    assert fetch(site, f"/event/{event}/clip.mp4?part=2").status_code == 404
    assert fetch(site, f"/event/{event}/sample.tar").status_code == 404
    moved = folder.with_name("moved")
    folder.rename(moved)
    folder.symlink_to(moved)
    assert fetch(site, f"/event/{event}/snapshot.jpg").status_code == 404


def test_a_clip_that_retention_deletes_plays_to_its_end(site: Site, event: str) -> None:
    answer = site.client.get(f"/event/{event}/clip.mp4", buffered=False)
    pieces: Iterator[bytes] = answer.iter_encoded()
    first = next(pieces)
    (folder_of(site.data_dir, event) / "clip.mp4").unlink()
    assert first + b"".join(pieces) == CLIP
    answer.close()
    assert fetch(site, f"/event/{event}/clip.mp4").status_code == 404


def test_another_machine_s_picture_comes_from_redis(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = publish_event(site.state, an_event(1, "garden"), snapshot=b"jpeg")
    found = fetch(site, f"/event/{elsewhere}/snapshot.jpg")
    assert (found.data, found.headers["Cache-Control"]) == (b"jpeg", "private, no-cache")

    def away(_: object, event: str) -> bytes:
        raise StateUnavailable("away")

    monkeypatch.setattr(type(site.state), "snapshot", away)
    assert fetch(site, f"/event/{elsewhere}/snapshot.jpg").status_code == 503
