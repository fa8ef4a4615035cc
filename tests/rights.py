"""What a test does when this machine denies it something."""

import os
from typing import NoReturn

import pytest


def denied(what: str, said: str) -> NoReturn:
    """End the test for want of *what*, because the kernel *said* no: root, who has it on any proper
    machine, fails, and others skip.
    """
    if os.geteuid() == 0:
        pytest.fail(
            f"root gets no {what} here: {said.splitlines()[0]}; run the tests outside a plain "
            "container"
        )
    pytest.skip(
        f"no {what} without root: {said.splitlines()[0]}; run scripts/test.sh where users may have "
        "namespaces, or as root"
    )
