"""Covers several modules: a program in a test that does not obey fails it on a busy machine too."""

from pathlib import Path

import pytest

from tests.servers.programs import Program
from tests.waiting import until

#: More threads than there is room for on one core, none of which waits for another.
BUSY = """
import hashlib, os, threading
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
for _ in range(6):
    work = ("sha256", b"", b"", 10**9)
    threading.Thread(target=hashlib.pbkdf2_hmac, args=work, daemon=True).start()
print("busy", flush=True)
threading.Event().wait()
"""


def test_a_program_that_does_not_obey_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    with Program("timeit", tmp_path / "config", "-n", "1", BUSY) as program:
        until(lambda: "busy" in program.log, "it is busy")
        with pytest.raises(AssertionError, match="it obeys: not within"):
            program.obeys(lambda: None, "it obeys", within_s=0.1)
