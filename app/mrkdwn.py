"""Text in Slack's mrkdwn."""


def escaped(text: str) -> str:
    """Return *text* escaped: Slack shows it as it is, without links, mentions and entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def harmless(text: str) -> str:
    """Return *text* escaped, without backticks, which could end a block of code."""
    return escaped(text).replace("`", "'")


def one_line(text: str) -> str:
    """Return *text* by somebody else, made harmless and on one line."""
    return harmless(" ".join(text.split()))
