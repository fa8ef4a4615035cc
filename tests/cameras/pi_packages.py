"""The fakes of a Raspberry Pi's camera packages, as long as a test wants them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

_DEVICES = ("picamera2.devices", "picamera2.devices.hailo", "picamera2.devices.imx500")
_PACKAGES = (
    *("picamera2", "picamera2.outputs", "picamera2.encoders", *_DEVICES),
    *("picamera", "libcamera"),
)


@contextmanager
def pi_packages() -> Iterator[dict[str, ModuleType]]:
    """Make the packages importable, and yield them by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent / "pi"))
        yield {name: import_module(name) for name in _PACKAGES}
    for name in _PACKAGES:
        sys.modules.pop(name, None)
