"""The replies of commands, which are in Slack's mrkdwn, as plain text."""

import html
import re

_LINK = re.compile(r"<[^<>|]+\|([^<>]+)>")
_MARKS = re.compile(r"```\n?|`|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)")


def plain_text(mrkdwn: str) -> str:
    """Return *mrkdwn* without its marks and entities."""
    text = _LINK.sub(r"\1", mrkdwn).replace(":warning:", "⚠")
    return html.unescape(_MARKS.sub("", text)).strip()
