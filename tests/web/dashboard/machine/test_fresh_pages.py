"""Covers several modules: System and Logs in Chromium, which show by themselves what is new."""

from datetime import UTC, datetime

from playwright.sync_api import Browser, expect

from app.protocol import Heartbeat, heartbeat_key, host_name
from tests.web.dashboard.browser import PHONE_DARK, Watch, overflow_px, serious_findings
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.served import opened_site

_HEAD = "2026-11-30 10:00:01 WARNING app:"


def send(site: Site, delivered: int) -> None:
    now = datetime.now(UTC)
    key = heartbeat_key("notifier", host_name())
    site.state.send_heartbeat(key, Heartbeat(1, now, now, {"delivered": delivered}))


def test_the_state_is_renewed_and_what_is_unfolded_stays(browser: Browser, site: Site) -> None:
    send(site, 7)
    with opened_site(browser, site, PHONE_DARK) as page:
        page.goto("/system")
        notifier = page.locator('[data-program="notifier"]')
        notifier.get_by_text("Progress").click()
        expect(notifier.get_by_text("7", exact=True)).to_be_visible()
        assert serious_findings(page) == []
        assert overflow_px(page) == 0
        send(site, 8)
        expect(notifier.get_by_text("8", exact=True)).to_be_visible(timeout=30_000)
        expect(notifier.locator("summary")).to_be_focused()


def test_an_old_state_is_called_old(browser: Browser, site: Site) -> None:
    watch = Watch()
    watch.expected.append("ERR_INTERNET_DISCONNECTED")
    with opened_site(browser, site, PHONE_DARK, watch) as page:
        page.goto("/system")
        page.context.set_offline(True)
        old = page.get_by_text("This is an old state")
        expect(old).to_be_visible(timeout=30_000)
        assert serious_findings(page) == []
        page.context.set_offline(False)
        expect(old).to_be_hidden(timeout=30_000)
    assert watch.faults == []


def test_new_lines_of_a_log_appear_as_text(browser: Browser, site: Site) -> None:
    folder = site.config.logs_dir
    folder.mkdir()
    with (folder / "notifier.log").open("a", buffering=1) as log:
        log.write(f"{_HEAD} first\n")
        with opened_site(browser, site, PHONE_DARK) as page:
            page.goto("/logz")
            lines = page.get_by_role("log")
            expect(lines).to_contain_text("first")
            log.write(f"{_HEAD} <b>second</b>\n")
            expect(lines).to_contain_text("<b>second</b>", timeout=30_000)
            page.get_by_label("Level").select_option("ERROR")
            expect(lines).to_contain_text("No line has that")
            log.write(f"{_HEAD} third\n2026-11-30 10:00:02 ERROR app: fourth\n")
            expect(lines).to_contain_text("fourth", timeout=30_000)
            expect(lines).not_to_contain_text("third")
            assert serious_findings(page) == []
            assert overflow_px(page) == 0
