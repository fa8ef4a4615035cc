"""What was sent where, in words."""

import json
from pathlib import Path

import pytest

from app.config import Config
from app.uploads.markers import Confirmation
from app.web.dashboard.events.deliveries import deliveries, remarks, uploads
from tests.web.dashboard.made_events import FIRST

AT = FIRST.isoformat()
LOCAL = f"{FIRST.astimezone():%H:%M}"


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ({"delivered:slack": AT, "slack:posted": "{}"}, f"delivered at {LOCAL}"),
        ({"delivered:slack": "soon"}, "delivered"),
        ({"delivered:slack": AT, "slack:skipped": "it is old"}, "not sent, since it is old"),
        (
            {"delivered:slack": AT, "slack:digest": "d", "slack:deleted": "F1"},
            f"delivered at {LOCAL}, in one message with others, and deleted there after the tag",
        ),
        ({"slack:given up": "too large"}, "not shown: too large"),
        ({"slack:posting": AT}, "begun"),
        ({"slack:failures": "3"}, "waits, after 3 failures"),
        ({"slack:posted": "{}"}, "shown, and not finished yet"),
    ],
)
def test_each_stage_of_a_channel_has_words(marks: dict[str, str], words: str) -> None:
    (found,) = deliveries("Alert", marks, FIRST)
    assert (found.what, found.where, found.words) == ("Alert", "Slack", words)


def test_clips_are_named_by_their_channel() -> None:
    marks = {"delivered:apprise-12ab_clips": AT, "slack:posting": ""}
    (found,) = deliveries("Clip", marks, FIRST)
    assert (found.what, found.where) == ("Clip", "Apprise 12ab")


def test_what_holds_for_all_channels_is_a_sentence() -> None:
    marks = {
        "held": f"{AT} snoozed until {AT}",
        "untold": "no alert",
        "correction": f"{AT} That was a cat.",
    }
    assert remarks(marks, FIRST) == [
        f"No channel sent the alert at {LOCAL}, since alerts were snoozed until {LOCAL}.",
        "The event was no alert, so no channel sent anything.",
        "Later the message was corrected: That was a cat.",
    ]

    muted = remarks({"held": f"{AT} camera_notifications is False"}, FIRST)
    assert muted == [f"No channel sent the alert at {LOCAL}, since alerts were switched off."]


def test_copies_are_stored_or_wait(tmp_path: Path) -> None:
    confirmed = Confirmation("clips/x.mp4", 4, "abc", 1, AT).for_marker()
    (tmp_path / ".clip.mp4.uploaded").write_text(json.dumps({"s3": confirmed}))
    (tmp_path / ".snapshot.jpg.uploaded").write_text("broken")
    config = Config.model_validate({"s3": {"bucket": "my-house"}})
    found = uploads(tmp_path, ["clip.mp4", "snapshot.jpg"], config, FIRST)
    assert [(one.what, one.where, one.words) for one in found] == [
        ("clip.mp4", "S3", f"stored at {LOCAL}"),
        ("snapshot.jpg", "S3", "waits for its upload"),
    ]
    assert uploads(tmp_path, ["snapshot.jpg"], Config(), FIRST) == []
