"""A port that is taken stops a start, and its holder is named."""

import os
import socket
import sys
from pathlib import Path

import pytest

from app.config import Config
from app.errors import SuiteError
from app.launcher import ports, specs


@pytest.mark.parametrize("ours", ["0.0.0.0", "127.0.0.1", "localhost"])  # noqa: S104
def test_a_port_is_taken_while_somebody_listens(ours: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ports.is_taken(ours, port)
        held = ports.holder(port)
        assert held.startswith(f"process {os.getpid()} (")
        assert Path(sys.orig_argv[0]).name in held
    assert not ports.is_taken(ours, port)


def test_an_address_that_is_not_here_yet_is_not_taken() -> None:
    assert not ports.is_taken("192.0.2.1", 52961)
    assert not ports.is_taken("no-such-host.invalid", 52961)


def test_every_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as two:
        config = Config.model_validate(
            {
                "glances": {"bind": f"127.0.0.1:{one.getsockname()[1]}"},
                "slack": {
                    "bind": f"127.0.0.1:{two.getsockname()[1]}",
                    "signing_secret": "abc",
                    "allowed_users": ["U1"],
                },
            }
        )
        run = [*specs.daemons(config), specs.glances(config, Path("glances.conf"))]
        with pytest.raises(SuiteError) as refused:
            ports.refuse_taken(config, run)
        ports.refuse_taken(config, specs.chosen(run, ["notifier"]))
    said = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in said] == ["glances.bind", "slack.bind"]
    assert all(f"process {os.getpid()} (" in line for line in said)
