"""A daemon for tests whose steps do what `$ODD` says.

It says nothing, hang, fail (twice), limp (fail once, then report another trouble), or mistake (a
mistake of ours in a thread, then one in the next step).
"""

import os
import sys
import threading
import time

from app.daemon import Counters, Daemon, run_daemon


class OddDaemon(Daemon):
    """Counts its steps, and shows a setting."""

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
        if odd == "mistake":
            if self.steps == 2:
                _make_mistake()
            threading.Thread(target=_make_mistake, name="job-queue").start()
            return 0.1
        return 3600.0

    def counters(self) -> Counters:
        return {"steps": self.steps, "alpha": self.config.motion.alpha}

    def configure(self) -> None:
        """Do nothing: the counters show the setting."""

    def close(self) -> None:
        sys.stderr.write("closed\n")


def _make_mistake() -> None:
    raise KeyError("a mistake")


if __name__ == "__main__":
    sys.exit(run_daemon(OddDaemon))
