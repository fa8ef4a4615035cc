"""The things in the Slack of the tests: channels, files, messages and calls."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Channel:
    """A channel, and whether the bot is in it."""

    name: str
    is_member: bool = True
    is_archived: bool = False
    is_private: bool = False


@dataclass(slots=True)
class File:
    """A file of the bot, which was completed at *completed_s*."""

    id: str
    name: str
    length: int
    content: bytes | None = None
    completed_s: float | None = None
    deleted: bool = False
    shares: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Posted:
    """A message that people see; *attached* are the files that were shared with it."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    edits: int = 0
    attached: list[str] = field(default_factory=list)

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """The buttons, in order."""
        return [
            one for block in self.blocks if block["type"] == "actions" for one in block["elements"]
        ]

    @property
    def files(self) -> list[str]:
        """The ids of the files in its image blocks."""
        return [
            block["slack_file"]["id"]
            for block in self.blocks
            if block["type"] == "image" and "slack_file" in block
        ]

    @property
    def words(self) -> str:
        """All its text, except that of the buttons."""
        return "\n".join(
            _texts([block for block in self.blocks if block["type"] != "actions"]) or [self.text]
        )


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a Web API method, as it was made."""

    method: str
    arguments: dict[str, Any]
    at_s: float


class ApiError(Exception):
    """A call is refused with an error's name."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.answer = {"ok": False, "error": error, **more}


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [
            text for name, one in value.items() if name != "text" or not own for text in _texts(one)
        ]
    return [text for one in value for text in _texts(one)] if isinstance(value, list) else []
