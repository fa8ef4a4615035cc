"""Reports that serve several requests: those that had arrived before the report was begun."""

import threading


class SharedReports:
    """The newest report of each command. Several threads may use it.

    When many ask at once, one report answers all who had asked before it was begun, so nobody gets
    one that is older than the question. All times are monotonic.
    """

    def __init__(self) -> None:
        self._newest: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def find(self, command: str, arrived_s: float) -> str | None:
        """Return a report of *command* for a request that arrived at *arrived_s*; None without."""
        with self._lock:
            begun_s, text = self._newest.get(command, (0.0, ""))
        return text if begun_s > arrived_s else None

    def keep(self, command: str, begun_s: float, text: str) -> None:
        """Keep the report *text* of *command*, begun at *begun_s*."""
        with self._lock:
            if begun_s > self._newest.get(command, (0.0, ""))[0]:
                self._newest[command] = begun_s, text
