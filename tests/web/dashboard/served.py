"""The dashboard of a `Site` on a port of its own, for a browser: without gunicorn and cameras."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, StorageState
from werkzeug.serving import make_server

from tests.web.dashboard.browser import DESKTOP, Look, Watch, opened_page
from tests.web.dashboard.conftest import Site


@contextmanager
def opened_site(
    browser: Browser, site: Site, look: Look = DESKTOP, watch: Watch | None = None
) -> Iterator[Page]:
    """An empty page in a *browser* that has the session of *site*; see `opened_page`."""
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        url = f"http://127.0.0.1:{server.port}"
        with opened_page(browser, url, look, _session(site), watch) as page:
            yield page
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _session(site: Site) -> StorageState:
    cookie = site.cookie
    return {
        "cookies": [
            {
                "name": cookie.key,
                "value": cookie.value,
                "domain": "127.0.0.1",
                "path": "/",
                "expires": -1,
                "httpOnly": True,
                "secure": False,
                "sameSite": "Lax",
            }
        ],
        "origins": [],
    }
