"""The intact part of Redis's log; `test_redis_starter` tries it with Redis."""

from pathlib import Path

import pytest

from app.launcher import redis_log

SET = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\n"
TRANSACTION = b"*1\r\n$5\r\nMULTI\r\n" + SET + SET + b"*1\r\n$4\r\nEXEC\r\n"


@pytest.mark.parametrize(
    ("content", "ends", "lost", "is_cut"),
    [
        (b"", [], 0, True),
        (SET + SET, [len(SET), 2 * len(SET)], 0, True),
        (b"#TS:1\r\n" + SET, [7, 7 + len(SET)], 0, True),
        (SET + TRANSACTION, [len(SET), len(SET + TRANSACTION)], 0, True),
        (SET + TRANSACTION[:-3], [len(SET)], 3, True),
        (SET + SET[:-1], [len(SET)], 1, True),
        (SET + b"*0\r\n" + SET, [len(SET)], 1, False),
        (SET + b"garbage" + SET + SET, [len(SET)], 2, False),
        (SET + b"*99999999\r\n", [len(SET)], 0, True),
    ],
)
def test_whole_commands_and_transactions_are_intact(
    tmp_path: Path, content: bytes, ends: list[int], lost: int, is_cut: bool
) -> None:
    (tmp_path / "appendonly.aof").write_bytes(content)
    (one,) = redis_log.read_log(tmp_path).files
    assert (list(one.ends), one.lost, one.is_cut) == (ends, lost, is_cut)


def test_without_a_log_there_is_nothing_to_repair(tmp_path: Path) -> None:
    assert redis_log.read_log(tmp_path).is_whole
    assert not redis_log.has_bad_manifest(tmp_path)
    assert redis_log.size(tmp_path) == 0
