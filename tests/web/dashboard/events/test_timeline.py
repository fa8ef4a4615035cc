"""The page Timeline."""

from dataclasses import replace
from datetime import timedelta

from playwright.sync_api import Browser, expect

from tests.waiting import until
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.made_events import FIRST, an_event, publish_event, write_event
from tests.web.dashboard.served import opened_site


def test_a_house_without_events_says_so(site: Site) -> None:
    page = site.get("/timeline")
    assert page.status_code == 200
    assert "Nothing has happened yet." in page.text
    assert "No event fits" in site.get("/timeline?camera=attic").text


def test_events_are_shown_by_day_with_what_is_known(site: Site) -> None:
    cat = replace(
        an_event(), seen="cat", seen_score=0.71, decision="held", label="unoccupied", label_by="Ben"
    )
    first = write_event(site.data_dir, cat)
    second = write_event(site.data_dir, an_event(-24 * 60), clip=None, pictures=False)
    third = publish_event(site.state, an_event(1, "garden"), host="shed", snapshot=b"jpeg")
    text = site.get("/timeline").text
    places = [
        text.index(f'h6 mb-0"><a class="stretched-link" href="/event/{event}"')
        for event in (third, first, second)
    ]
    assert places == sorted(places)
    for words in ("A cat, 71%", "42 s", "held back", "on shed", "no clip", "no picture"):
        assert words in text
    assert f"/event/{first}/thumbnail.jpg" in text
    day, before = FIRST.astimezone(), (FIRST - timedelta(days=1)).astimezone()
    assert f'id="day-{day:%Y-%m-%d}"' in text
    assert f'id="day-{before:%Y-%m-%d}"' in text
    assert 'aria-label="When it happened: 2 events between' in text


def test_older_events_are_a_page_further(site: Site) -> None:
    events = [write_event(site.data_dir, an_event(minute / 10)) for minute in range(51)]
    newest = site.get("/timeline")
    assert f"before={events[1]}" in newest.text
    older = site.get(f"/timeline?before={events[1]}").text
    assert f'href="/event/{events[0]}"' in older
    assert "Older events" not in older
    assert "There are no older events." in site.get(f"/timeline?before={events[0]}").text


def test_filters_are_kept_from_page_to_page(site: Site) -> None:
    for minute in range(52):
        write_event(site.data_dir, an_event(minute / 10))
    write_event(site.data_dir, an_event(9, "garden"))
    day = f"{FIRST.astimezone():%Y-%m-%d}"
    text = site.get(f"/timeline?camera=front&label=untagged&what=sent&day={day}").text
    assert "garden</a>" not in text
    for kept in ("camera=front", "label=untagged", "what=sent", f"day={day}"):
        assert kept in text.partition('rel="next" href="')[2].partition('"')[0]


def test_a_value_without_meaning_is_ignored(site: Site) -> None:
    write_event(site.data_dir, an_event())
    for name, value in (
        ("camera", "../etc"),
        ("label", "maybe"),
        ("what", "<script>x"),
        ("day", "2026-13-01"),
        ("day", "0001-01-01"),
        ("before", "20261399T100000.000Z-front"),
    ):
        page = site.client.get("/timeline", query_string={name: value})
        assert page.status_code == 200
        assert f"“{name}” in the address means nothing here" in page.text
        assert "42 s" in page.text
        assert value not in page.text


def test_newer_events_are_counted(site: Site) -> None:
    event = write_event(site.data_dir, an_event())
    assert f'data-than="{event}"' in site.get("/timeline").text
    assert site.get(f"/timeline/newer?than={event}").json == {"count": 0, "most": 50}
    assert site.get("/timeline/newer?than=").json == {"count": 1, "most": 50}


def test_without_redis_the_page_shows_the_disk(site: Site) -> None:
    write_event(site.data_dir, an_event())
    away = Site(site.config.folder.parent / "away", "unix:///nowhere/redis.sock")
    write_event(away.data_dir, an_event())
    text = away.get("/timeline").text
    away.state.close()
    assert "42 s" in text
    assert "Redis is not reachable, so this page shows only what is on this" in text


def test_an_open_page_says_that_events_have_come(site: Site, browser: Browser) -> None:
    write_event(site.data_dir, an_event())
    with opened_site(browser, site) as page:
        page.goto("/timeline")
        write_event(site.data_dir, an_event(1))
        news = page.get_by_role("link", name="1 new event")

        def has_news() -> bool:
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            return news.is_visible()

        until(has_news, "the page says that an event has come")
        news.click()
        expect(page.get_by_role("article")).to_have_count(2)
