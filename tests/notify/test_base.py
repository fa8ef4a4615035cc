from datetime import UTC, datetime
from typing import get_args

import pytest

from app import protocol
from app.notify.base import (
    TOPIC_OF,
    TOPICS,
    Digest,
    Message,
    MessageRefused,
    megabytes_to_bytes,
    retry_after_s,
)
from app.notify.memory import MemoryNotifier
from app.protocol import FactKind
from tests.notify.progress import MemoryProgress

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "../escaped",
        "/etc/passwd",
        "a/b",
        ".hidden",
        "-option",
        "a\nb",
        "a\n",
        "a\x00b",
        "a b",
        "ä",
        "k" * 129,
    ],
)
def test_a_key_that_could_leave_a_folder_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="cannot be a message's key"):
        Message(key, AT, "Motion.")


def test_the_ids_that_the_suite_makes_are_keys() -> None:
    for key in (
        protocol.event_id(AT, "front_door-2"),
        protocol.new_fact_id(AT, "front"),
        protocol.new_fact_id(AT),
    ):
        assert Message(key, AT, "Motion.").key == key


def test_every_kind_of_fact_has_a_topic_but_the_end_of_motion() -> None:
    assert set(TOPIC_OF) == set(get_args(FactKind))
    assert {kind for kind, topic in TOPIC_OF.items() if topic is None} == {"motion_ended"}
    assert set(TOPIC_OF.values()) - {None} == set(TOPICS)


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [
        ("17", 17),
        ("0", 1),
        ("86400", 3600),
        ("9" * 400, 3600),
        ("-5", 30),
        ("1e3", 30),
        ("", 30),
        ("Fri, 20 Nov 2026 10:15:00 GMT", 30),
        (None, 30),
    ],
)
def test_a_pause_is_1_s_to_1_h_and_30_s_by_default(header: str | None, pause_s: float) -> None:
    assert retry_after_s(header) == pause_s


def test_refusals_are_alike_if_the_service_names_one_reason() -> None:
    refused = MessageRefused("Slack refuses the first", "too_long")
    assert refused.is_like(MessageRefused("Slack refuses the second", "too_long"))
    assert not refused.is_like(MessageRefused("Slack refuses the first", "too_short"))


def test_a_megabyte_is_a_million_bytes() -> None:
    assert megabytes_to_bytes(8.5) == 8_500_000


def test_by_default_there_are_no_digests_and_nothing_is_skipped() -> None:
    notifier, message = MemoryNotifier(), Message("a", AT, "Motion.")
    assert (notifier.skip_reason(message), notifier.possible_repeats) == (None, 0)
    with pytest.raises(NotImplementedError, match="memory makes no digests"):
        notifier.deliver_digest(Digest("d", (message,)), MemoryProgress())
