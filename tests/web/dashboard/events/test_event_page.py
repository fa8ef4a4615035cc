"""The page of one event."""

import json
from dataclasses import replace

from playwright.sync_api import Browser

from app.files import write_atomic
from app.protocol import Evidence, event_fact_id, event_id
from app.recording.event_folder import EventFolders
from app.recording.trace import EventTrace
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.made_events import FIRST, an_event, folder_of, publish_event, write_event
from tests.web.dashboard.served import opened_site

EVIDENCE = Evidence((0, 0, 9, 9), 0.05, 0.6, 0.2, 0.1, 0.8, 0.5, "left")


def test_an_event_of_this_machine_has_all_of_it(site: Site) -> None:
    record = replace(an_event(), evidence=EVIDENCE)
    event = write_event(site.data_dir, record)
    publish_event(site.state, record)
    site.state.mark_event(event, {"delivered:slack": FIRST.isoformat()})
    clip = event_fact_id(event, "clip_ready", "clip.mp4")
    site.state.mark_delivery(clip, {"slack_clips:skipped": "it is too large"})
    trace = EventTrace((-1.0, 0.0, 1.0), area_px=(0.0, 900.0, 800.0), least_area_px=394.0)
    EventFolders(site.data_dir).write_trace(event, record.started_at, trace)
    write_atomic(folder_of(site.data_dir, event) / "clip-2.mp4", b"second")
    write_atomic(folder_of(site.data_dir, event) / "sample.tar", b"tar")
    text = site.get(f"/event/{event}?part=2&picture=clean").text
    for words in (
        "A person-sized shape came in from the left.",
        "at most 900 pixels; it counts from 394 pixels",
        "The alert was sent.",
        "Alert, by Slack: delivered",
        "Clip, by Slack: not sent, since it is too large",
        f'src="/event/{event}/clip.mp4?part=2"',
        f'src="/event/{event}/snapshot-clean.jpg"',
        f"/event/{event}/sample.tar?download=1",
        f"/detector?event={event}",
    ):
        assert words in text


def test_events_before_and_after_are_a_click_away(site: Site) -> None:
    older, event, newer = (write_event(site.data_dir, an_event(minute)) for minute in range(3))
    text = site.get(f"/event/{event}").text
    assert f'rel="prev" href="/event/{older}"' in text
    assert f'rel="next" href="/event/{newer}"' in text
    assert 'rel="next"' not in site.get(f"/event/{newer}").text


def test_an_event_of_another_machine_says_where_its_clip_is(site: Site) -> None:
    event = publish_event(site.state, an_event(0, "garden"), host="shed", snapshot=b"jpeg")
    text = site.get(f"/event/{event}").text
    assert "The clip and the plot of this event are on the disk of shed." in text
    assert f'src="/event/{event}/snapshot.jpg"' in text
    assert "<video" not in text


def test_a_clip_that_is_not_there_has_a_reason(site: Site) -> None:
    event = write_event(site.data_dir, replace(an_event(), ended_at=None), clip=None)
    assert "The event goes on." in site.get(f"/event/{event}").text
    (folder_of(site.data_dir, event) / ".clip.mp4.part").touch()
    assert "The clip is still being recorded." in site.get(f"/event/{event}").text
    other = write_event(site.data_dir, an_event(1), clip=None)
    text = site.get(f"/event/{other}").text
    assert "There is no clip:" in text
    assert "There is no plot of this event." in text
    assert "not known any more: that is kept for 30 days" in text


def test_a_silenced_event_names_the_events_it_is_like(site: Site) -> None:
    like = event_id(FIRST.replace(hour=1), "front")
    record = replace(an_event(), decision="silenced", would_silence=True, like=(like,))
    text = site.get(f"/event/{write_event(site.data_dir, record)}").text
    assert "like others that are false" in text
    assert f'href="/event/{like}"' in text


def test_a_label_is_given_and_removed(site: Site) -> None:
    event = write_event(site.data_dir, an_event())
    publish_event(site.state, an_event())
    for chosen, stored in (("occupied", "occupied"), ("undo", None)):
        answer = site.post(f"/event/{event}/label", {"label": chosen})
        assert (answer.status_code, answer.location) == (303, f"/event/{event}")
        record = site.state.event(event)
        assert record
        assert record.label == stored
    assert site.client.post(f"/event/{event}/label", data={"label": "occupied"}).status_code == 400
    assert site.post(f"/event/{event}/label", {"label": "maybe"}).status_code == 400


def test_without_redis_the_disk_is_enough(site: Site) -> None:
    away = Site(site.config.folder.parent / "away", "unix:///nowhere/redis.sock")
    event = write_event(away.data_dir, replace(an_event(), evidence=EVIDENCE))
    text = away.get(f"/event/{event}").text
    assert "A person-sized shape came in from the left." in text
    assert "Redis is not reachable" in text
    assert away.post(f"/event/{event}/label", {"label": "occupied"}).status_code == 303
    away.state.close()


def test_a_clip_that_no_browser_can_play_is_explained(site: Site, browser: Browser) -> None:
    event = write_event(site.data_dir, an_event(), clip=b"no video")
    with opened_site(browser, site) as page:
        page.goto(f"/event/{event}")
        page.get_by_text("This browser cannot play the clip.").wait_for()


def test_a_clip_that_somebody_asked_for_has_no_reason(site: Site) -> None:
    event = write_event(site.data_dir, an_event())
    path = folder_of(site.data_dir, event) / "event.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "forced": True}))
    text = site.get(f"/event/{event}").text
    assert "Nothing opened it: somebody asked for this clip." in text
    assert "A clip that somebody asked for" in text
