"""A provider's router: a login page, a form, a cookie, and a list for the scripts of its pages.

`/data/hosts` needs a session. `/pages/hosts` gives the same list in pages, and needs the API key.
`/open/hosts` needs HTTP's own user and password.
"""

import base64
import itertools
import json
from typing import Literal

from tests.servers.certificate import Certificate
from tests.servers.router import PAGE, Reply, Request, RouterServer

USER, PASSWORD, API_KEY = "admin", "router-geheim", "key-geheim"
#: The flag in its list of a phone that is not connected any more.
GONE = "inactive"

NO_SESSION = {
    "401": Reply(b'{"error": "login"}', 401),
    "403": Reply(b"", 403),
    "redirect": Reply(b"", 302, "text/html", (("Location", "/login.html"),)),
    "page": Reply(PAGE, 200, "text/html"),
    "empty": Reply(b""),
    "no list": Reply(b'{"error": "session"}'),
}


class ClassicRouter(RouterServer):
    """Has one session at a time, as many do; *by* says where it shows: a cookie, or the answer."""

    def __init__(
        self, certificate: Certificate | None = None, by: Literal["cookie", "answer"] = "cookie"
    ) -> None:
        super().__init__(certificate)
        self.by = by
        self.no_session = NO_SESSION["401"]
        self.forgets_at_once = False
        self.logins = 0
        self.login_answer: dict[str, int] = {}
        #: Whether a second login is refused while a session is open.
        self.has_room_for_one = False
        self.logouts = 0
        self.page_size = 2
        self.total: int | None = None
        self._before: str | None = None
        self._session: str | None = None
        self._numbers = itertools.count(1)

    @property
    def session(self) -> str:
        """The secret of the session that is open."""
        return self._session or ""

    def expire(self) -> None:
        """Forget the session."""
        self._session = None

    def reply(self, request: Request) -> Reply:  # noqa: PLR0911 (one return for each address)
        if request.path == "/login.html":
            self._before = f"before-geheim-{next(self._numbers)}"
            return Reply(
                PAGE,
                200,
                "text/html",
                (("Set-Cookie", f"PHPSESSID={self._before}; Path=/; HttpOnly"),),
            )
        if request.path == "/goform/login":
            return self._log_in(request)
        if request.path == "/goform/logout" and self._may(request):
            self.logouts += 1
            self._session = None
            return Reply(b'{"result": "ok"}')
        if request.path == "/data/hosts":
            return self._list() if self._may(request) else self.no_session
        if request.path == "/pages/hosts":
            return self._page(request)
        if request.path == "/open/hosts":
            pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            return (
                self._list()
                if request.headers.get("Authorization") == f"Basic {pair}"
                else NO_SESSION["401"]
            )
        return Reply(b"", 404, "text/html")

    def _log_in(self, request: Request) -> Reply:
        self.logins += 1
        if self.has_room_for_one and self._session:
            return Reply(b'{"result": "busy", "message": "Another user is logged in"}')
        sent = (
            json.loads(request.body)
            if "json" in request.headers.get("Content-Type", "")
            else request.form
        )
        if (sent.get("usr"), sent.get("pwd")) != (USER, PASSWORD) or request.cookies.get(
            "PHPSESSID"
        ) != self._before:
            return Reply(b'{"result": "wrong"}', 200 if self.has_room_for_one else 401)
        self._session = f"session-geheim-{next(self._numbers)}"
        if self.by == "cookie":
            return Reply(
                b"",
                302,
                "text/html",
                (("Location", "/"), ("Set-Cookie", f"sid={self._session}; Path=/")),
            )
        return Reply(
            json.dumps(
                self.login_answer or {"result": "ok", "data": {"userid": self._session}}
            ).encode()
        )

    def _may(self, request: Request) -> bool:
        shown = request.cookies.get("sid" if self.by == "cookie" else "userid")
        known = (
            self._session is not None
            and shown == self._session
            and request.cookies.get("PHPSESSID") == self._before
        )
        if self.forgets_at_once:
            self._session = None
            return False
        return known

    def _entries(self) -> list[dict[str, object]]:
        return [
            {
                "hostName": phone.hostname,
                "macAddr": phone.mac,
                "ipAddr": phone.ip,
                "online": "active" if phone.active else GONE,
                "up_s": 60,
            }
            for phone in self.phones
        ]

    def _list(self) -> Reply:
        return Reply(self.json({"hosts": {"list": self._entries()}}))

    def _page(self, request: Request) -> Reply:
        if request.headers.get("X-API-KEY") != API_KEY:
            return NO_SESSION["401"]
        start = int(request.query["offset"])
        entries = self._entries()
        page = {
            "data": entries[start : start + self.page_size],
            "totalCount": len(entries) if self.total is None else self.total,
        }
        return Reply(self.json(page))
