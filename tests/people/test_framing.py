"""Messages arrive whole through a pipe, and a pipe that is no good is an error."""

import os
import threading
from collections.abc import Iterator

import pytest

from app.people.framing import MOST_BYTES, PipeBroken, read_message, write_message


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_a_message_that_is_larger_than_the_pipe_arrives_whole(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    content = os.urandom(1_000_000)
    sender = threading.Thread(target=write_message, args=(writer, {"rows": 3}, content, 20.0))
    sender.start()
    message = read_message(reader, 20.0)
    sender.join()
    assert (message.fields, bytes(message.content)) == ({"rows": 3}, content)


def test_a_reader_that_takes_nothing_is_an_error(pipe: tuple[int, int]) -> None:
    with pytest.raises(PipeBroken, match="does not answer"):
        write_message(pipe[1], {}, bytes(1_000_000), 0.05)


def test_a_reader_that_is_gone_is_an_error(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    with pytest.raises(PipeBroken, match="is closed"):
        write_message(pipe[1], {}, b"", 20.0)


def test_a_writer_that_writes_half_a_message_is_an_error(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\0\0\0\x09\0\0")
    with pytest.raises(PipeBroken, match="does not answer"):
        read_message(pipe[0], 0.05)
    os.close(pipe[1])
    with pytest.raises(PipeBroken, match="is closed"):
        read_message(pipe[0], 20.0)


@pytest.mark.parametrize(
    "said",
    [
        b"\xff" * 8,
        b"\0\0\0\2" + (MOST_BYTES + 1).to_bytes(4, "big") + b"{}",
        b"\0\0\0\2\0\0\0\0[]",
        b"\0\0\0\2\0\0\0\0{x",
        b"\0\0\0\1\0\0\0\0\xff",
    ],
)
def test_anything_else_is_no_message(pipe: tuple[int, int], said: bytes) -> None:
    os.write(pipe[1], said)
    with pytest.raises(PipeBroken, match="no message"):
        read_message(pipe[0], 20.0)
