"""A daemon for tests that does in its steps what `$ODD` says.

That is nothing, hang, fail (twice), limp (fail once, and then be in trouble otherwise), err like a
mistake of ours, or have a thread err so.
"""

import os
import sys
import threading
import time

from app.daemon import Counters, Daemon, run_daemon


class OddDaemon(Daemon):
    """Counts its steps."""

    name = "odd"
    hang_s = 1.5

    def open(self) -> None:
        self.steps = 0

    def step(self) -> float:
        self.steps += 1
        odd = os.environ.get("ODD")
        if odd == "hang":
            time.sleep(3600)
        if odd == "fail" and self.steps <= 2:
            raise ConnectionError("the router does not answer")
        if odd == "limp":
            if self.steps == 1:
                raise ConnectionError("the router does not answer")
            self.report_trouble("the lens is dirty")
        if odd == "err":
            _err()
        if odd == "thread":
            threading.Thread(target=_err, name="darkroom").start()
        return 0.1 if odd == "fail" else 3600.0

    def counters(self) -> Counters:
        return {"steps": self.steps, "alpha": self.config.motion.alpha}

    def configure(self) -> None:
        """The counters show it."""

    def close(self) -> None:
        sys.stderr.write("closed\n")


def _err() -> None:
    raise KeyError("a mistake")


if __name__ == "__main__":
    sys.exit(run_daemon(OddDaemon))
