"""Starts the security system of one camera."""

import ctypes
import os
import sys
from typing import TYPE_CHECKING, Any

from app.launcher.forking import watch_start
from app.people.child import ForkedChild, Spawner

if TYPE_CHECKING:
    from app.daemons.security_system.daemon import SecuritySystem

#: The number of heaps, as a parameter of mallopt (malloc.h).
_M_ARENA_MAX = -8


def main() -> int:
    """See motion through one camera."""
    import cv2

    cv2.setNumThreads(1)
    _share_one_heap()
    spawner = Spawner(ForkedChild())
    watch_start()
    # This process writes to most of what it imports, and then no longer shares it with the fork.
    from app.daemon import run_daemon
    from app.daemons.security_system.daemon import SecuritySystem

    options = _options(SecuritySystem)
    return run_daemon(lambda: SecuritySystem(**options, spawner=spawner))


def _options(kind: "type[SecuritySystem]") -> dict[str, Any]:
    """Return what the command line says, by the parameters of *kind*."""
    from app.config import SOURCE_VARIABLE
    from app.daemon import daemon_parser

    source, given = os.environ.get(SOURCE_VARIABLE), sys.argv[1:]
    if len(given) == 2 and given[0] == "--camera":  # as supervisord starts it, without a parser
        return {"camera": given[1], "source": source}
    parser = daemon_parser(kind)
    parser.add_argument(
        "--camera",
        metavar="NAME",
        help="the camera's name in the configuration; not needed when there is one",
    )
    parser.add_argument(
        "--source",
        metavar="PATH|URL|demo",
        default=source,
        help="play this instead of the configured source",
    )
    parser.add_argument(
        "--show",
        action="store_true",
        help="show what the detector sees in a window, which q closes",
    )
    options = vars(parser.parse_args())
    return {"folder": options.pop("config"), **options}


def _share_one_heap() -> None:
    """Let all threads use one heap, with glibc: a heap for each takes some megabytes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_ARENA_MAX, 1)


if __name__ == "__main__":
    sys.exit(main())
