"""The dashboard of a house without gunicorn, and a browser for the whole of it."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import Browser
from werkzeug.test import Cookie, TestResponse

from app.clock import Clock, SystemClock
from app.config import Config, load_config
from app.config.password import PasswordFile
from app.state import State
from app.web.dashboard.app import create_app
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer
from tests.web.dashboard.browser import chromium
from tests.web.dashboard.house import House, busy_house

CAMERAS = "cameras: {front: {source: demo, pantilt: {backend: mock}}, garden: {source: demo}}\n"


PASSWORD = "four ducks in the green pond"  # noqa: S105


@cache
def _stored_password() -> bytes:
    with TemporaryDirectory() as folder:
        file = PasswordFile(Path(folder))
        file.write(PASSWORD)
        return file.path.read_bytes()


def store_password(config: Config) -> None:
    """Give the dashboard of *config* the password `PASSWORD`; all tests share its slow hash."""
    file = PasswordFile(config.data_dir)
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_bytes(_stored_password())


def session_cookie(app: Flask, values: Mapping[str, object]) -> str:
    """Return the cookie by which *app* knows a session with *values*."""
    interface = app.session_interface
    assert isinstance(interface, SecureCookieSessionInterface)
    serializer = interface.get_signing_serializer(app)
    assert serializer
    return str(serializer.dumps(dict(values)))


class Site:
    """The dashboard of one house, and a browser that is logged in."""

    def __init__(
        self, folder: Path, redis_url: str, more: str = "", clock: Clock | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        if "cameras:" not in more:
            more += CAMERAS
        if "dashboard:" not in more:
            more += "dashboard: {enabled: true}\n"
        self.config: Config = load_config(write_config(folder, redis_url, more))
        self.state = State(redis_url)
        store_password(self.config)
        self.app: Flask = create_app(self.config, self._clock)
        self.client = self.app.test_client()
        self.log_in()

    @property
    def data_dir(self) -> Path:
        return self.config.data_dir

    def log_in(self) -> None:
        """Give the browser a session."""
        with self.client.session_transaction() as session:
            session["since"] = int(self._clock.now().timestamp())

    def log_out(self) -> None:
        """Take a new browser, without any cookie."""
        self.client = self.app.test_client()

    @property
    def cookie(self) -> Cookie:
        """The cookie with the session of this browser."""
        name = self.app.session_interface.get_cookie_name(self.app)
        cookie = self.client.get_cookie(name)
        assert cookie
        return cookie

    def get(self, address: str, **headers: str) -> TestResponse:
        return self.client.get(address, headers=headers)

    def post(
        self,
        address: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Send *fields* as a form of a page does: with the token of the session."""
        token = self.token()
        given = {"X-CSRFToken": token, **(headers or {})}
        return self.client.post(address, data=dict(fields or {}), headers=given)

    def token(self) -> str:
        """The token that a page of this browser sends along with its forms."""
        for address in ("/", "/login"):
            token = self.get(address).text.partition('name="csrf-token" content="')[2]
            if token:
                return token.partition('"')[0]
        raise AssertionError("no page has a token")


@pytest.fixture
def site_clock() -> Clock:
    """The clock of the site; a test whose words depend on the time of day sets a fake one."""
    return SystemClock()


@pytest.fixture
def site(tmp_path: Path, redis_server: RedisServer, site_clock: Clock) -> Iterator[Site]:
    redis_server.settle()
    found = Site(tmp_path, redis_server.url, clock=site_clock)
    yield found
    found.state.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, started once for all tests of this folder; it ends after them."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> Iterator[House]:
    """A house with real footage and a dashboard, started once for the tests of a file.

    Put that file's name into `HOUSES` of tests/conftest.py.
    """
    with busy_house(tmp_path_factory.mktemp("house"), footage) as started:
        yield started
