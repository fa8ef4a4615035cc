"""Covers several modules: pages whose script, answers or connection are late, and double clicks."""

from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.waiting import until
from tests.web.dashboard.browser import HIDE, Watch
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.made_events import an_event, write_event
from tests.web.dashboard.served import opened_site

#: What a person could use although nothing answers: buttons and switches outside of plain forms,
#: and fields that no button sends.
UNANSWERED = """() => [
  ...document.querySelectorAll("button, input, select, textarea"),
].filter(one => {
  if (one.disabled || !one.checkVisibility()) return false;
  const sender = one.form?.querySelector("button:not([type=button])");
  const isField = !one.matches("button, [type=checkbox], [role=switch]");
  if (one.type === "reset") return false; // the browser answers it
  return isField ? !sender : !(one === sender || (sender && one.type === "submit"));
}).map(one => one.outerHTML)"""
SEEN_THOUGH_HIDDEN = """() => [
  ...document.querySelectorAll("body [hidden]"),
].filter(one => one.checkVisibility()).map(one => one.outerHTML)"""
_PAGES = ("/timeline", "/tag", "/detector", "/detector/masks", "/system", "/logz", "/")


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with opened_site(browser, site) as opened:
        yield opened


def opened(page: Page, path: str) -> Page:
    page.goto(path, wait_until="domcontentloaded")
    return page


def test_what_only_a_script_answers_waits_for_it(browser: Browser, site: Site) -> None:
    event = write_event(site.data_dir, an_event())
    watch = Watch()
    watch.expected += ["ERR_FAILED", "latest/front.jpg"]  # there is no picture yet
    wrong = {}
    paths = (*_PAGES, f"/event/{event}", f"/detector?event={event}")
    with opened_site(browser, site, watch=watch) as page:
        page.route("**/*.js?*", lambda route: route.abort())
        for path in paths:
            wrong[path] = opened(page, path).evaluate(UNANSWERED)
            wrong[path] += page.evaluate(SEEN_THOUGH_HIDDEN)
    with opened_site(browser, site, watch=watch) as page:
        for path in paths:
            expect(opened(page, path).locator("[data-scripted]:disabled")).to_have_count(0)
    assert {path: found for path, found in wrong.items() if found} == {}
    assert watch.faults == []


def test_a_double_click_does_not_arm_again(site: Site, page: Page) -> None:
    held: list[Route] = []
    page.route("**/command/pycam_off", lambda route: answer_later(route, held))
    opened(page, "/").get_by_role("button", name="Disarm").click()
    arm = page.get_by_role("button", name="Arm", exact=True)
    expect(arm).to_be_focused()
    arm.click()
    assert site.state.read_strings("camera_status") == ["False"]
    until(partial(is_asked, page, held), "the server has answered")
    held.pop().fulfill(json={"text": "Disarmed."})
    expect(page.locator("[data-busy]")).to_have_count(0)
    arm.click()
    until(lambda: site.state.read_strings("camera_status") == ["True"], "it is armed")


def answer_later(route: Route, held: list[Route]) -> None:
    """Let the server do what is asked, and keep its answer."""
    route.fetch()
    held.append(route)


def test_commands_keep_their_order_and_switches_their_place(site: Site, page: Page) -> None:
    held: list[Route] = []
    page.route("**/command/notifications_*", partial(hold, held))
    alerts = opened(page, "/").get_by_role("switch", name="Send alerts")
    alerts.click()
    until(partial(is_asked, page, held), "a command is on its way")
    site.state.set_switch("auto_detect_status", False)
    expect(page.get_by_role("switch", name="Arm and disarm by who is home")).not_to_be_checked()
    expect(alerts).not_to_be_checked()
    alerts.click()
    assert [one.request.url.rpartition("/")[2] for one in held] == ["notifications_off"]
    held.pop().continue_()
    until(partial(is_asked, page, held), "the next one follows")
    held.pop().continue_()
    expect(page.get_by_text("Alerts are on from now on.")).to_be_visible()
    expect(alerts).to_be_checked()
    assert site.state.read_strings("camera_notifications") == ["True"]


def hold(held: list[Route], route: Route) -> None:
    held.append(route)


def is_asked(page: Page, held: list[Route]) -> bool:
    page.wait_for_timeout(20)  # it lets Playwright take requests
    return bool(held)


def test_what_waits_is_sent_when_the_page_is_hidden(site: Site, page: Page) -> None:
    held: list[Route] = []
    page.route("**/command/notifications_off", partial(hold, held))
    opened(page, "/").get_by_role("switch", name="Send alerts").click()
    until(partial(is_asked, page, held), "a command is on its way")
    page.get_by_role("switch", name="Arm and disarm by who is home").click()
    page.evaluate(HIDE, True)
    until(
        lambda: site.state.read_strings("auto_detect_status") == ["False"], "the next one was sent"
    )
    held.pop().continue_()


def test_a_token_that_is_too_old_is_renewed(browser: Browser, site: Site) -> None:
    watch = Watch()
    watch.expected.append("status of 400")
    with opened_site(browser, site, watch=watch) as page:
        opened(page, "/").evaluate("document.querySelector('[name=csrf-token]').content = 'old'")
        page.get_by_role("switch", name="Send alerts").click()
        expect(page.get_by_text("Alerts are off.")).to_be_visible()
    assert watch.faults == []


def test_a_dead_connection_is_noticed(
    site: Site, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pictures", "updates"):
        monkeypatch.setattr(f"app.web.dashboard.live.{name}.QUIET_S", 1000.0)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.partition("?")[0].rpartition("/")[2])

    page.on("request", note)
    page.clock.install()
    opened(page, "/")
    until(lambda: is_followed(page, asked, 1), "the page follows the house")
    page.clock.fast_forward(40_000)
    until(lambda: is_followed(page, asked, 2), "it asks again")


def is_followed(page: Page, asked: list[str], times: int) -> bool:
    page.wait_for_timeout(20)
    return asked.count("live") >= times and asked.count("updates") >= times


def test_a_page_from_the_past_is_loaded_again(page: Page) -> None:
    opened(page, "/timeline")
    with page.expect_navigation():
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
