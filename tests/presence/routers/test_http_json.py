"""Logins, cookies, headers and pages of a router that is asked as its own web pages do."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from app.clock import FakeClock
from app.errors import RouterError, RouterRefused
from app.presence.base import HttpJsonSettings, RouterSettings
from app.presence.routers.http_json import HttpJsonRouter
from tests.presence.backends import BY_ANSWER, BY_BASIC, BY_KEY, LIST
from tests.servers.router import Phone, Reply, Request, always
from tests.servers.router_classic import API_KEY, NO_SESSION, PASSWORD, USER, ClassicRouter

ANNA = Phone("aa:bb:cc:00:00:01", "annas-iphone", "192.168.1.11")
BEN = Phone("aa:bb:cc:00:00:02", "bens-pixel", "192.168.1.12")


@pytest.fixture(params=["cookie", "answer"])
def server(request: pytest.FixtureRequest) -> Iterator[ClassicRouter]:
    by: Literal["cookie", "answer"] = request.param
    with ClassicRouter(by=by) as made:
        made.phones = [ANNA]
        yield made


def calls_for(server: ClassicRouter) -> HttpJsonSettings:
    return BY_ANSWER if server.by == "answer" else LIST


@contextlib.contextmanager
def router_at(
    server: ClassicRouter, calls: HttpJsonSettings | None = None, **changed: Any
) -> Iterator[HttpJsonRouter]:
    plain = RouterSettings(
        "http_json",
        server.url,
        USER,
        SecretStr(PASSWORD),
        timeout_s=2.0,
        http_json=calls or calls_for(server),
    )
    with contextlib.closing(HttpJsonRouter(replace(plain, **changed), FakeClock())) as router:
        yield router


def macs(router: HttpJsonRouter) -> list[str | None]:
    return [one.mac for one in router.devices()]


def one_session(server: ClassicRouter) -> HttpJsonSettings:
    server.has_room_for_one = True
    return replace(calls_for(server), logout="/goform/logout", busy="another user")


def test_with_a_logout_two_programs_take_turns(server: ClassicRouter) -> None:
    calls = one_session(server)
    with router_at(server, calls) as daemon, router_at(server, calls) as who:
        for router in (daemon, who, who, daemon):
            assert macs(router) == [ANNA.mac]
    assert (server.logins, server.logouts) == (4, 4)


def test_a_busy_router_is_waited_for_and_blames_no_password(server: ClassicRouter) -> None:
    server.has_room_for_one = True
    with (
        router_at(server) as person,
        router_at(server, one_session(server)) as router,
    ):
        assert macs(person) == [ANNA.mac]
        with pytest.raises(
            RouterError, match="is busy, since somebody else is logged in"
        ) as caught:
            router.devices()
        assert not isinstance(caught.value, RouterRefused)
        assert server.logins > 3
        server.expire()
        assert macs(router) == [ANNA.mac]


def test_a_phone_that_is_called_busy_hides_nobody(server: ClassicRouter) -> None:
    server.phones = [Phone("aa:bb:cc:00:00:09", "another user is logged in"), ANNA]
    with router_at(server, one_session(server)) as router:
        assert ANNA.mac in macs(router)


def test_without_the_words_the_refusal_names_them(server: ClassicRouter) -> None:
    server.has_room_for_one = True
    with router_at(server) as person, router_at(server) as router:
        person.devices()
        with pytest.raises(RouterRefused, match=r"set http_json\.logout and busy"):
            router.devices()


def test_a_logout_that_fails_costs_no_list(server: ClassicRouter) -> None:
    calls = replace(calls_for(server), logout="/nothing/here")
    with router_at(server, calls) as router:
        for _ in range(2):
            assert macs(router) == [ANNA.mac]


@pytest.mark.parametrize("by", ["cookie", "answer"])
def test_a_login_that_is_refused_in_words_blames_the_password(
    by: Literal["cookie", "answer"],
) -> None:
    with ClassicRouter(by=by) as server:
        server.has_room_for_one = True
        calls = BY_ANSWER if by == "answer" else LIST
        wrong = SecretStr("wrong")
        with (
            router_at(server, calls, password=wrong) as router,
            pytest.raises(RouterRefused, match="the login was refused: look at username, password"),
        ):
            router.devices()


def test_a_control_character_in_a_name_hides_nobody(footage: Path) -> None:
    with ClassicRouter() as server:
        server.fault = always((footage / "trouble" / "hosts-control.json").read_bytes())
        calls = HttpJsonSettings(devices="/data/hosts")
        with router_at(server, calls, username=None) as router:
            assert [(one.mac, one.hostname) for one in router.devices()] == [
                (ANNA.mac, ANNA.hostname),
                ("aa:bb:cc:00:00:02", "zyxelcam"),
            ]


def test_one_login_is_enough_for_many_polls(server: ClassicRouter) -> None:
    with router_at(server) as router:
        for _ in range(3):
            assert macs(router) == [ANNA.mac]
    assert server.logins == 1
    assert [one.path for one in server.asked] == [
        "/login.html",
        "/goform/login",
        *["/data/hosts"] * 3,
    ]


@pytest.mark.parametrize("sign", NO_SESSION)
def test_an_expired_login_is_renewed_however_it_shows(server: ClassicRouter, sign: str) -> None:
    server.no_session = NO_SESSION[sign]
    with router_at(server) as router:
        router.devices()
        server.expire()
        assert macs(router) == [ANNA.mac]
        assert macs(router) == [ANNA.mac]
    assert server.logins == 2


@pytest.mark.parametrize("sign", NO_SESSION)
def test_a_login_that_expires_at_once_is_renewed_once_a_poll(
    server: ClassicRouter, sign: str
) -> None:
    server.no_session = NO_SESSION[sign]
    server.forgets_at_once = True
    with router_at(server) as router:
        for poll in range(1, 4):
            with pytest.raises(RouterError):
                router.devices()
            assert server.logins == poll


def test_a_router_in_trouble_is_no_reason_to_log_in_again(server: ClassicRouter) -> None:
    with router_at(server) as router:
        router.devices()
        server.no_session = Reply(b"", 503)
        server.expire()
        with pytest.raises(
            RouterError, match=r"has a problem: it answers http_json\.devices with HTTP 503"
        ):
            router.devices()
    assert server.logins == 1


def test_a_wrong_password_is_refused_with_the_place_to_look_at(server: ClassicRouter) -> None:
    with (
        router_at(server, password=SecretStr("wrong-geheim")) as router,
        pytest.raises(
            RouterRefused,
            match=r"refuses the login \(HTTP 401\): look at username, password and http_json",
        ) as caught,
    ):
        router.devices()
    assert "geheim" not in str(caught.value)
    assert server.logins == 1


@pytest.mark.parametrize("sign", NO_SESSION)
def test_no_list_right_after_the_login_is_a_refusal(server: ClassicRouter, sign: str) -> None:
    """Many routers do not report a wrong password, and lock out whoever tries it again."""
    server.no_session = NO_SESSION[sign]
    server.forgets_at_once = True
    with (
        router_at(server) as router,
        pytest.raises(RouterRefused, match=r"the login was refused: look at username, password"),
    ):
        router.devices()


def test_a_list_in_pages_that_all_come_late_is_given_up() -> None:
    clock = FakeClock()

    class Slow(ClassicRouter):
        def reply(self, request: Request) -> Reply:
            clock.advance(1.9)
            return super().reply(request)

    with Slow() as server:
        server.phones = [Phone(f"aa:bb:cc:00:01:{number:02x}") for number in range(30)]
        settings = RouterSettings("http_json", server.url, timeout_s=2.0, http_json=BY_KEY)
        with (
            contextlib.closing(HttpJsonRouter(settings, clock)) as router,
            pytest.raises(RouterError, match="takes more than 8 s for its"),
        ):
            router.devices()
        assert len(server.asked) == 5


def test_the_form_has_the_set_type_and_the_address_the_time(
    server: ClassicRouter,
) -> None:
    with router_at(server) as router:
        router.devices()
    login, listed = server.asked[1], server.asked[2]
    assert login.headers["Content-Type"] == (
        "application/json" if server.by == "answer" else "application/x-www-form-urlencoded"
    )
    assert listed.query["_"] == f"{FakeClock().now().timestamp() * 1000:.0f}"


def test_headers_from_the_login_go_with_the_list_only(
    server: ClassicRouter,
) -> None:
    where = "data.userid" if server.by == "answer" else "sid"
    headers = {"X-Requested-With": "XMLHttpRequest", "X-Token": f"Bearer {{{where}}}"}
    with router_at(server, replace(calls_for(server), headers=headers)) as router:
        router.devices()
    assert [one.headers["X-Requested-With"] for one in server.asked] == ["XMLHttpRequest"] * 3
    assert [one.headers["X-Token"] for one in server.asked] == [
        None,
        None,
        f"Bearer {server.session}",
    ]


def test_the_logins_answer_is_quoted_in_the_address(
    server: ClassicRouter,
) -> None:
    where = "data.userid" if server.by == "answer" else "sid"
    odd = "a&b=c d/\u20ac"
    calls = replace(
        calls_for(server),
        devices=f"/data/hosts?key={{odd}}&session={{{where}}}",
        secrets={"odd": SecretStr(odd)},
    )
    with router_at(server, calls) as router:
        router.devices()
    assert server.asked[-1].query == {"key": odd, "session": server.session}


def test_a_name_missing_in_the_logins_answer_is_shown() -> None:
    with ClassicRouter(by="answer") as server:
        calls = replace(BY_ANSWER, cookie="userid={userid}")
        with router_at(server, calls) as router, pytest.raises(RouterRefused) as caught:
            router.devices()
    assert (
        "http_json.headers.Cookie needs {userid}, but the login answers only: PHPSESSID, "
        "data.userid, result; if that name is right, the login was refused: look at username"
    ) in str(caught.value)


def test_of_very_many_names_only_some_are_shown() -> None:
    with ClassicRouter(by="answer") as server:
        server.login_answer = {f"\n{number:04}": 1 for number in range(5000)}
        calls = replace(BY_ANSWER, cookie="userid={userid}")
        with router_at(server, calls) as router, pytest.raises(RouterRefused) as caught:
            router.devices()
    assert "answers only: 0000, 0001, 0002" in str(caught.value)
    assert len(str(caught.value)) < 450


@pytest.mark.parametrize("value", ["geheim\r\nX-Evil: 1", "gehe\u20acim", "geheim "])
def test_a_value_that_no_header_may_hold_is_refused_unshown(value: str) -> None:
    with ClassicRouter() as server:
        calls = replace(BY_KEY, secrets={"key": SecretStr(value)})
        with (
            router_at(server, calls) as router,
            pytest.raises(
                RouterRefused, match=r"http_json\.headers\.X-API-KEY would hold"
            ) as caught,
        ):
            router.devices()
    assert "gehe" not in str(caught.value)
    assert not server.asked


def test_a_list_in_pages_is_read_to_its_end() -> None:
    with ClassicRouter() as server:
        server.phones = [Phone(f"aa:bb:cc:00:01:{number:02x}") for number in range(7)]
        with router_at(server, BY_KEY) as router:
            assert len(macs(router)) == 7
        assert [one.query["offset"] for one in server.asked] == ["0", "2", "4", "6"]
        assert {one.headers["X-API-KEY"] for one in server.asked} == {API_KEY}


@pytest.mark.parametrize(("total", "page_size"), [(9, 2), (3000, 2)])
def test_a_list_that_ends_before_its_end_is_an_error(total: int, page_size: int) -> None:
    with ClassicRouter() as server:
        server.phones, server.total, server.page_size = [ANNA, BEN, ANNA], total, page_size
        with (
            router_at(server, BY_KEY) as router,
            pytest.raises(RouterError, match=f"announces {total} devices, but lists only 3"),
        ):
            router.devices()


def test_a_wrong_key_is_refused() -> None:
    with ClassicRouter() as server:
        calls = replace(BY_KEY, secrets={"key": SecretStr("other")})
        with (
            router_at(server, calls) as router,
            pytest.raises(RouterRefused, match=r"without a login.*\(HTTP 401\)"),
        ):
            router.devices()


def test_user_and_password_go_by_http_when_there_is_no_form() -> None:
    with ClassicRouter() as server:
        server.phones = [ANNA]
        with router_at(server, BY_BASIC) as router:
            assert macs(router) == [ANNA.mac]
        with (
            router_at(server, BY_BASIC, password=SecretStr("wr\u20acng")) as router,
            pytest.raises(RouterRefused, match="HTTP 401"),
        ):
            router.devices()


@pytest.mark.parametrize(
    "changed", [{"login": "/gone"}, {"login_page": "/gone"}, {"devices": "/gone"}]
)
def test_an_address_where_nothing_is_is_named(
    server: ClassicRouter, changed: dict[str, Any]
) -> None:
    (key,) = changed
    with (
        router_at(server, replace(calls_for(server), **changed)) as router,
        pytest.raises(RouterRefused, match=f"at http_json.{key} .*404"),
    ):
        router.devices()


def test_a_device_is_listed_with_the_time_it_connected(server: ClassicRouter) -> None:
    with router_at(server) as router:
        (device,) = router.devices()
    assert device.connected_since == FakeClock().now() - timedelta(seconds=60)


def test_an_old_cookie_is_not_sent_with_a_new_login(server: ClassicRouter) -> None:
    with router_at(server) as router:
        router.devices()
        server.expire()
        router.devices()
    assert [one.cookies for one in server.asked if one.path == "/login.html"] == [{}, {}]
