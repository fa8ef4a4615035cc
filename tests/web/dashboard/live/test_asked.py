"""A picture and a clip that somebody asked for at the page."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from app import protocol
from app.protocol import ClipAsked, Heartbeat, Trouble, camera_key, heartbeat_key, host_name
from app.state import Latest
from tests.web.dashboard.conftest import Site

EVENT = "20261120T101500.000Z-front"


@pytest.fixture
def asked_at(site: Site) -> datetime:
    beat(site)
    return datetime.now(UTC)


def beat(site: Site, state: str = "open", trouble: Trouble | None = None) -> None:
    now = datetime.now(UTC)
    key = heartbeat_key("security_system", host_name(), "front")
    site.state.send_heartbeat(key, Heartbeat(1, now, now, {"camera": state}, trouble))


def look(site: Site, what: str, at: datetime) -> dict[str, Any]:
    found: dict[str, Any] = site.get(f"/asked/front/{what}?at={quote(at.isoformat())}").get_json()
    return found


def test_a_request_at_the_page_is_marked_as_such(site: Site, asked_at: datetime) -> None:
    for command in ("last_image", "clip"):
        site.post(f"/command/{command}", {"text": "front"}, headers={"Accept": "application/json"})
    controls = site.state.camera_controls("front", "0-0")
    assert [(one.kind, one.reply_to) for one in controls.asked if one] == [
        ("last_image", protocol.ReplyTo(page=True)),
        ("clip", protocol.ReplyTo(page=True)),
    ]


def test_a_picture_is_shown_when_it_is_newer_than_the_request(
    site: Site, asked_at: datetime
) -> None:
    site.state.set_latest("front", Latest(b"old", asked_at - timedelta(seconds=1)))
    assert look(site, "picture", asked_at) == {"done": False}
    site.state.set_latest("front", Latest(b"new", asked_at + timedelta(seconds=1)))
    found = look(site, "picture", asked_at)
    assert found["text"].startswith("Camera front, taken at ")
    picture = site.get(found["picture"])
    assert (picture.data, picture.mimetype) == (b"new", "image/jpeg")


def test_without_a_new_picture_the_last_one_comes_with_a_reason(
    site: Site, asked_at: datetime
) -> None:
    late = asked_at - timedelta(seconds=6)
    assert look(site, "picture", late) == {
        "done": True,
        "why": "Camera front sends no picture at the moment, and has no picture from today.",
    }
    site.state.set_latest("front", Latest(b"old", asked_at - timedelta(minutes=1)))
    assert "sends no picture at the moment. This is" in look(site, "picture", late)["text"]
    site.state.set_switch("camera_status", False)
    assert "Camera front is off. This is" in look(site, "picture", asked_at)["text"]


def test_a_clip_is_linked_when_it_is_ready(site: Site, asked_at: datetime) -> None:
    key = camera_key("front", "clip")
    site.state.put(key, ClipAsked(asked_at - timedelta(seconds=9), EVENT, "clip.mp4"))
    assert look(site, "clip", asked_at) == {"done": False}
    site.state.put(key, ClipAsked(asked_at, EVENT, "clip-2.mp4", host=host_name()))
    assert look(site, "clip", asked_at)["clip"] == f"/event/{EVENT}/clip.mp4?part=2"


def test_a_clip_that_does_not_come_has_a_reason(site: Site, asked_at: datetime) -> None:
    key = camera_key("front", "clip")
    long_ago = asked_at - timedelta(minutes=10)
    assert look(site, "clip", long_ago)["why"].startswith("Camera front has sent no clip for ")
    site.state.put(key, ClipAsked(asked_at, why="The disk is full."))
    assert look(site, "clip", asked_at)["why"] == "The disk is full."
    site.state.put(key, ClipAsked(asked_at, EVENT, "clip.mp4", host="attic"))
    assert "on the disk of attic" in look(site, "clip", asked_at)["why"]


def test_a_camera_that_is_off_or_lost_makes_no_clip(site: Site, asked_at: datetime) -> None:
    beat(site, "lost", Trouble(asked_at, "no such device"))
    assert look(site, "clip", asked_at)["why"] == "Camera front is lost: no such device"
    site.state.set_switch("camera_status", False)
    assert look(site, "clip", asked_at)["why"] == "Camera front is off, so there is no clip."


def test_only_known_cameras_and_things_are_found(site: Site, asked_at: datetime) -> None:
    at = quote(asked_at.isoformat())
    for address in (
        f"/asked/cellar/picture?at={at}",
        f"/asked/front/tune?at={at}",
        "/asked/front/picture?at=now",
        "/asked/front/picture",
        "/latest/cellar.jpg",
        "/latest/front.jpg",
    ):
        assert site.get(address).status_code == 404, address


@pytest.mark.parametrize("at", ["", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"])
def test_a_time_that_is_none_is_not_found(site: Site, asked_at: datetime, at: str) -> None:
    site.state.put(camera_key("front", "clip"), ClipAsked(asked_at, EVENT, "clip.mp4"))
    assert site.get(f"/asked/front/clip?at={quote(at)}").status_code == 404
