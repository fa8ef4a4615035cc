"""Starts the security system of one camera."""

import sys

import click

from app.config import SOURCE_VARIABLE
from app.daemon import run_daemon
from app.daemons.security_system.daemon import SecuritySystem


@click.command()
@click.option(
    "--camera", help="The camera's name in the configuration; not needed when there is one."
)
@click.option(
    "--source",
    envvar=SOURCE_VARIABLE,
    help="Play this instead of the configured source: a file, an address, or demo.",
)
def main(camera: str | None, source: str | None) -> None:
    """See motion through one camera."""
    import cv2

    cv2.setNumThreads(1)
    sys.exit(run_daemon(lambda: SecuritySystem(camera, source)))


if __name__ == "__main__":
    main()
