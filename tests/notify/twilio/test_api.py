"""Twilio's API, against a Twilio that misbehaves."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.errors import DeliveryError, DeliveryRefused
from app.notify import TwilioSettings
from app.notify.base import MessageRefused, NoAnswer
from app.notify.twilio.api import CURES, TwilioApi, masked
from tests.servers.drip_server import DripServer
from tests.servers.ports import free_port
from tests.servers.tricks import Trick, answer_lost, broken, refused, reset, too_many
from tests.servers.twilio import FROM, OWNER, TwilioServer

#: Errors that depend on the picture, or on the account and not on the number.
OTHER = {21612, 20003, 20404}


@pytest.fixture
def api(settings: TwilioSettings) -> Iterator[TwilioApi]:
    with closing(TwilioApi(settings, OWNER)) as made:
        yield made


def test_a_text_is_sent_from_the_number_that_is_set(twilio: TwilioServer, api: TwilioApi) -> None:
    text = api.send("Motion.", None)
    (sent,) = twilio.texts
    assert (sent.sid, sent.to, sent.sender, sent.body) == (text.sid, OWNER, FROM, "Motion.")


def test_a_messaging_service_can_be_the_sender(
    twilio: TwilioServer, settings: TwilioSettings
) -> None:
    service = "MG" + "a1" * 16
    twilio.numbers = {service}
    with closing(TwilioApi(replace(settings, from_=service), OWNER)) as api:
        api.send("Motion.", None)
    assert twilio.texts[0].sender == service


def test_a_text_ends_when_twilio_answers_byte_by_byte(
    settings: TwilioSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.notify.twilio.api.CALL_S", 0.4)
    with (
        DripServer() as drip,
        closing(TwilioApi(replace(settings, api_url=drip.url[:-1]), OWNER)) as api,
        pytest.raises(NoAnswer, match=r"no complete answer within 0\.4 s") as caught,
    ):
        api.send("Motion.", None)
    assert caught.value.sent


def test_the_outcome_of_a_text_is_known_later(twilio: TwilioServer, api: TwilioApi) -> None:
    twilio.losses.append(30003)
    text = api.send("Motion.", None)
    assert (text.status, text.error) == ("queued", None)
    outcomes = [api.fetch(text.sid) for _ in range(2)]
    assert (outcomes[1].status, outcomes[1].error) == ("undelivered", 30003)


def test_the_newest_texts_come_first_with_twilios_time(
    twilio: TwilioServer, api: TwilioApi
) -> None:
    for body in ("first", "second"):
        api.send(body, None)
    texts, time_there = api.newest()
    assert [text.body for text in texts] == ["second", "first"]
    assert time_there
    assert abs(time_there - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("code", sorted(set(CURES) - OTHER))
def test_a_number_that_cannot_be_texted_is_refused_with_a_cure(
    twilio: TwilioServer, api: TwilioApi, code: int
) -> None:
    twilio.refused[OWNER] = code
    with pytest.raises(DeliveryRefused) as caught:
        api.send("Motion.", None)
    assert str(caught.value) == f"Twilio refuses texts to +15…010 ({code}): {CURES[code]}"
    assert (caught.value.code, caught.value.retry_after_s) == (str(code), 300)


def test_a_wrong_token_or_sender_is_refused_with_a_cure(
    twilio: TwilioServer, api: TwilioApi
) -> None:
    twilio.numbers = set()
    with pytest.raises(DeliveryRefused, match=r"\(21659\): set twilio\.from to a number of yours"):
        api.send("Motion.", None)
    twilio.token = "another"  # noqa: S105 (no real one)
    with pytest.raises(
        DeliveryRefused,
        match=r"\(20003\): the account is not known: check twilio\.account_sid and",
    ):
        api.send("Motion.", None)


def test_an_unknown_refusal_shows_neither_number_nor_link(
    twilio: TwilioServer, api: TwilioApi
) -> None:
    twilio.trick(refused("29999"))
    with pytest.raises(MessageRefused) as caught:
        api.send("Motion.", None)
    assert (
        str(caught.value)
        == "Twilio does not accept a text to +15…010 (29999): error 29999 of +15…010 with …"
    )
    assert caught.value.code == "29999"


def test_the_pause_that_twilio_asks_for_is_known(twilio: TwilioServer, api: TwilioApi) -> None:
    twilio.trick(too_many(17))
    with pytest.raises(DeliveryError, match="Twilio limits texts") as caught:
        api.send("Motion.", None)
    assert caught.value.retry_after_s == 17


@pytest.mark.parametrize(
    ("trick", "text"),
    [
        (broken(503), "Twilio has a failure: it answered with HTTP 503"),
        (broken(302), "Twilio has a failure: it answered with HTTP 302"),
        (broken(200), "perhaps from a network's log-in page"),
        (reset(), "Twilio does not answer"),
        (answer_lost(), "Twilio does not answer"),
    ],
    ids=["503", "302", "login page", "reset", "answer lost"],
)
def test_without_an_answer_the_text_may_have_been_sent(
    twilio: TwilioServer, api: TwilioApi, trick: Trick, text: str
) -> None:
    twilio.trick(trick)
    with pytest.raises(NoAnswer, match=text) as caught:
        api.send("Motion.", None)
    assert caught.value.sent


def test_a_twilio_that_is_not_reached_has_sent_nothing(settings: TwilioSettings) -> None:
    away = TwilioApi(replace(settings, api_url=f"http://127.0.0.1:{free_port()}"), OWNER)
    with pytest.raises(NoAnswer, match="Twilio does not answer: NewConnectionError") as caught:
        away.send("Motion.", None)
    assert not caught.value.sent


def test_logs_show_a_number_only_in_part() -> None:
    assert masked(OWNER) == "+15…010"
