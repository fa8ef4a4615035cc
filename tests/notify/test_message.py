from datetime import UTC, datetime

import pytest

from app import protocol
from app.notify import Message

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
def test_a_key_that_could_lead_out_of_a_folder_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="cannot be a message's key"):
        Message(key, AT, "Motion.")


def test_the_ids_that_the_suite_makes_are_keys() -> None:
    for key in (
        protocol.event_id(AT, "front_door-2"),
        protocol.new_fact_id(AT, "front"),
        protocol.new_fact_id(AT),
    ):
        assert Message(key, AT, "Motion.").key == key
