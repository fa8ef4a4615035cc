"""What Slack refuses in the blocks of a message."""

from collections.abc import Callable
from typing import Any

Block = dict[str, Any]


def wrong_with(blocks: list[Block], is_file: Callable[[str], bool]) -> list[str]:
    """Return what is wrong with *blocks*; *is_file* says whether one may show the file of an id."""
    wrong = ["no more than 50 items allowed"] if len(blocks) > 50 else []
    for number, block in enumerate(blocks):
        found = _wrong_block(block, is_file)
        wrong.extend(f"{what} [json-pointer:/blocks/{number}]" for what in found)
    return wrong


def _wrong_block(block: Block, is_file: Callable[[str], bool]) -> list[str]:
    checks: dict[str, Callable[[Block], list[str]]] = {
        "section": _wrong_section,
        "context": _wrong_context,
        "actions": _wrong_actions,
        "header": _wrong_header,
        "divider": lambda _: [],
        "image": lambda block: _wrong_image(block, is_file),
    }
    check = checks.get(str(block.get("type")))
    return check(block) if check else [f"unsupported type: {block.get('type')}"]


def _wrong_image(block: Block, is_file: Callable[[str], bool]) -> list[str]:
    if not 0 < len(block.get("alt_text", "")) <= 2000:
        return ["missing required field: alt_text"]
    if ("slack_file" in block) == ("image_url" in block):
        return ["one of image_url and slack_file"]
    if "slack_file" in block and not is_file(block["slack_file"].get("id", "")):
        return ["invalid slack file"]
    return []


def _wrong_text(text: Any, longest: int, plain: bool = False) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in (
        ("plain_text",) if plain else ("plain_text", "mrkdwn")
    ):
        return ["must be a text object"]
    return (
        []
        if 0 < len(text.get("text", "")) <= longest
        else [f"must be more than 0 and less than {longest + 1} characters"]
    )


def _wrong_section(block: Block) -> list[str]:
    fields = block.get("fields", [])
    wrong = ["no more than 10 items allowed"] if len(fields) > 10 else []
    for one in fields:
        wrong += _wrong_text(one, 2000)
    return wrong + (_wrong_text(block.get("text"), 3000) if "text" in block or not fields else [])


def _wrong_header(block: Block) -> list[str]:
    return _wrong_text(block.get("text"), 150, plain=True)


def _wrong_context(block: Block) -> list[str]:
    elements = block.get("elements", [])
    wrong = [] if 0 < len(elements) <= 10 else ["1 to 10 elements"]
    for one in elements:
        wrong += _wrong_text(one, 3000)
    return wrong


def _wrong_actions(block: Block) -> list[str]:
    elements = block.get("elements", [])
    wrong = [] if 0 < len(elements) <= 25 else ["1 to 25 elements"]
    if len({one.get("action_id") for one in elements}) < len(elements):
        wrong.append("action_id must be unique")
    for one in elements:
        wrong += _wrong_button(one)
    return wrong


def _wrong_button(button: Block) -> list[str]:
    wrong = [] if button.get("type") == "button" else ["unsupported element"]
    wrong += _wrong_text(button.get("text"), 75, plain=True)
    wrong += [] if len(button.get("value", "")) <= 2000 else ["value too long"]
    wrong += [] if 0 < len(button.get("action_id", "")) <= 255 else ["action_id"]
    return wrong + (
        [] if button.get("style", "primary") in ("primary", "danger") else ["invalid style"]
    )
