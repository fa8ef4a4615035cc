"""Debian's Chromium for tests of the dashboard, and what each page in it has to keep to."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    StorageState,
    expect,
    sync_playwright,
)

from tests.waiting import patience

#: No sandbox, because root has none in a container. No name but these is ever resolved, so that
#: nothing is sent to another machine; the names are those that `Watch` accepts.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
LOOPBACK = ("127.0.0.1", "localhost")
_INLINE = ("data", "blob", "about")
_SERIOUS = ("serious", "critical")
_WAIT_S = 10.0
#: A script that hides the page, or shows it again, as another tab in front of it does.
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@dataclass(frozen=True, slots=True)
class Look:
    """The screen of somebody who looks: its size in CSS pixels, and whether it is dark or light."""

    width: int = 1280
    height: int = 800
    scheme: Literal["dark", "light"] = "light"

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


DESKTOP, DESKTOP_DARK = Look(), Look(scheme="dark")
#: The narrowest phone that the dashboard is made for.
PHONE, PHONE_DARK = Look(360, 740), Look(360, 740, "dark")


class Watch:
    """Collects the faults of pages: errors and refusals by the CSP in the console, exceptions in
    scripts, and requests to other machines.

    A message that contains one of *expected* is no fault; a test of a refusal puts its own there.
    """

    def __init__(self) -> None:
        self.expected: list[str] = []
        self._faults: list[str] = []

    @property
    def faults(self) -> list[str]:
        """What is wrong with the pages so far."""
        return [fault for fault in self._faults if not any(word in fault for word in self.expected)]

    def look_at(self, page: Page) -> None:
        """Watch *page* from now on."""
        page.on("console", self._on_console)
        page.on("pageerror", self._on_exception)
        page.on("request", self._on_request)
        page.on("websocket", lambda socket: self._check_address(socket.url))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            where = message.location
            self._faults.append(f"{message.type} in {where['url']}: {message.text}")

    def _on_exception(self, error: Error) -> None:
        self._faults.append(f"exception: {error}")

    def _on_request(self, request: Request) -> None:
        self._check_address(request.url)

    def _check_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _INLINE and parts.hostname not in LOOPBACK:
            self._faults.append(f"request to another machine: {url}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that runs until the context is left; fails if there is none on this machine."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("Chromium is missing; scripts/setup.sh --tests installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened_page(
    browser: Browser,
    url: str,
    look: Look = DESKTOP,
    session: StorageState | None = None,
    watch: Watch | None = None,
) -> Iterator[Page]:
    """An empty page whose addresses begin at *url*, with the cookies in *session*.

    *watch* watches it; without one, faults fail the test when the context is left.
    """
    watching = watch or Watch()
    context = browser.new_context(
        base_url=url,
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        reduced_motion="reduce",
        storage_state=session,
    )
    context.set_default_timeout(patience(_WAIT_S) * 1000)
    expect.set_options(timeout=patience(_WAIT_S) * 1000)  # it would give up after 5 s
    try:
        page = context.new_page()
        watching.look_at(page)
        yield page
    finally:
        context.close()
    if watch is None:
        assert watching.faults == [], "\n".join(watching.faults)


def log_in(page: Page, password: str) -> None:
    """Log in on the page to which the dashboard sends a stranger, and wait until that is done."""
    page.goto("/")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Password").wait_for(state="detached")


def serious_findings(page: Page, *rules: str) -> list[str]:
    """What axe-core finds serious or critical on *page*, by all rules or only by *rules*: one line
    for each element.
    """
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html']}: {node['failureSummary']}"
        for one in found
        if one["impact"] in _SERIOUS
        for node in one["nodes"]
    ]


def overflow_px(page: Page) -> int:
    """By how many pixels *page* is wider than its window; 0 if it needs no horizontal scrolling."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )
