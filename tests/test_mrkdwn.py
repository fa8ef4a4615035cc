"""Text in Slack's mrkdwn."""

import pytest

from app.mrkdwn import escaped, harmless, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;"),
        ("&lt;", "&amp;lt;"),
        ("`code`", "`code`"),
    ],
)
def test_escaped_text_is_shown_as_it_is(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_harmless_text_cannot_end_a_block_of_code() -> None:
    assert harmless("```<b>") == "'''&lt;b&gt;"


def test_one_line_has_no_line_breaks_and_single_spaces() -> None:
    assert one_line("  two\n lines\t<here> ") == "two lines &lt;here&gt;"
