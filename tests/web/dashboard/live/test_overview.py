"""The state of the house as pages show it."""

from datetime import UTC, datetime, timedelta

import pytest

from app.clock import FakeClock
from app.protocol import (
    ArmedBy,
    EventRecord,
    Fact,
    Heartbeat,
    Position,
    Trouble,
    camera_key,
    event_fact_id,
    event_id,
    heartbeat_key,
    host_name,
)
from app.state import Latest
from app.web.dashboard.live.overview import AWAY, Overview, read_overview
from tests.servers.redis_server import RedisServer
from tests.web.dashboard.conftest import Site

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


@pytest.fixture
def site_clock() -> FakeClock:
    return FakeClock(NOW)


def read(site: Site) -> Overview:
    return read_overview(site.app.extensions["dashboard"].commands)


def beat(site: Site, camera: str, state: str, trouble: Trouble | None = None) -> None:
    counters = {"camera": state, "people_model": "nanodet"}
    site.state.send_heartbeat(
        heartbeat_key("security_system", host_name(), camera),
        Heartbeat(1, NOW, NOW, counters, trouble),
    )


def test_a_house_is_armed_with_who_when_and_why(site: Site) -> None:
    site.state.set_switch("camera_status", False, ArmedBy("anna", NOW, "by command"))
    found = read(site)
    at = f"{NOW.astimezone():%H:%M}"
    assert found["armed"] == {"on": False, "since": f"since {at}, by anna (by command)"}
    assert found["alerts"] == {"on": True, "since": ""}
    assert found["cameras"]["garden"]["words"] == (
        f"Off: the house is disarmed since {at}, by anna (by command)."
    )


def test_each_camera_has_its_state_and_direction(site: Site) -> None:
    beat(site, "front", "open")
    beat(site, "garden", "lost", Trouble(NOW, "no such device"))
    site.state.put(camera_key("front", "position"), Position(10, -5))
    found = read(site)["cameras"]
    assert found["front"] == {
        "state": "open",
        "words": "",
        "pan": 10,
        "tilt": -5,
        "direction": "Pan 10°, tilt -5°",
        "model": "nanodet",
    }
    at = f"{NOW.astimezone():%H:%M}"
    assert found["garden"]["words"] == f"Lost since {at}: no such device."
    beat(site, "garden", "closed")
    site.state.set_latest("garden", Latest(b"old", NOW))
    words = f"The camera is starting … Its newest picture is of {at}."
    assert read(site)["cameras"]["garden"]["words"] == words


def test_a_camera_of_another_machine_is_shown_too(site: Site) -> None:
    site.state.send_heartbeat(
        heartbeat_key("security_system", "attic", "cellar"),
        Heartbeat(1, NOW, NOW, {"camera": "open"}),
    )
    assert list(read(site)["cameras"]) == ["front", "garden", "cellar"]


def test_programs_in_trouble_are_named(site: Site) -> None:
    stuck = Heartbeat(1, NOW, NOW - timedelta(minutes=5), {})
    site.state.send_heartbeat(heartbeat_key("notifier", host_name()), stuck)
    in_trouble = Heartbeat(1, NOW, NOW, {}, Trouble(NOW, "The bucket refuses."))
    site.state.send_heartbeat(heartbeat_key("uploader", host_name()), in_trouble)
    found = read(site)["troubles"]
    assert "who_is_home is silent." in found
    assert "uploader: The bucket refuses." in found
    assert [line for line in found if line.startswith("notifier is stuck: no step since")]


def test_the_newest_event_has_its_id_and_a_line(site: Site) -> None:
    assert read(site)["event"] is None
    event = event_id(NOW, "front")
    record = EventRecord("front", NOW, NOW + timedelta(seconds=8), seen="cat")
    fact = Fact(event_fact_id(event, "motion_started"), "motion_started", NOW, "x", "front", event)
    site.state.publish(fact, record)
    line = f"{NOW.astimezone():%H:%M} · front · 8 s · a cat"
    assert read(site)["event"] == {"id": event, "line": line}


def test_without_redis_only_that_is_known(site: Site, redis_server: RedisServer) -> None:
    redis_server.stop()
    assert read(site) == {"away": AWAY}
    page = site.get("/")
    assert page.status_code == 200
    assert AWAY in page.text
