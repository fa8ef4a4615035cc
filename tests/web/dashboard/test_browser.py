"""Covers several modules: the browser of the tests notices what a page must not do."""

from playwright.sync_api import Browser, Page

from tests.waiting import until
from tests.web.dashboard.browser import PHONE, Watch, opened_page, overflow_px, serious_findings

NOWHERE = "http://127.0.0.1:9"
POLICY = """<meta http-equiv="Content-Security-Policy" content="script-src 'nonce-abc'">"""
#: What is wrong with a page, and the fault that names it.
WRONG = {
    "<img alt='' src='http://192.0.2.1/a.png'>": "to another machine: http://192.0.2.1/a.png",
    "<img alt='' src='http://example.com/b.png'>": "ERR_NAME_NOT_RESOLVED",
    "<script nonce='abc'>new WebSocket('ws://192.0.2.1/')</script>": "machine: ws://192.0.2.1/",
    "<script nonce='abc'>nothing.happens()</script>": "exception: nothing is not defined",
    "<script nonce='abc'>console.warn('careful')</script>": ": careful",
    "<script>document.title = 'ran'</script>": "violates the following Content Security Policy",
}


def test_everything_that_a_page_must_not_do_is_noticed(browser: Browser) -> None:
    watch = Watch()
    with opened_page(browser, NOWHERE, watch=watch) as page:
        page.set_content(f"{POLICY}<title>before</title>{''.join(WRONG)}")
        until(lambda: unnoticed(page, watch) == [], "each fault is noticed")
        assert page.title() == "before"
    watch.expected.append(": ")
    assert watch.faults == []


def unnoticed(page: Page, watch: Watch) -> list[str]:
    page.wait_for_timeout(20)  # what the browser reports arrives during calls only
    return [fault for fault in WRONG.values() if not any(fault in one for one in watch.faults)]


def test_axe_finds_what_nobody_can_read_or_name(browser: Browser) -> None:
    with opened_page(browser, NOWHERE) as page:
        page.set_content(
            "<html lang='en'><title>a page</title><main><h1>a page</h1>"
            "<p style='color: #ccc; background: #fff'>pale</p><button></button></main>"
        )
        found = {line.split(" ")[0] for line in serious_findings(page)}
    assert found == {"color-contrast", "button-name"}


def test_a_page_wider_than_a_phone_is_noticed(browser: Browser) -> None:
    with opened_page(browser, NOWHERE, PHONE) as page:
        page.set_content("<p>short")
        assert overflow_px(page) == 0
        page.set_content("<div style='width: 400px'>wide</div>")
        assert overflow_px(page) > 0
