"""Covers several modules: tagging in Chromium by keyboard, swipe and buttons."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.protocol import EventRecord, Label
from tests.servers.redis_server import RedisServer
from tests.waiting import until
from tests.web.dashboard.browser import HIDE, PHONE, Watch, overflow_px, serious_findings
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.made_events import publish_event
from tests.web.dashboard.served import opened_site

#: A picture of one pixel.
GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


@pytest.fixture
def events(site: Site) -> list[str]:
    """Events that nobody has tagged, the newest first."""
    found = []
    for minutes in range(1, 15):
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        record = EventRecord("front", at, at + timedelta(seconds=7))
        # Of another machine: werkzeug leaves files open when a browser closes early.
        found.append(publish_event(site.state, record, snapshot=GIF))
    return found


@pytest.fixture
def page(browser: Browser, site: Site, events: list[str]) -> Iterator[Page]:
    with opened_site(browser, site) as opened:
        open_tag(opened)
        yield opened


def open_tag(page: Page) -> None:
    """Open the page Tag, and wait until its script has fetched the events."""
    page.goto("/tag")
    expect(page.get_by_text("14 left", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^front, "))).to_be_visible()


def label_of(site: Site, event: str) -> Label | None:
    record = site.state.event(event)
    return record.label if record else None


def await_labels(site: Site, *labels: tuple[str, Label | None]) -> None:
    for event, label in labels:
        until(partial(_has, site, event, label), f"{event} is {label}")


def _has(site: Site, event: str, label: Label | None) -> bool:
    return label_of(site, event) == label


def test_keys_tag_skip_and_undo(site: Site, events: list[str], page: Page) -> None:
    for key in "ouso":
        page.keyboard.press(key)
    expect(page.get_by_text("10 left", exact=True)).to_be_visible()
    await_labels(site, (events[0], "occupied"), (events[1], "unoccupied"), (events[3], "occupied"))
    assert label_of(site, events[2]) is None
    expect(page.locator("#said")).to_contain_text("1 of 3")
    page.keyboard.press("z")
    await_labels(site, (events[3], None))
    page.keyboard.press("Backspace")
    expect(page.get_by_text("12 left", exact=True)).to_be_visible()
    page.keyboard.press("u")
    await_labels(site, (events[2], "unoccupied"))
    expect(page.get_by_role("status")).to_contain_text("Unoccupied: front")
    assert serious_findings(page) == []


def test_a_tag_does_not_wait_for_the_server(site: Site, events: list[str], page: Page) -> None:
    held: list[Route] = []
    is_open = False

    def on_tag(route: Route) -> None:
        if is_open:
            route.continue_()
        else:
            held.append(route)

    page.route("**/tag/2*", on_tag)
    for _ in range(5):
        page.keyboard.press("o")
    expect(page.get_by_text("9 left", exact=True)).to_be_visible()
    expect(page.get_by_text("5 being saved")).to_be_visible()
    assert label_of(site, events[0]) is None
    with page.expect_event("dialog") as asked:
        page.once("dialog", lambda dialog: dialog.dismiss())
        page.evaluate("location.reload()")
    assert asked.value.type == "beforeunload"
    is_open = True
    held[0].continue_()
    expect(page.get_by_text("being saved")).to_be_hidden()
    await_labels(site, *((event, "occupied") for event in events[:5]))


def test_waiting_tags_are_sent_when_the_page_is_hidden(
    site: Site, events: list[str], page: Page
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/tag/{events[0]}", hold)
    for _ in range(3):
        page.keyboard.press("o")
    expect(page.get_by_text("3 being saved")).to_be_visible()
    page.evaluate(HIDE, True)
    await_labels(site, (events[1], "occupied"), (events[2], "occupied"))
    assert label_of(site, events[0]) is None
    held[0].continue_()
    expect(page.get_by_text("being saved")).to_be_hidden()
    await_labels(site, (events[0], "occupied"))


def test_refused_tags_come_back(
    browser: Browser, site: Site, events: list[str], redis_server: RedisServer
) -> None:
    watch = Watch()
    watch.expected.append("503")
    with opened_site(browser, site, watch=watch) as page:
        open_tag(page)
        redis_server.kill()
        page.keyboard.press("o")
        expect(page.get_by_role("alert")).to_contain_text("Redis is not reachable")
        expect(page.get_by_text("14 left", exact=True)).to_be_visible()
    assert watch.faults == []


def test_swipes_tag_on_a_phone(browser: Browser, site: Site, events: list[str]) -> None:
    with opened_site(browser, site, PHONE) as page:
        open_tag(page)
        assert overflow_px(page) == 0
        for across in (120, -120, 30):
            box = page.locator("#stage").bounding_box()
            assert box
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + across, y + 5, steps=3)
            page.mouse.up()
        expect(page.get_by_text("12 left", exact=True)).to_be_visible()
        page.get_by_role("button", name="Skip").click()
        page.get_by_role("button", name="Occupied", exact=True).click()
        await_labels(
            site, (events[0], "occupied"), (events[1], "unoccupied"), (events[3], "occupied")
        )
        assert serious_findings(page) == []


def test_the_picture_before_is_never_beside_the_next_event(page: Page, events: list[str]) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/event/{events[5]}/snapshot.jpg", hold)
    for _ in range(5):
        page.keyboard.press("s")
    expect(page.get_by_role("link", name="All about this event")).to_have_attribute(
        "href", f"/event/{events[5]}"
    )
    expect(page.get_by_text("The picture is on its way")).to_be_visible()
    expect(page.locator("#picture")).to_be_hidden()
    held[-1].fulfill(body=GIF, content_type="image/gif")
    for route in held[:-1]:
        route.abort()
    expect(page.locator("#picture")).to_be_visible()
    expect(page.get_by_text("The picture is on its way")).to_be_hidden()


def test_a_double_click_tags_one_event(page: Page) -> None:
    occupied = page.get_by_role("button", name="Occupied", exact=True)
    occupied.evaluate("button => { button.click(); button.click(); }")
    expect(page.get_by_text("13 left", exact=True)).to_be_visible()


def test_more_events_are_fetched_until_none_is_left(site: Site, page: Page) -> None:
    for _ in range(14):
        page.keyboard.press("u")
    expect(page.get_by_text("That was the last event.")).to_be_visible()
    expect(page.get_by_role("button", name="Occupied", exact=True)).to_be_disabled()
    expect(page.get_by_text("0 left", exact=True)).to_be_visible()
