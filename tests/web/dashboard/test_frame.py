"""The frame around every page."""

import logging
import struct
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.config import SOURCE_VARIABLE
from app.config.password import PasswordFile
from app.web.dashboard.app import create_app
from tests.servers.redis_server import RedisServer
from tests.web.dashboard.browser import (
    DESKTOP_DARK,
    PHONE,
    PHONE_DARK,
    Look,
    overflow_px,
    serious_findings,
)
from tests.web.dashboard.conftest import PASSWORD, Site
from tests.web.dashboard.served import opened_site


def test_a_phone_gets_what_its_home_screen_needs(site: Site) -> None:
    site.log_out()
    shown = site.get("/manifest.webmanifest")
    assert shown.mimetype == "application/manifest+json"
    assert shown.json and shown.json["display"] == "standalone"


def test_a_house_that_is_not_encrypted_says_so(
    tmp_path: Path, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        site = Site(tmp_path, redis_server.url, "dashboard: {bind: '0.0.0.0:52963'}\n")
    assert "the dashboard is not encrypted" in caplog.text
    assert "This page is not encrypted" in site.get("/logz").text
    site.log_out()
    assert "This page is not encrypted" in site.get("/login").text
    site.state.close()


def test_a_house_on_this_machine_has_no_such_line(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    assert "not encrypted" not in site.get("/logz").text
    assert "not encrypted" not in caplog.text


def test_the_demo_says_what_it_is(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SOURCE_VARIABLE, "demo")
    PasswordFile(site.data_dir).remove()
    demo = create_app(site.config).test_client()
    shown = demo.get("/logz")
    assert (shown.status_code, "This is the demo" in shown.text) == (200, True)
    assert "Log out" not in shown.text
    elsewhere = demo.get("/logz", headers={"Host": "example.com", "Accept": "text/html"})
    assert (elsewhere.status_code, "/timeline" in elsewhere.text) == (421, False)


def test_the_icons_of_the_home_screen_are_there(site: Site) -> None:
    icons = (site.get("/manifest.webmanifest").json or {})["icons"]
    for icon in icons:
        with site.get(icon["src"]) as shown:
            assert (shown.status_code, shown.mimetype) == (200, icon["type"])
            if icon["type"] == "image/png":
                width, height = struct.unpack(">II", shown.data[16:24])
                assert f"{width}x{height}" == icon["sizes"]


@pytest.mark.parametrize("look", [PHONE, DESKTOP_DARK], ids=str)
def test_the_login_can_be_read_and_used_by_all(browser: Browser, site: Site, look: Look) -> None:
    with opened_site(browser, site, look) as page:
        page.context.clear_cookies()
        page.goto("/timeline")
        assert (serious_findings(page), overflow_px(page)) == ([], 0)
        expect(page.get_by_label("Password")).to_be_focused()
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
        here = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Timeline")
        expect(here).to_have_attribute("aria-current", "page")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_text("You are logged out.")).to_be_visible()
        page.go_back()
        expect(page.get_by_label("Password")).to_be_visible()


def test_the_colours_are_those_of_the_device_or_of_choice(browser: Browser, site: Site) -> None:
    with opened_site(browser, site, PHONE_DARK) as page:
        page.goto("/logz", wait_until="domcontentloaded")
        html, button = page.locator("html"), page.get_by_role("button", name="Colours")
        for theme in ("dark", "dark", "light", "dark"):  # the device's, then each choice
            expect(html).to_have_attribute("data-bs-theme", theme)
            button.click()
        page.reload(wait_until="domcontentloaded")
        expect(button).to_have_accessible_name("Colours: dark. Change to light.")
        button.click()
        page.reload(wait_until="domcontentloaded")
        expect(html).to_have_attribute("data-bs-theme", "light")


def test_the_first_key_leads_to_the_content(browser: Browser, site: Site) -> None:
    with opened_site(browser, site) as page:
        page.goto("/logz", wait_until="domcontentloaded")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
