"""The comments of `config.yml` as help for each key."""

import re

_SECTION = re.compile(r"(\w+):")
_KEY = re.compile(r"  (\w+):")
_COMMENT = re.compile(r"  # ?(.*)")


def key_help(text: str) -> dict[str, str]:
    """Return the comment above each key of *text*, by names such as `motion.min_size`.

    A comment of several lines becomes one. Only keys directly below a section are included.
    """
    found: dict[str, str] = {}
    section, comment = "", list[str]()
    for line in text.splitlines():
        if started := _SECTION.match(line):
            section = started[1]
        elif said := _COMMENT.fullmatch(line):
            comment.append(said[1].strip())
            continue
        elif (key := _KEY.match(line)) and comment:
            found[f"{section}.{key[1]}"] = " ".join(comment)
        comment = []
    return found
