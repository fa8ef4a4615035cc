import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.notify.base import Digest, Message
from app.notify.slack import blocks
from app.notify.slack.blocks import Block, ShownTag

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)
EVENT = "20261120T101503.000Z-front"
ALERT = Message(EVENT, AT, "Motion in front of <front>.", "front", None, EVENT, 0.93)
SHOWN_AT = f"<!date^{int(AT.timestamp())}^{{date_short_pretty}} {{time_secs}}|"


def texts(made: list[Block]) -> list[str]:
    """Return the mrkdwn of all sections and contexts."""
    elements = [block.get("text") or block.get("elements", [{}])[0] for block in made]
    return [element["text"] for element in elements if element.get("type") == "mrkdwn"]


def buttons(made: list[Block]) -> list[dict[str, Any]]:
    return [one for block in made if block["type"] == "actions" for one in block["elements"]]


def test_a_time_is_shown_in_the_readers_zone_or_in_the_houses() -> None:
    shown = blocks.shown_time(AT, "{time}")
    assert shown == f"<!date^{int(AT.timestamp())}^{{time}}|{AT.astimezone():%Y-%m-%d %H:%M:%S}>"


def test_a_text_too_long_for_slack_is_cut() -> None:
    assert len(texts([blocks.section("ä" * 5000)])[0]) == 2901


def test_a_picture_always_has_an_alternative_text() -> None:
    assert blocks.picture("F1", "")["alt_text"] == "a picture"
    assert len(blocks.picture("F1", "x" * 5000)["alt_text"]) == 1900


def test_an_alert_is_a_headline_a_picture_and_three_buttons() -> None:
    made = blocks.alert(ALERT, "F1", None)
    assert [block["type"] for block in made] == ["section", "image", "actions"]
    (headline,) = texts(made)
    assert headline.startswith(f"*Motion in front of &lt;front&gt;.*\nfront  ·  {SHOWN_AT}")
    assert headline.endswith("  ·  person 93%")
    assert [button["action_id"] for button in buttons(made)] == [
        "tag_occupied",
        "tag_unoccupied",
        "snooze",
    ]


def test_a_button_carries_its_event_and_its_answer() -> None:
    values = [json.loads(button["value"]) for button in buttons([blocks.tag_buttons(EVENT)])]
    assert values == [
        {"event": EVENT, "answer": answer} for answer in ("occupied", "unoccupied", "snooze")
    ]


def test_a_remark_is_escaped() -> None:
    for made in (
        blocks.alert(ALERT, None, "<it is late>"),
        blocks.reply("front", None, "<it is late>"),
        blocks.clip("front", None, "<it is late>"),
        blocks.digest(Digest("d", (ALERT,)), (), "<it is late>"),
    ):
        assert "&lt;it is late&gt;" in texts(made)


def test_an_answer_shows_its_picture() -> None:
    made = blocks.reply("<front>", "F1", None)
    assert (texts(made), made[1]["slack_file"]) == (["&lt;front&gt;"], {"id": "F1"})


def test_a_clip_elsewhere_is_a_link() -> None:
    (text,) = texts(blocks.clip("The clip.", "https://s3/clip.mp4?a=1&b=2", None))
    assert text == "The clip.\n<https://s3/clip.mp4?a=1&amp;b=2|Watch the clip> (for an hour)"


@pytest.mark.parametrize("label", ["occupied", "unoccupied"])
def test_a_tag_names_who_gave_it_and_can_be_undone(label: str) -> None:
    made = blocks.tagged(EVENT, ShownTag(label, "<@U1>", AT))
    assert texts(made)[0].startswith(f"Tagged as {label} by <@U1>, <!date^")
    assert [button["action_id"] for button in buttons(made)] == ["tag_undo"]


def test_a_digest_counts_events_and_lists_other_messages() -> None:
    events = [
        Message(
            f"e{number}", AT + timedelta(minutes=number), "Motion.", "front", event=f"e{number}"
        )
        for number in range(3)
    ]
    lost = [Message(f"m{number}", AT, f"Camera {number} is lost.") for number in range(12)]
    digest = Digest("d", (*events, *lost))
    made = blocks.digest(digest, [(events[2], "F1")], None)
    title, lines, caption, end = texts(made)
    assert blocks.digest_title(digest) == "15 alerts while you could not be reached"
    assert title.startswith("*15 alerts while you could not be reached*\n")
    assert title.endswith("\nfront: 3")
    assert lines.split("\n")[0] == "… and 2 more before"
    assert len(lines.split("\n")) == 11
    assert caption.startswith("front  ·  ")
    assert "/events" in end
    assert [button["action_id"] for button in buttons(made)] == ["tag_occupied", "tag_unoccupied"]
