"""A program in a test that does not obey fails that test, however busy it and the machine are."""

from pathlib import Path

import pytest

from tests.servers.programs import Program
from tests.waiting import until

#: More threads than there is room for on one core, none of which waits for another.
BUSY = """
import hashlib, os, threading
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
for _ in range(6):
    threading.Thread(target=hashlib.pbkdf2_hmac, args=("sha256", b"", b"", 10**9), daemon=True).start()
print("busy", flush=True)
threading.Event().wait()
"""


def test_whose_threads_wait_side_by_side_is_not_waited_for_without_end(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    with Program("timeit", tmp_path / "config", "-n", "1", BUSY) as program:
        until(lambda: "busy" in program.log, "it is busy")
        with pytest.raises(AssertionError, match="it obeys: not within"):
            program.obeys(lambda: None, "it obeys", within_s=0.1)
