"""Calls to a router over HTTP: ended after a time whatever the router does, cut off at a size, and
never through a proxy.

A certificate is checked as a browser does, or against the one fingerprint that the settings name.
The sessions are those of `requests`, so that they do for libraries too, but what is below them is
Python's own HTTP client: it logs no address, in which routers like to have tokens.
"""

import contextlib
import hashlib
import http.client
import io
import json
import socket
import ssl
import threading
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from app.errors import RouterError, RouterRefused
from app.presence.base import RouterSettings, plain_fingerprint

LARGEST_ANSWER = 1 << 20


def open_session(settings: RouterSettings, router: str) -> requests.Session:
    """A session for the *router* (its name in messages) at the url of *settings*.

    Each call is over within `timeout_s`, but for the search for a host's address. What goes wrong
    below HTTP is a `RouterError`. Redirects are not followed.
    """
    session = _Session(router)
    session.trust_env = False
    session.headers.update({"Accept-Encoding": "identity", "Connection": "close"})
    line = _Line(settings, router)
    session.mount("http://", line)
    session.mount("https://", line)
    return session


def place(settings: RouterSettings) -> str:
    """Where the router is, for messages: its url without the path."""
    parts = urlsplit(settings.url or "")
    return f"{parts.scheme}://{parts.netloc}"


def json_in(answer: requests.Response, router: str) -> Any:
    """The JSON that *answer* is; `RouterError` when it is something else."""
    text = answer.content.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise RouterError(f"{router} answers with nothing")
    if text.startswith("<"):
        raise RouterError(f"{router} answers with a page in place of JSON")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise RouterError(f"{router} answers with something that is not JSON") from None


class _Session(requests.Session):
    """A session that tells its own failures as a router's, without the addresses and headers that
    they are about.
    """

    def __init__(self, router: str) -> None:
        super().__init__()
        self._router = router

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: passwords and cookies go to no address but the one that is set."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            return super().request(*args, **kwargs)
        except requests.RequestException as error:
            raise RouterRefused(
                f"{self._router} cannot be asked so ({type(error).__name__}): look at "
                "presence.router.url"
            ) from None


class _Line(HTTPAdapter):
    """The way to the router: a connection for each call, so that none is found broken at the
    next.
    """

    def __init__(self, settings: RouterSettings, router: str) -> None:
        super().__init__()
        self._router = router
        self._timeout_s = settings.timeout_s
        self._fingerprint = settings.fingerprint
        self._tls = _tls(settings) if (settings.url or "").startswith("https:") else None

    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        host, port = str(parts.hostname), parts.port
        try:
            return self.build_response(
                request, self._answer(request, host, port, parts.scheme == "https")
            )
        except RouterError:
            raise
        except ssl.SSLCertVerificationError as error:
            raise self._distrusted(error, host, port or 443) from None
        except TimeoutError:
            raise RouterError(
                f"{self._router} does not answer within {self._timeout_s:g} s"
            ) from None
        except (http.client.IncompleteRead, ssl.SSLError):
            raise RouterError(f"{self._router} breaks off in the middle of its answer") from None
        except OSError as error:
            raise RouterError(
                f"{self._router} does not answer: {error.strerror or 'it closes the connection'}"
            ) from None
        except UnicodeError:
            raise RouterRefused(
                f"{self._router} cannot be asked so: presence.router.url, username or a header has "
                "signs that HTTP cannot carry"
            ) from None
        except (http.client.HTTPException, ValueError):
            raise RouterError(f"{self._router} answers with something that is not HTTP") from None

    def _answer(
        self, request: requests.PreparedRequest, host: str, port: int | None, encrypted: bool
    ) -> HTTPResponse:
        connection = (
            http.client.HTTPSConnection(host, port, context=self._tls)
            if encrypted
            else http.client.HTTPConnection(host, port)
        )
        with (
            socket.create_connection((host, connection.port), self._timeout_s) as plain,
            contextlib.closing(connection),
            _Deadline(plain, self._timeout_s),
        ):
            connection.sock = self._secured(plain, host) if encrypted else plain
            connection.request(
                str(request.method), request.path_url, request.body, dict(request.headers)
            )
            return self._read(connection.getresponse())

    def _secured(self, plain: socket.socket, host: str) -> ssl.SSLSocket:
        if self._tls is None:
            raise RouterRefused(
                f"{self._router} wants to be asked by https:// now: change presence.router.url"
            )
        try:
            secured = self._tls.wrap_socket(plain, server_hostname=host)
        except ssl.SSLCertVerificationError:
            raise
        except ssl.SSLError as error:
            reason = (error.reason or "it ends the handshake").replace("_", " ").lower()
            raise RouterError(
                f"{self._router} cannot be spoken to by TLS ({reason}); is its url perhaps http://?"
            ) from None
        found = _fingerprint(secured)
        if self._fingerprint not in (None, found):
            secured.close()
            raise RouterRefused(
                f"{self._router} shows a certificate other than the one that "
                f"presence.router.fingerprint names: {found}. Set that one only"
                " if it is your router that shows it, and has a new certificate"
            )
        return secured

    def _read(self, answer: http.client.HTTPResponse) -> HTTPResponse:
        body = answer.read(LARGEST_ANSWER + 1)
        if len(body) > LARGEST_ANSWER:
            raise RouterError(f"{self._router} answers with more than {LARGEST_ANSWER >> 20} MiB")
        if answer.length:
            raise RouterError(f"{self._router} breaks off in the middle of its answer")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise RouterError(f"{self._router} packs its answer, though asked not to")
        headers = HTTPHeaderDict(answer.getheaders())
        return HTTPResponse(
            io.BytesIO(body),
            headers,
            answer.status,
            preload_content=False,
            original_response=answer,
        )

    def _distrusted(
        self, error: ssl.SSLCertVerificationError, host: str, port: int
    ) -> RouterRefused:
        why = (
            f"{self._router} shows a certificate that this machine does not trust "
            f"({error.verify_message})"
        )
        try:
            with (
                socket.create_connection((host, port), self._timeout_s) as plain,
                _Deadline(plain, self._timeout_s),
                _unchecked_tls().wrap_socket(plain, server_hostname=host) as secured,
            ):
                found = _fingerprint(secured)
        except OSError:
            return RouterRefused(why)
        return RouterRefused(
            f"{why}: if it is your router's own, trust it and no other by "
            f"presence.router.fingerprint: {found}"
        )


class _Deadline:
    """Ends what waits for *sock* after *seconds*, however little by little it comes; within it,
    that is a `TimeoutError`.

    A twin of the socket is shut down, since the socket itself becomes another when TLS begins.
    """

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._twin = sock.dup()
        self._passed = False
        self._timer = threading.Timer(seconds, self._end)

    def _end(self) -> None:
        self._passed = True
        with contextlib.suppress(OSError):
            self._twin.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._timer.join()
        self._twin.close()
        if self._passed:
            raise TimeoutError from None


def _tls(settings: RouterSettings) -> ssl.SSLContext:
    return _unchecked_tls() if settings.fingerprint else ssl.create_default_context()


def _unchecked_tls() -> ssl.SSLContext:
    """TLS with anybody: whoever uses it compares the fingerprint before a word is said."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _fingerprint(secured: ssl.SSLSocket) -> str:
    return plain_fingerprint(
        hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
    )
