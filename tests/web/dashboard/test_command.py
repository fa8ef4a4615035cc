"""Commands that are sent from a page."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from redis import Redis

from app.clock import FakeClock
from app.commands.context import REDIS_AWAY
from app.commands.registry import COMMANDS
from app.web.dashboard.command import OFFERED
from tests.servers.redis_server import RedisServer
from tests.web.dashboard.conftest import Site


def send(site: Site, command: str, text: str = "") -> str:
    answer = site.post(
        f"/command/{command}", {"text": text}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 200
    return str(answer.get_json()["text"])


def test_a_switch_is_set_and_says_by_whom(site: Site, redis_server: RedisServer) -> None:
    reply = send(site, "pycam_off")
    assert reply == "Disarmed. The cameras do not watch until somebody arms the house."
    assert site.state.read_strings("camera_status") == ["False"]
    with Redis.from_url(redis_server.url) as server:
        assert b'"by":"somebody at the dashboard"' in server.get("armed_by")


def test_a_form_without_a_script_gets_the_page_with_the_reply(site: Site) -> None:
    answer = site.post("/command/pycam_off", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.location) == (303, "/")
    page = site.get("/").text
    assert "Disarmed. The cameras do not watch" in page
    assert 'action="/command/pycam_on"' in page


def test_a_refusal_is_a_sentence(site: Site) -> None:
    assert send(site, "rotate", "garden 10 10") == (
        "Camera garden has no pan-tilt mount, so it cannot turn."
    )
    assert send(site, "snooze", "for ages").startswith("Say for how long")


@pytest.mark.parametrize(
    "site_clock", [FakeClock(datetime(2026, 11, 20, 18, 28, 30, tzinfo=UTC))], ids=["evening"]
)
def test_a_snooze_may_have_a_time_of_day(site: Site, in_zone: Callable[[str], None]) -> None:
    in_zone("Asia/Kolkata")
    fields, headers = {"until": "23:59"}, {"Accept": "application/json"}
    answer = site.post("/command/snooze", fields, headers)
    assert "until 23:59 (30 s)" in answer.get_json()["text"]


def test_only_commands_that_a_page_offers_are_run(site: Site) -> None:
    assert COMMANDS.keys() > OFFERED
    for name in [*(COMMANDS.keys() - OFFERED), "nothing"]:
        assert site.post(f"/command/{name}").status_code == 404


def test_a_command_needs_the_token_of_the_page(site: Site) -> None:
    assert site.client.post("/command/pycam_off").status_code == 400
    assert site.get("/command/pycam_off").status_code == 405
    assert site.state.read_strings("camera_status") == [None]


def test_without_redis_the_reply_says_so(site: Site, redis_server: RedisServer) -> None:
    redis_server.stop()
    assert send(site, "pycam_off") == REDIS_AWAY
