"""Text in Slack's mrkdwn."""


def escaped(text: str) -> str:
    """*text* so that Slack shows it as it is: no link, no mention, no entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def harmless(text: str) -> str:
    """*text* escaped, and without the backticks that could end a block of code."""
    return escaped(text).replace("`", "'")


def one_line(text: str) -> str:
    """*text*, which somebody else wrote, harmless and on one line."""
    return harmless(" ".join(text.split()))
