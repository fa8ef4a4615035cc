"""Logging in to the dashboard, and out of it."""

import logging

import pytest
from werkzeug.test import TestResponse

from app import protocol
from app.config.password import PasswordFile
from tests.servers.redis_server import RedisServer
from tests.web.dashboard.conftest import PASSWORD, Site

WRONG = "five ducks in the green pond"


def enter(site: Site, password: str, **fields: str) -> TestResponse:
    """Send the form of the login page, as a browser without a session does."""
    return site.post("/login", {"password": password, **fields})


@pytest.fixture
def stranger(site: Site) -> Site:
    site.log_out()
    return site


def test_the_right_password_opens_the_page_that_was_asked_for(stranger: Site) -> None:
    asked = stranger.get("/timeline?camera=front", Accept="text/html").location
    assert asked == "/login?next=/timeline?camera%3Dfront"
    entered = enter(stranger, PASSWORD, next="/timeline?camera=front")
    assert (entered.status_code, entered.location) == (302, "/timeline?camera=front")
    assert stranger.get("/").status_code == 200
    assert stranger.get("/login").location == "/"


#: Where a form leads that names these pages.
ELSEWHERE = (
    "https://example.com/",
    "//example.com/",
    "/\\example.com",
    "\\\\example.com",
    "/\t/example.com",
    "javascript:alert(1)",
    "timeline",
    "",
    "/a\r\nSet-Cookie: a=b",
    "/ /example.com",
    "/" * 600,
)


def test_a_login_leads_to_no_other_site(site: Site) -> None:
    for asked in ELSEWHERE:
        assert site.client.get("/login", query_string={"next": asked}).location == "/"


def test_an_earlier_token_is_worth_nothing_after_the_login(stranger: Site) -> None:
    before = stranger.token()
    assert enter(stranger, PASSWORD).status_code == 302
    refused = stranger.client.post("/logout", headers={"X-CSRFToken": before})
    assert (refused.status_code, stranger.get("/").status_code) == (400, 200)


def test_five_wrong_passwords_close_an_address(
    stranger: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answers = [enter(stranger, WRONG) for _ in range(6)]
    assert [one.status_code for one in answers] == [401] * 5 + [429]
    assert "This password is wrong." in answers[0].text
    assert "Try again in 5 min." in answers[5].text
    assert 290 < int(answers[5].headers["Retry-After"]) <= 300
    assert caplog.text.count("dashboard: a wrong password from 127.0.0.1") == 5
    assert WRONG not in caplog.text
    # The right one does not help, except from another address, or later.
    assert enter(stranger, PASSWORD).status_code == 429
    other = {"REMOTE_ADDR": "192.0.2.7"}
    form = {"password": PASSWORD, "csrf_token": stranger.token()}
    assert stranger.client.post("/login", data=form, environ_base=other).status_code == 302
    stranger.log_out()
    stranger.state._redis.delete(protocol.login_failures_key("127.0.0.1"))
    assert enter(stranger, PASSWORD).status_code == 302


def test_the_right_password_deletes_the_count(
    stranger: Site, caplog: pytest.LogCaptureFixture
) -> None:
    assert enter(stranger, WRONG).status_code == 401
    with caplog.at_level(logging.INFO):
        assert enter(stranger, PASSWORD).status_code == 302
    assert not stranger.state._redis.exists(protocol.login_failures_key("127.0.0.1"))
    assert "somebody logged in from 127.0.0.1" in caplog.text


def test_without_redis_nobody_logs_in_but_sessions_last(
    site: Site, redis_server: RedisServer
) -> None:
    known = site.client
    site.log_out()
    token = site.token()
    redis_server.kill()
    form = {"password": PASSWORD, "csrf_token": token}
    refused = site.client.post("/login", data=form)
    assert (refused.status_code, "Redis does not answer" in refused.text) == (503, True)
    assert known.get("/logz").status_code == 200
    redis_server.start()
    assert site.client.post("/login", data=form).status_code == 302


@pytest.mark.parametrize("content", [None, "garbage"])
def test_without_a_password_the_page_only_says_how_to_set_one(
    site: Site, content: str | None
) -> None:
    file = PasswordFile(site.data_dir)
    if content is None:
        file.remove()
    else:
        file.path.write_text(content)
    assert site.get("/").status_code == 401
    shown = site.get("/login").text
    assert "python -m app set-password" in shown
    assert 'type="password"' not in shown
    assert ("damaged" in shown) is (content is not None)
    refused = enter(site, "")
    assert (refused.status_code, "set-password" in refused.text) == (401, True)
    file.write(PASSWORD)
    assert enter(site, PASSWORD).status_code == 302


def test_logging_out_ends_the_session(site: Site) -> None:
    left = site.post("/logout")
    assert left.location == "/login"
    assert "You are logged out." in site.get("/login").text
    assert site.get("/").status_code == 401


def test_a_form_of_an_old_page_asks_once_more(stranger: Site) -> None:
    asked = stranger.client.post("/login", data={"password": PASSWORD})
    assert (asked.status_code, "type the password again" in asked.text) == (400, True)
    assert stranger.get("/").status_code == 401
