"""Covers several modules: the scripts of the page Now, in a browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from app.clock import SystemClock
from app.protocol import ArmedBy, Heartbeat, Position, camera_key, heartbeat_key, host_name
from app.web.dashboard.context import Dashboard
from tests.waiting import until
from tests.web.dashboard.browser import HIDE, PHONE, Watch, overflow_px, serious_findings
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.served import opened_site


@contextmanager
def pictures(site: Site) -> Iterator[None]:
    """Publish a picture of the camera front again and again, as long as somebody looks."""
    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.1):
            if site.state.camera_controls("front", "0-0").watched:
                site.state.publish_frame("front", jpeg)

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        yield
    finally:
        stop.set()
        publisher.join()


def open_cameras(site: Site) -> None:
    now = SystemClock().now()
    for camera in ("front", "garden"):
        key = heartbeat_key("security_system", host_name(), camera)
        site.state.send_heartbeat(key, Heartbeat(1, now, now, {"camera": "open"}))
    site.state.put(camera_key("front", "position"), Position(0, 0))


def shared(site: Site) -> Dashboard:
    found: Dashboard = site.app.extensions["dashboard"]
    return found


def test_the_picture_is_live_only_while_pictures_come(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without gunicorn, only a write shows that a browser is gone.
    monkeypatch.setattr("app.web.dashboard.live.pictures.QUIET_S", 0.2)
    monkeypatch.setattr("app.web.dashboard.live.updates.QUIET_S", 0.2)
    open_cameras(site)
    with opened_site(browser, site) as page:
        age, overlay = page.locator(".age").first, page.locator(".overlay").first
        with pictures(site):
            page.goto("/")
            expect(age).to_have_text("Live")
            expect(overlay).to_be_hidden()
        expect(age).to_contain_text("s old")
        expect(overlay).to_have_text("Waiting for a picture …")
        page.evaluate(HIDE, True)
        live, updates = shared(site).live, shared(site).updates
        until(lambda: not live._viewers + updates._listeners, "no stream is left")
        site.state.set_switch("camera_status", False)
        page.evaluate(HIDE, False)
        expect(overlay).to_have_text("Off: the house is disarmed.")


def test_what_others_switch_is_shown_without_a_reload(site: Site, browser: Browser) -> None:
    open_cameras(site)
    with opened_site(browser, site, PHONE) as page:
        page.goto("/")
        disarm = page.get_by_role("button", name="Disarm")
        expect(disarm).to_be_visible()
        change = ArmedBy("anna", SystemClock().now(), "by command")
        site.state.set_switch("camera_status", False, change)
        expect(page.get_by_text("by anna (by command)").first).to_be_visible()
        expect(disarm).to_be_hidden()
        page.get_by_role("button", name="Arm", exact=True).click()
        expect(page.get_by_text("Armed. The cameras watch from now on.")).to_be_visible()
        assert site.state.read_strings("camera_status") == ["True"]
        switch = page.get_by_role("switch", name="Send alerts")
        switch.click()
        expect(page.get_by_text("Alerts are off.")).to_be_visible()
        expect(switch).not_to_be_checked()
        assert overflow_px(page) == 0
        assert serious_findings(page) == []


def test_arrow_keys_turn_the_camera_whose_picture_has_the_focus(
    site: Site, browser: Browser
) -> None:
    open_cameras(site)
    with opened_site(browser, site) as page:
        page.goto("/")
        picture = page.get_by_role("group", name="Live picture of camera front")
        picture.focus()
        for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
            page.keyboard.press(key)
        target = camera_key("front", "target")
        until(lambda: site.state.get(target, Position) == Position(10, -5), "it turns")
        page.get_by_role("button", name="Turn to the home position").click()
        until(lambda: site.state.get(target, Position) == Position(0, 0), "it turns back")


def test_the_page_says_when_the_session_has_ended(site: Site, browser: Browser) -> None:
    watch = Watch()
    watch.expected += ["401", "/updates", "/live"]
    with opened_site(browser, site, watch=watch) as page:
        page.goto("/")
        expect(page.get_by_role("button", name="Disarm")).to_be_visible()
        site.app.access_control._file.path.unlink()  # type: ignore[attr-defined]
        ended = page.get_by_text("Your session has ended. Log in, and try again.").first
        expect(ended).to_be_visible()
    assert watch.faults == []
