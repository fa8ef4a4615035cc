"""The page Tag."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.commands.tagging import tag_event
from app.protocol import Decision, EventRecord, Heartbeat, Request, event_id, heartbeat_key
from app.web.dashboard.events.tag import BATCH
from tests.servers.redis_server import RedisServer
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.made_events import publish_event, write_event

UNKNOWN = "20261120T101500.123Z-front"


def recent(number: int, decision: Decision | None = "sent", camera: str = "front") -> EventRecord:
    """An event that began *number* hours ago."""
    at = datetime.now(UTC) - timedelta(hours=number)
    return EventRecord(camera, at, at + timedelta(seconds=7), decision=decision)


def known(site: Site, record: EventRecord) -> str:
    """Put *record* on the disk and into Redis; return the event's id."""
    write_event(site.data_dir, record)
    return publish_event(site.state, record)


def queue(site: Site, query: str = "") -> Any:
    found = site.get(f"/tag/queue{query}")
    assert found.status_code == 200
    return found.json


def ids(found: Any) -> list[str]:
    return [one["id"] for one in found["events"]]


def requests_of(site: Site) -> list[Request]:
    return [one for _, one in site.state.requests("test", "test").new(0.01)]


def test_untagged_events_come_newest_first(site: Site) -> None:
    old, new = known(site, recent(2)), known(site, recent(1, "silenced"))
    known(site, replace(recent(3), label="occupied", label_by="anna"))
    found = queue(site)
    assert ids(found) == [new, old]
    assert (found["left"], found["is_all"], found["trouble"]) == (2, True, None)
    first = found["events"][0]
    assert first["title"].startswith("front, ")
    assert "The alert was silenced" in first["words"]
    for place in ("picture", "clip", "page"):
        assert site.client.get(first[place], buffered=True).status_code == 200


def test_silenced_events_and_one_camera_may_be_chosen(site: Site) -> None:
    held = known(site, recent(1, "held"))
    silenced = known(site, recent(2, "silenced", "garden"))
    known(site, recent(3, "sent", "garden"))
    assert ids(queue(site, "?what=held")) == [held]
    assert ids(queue(site, "?what=silenced&camera=garden")) == [silenced]
    assert queue(site, "?camera=garden")["left"] == 2
    for query in ("?what=<b>", "?camera=../etc", "?before=../etc"):
        assert site.get(f"/tag/queue{query}").status_code == 404


def test_events_that_redis_has_forgotten_are_left_out(site: Site) -> None:
    write_event(site.data_dir, recent(31 * 24))
    assert queue(site)["left"] == 0


def test_the_queue_comes_in_batches(site: Site) -> None:
    events = [write_event(site.data_dir, recent(n + 1), pictures=False) for n in range(BATCH + 2)]
    first = queue(site)
    assert (ids(first), first["is_all"]) == (events[:BATCH], False)
    rest = queue(site, f"?before={events[BATCH - 1]}")
    assert (ids(rest), rest["is_all"]) == (events[BATCH:], True)


def test_a_tag_is_in_redis_and_asked_of_the_camera(site: Site) -> None:
    event = known(site, recent(1))
    done = site.post(f"/tag/{event}", {"label": "occupied"})
    assert (done.status_code, done.json) == (200, {"before": "", "said": ""})
    record = site.state.event(event)
    assert record
    assert (record.label, record.label_by) == ("occupied", "somebody at the dashboard")
    (request,) = requests_of(site)
    assert (request.kind, request.event, request.label) == ("tag", event, "occupied")
    assert ids(queue(site)) == []


def test_the_label_of_another_person_is_said_and_restored(site: Site) -> None:
    event = known(site, recent(1))
    with site.app.test_request_context():
        from app.web.dashboard.context import dashboard

        board = dashboard()
        anna = replace(board.invocation(), by="anna")
        tag_event(event, "unoccupied", anna, board.commands)
    done = site.post(f"/tag/{event}", {"label": "occupied"}).json
    assert done
    assert done["before"] == "unoccupied"
    assert done["said"].startswith("anna had said unoccupied")
    undone = site.post(f"/tag/{event}", {"label": done["before"]}).json
    assert undone
    record = site.state.event(event)
    assert record
    assert record.label == "unoccupied"


def test_a_label_may_be_taken_away(site: Site) -> None:
    event = known(site, recent(1))
    site.post(f"/tag/{event}", {"label": "occupied"})
    assert site.post(f"/tag/{event}", {"label": ""}).json == {"before": "occupied", "said": ""}
    record = site.state.event(event)
    assert record
    assert record.label is None


def test_an_unknown_event_is_explained(site: Site) -> None:
    refused = site.post(f"/tag/{UNKNOWN}", {"label": "occupied"})
    assert refused.status_code == 410
    assert "no longer known" in refused.text


def test_with_redis_away_the_tag_is_refused(site: Site, redis_server: RedisServer) -> None:
    event = known(site, recent(1))
    site.get("/tag")
    redis_server.kill()
    refused = site.post(f"/tag/{event}", {"label": "occupied"})
    assert refused.status_code == 503
    assert "try again in a moment" in refused.text
    shown = site.get("/tag")
    assert shown.status_code == 200
    assert queue(site)["trouble"]


@pytest.mark.parametrize("event", ["front", "..", "20261120T101500.123Z-front%0A", "x" * 500])
def test_what_is_no_event_is_not_found(site: Site, event: str) -> None:
    assert site.post(f"/tag/{event}", {"label": "occupied"}).status_code == 404


def test_a_tag_needs_a_label_and_the_token(site: Site) -> None:
    event = event_id(datetime.now(UTC), "front")
    for fields in ({}, {"label": "maybe"}):
        assert site.post(f"/tag/{event}", fields).status_code == 400
    assert site.client.post(f"/tag/{event}", data={"label": "occupied"}).status_code == 400


def test_the_page_says_what_the_tags_say(site: Site) -> None:
    known(site, replace(recent(1), label="unoccupied", label_by="anna"))
    now = datetime.now(UTC)
    lacks = "it needs 40 more tags"
    counters = {"silencer": "off", "silencer_lacks": lacks}
    key = heartbeat_key("security_system", "pi", "front")
    site.state.send_heartbeat(key, Heartbeat(1, now, now, counters))
    for address in ("/tag", "/tag/said"):
        shown = site.get(address).text
        assert "<strong>1 of 1 (100%)</strong>" in shown
        assert "waits: it needs 40 more tags." in shown
        assert "python -m app tune" in shown
