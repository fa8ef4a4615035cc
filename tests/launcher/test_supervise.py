"""supervisord's log files on a disk that accepts nothing."""

from pathlib import Path

from supervisor import loggers

from app.launcher import supervise


def test_a_log_continues_after_a_failed_rollover(tmp_path: Path) -> None:
    path = tmp_path / "program.log"
    handler = loggers.RotatingFileHandler(str(path), maxBytes=10, backupCount=1)
    handler.stream.write(b"a long first line\n")
    handler.stream.close()  # an earlier failure left it so
    supervise._roll_over_if_possible(handler)
    handler.stream.write(b"second\n")
    handler.stream.flush()
    assert path.read_bytes().endswith(b"second\n")
    handler.close()


def test_a_log_rolls_over_where_it_can(tmp_path: Path) -> None:
    path = tmp_path / "program.log"
    handler = loggers.RotatingFileHandler(str(path), maxBytes=10, backupCount=1)
    handler.stream.write(b"a long first line\n")
    handler.stream.flush()
    supervise._roll_over_if_possible(handler)
    assert (tmp_path / "program.log.1").read_bytes() == b"a long first line\n"
    assert path.read_bytes() == b""
    handler.close()
