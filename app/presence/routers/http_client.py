"""Calls to a router over HTTP: limited in time and size, and never through a proxy.

The sessions are of `requests`, because fritzconnection needs such a session. Below them each call
is one connection of `urllib3`. It checks the router's certificate: like a browser, or by the one
fingerprint in the settings. Three things are added here, because the two libraries lack them. This
was measured with requests 2.34.2 and urllib3 2.8.0 against servers on loopback. The session had an
adapter with `assert_fingerprint`, `stream=True`, a timeout of 0.5 s, and a deadline of 0.5 s that
was checked between reads:

* A deadline from the request to the end of the answer. Their timeouts count for each read. When a
  router sent one byte every 50 ms in the headers or in the size of a chunk, the call still waited
  after 20 s. The same happened when it sent `100 Continue` every 50 ms. In the body (0.51 s) and in
  the TLS handshake (0.53 s) the deadline held.
* A limit of the size. `Session.get`, as fritzconnection calls it, unpacked 300 MiB from 0.3 MiB.
* No logging of addresses, which may hold a router's tokens. A pool of urllib3 logs each address at
  DEBUG; a connection alone logs it only at WARNING, when a header is malformed.
"""

import contextlib
import hashlib
import http.client
import logging
import re
import ssl
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection

from app.errors import RouterError, RouterRefused
from app.network.deadline import Deadline
from app.presence.base import RouterSettings, plain_fingerprint
from app.presence.routers.lenient_json import read_json

#: The longest answer that is read, in bytes: more than 10,000 devices, if somebody adds that many.
LARGEST_ANSWER = 2 << 20


def open_session(settings: RouterSettings, router: str) -> requests.Session:
    """Return a session for the *router* (its name in messages) at the url of *settings*.

    The connection to each address of the host, the TLS handshake, and the call itself each end
    within `timeout_s`. The search for the addresses may take longer, and costs the others no time.
    A failure below HTTP is a `RouterError`. Redirects are not followed.
    """
    logging.getLogger("urllib3.connection").setLevel(logging.ERROR)
    session = _Session(router)
    session.trust_env = False
    session.headers.update({"Accept-Encoding": "identity", "Connection": "close"})
    adapter = _RouterAdapter(settings, router)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def place(settings: RouterSettings) -> str:
    """Return where the router is, for messages: its url without the path."""
    parts = urlsplit(settings.url or "")
    return f"{parts.scheme}://{parts.netloc}"


def json_in(answer: requests.Response, router: str) -> Any:
    """Return the JSON in *answer*; `RouterError` when it is something else."""
    text = answer.content.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise RouterError(f"{router} answers with nothing")
    if text.startswith("<"):
        raise RouterError(f"{router} answers with a page in place of JSON")
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        raise RouterError(f"{router} answers with something that is not JSON") from None


class _Session(requests.Session):
    """A session whose failures are a router's, and show no addresses and no headers."""

    def __init__(self, router: str) -> None:
        super().__init__()
        self._router = router

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: passwords and cookies are sent only to the configured address."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            return super().request(*args, **kwargs)
        except requests.RequestException as error:
            raise RouterRefused(
                f"{self._router} cannot be asked like this ({type(error).__name__}): look at "
                "presence.router.url"
            ) from None


class _RouterAdapter(HTTPAdapter):
    """Makes one connection for each call: a kept connection may be broken at the next call."""

    def __init__(self, settings: RouterSettings, router: str) -> None:
        super().__init__()
        self._router = router
        self._host = urlsplit(settings.url or "").hostname
        self._timeout_s = settings.timeout_s
        self._fingerprint = settings.fingerprint
        is_tls = (settings.url or "").startswith("https:")
        self._tls = _tls_context(settings.fingerprint) if is_tls else None

    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        try:
            return self._call(request)
        except RouterError:
            raise
        except ssl.SSLCertVerificationError as error:
            raise self._distrusted(error, str(request.url)) from None
        except urllib3.exceptions.HTTPError as error:
            raise self._failure(error.__cause__ or error) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._failure(error) from None

    def _call(self, request: requests.PreparedRequest) -> requests.Response:
        connection = self._connection_for(str(request.url))
        with contextlib.closing(connection):
            self._connect(connection)
            with Deadline(self._timeout_s, connection.sock):
                connection.request(
                    str(request.method),
                    request.path_url,
                    request.body,
                    dict(request.headers),
                    preload_content=False,
                    decode_content=False,
                )
                return self._response(request, connection.getresponse())

    def _connection_for(self, url: str) -> HTTPConnection:
        parts = urlsplit(url)
        host = str(parts.hostname)
        if host != self._host or "@" in parts.netloc:
            # An answer of the router may have chosen this address.
            raise RouterError(f"{self._router} names an address on another host")
        if parts.scheme != "https":
            return HTTPConnection(host, parts.port, timeout=self._timeout_s)
        return HTTPSConnection(
            host,
            parts.port,
            timeout=self._timeout_s,
            ssl_context=self._tls,
            assert_fingerprint=self._fingerprint,
        )

    def _connect(self, connection: HTTPConnection) -> None:
        try:
            connection.connect()
        except ssl.SSLCertVerificationError:
            raise
        except ssl.SSLError as error:
            reason = (error.reason or "it ends the handshake").replace("_", " ").lower()
            raise RouterError(
                f"{self._router} does not answer in TLS ({reason}); is its url perhaps http://?"
            ) from None
        except urllib3.exceptions.SSLError as error:
            raise self._not_the_pinned(str(error)) from None

    def _response(
        self, request: requests.PreparedRequest, answer: BaseHTTPResponse
    ) -> requests.Response:
        body = b""
        with contextlib.closing(answer):
            # A read that ends too early is an error only when the next read finds nothing.
            while piece := answer.read(LARGEST_ANSWER + 1 - len(body)):
                body += piece
        if len(body) > LARGEST_ANSWER:
            raise RouterError(f"{self._router} answers with more than {LARGEST_ANSWER >> 20} MiB")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise RouterError(f"{self._router} compresses its answer, although it was asked not to")
        response = self.build_response(request, answer)
        response._content = body
        return response

    def _failure(self, error: BaseException) -> RouterError:
        if isinstance(error, TimeoutError):
            return RouterError(f"{self._router} does not answer within {self._timeout_s:g} s")
        if isinstance(error, http.client.IncompleteRead | ssl.SSLError):
            return RouterError(f"{self._router} breaks off in the middle of its answer")
        if isinstance(error, OSError):
            why = error.strerror or "it closes the connection"
            return RouterError(f"{self._router} does not answer: {why}")
        if isinstance(error, UnicodeError | urllib3.exceptions.LocationValueError):
            return RouterRefused(
                f"{self._router} cannot be asked like this: presence.router.url, username or a "
                "header has characters that HTTP cannot carry"
            )
        return RouterError(f"{self._router} answers with something that is not HTTP")

    def _not_the_pinned(self, why: str) -> RouterRefused:
        """Return the refusal of a certificate; *why* is urllib3's text, with the fingerprint."""
        found = re.search(r'got "([0-9a-f]{64})"', why)
        shown = f": {plain_fingerprint(found[1])}" if found else ""
        return RouterRefused(
            f"{self._router} shows a certificate other than the one that "
            f"presence.router.fingerprint names{shown}. Set that one only if it is your router "
            "that shows it, and has a new certificate"
        )

    def _distrusted(self, error: ssl.SSLCertVerificationError, url: str) -> RouterRefused:
        parts = urlsplit(url)
        address = (str(parts.hostname), parts.port or 443)
        why = (
            f"{self._router} shows a certificate that this machine does not trust "
            f"({error.verify_message})"
        )
        try:
            with Deadline(self._timeout_s):
                certificate = ssl.get_server_certificate(address, timeout=self._timeout_s)
        except OSError:
            return RouterRefused(why)
        found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
        return RouterRefused(
            f"{why}: if it is your router's own, trust it and no other by "
            f"presence.router.fingerprint: {plain_fingerprint(found)}"
        )


def _tls_context(fingerprint: str | None) -> ssl.SSLContext:
    if not fingerprint:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
