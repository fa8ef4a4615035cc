"""Covers several modules: the dashboard of a house with real footage, in a real browser."""

import json
import re
import time
from datetime import timedelta
from statistics import median
from typing import cast
from urllib.parse import urlsplit

import cv2
import numpy as np
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import Browser, Locator, Page, Route, expect

from app.web.dashboard.app import create_app
from tests.waiting import patience, until
from tests.web.dashboard.browser import (
    DESKTOP,
    PHONE_DARK,
    Watch,
    opened_page,
    overflow_px,
    serious_findings,
)
from tests.web.dashboard.house import CAMERA, PASSWORD, House

PAGES = (
    *("/", "/timeline", "/event/EVENT", "/tag", "/system", "/logz", "/nothing-is-here"),
    *("/detector", "/detector?event=EVENT", "/detector/masks", "/detector/events"),
)
#: The rules that may find something on a page only because it is light.
RULES_OF_COLOURS = ("color-contrast", "link-in-text-block")
#: The keys that tag an event, and the label that each gives.
LABELS = {"o": "occupied", "u": "unoccupied"}
#: The form of another page, which a browser with a session sends by itself.
ANOTHER_SITE = "http://127.0.0.1:9/"
FORGED = """
<form method="post" action="{address}"><button>Win a prize</button></form>
"""


def test_a_wrong_password_opens_nothing(house: House, browser: Browser) -> None:
    watch = Watch()
    watch.expected.append("status of 401")
    with opened_page(browser, house.url, PHONE_DARK, watch=watch) as page:
        page.goto("/timeline")
        enter(page, PASSWORD.replace("three", "four"))
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        assert [*serious_findings(page), overflow_px(page)] == [0]
        page.goto("/timeline")
        expect(page).to_have_url(re.compile("/login"))
        enter(page, PASSWORD)
        expect(page).to_have_url(f"{house.url}/timeline")
    assert watch.faults == []


def enter(page: Page, password: str) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_session_ends_when_it_is_too_old(house: House, browser: Browser) -> None:
    app = create_app(house.config)
    sessions = cast(SecureCookieSessionInterface, app.session_interface)
    serializer = sessions.get_signing_serializer(app)
    assert serializer
    most_s = timedelta(days=house.config.dashboard.session_days).total_seconds()
    began_s = int(time.time() - most_s)
    with opened_page(browser, house.url) as page:
        for since, path in ((began_s + 60, "/timeline"), (began_s - 60, "/login")):
            cookie, name = str(serializer.dumps({"since": since})), sessions.get_cookie_name(app)
            page.context.add_cookies([{"name": name, "value": cookie, "url": house.url}])
            page.goto("/timeline")
            assert urlsplit(page.url).path == path
        expect(page.get_by_label("Password")).to_be_visible()


def test_the_live_picture_moves(house: House, browser: Browser) -> None:
    with house.opened(browser) as page:
        open_now(page)
        picture = page.get_by_role("img", name=f"Live picture of camera {CAMERA}")
        expect(picture).to_be_visible()
        first = pixels(picture)
        until(
            lambda: share_changed(first, pixels(picture)) > 0.02, "somebody comes in", every_s=0.3
        )


def open_now(page: Page) -> None:
    """Open the first page; a live picture has no end, so it is never loaded."""
    page.goto("/", wait_until="domcontentloaded")


def pixels(picture: Locator) -> np.ndarray:
    """Return the pixels that a person sees there."""
    shown = cv2.imdecode(np.frombuffer(picture.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown is not None
    return shown


def share_changed(before: np.ndarray, after: np.ndarray) -> float:
    """Return the share of the pixels that are clearly lighter or darker than before."""
    return float((cv2.absdiff(before, after) > 40).mean())


def test_the_camera_stops_when_it_is_disarmed_on_the_page(house: House, browser: Browser) -> None:
    with house.opened(browser) as page:
        open_now(page)
        expect(armed(page)).to_have_text("Armed", use_inner_text=True)
        page.get_by_role("button", name="Disarm").click()
        expect(armed(page)).to_have_text("Disarmed", use_inner_text=True)
        until(lambda: house.camera() == "closed", "the camera is closed")
        assert house.redis.get("camera_status") == "False"
        expect(page.locator("[data-busy]")).to_have_count(0)  # a double click would be over
        page.get_by_role("button", name="Arm", exact=True).click()
        expect(armed(page)).to_have_text("Armed", use_inner_text=True)


def armed(page: Page) -> Locator:
    """Return what says whether the house is armed."""
    return page.get_by_role("region", name="Armed or not").get_by_role("status")


def test_the_page_follows_redis_within_a_second(house: House, browser: Browser) -> None:
    took_s = []
    with house.opened(browser) as page:
        open_now(page)
        expect(armed(page)).to_have_text("Armed", use_inner_text=True)
        for status, said in (("False", "Disarmed"), ("True", "Armed")) * 2:
            began_s = time.monotonic()
            house.redis.set("camera_status", status)
            expect(armed(page)).to_have_text(said, use_inner_text=True)
            took_s.append(time.monotonic() - began_s)
    assert median(took_s) < patience(1.0)


def test_a_clip_plays_and_seeks(house: House, browser: Browser) -> None:
    folder = until(lambda: next(iter(house.events()), None), "an event has a clip")
    statuses = []
    with house.opened(browser) as page:
        page.on("response", lambda got: statuses.append(("clip.mp4" in got.url, got.status)))
        page.goto(f"/event/{folder.name}")
        clip = page.get_by_label(f"Clip of camera {CAMERA}")
        clip.evaluate("clip => { clip.muted = true; return clip.play() }")
        until(lambda: clip.evaluate("clip => clip.currentTime") > 0.3, "it plays", every_s=0.1)
        at_s, has_picture = clip.evaluate("""async clip => {
            clip.pause();
            clip.currentTime = clip.duration * 0.8;
            await new Promise(done => clip.addEventListener("seeked", done));
            return [clip.currentTime / clip.duration, clip.readyState >= 2];
        }""")
        part = page.request.get(clip.get_attribute("src") or "", headers={"Range": "bytes=9-99"})
        content, whole = part.body(), (folder / "clip.mp4").read_bytes()
    assert (True, 206) in statuses
    assert (round(at_s, 2), has_picture) == (0.8, True)
    assert (part.status, part.headers["content-range"]) == (206, f"bytes 9-99/{len(whole)}")
    assert content == whole[9:100]


def test_five_events_are_tagged_with_the_keyboard(house: House, browser: Browser) -> None:
    until(lambda: len(house.events()) >= 6, "six events have clips", 60.0)
    tagged = {}
    with house.opened(browser) as page:
        page.goto("/tag")
        shown = page.get_by_role("link", name="All about this event")
        for key in "ouuou":
            expect(shown).to_be_visible()
            address = shown.get_attribute("href") or ""
            page.keyboard.press(key)
            expect(shown).not_to_have_attribute("href", address)
            tagged[address.rpartition("/")[2]] = LABELS[key]
        expect(page.get_by_text("being saved")).to_be_hidden()
    assert len(tagged) == 5
    until(lambda: labels(house).items() >= tagged.items(), "the labels are on disk")


def labels(house: House) -> dict[str, str]:
    """Return the labels on disk, by event."""
    found = house.config.data_dir.glob("events/*/*/label.json")
    return {path.parent.name: json.loads(path.read_text())["label"] for path in found}


def test_a_forged_form_changes_nothing(house: House, browser: Browser) -> None:
    watch = Watch()
    watch.expected.append("status of 403")
    with house.opened(browser, watch=watch) as page:
        open_now(page)
        disarm = page.locator("form", has=page.get_by_role("button", name="Disarm"))
        address = house.url + (disarm.get_attribute("action") or "")
        # Another port of the same machine is the same site, so the browser sends the session.
        page.route(ANOTHER_SITE, lambda route: fulfill(route, FORGED.format(address=address)))
        page.goto(ANOTHER_SITE)
        with page.expect_navigation() as refused:
            page.get_by_role("button", name="Win a prize").click()
        assert refused.value and refused.value.status == 403
        assert page.request.post(address).status == 400  # from here, but without the page's token
    assert house.redis.get("camera_status") in (None, "True")
    assert watch.faults == []


def fulfill(route: Route, content: str) -> None:
    route.fulfill(body=content, content_type="text/html")


def test_phones_show_every_page_and_everybody_can_use_it(house: House, browser: Browser) -> None:
    event = until(lambda: next(iter(house.events()), None), "an event has a clip").name
    wrong: dict[str, list[str]] = {}
    watch = Watch()
    watch.expected.append("status of 404")
    with house.opened(browser, PHONE_DARK, watch) as page:
        for path in PAGES:
            page.set_viewport_size({"width": PHONE_DARK.width, "height": PHONE_DARK.height})
            page.emulate_media(color_scheme="dark")
            page.goto(path.replace("EVENT", event), wait_until="domcontentloaded")
            expect(page.get_by_role("heading", level=1)).to_be_attached()
            wrong[path] = serious_findings(page)
            if overflow_px(page):
                wrong[path].append(f"{overflow_px(page)} px wider than a phone")
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": DESKTOP.width, "height": DESKTOP.height})
            wrong[path] += serious_findings(page, *RULES_OF_COLOURS)
    assert {path: found for path, found in wrong.items() if found} == {}
    assert watch.faults == []
