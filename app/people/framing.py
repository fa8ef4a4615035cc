"""Messages through a pipe: a short JSON object, and maybe raw bytes after it.

A message is the lengths of both, 4 bytes each, and then both. Nothing in it is ever run.
"""

import json
import os
import select
import struct
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.errors import WorldError

#: The longest JSON text of a message, and the most bytes after it: a picture of 8 megapixels.
MOST_TEXT, MOST_BYTES = 1 << 16, 3 << 23
_LENGTHS = struct.Struct(">II")


class PipeBroken(WorldError):
    """The other end of a pipe is closed, too slow, or writes something that is no message."""


class PipeMessage(NamedTuple):
    """A message: its *fields*, and its *content*."""

    fields: dict[str, Any]
    content: bytearray


def write_message(
    pipe: int,
    fields: Mapping[str, Any],
    content: memoryview | bytes = b"",
    within_s: float | None = None,
) -> None:
    """Write a message to *pipe*.

    Raises `PipeBroken` when the other end is closed or does not take it *within_s* seconds; None
    waits without end. A wait with an end needs a *pipe* that does not block.
    """
    text = json.dumps(fields).encode()
    until_s = None if within_s is None else time.monotonic() + within_s
    for part in (_LENGTHS.pack(len(text), len(content)) + text, content):
        left = memoryview(part)
        while left:
            _wait(pipe, select.POLLOUT, until_s)
            try:
                left = left[os.write(pipe, left) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise PipeBroken(f"the other end of the pipe is closed: {error}") from None


def read_message(pipe: int, within_s: float | None = None) -> PipeMessage:
    """Read the next message from *pipe*.

    Raises `PipeBroken` when the other end is closed, writes something else, or writes no message
    *within_s* seconds; None waits without end.
    """
    until_s = None if within_s is None else time.monotonic() + within_s
    text_length, length = _LENGTHS.unpack(_read(pipe, _LENGTHS.size, until_s))
    if text_length > MOST_TEXT or length > MOST_BYTES:
        raise PipeBroken("what came through the pipe is no message")
    try:
        fields = json.loads(_read(pipe, text_length, until_s))
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise PipeBroken("what came through the pipe is no message")
    return PipeMessage(fields, _read(pipe, length, until_s))


def _read(pipe: int, length: int, until_s: float | None) -> bytearray:
    found = bytearray(length)
    left = memoryview(found)
    while left:
        _wait(pipe, select.POLLIN, until_s)
        try:
            count = os.readv(pipe, [left])
        except BlockingIOError:
            continue
        except OSError as error:
            raise PipeBroken(f"the pipe cannot be read: {error}") from None
        if not count:
            raise PipeBroken("the other end of the pipe is closed")
        left = left[count:]
    return found


def _wait(pipe: int, what: int, until_s: float | None) -> None:
    """Wait until *pipe* can be read or written, or its other end is closed."""
    poll = select.poll()
    poll.register(pipe, what)
    left_s = None if until_s is None else max(until_s - time.monotonic(), 0.0)
    if not poll.poll(left_s if left_s is None else left_s * 1000):
        raise PipeBroken("the other end of the pipe does not answer")
