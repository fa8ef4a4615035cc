"""What phones make of a command."""

import pytest

from app.commands.context import CommandContext
from app.commands.pasted import plain
from tests.commands.conftest import ask


@pytest.mark.parametrize(
    ("pasted", "read"),
    [
        ("\u201c30m\u201d", "30m"),
        ("\u2018front\u2019", "front"),
        ("\u00ab30m\u00bb", "30m"),
        ("front\u00a030\u202f10", "front 30 10"),
        ("\u221220 \u20135", "-20 -5"),
        ("\u201410 \u201110", "-10 -10"),
        ("1\u200bh\ufeff", "1h"),
        ("\u202e30m\u202c", "30m"),
        ("\uff13\uff10\uff4d", "30m"),
        ("until 18\uff1a00", "until 18:00"),
        ("  30\t\n10  ", "30 10"),
        ("Front. ", "Front"),
        ("front,", "front"),
        ("1h!", "1h"),
        ("18.00", "18.00"),
        ("\x1b[31m30m\x00", "[31m30m"),
        ("", ""),
        ("\u201c\u201d", ""),
    ],
)
def test_a_pasted_text_is_read_as_it_was_meant(pasted: str, read: str) -> None:
    assert plain(pasted) == read


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("/rotate \u221220\u00a010", "turns to pan -20°, tilt 10°"),
        ("/rotate \u201cFront\u201d \u201320 10.", "turns to pan -20°, tilt 10°"),
        ("/snooze \uff11h", "snoozed until 11:15"),
        ("/snooze \u201cuntil 18:00\u201d", "snoozed until 18:00"),
        ("/snooze 2 hours", "snoozed until 12:15"),
        ("/snooze 1 hour 30 minutes.", "snoozed until 11:45"),
        ("/snooze Off.", "no longer snoozed"),
        ("/current_position front\u200b", "has not turned yet"),
    ],
)
def test_every_command_reads_it(context: CommandContext, line: str, reply: str) -> None:
    assert reply in ask(context, line)
