"""Starts the security system of one camera."""

import ctypes
import os
import sys

from app.launcher.forking import watch_start
from app.people.child import ForkedChild, Spawner

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
    from app.config import SOURCE_VARIABLE
    from app.daemon import daemon_parser, run_daemon
    from app.daemons.security_system.daemon import SecuritySystem

    parser = daemon_parser(SecuritySystem)
    parser.add_argument(
        "--camera",
        metavar="NAME",
        help="the camera's name in the configuration; not needed when there is one",
    )
    parser.add_argument(
        "--source",
        metavar="PATH|URL|demo",
        default=os.environ.get(SOURCE_VARIABLE),
        help="play this instead of the configured source",
    )
    parser.add_argument(
        "--show",
        action="store_true",
        help="show what the detector sees in a window, which q closes",
    )
    options = parser.parse_args()
    return run_daemon(
        lambda: SecuritySystem(
            options.camera,
            options.source,
            folder=options.config,
            profile=options.profile,
            show=options.show,
            spawner=spawner,
        )
    )


def _share_one_heap() -> None:
    """Let all threads use one heap, with glibc: a heap for each takes some megabytes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_ARENA_MAX, 1)


if __name__ == "__main__":
    sys.exit(main())
