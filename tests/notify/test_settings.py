import re
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from app.notify.settings import (
    AppriseSettings,
    NotifySettings,
    SlackSettings,
    TwilioSettings,
    secrets_in_url,
)
from tests.servers.twilio import ACCOUNT, FROM, OWNER, TOKEN

Section = type[NotifySettings | SlackSettings | TwilioSettings | AppriseSettings]


@pytest.mark.parametrize("sender", [FROM, "MG" + "a1" * 16, "12345", "123456", "House 7"])
def test_a_sender_is_a_number_a_service_or_a_name(sender: str) -> None:
    assert TypeAdapter(TwilioSettings).validate_python({"from": sender}).from_ == sender


@pytest.mark.parametrize(
    ("section", "key", "value", "problem"),
    [
        (TwilioSettings, "to", ["0151 12345678"], "a number in quotes with + and the country"),
        (TwilioSettings, "to", [4915112345678], "a number in quotes with + and the country"),
        (TwilioSettings, "from", "1234", "a number as"),
        (TwilioSettings, "from", "A name too long", "at most 11 letters"),
        (TwilioSettings, "account_sid", "AC123", "must be the Account SID"),
        (TwilioSettings, "min_alert_seconds", -1, "greater than or equal to 0"),
        (AppriseSettings, "urls", ["not a URL"], "must be one of Apprise's URLs"),
        (AppriseSettings, "max_clip_mb", 0, "greater than 0"),
        (SlackSettings, "max_clip_mb", 0, "greater than 0"),
        (NotifySettings, "backends", ["pigeon"], "'folder', 'memory'"),
        (NotifySettings, "when", ["rain"], "'alert', 'clip'"),
        (NotifySettings, "digest_after_s", 0, "greater than or equal to 1"),
    ],
)
def test_a_wrong_value_is_refused(section: Section, key: str, value: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        TypeAdapter(section).validate_python({key: value})


def test_slack_names_the_keys_that_it_needs() -> None:
    assert SlackSettings().missing() == ["slack.bot_token", "slack.alerts_channel"]
    assert SlackSettings(bot_token=SecretStr("xoxb-1"), alerts_channel="C1").missing() == []


def test_twilio_names_the_keys_that_it_needs() -> None:
    assert TwilioSettings(account_sid=ACCOUNT, from_=FROM).missing() == [
        "twilio.auth_token",
        "twilio.to",
    ]
    whole = TwilioSettings("", ACCOUNT, SecretStr(TOKEN), from_=FROM, to=(OWNER,))
    assert whole.missing() == []


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("tgram://123456:token-1/987654", {"123456:token-1", "987654"}),
        ("mailto://anna:hush-hush@example.org", {"hush-hush"}),
        ("json://localhost:8080/hooks/secret-path?key=query-key", {"secret-path", "query-key"}),
        (
            "slack://TokenAsHost/short/part%2Dquoted",
            {"TokenAsHost", "part%2Dquoted", "part-quoted"},
        ),
    ],
)
def test_all_longer_parts_of_a_url_are_secret_but_its_host(url: str, secrets: set[str]) -> None:
    assert secrets_in_url(url) == {url, *secrets}
