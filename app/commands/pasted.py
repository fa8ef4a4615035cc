"""Text that people paste or dictate into Slack, as the commands read it.

Phones put curly quotes, long dashes, non-breaking spaces and a full stop where the person typed
none of them.
"""

import re
import unicodedata

_DASHES = re.compile(r"[\u2010-\u2015\u2043\u2212\u30fc\uff70]")
_QUOTES = re.compile("[\"'`\u00b4\u2018-\u201f\u2032\u2033\u2039\u203a\u00ab\u00bb]")
_FULL_WIDTH = {0xFF01 + index: 0x21 + index for index in range(94)}
#: Characters that nobody sees: zero-width spaces, marks of direction, soft hyphens, controls.
_INVISIBLE = ("Cf", "Cc")


def plain(text: str) -> str:
    """Return *text* with ASCII dashes, digits and letters, single spaces, and no quotes.

    Invisible characters go too, and punctuation at the end.
    """
    text = " ".join(text.translate(_FULL_WIDTH).split())
    text = _DASHES.sub("-", _QUOTES.sub("", text))
    seen = "".join(mark for mark in text if unicodedata.category(mark) not in _INVISIBLE)
    return seen.rstrip(" .,!").lstrip()
