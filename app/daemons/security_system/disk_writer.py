"""Writes files on a disk that may refuse; a failure is logged once and kept."""

import logging
from collections.abc import Callable
from typing import TypeVarTuple

from app.errors import WorldError

_log = logging.getLogger(__name__)

Args = TypeVarTuple("Args")


class DiskWriter:
    """Calls functions that write files. One thread uses it; any thread may read `trouble`."""

    def __init__(self) -> None:
        #: The reason why the disk accepts no files, None while it accepts them.
        self.trouble: str | None = None
        #: The newest error with which it refused a file, until the publisher has reported it.
        self.error: OSError | None = None

    def attempt(self, write: Callable[[*Args], None], *args: *Args) -> bool:
        """Call *write* with *args*; return False when the disk refuses.

        A `WorldError` has another cause than the disk, and is raised.
        """
        try:
            write(*args)
        except WorldError:
            raise
        except OSError as error:
            self.failed(error)
            return False
        if self.trouble:
            _log.info("the disk accepts files again")
        self.trouble = None
        return True

    def failed(self, error: OSError) -> None:
        """Remember *error*, and log it when it is the first in a row."""
        if self.trouble is None:
            _log.error("the disk accepts no files, so events are kept in memory: %s", error)
        self.trouble, self.error = f"the disk accepts no files: {error}", error
