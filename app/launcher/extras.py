"""Packages that only some houses need, the extras of `scripts/setup.sh --with NAME`."""

import importlib
import subprocess
from collections.abc import Iterable
from importlib.util import find_spec

from app.config import PROJECT, Config

#: Each extra, and the module that shows that it is installed.
MODULES = {"apprise": "apprise", "dropbox": "dropbox", "people": "onnxruntime", "twilio": "twilio"}
#: scripts/setup.sh has this file while an installation is not complete.
JOURNAL = PROJECT / ".venv" / "setup.journal"
#: On the slowest Pi and network.
_INSTALL_S = 3600


def needed(config: Config) -> list[str]:
    """Return the extras without which the house of *config* cannot do what it is set up for."""
    services = config.services
    uses = {
        "apprise": services.apprise is not None,
        "dropbox": config.dropbox.is_set_up,
        "twilio": services.twilio is not None,
    }
    return [name for name, is_used in uses.items() if is_used]


def missing(names: Iterable[str]) -> list[str]:
    """Return the extras among *names* that are not installed completely."""
    importlib.invalidate_caches()
    return [name for name in names if JOURNAL.exists() or not find_spec(MODULES[name])]


def install(names: Iterable[str]) -> list[str]:
    """Install the extras *names* that are missing, and return those that are missing still.

    scripts/setup.sh prints its steps, and why it fails.
    """
    absent = missing(names)
    if not absent:
        return []
    options = [word for name in absent for word in ("--with", name)]
    command = [str(PROJECT / "scripts" / "setup.sh"), "--keep-venv", *options]
    subprocess.run(command, check=False, timeout=_INSTALL_S)  # noqa: S603
    return missing(absent)
