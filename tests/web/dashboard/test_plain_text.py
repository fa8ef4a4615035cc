"""Slack's mrkdwn as plain text."""

import pytest

from app.web.dashboard.plain_text import plain_text


@pytest.mark.parametrize(
    ("mrkdwn", "text"),
    [
        ("*Armed*, since 10:15, by anna", "Armed, since 10:15, by anna"),
        ("`/snooze off` ends that.", "/snooze off ends that."),
        ("Tom &amp; Anna &lt;3", "Tom & Anna <3"),
        ("*pi*\n```\nload 1.0\n```", "pi\nload 1.0"),
        (":warning: <https://example.org|the log>", "⚠ the log"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_marks_and_entities_are_left_out(mrkdwn: str, text: str) -> None:
    assert plain_text(mrkdwn) == text
