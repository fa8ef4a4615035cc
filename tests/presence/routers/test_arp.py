"""The kernel's neighbour table: as `ip` prints it, and of a real kernel in a test's own network."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.clock import FakeClock
from app.errors import RouterError, RouterRefused
from app.presence.base import ArpSettings, RouterSettings
from app.presence.routers.arp import ArpRouter
from tests.conftest import REPO
from tests.presence.backends import fake_ip
from tests.rights import denied

ANNA = "aa:bb:cc:00:00:01"
GATEWAY = {
    "dst": "127.0.0.1",
    "dev": "lo",
    "lladdr": "02:00:00:00:00:01",
    "confirmed": 3,
    "state": ["REACHABLE"],
}
WAY = {"dst": "default", "gateway": "127.0.0.1", "dev": "lo"}

Output = Callable[[str, object], None]


@pytest.fixture
def ip_prints(tmp_path: Path) -> Iterator[Output]:
    """Sets the output of `ip`; at first there is a gateway, and nobody else."""
    with fake_ip(tmp_path) as said:
        said("route", [WAY])
        said("neighbour", [GATEWAY])
        yield said


def router_for(*addresses: str) -> ArpRouter:
    return ArpRouter(RouterSettings(backend="arp", arp=ArpSettings(addresses)), FakeClock())


def seen(*addresses: str) -> list[str | None]:
    return [one.mac for one in router_for(*addresses).devices()]


def entry(state: str, confirmed: int | None, **more: Any) -> dict[str, Any]:
    plain = {
        "dst": "127.0.0.11",
        "dev": "lo",
        "lladdr": ANNA,
        "used": 1,
        "updated": 1,
        "state": [state],
    }
    return plain | ({} if confirmed is None else {"confirmed": confirmed}) | more


@pytest.mark.parametrize(
    ("state", "confirmed", "here"),
    [
        ("REACHABLE", 3, True),
        ("REACHABLE", 90, True),
        ("DELAY", 40, True),
        ("PROBE", 70, True),
        ("STALE", 50, True),
        ("DELAY", 7200, False),
        ("PROBE", 7200, False),
        ("STALE", 7200, False),
        ("STALE", None, False),
        ("FAILED", 3, False),
        ("PERMANENT", 3, False),
        ("NOARP", 3, False),
    ],
)
def test_only_a_neighbour_that_answered_lately_is_here(
    ip_prints: Output, state: str, confirmed: int | None, here: bool
) -> None:
    ip_prints("neighbour", [GATEWAY, entry(state, confirmed)])
    assert seen("127.0.0.11") == ([ANNA] if here else [])


def test_an_entry_without_an_address_is_not_here(ip_prints: Output) -> None:
    ip_prints(
        "neighbour",
        [GATEWAY, {"dst": "127.0.0.11", "dev": "lo", "state": ["INCOMPLETE"], "confirmed": 60}],
    )
    assert seen("127.0.0.11") == []


def test_only_asked_addresses_are_listed(ip_prints: Output) -> None:
    ip_prints(
        "neighbour",
        [
            GATEWAY,
            entry("REACHABLE", 1),
            entry("REACHABLE", 1, dst="127.0.0.12", lladdr="aa:bb:cc:00:00:02"),
        ],
    )
    assert seen("127.0.0.12") == ["aa:bb:cc:00:00:02"]


def test_a_silent_gateway_is_an_error_not_an_empty_house(ip_prints: Output) -> None:
    ip_prints("neighbour", [GATEWAY | {"state": ["FAILED"]}, entry("REACHABLE", 1)])
    with pytest.raises(RouterError, match=r"the router at 127\.0\.0\.1 does not answer to ARP"):
        seen("127.0.0.11")


def test_without_a_gateway_somebody_must_answer(ip_prints: Output) -> None:
    ip_prints("route", [])
    ip_prints("neighbour", [])
    with pytest.raises(RouterError, match="nobody in this network answers to ARP"):
        seen("127.0.0.11")
    ip_prints("neighbour", [entry("REACHABLE", 1)])
    assert seen("127.0.0.11") == [ANNA]


def test_a_phone_that_the_kernel_is_asking_for_is_waited_for(
    ip_prints: Output, tmp_path: Path
) -> None:
    class Answering(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.monotonic() > 5:
                ip_prints("neighbour", [GATEWAY, entry("REACHABLE", 0)])

    ip_prints("neighbour", [GATEWAY, entry("DELAY", 7200)])
    settings = RouterSettings(backend="arp", arp=ArpSettings(("127.0.0.11",)))
    assert [one.mac for one in ArpRouter(settings, Answering()).devices()] == [ANNA]


def test_a_phone_that_does_not_answer_is_not_waited_for_long(ip_prints: Output) -> None:
    clock = FakeClock()
    ip_prints("neighbour", [GATEWAY, entry("PROBE", 7200)])
    assert (
        ArpRouter(RouterSettings(backend="arp", arp=ArpSettings(("127.0.0.11",))), clock).devices()
        == []
    )
    assert clock.monotonic() < 10


def test_without_addresses_the_gateways_network_is_asked(ip_prints: Output) -> None:
    ip_prints("address", [interface("lo", "127.0.0.2", 29), interface("docker0", "172.17.0.1", 16)])
    ip_prints(
        "neighbour",
        [
            GATEWAY,
            entry("REACHABLE", 1, dst="127.0.0.6"),
            entry("REACHABLE", 1, dst="172.17.0.2", lladdr="aa:bb:cc:00:00:02"),
        ],
    )
    assert seen() == ["02:00:00:00:00:01", ANNA]


def test_a_network_too_large_is_refused_with_the_cure(ip_prints: Output) -> None:
    ip_prints("address", [interface("lo", "127.0.0.1", 8)])
    with pytest.raises(
        RouterRefused,
        match=r"127\.0\.0\.0/8 is more than the 256 addresses .*: name the phones' in arp\.addr",
    ):
        seen()


@pytest.mark.parametrize("addresses", [[], [{"ifname": "lo", "addr_info": []}]])
def test_a_machine_in_no_network_is_an_error(ip_prints: Output, addresses: list[object]) -> None:
    ip_prints("address", addresses)
    with pytest.raises(RouterError, match="this machine is in no IPv4 network"):
        seen()


def test_without_iproute2_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RouterRefused, match="iproute2 is not installed: sudo apt install iproute2"):
        seen("127.0.0.11")


@pytest.mark.parametrize("script", ["exit 1", "echo '{'", "echo 7", "kill $$"])
def test_a_tool_that_fails_is_named(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ip").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "ip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(
        RouterError, match=r"`ip -json -4 route show default` (fails|prints no list)"
    ):
        seen("127.0.0.11")


def interface(name: str, address: str, prefix: int) -> dict[str, Any]:
    return {
        "ifname": name,
        "addr_info": [{"family": "inet", "local": address, "prefixlen": prefix, "scope": "global"}],
    }


#: A network of this machine (10.9.0.1), a router (.2) and a phone (.3), which leaves and comes
#: back; it prints the devices.
_SCENE = """
import os, subprocess, sys, time
from app.clock import SystemClock
from app.errors import RouterError
from app.presence.routers.arp import ArpRouter
from app.presence.base import ArpSettings, RouterSettings

def run(command):
    subprocess.run(command, shell=True, check=True)

def there(command):
    run(f"nsenter --net=/proc/{neighbour.pid}/ns/net {command}")

def look(what, router=ArpRouter(RouterSettings("arp"), SystemClock()), least=0):
    try:
        seen = router.devices()
        for _ in range(5):  # a wire that was just plugged in loses what goes first
            seen = seen if len(seen) >= least else router.devices()
        print(what, *sorted(f"{one.ip}={one.mac}" for one in seen))
    except RouterError as error:
        print(what, "error:", error)

apart = ["unshare", "--net", "sh", "-c", "echo; exec sleep 60"]
neighbour = subprocess.Popen(apart, stdout=subprocess.PIPE)
neighbour.stdout.readline()
try:
    for wire, other, number in (("r0", "r1", 2), ("p0", "p1", 3)):
        peer, ip = f"02:00:00:00:00:0{number}", f"10.9.0.{number}"
        run(f"ip link add {wire} type veth peer name {other} address {peer} netns {neighbour.pid}")
        there(f"ip link set {other} up")
        there(f"ip address add {ip}/24 dev {other}")
        there(f"sysctl -q -w net.ipv4.conf.{other}.arp_ignore=1")
        run(f"ip link set {wire} up")
    run("ip link add home type bridge && ip link set r0 master home && ip link set p0 master home")
    run("ip address add 10.9.0.1/24 dev home && ip link set home up")
    run("ip route add default via 10.9.0.2")
    run("sysctl -q -w net.ipv4.neigh.home.base_reachable_time_ms=400")
    run("sysctl -q -w net.ipv4.neigh.home.delay_first_probe_time=1")
    look("both", least=2)
    look("again", ArpRouter(RouterSettings("arp", arp=ArpSettings(("10.9.0.3",))), SystemClock()))
    there("ip link set p1 down")
    run("ip neighbour change 10.9.0.3 dev home lladdr 02:00:00:00:00:03 nud failed")
    look("left")
    there("ip link set p1 up")
    look("back", least=2)
    there("ip link set r1 down")
    run("ip neighbour change 10.9.0.2 dev home lladdr 02:00:00:00:00:02 nud failed")
    look("router down")
finally:
    neighbour.kill()
    neighbour.wait()
"""


def test_a_real_kernel_sees_a_phone_come_and_go() -> None:
    apart = ["unshare", "--map-root-user", "--net"]
    tried = subprocess.run([*apart, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        denied("network of its own", tried.stderr)
    done = subprocess.run(
        [*apart, sys.executable, "-c", _SCENE],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    router, phone = "10.9.0.2=02:00:00:00:00:02", "10.9.0.3=02:00:00:00:00:03"
    assert done.stdout.splitlines() == [
        f"both {router} {phone}",
        f"again {phone}",
        f"left {router}",
        f"back {router} {phone}",
        "router down error: the router at 10.9.0.2 does not answer to ARP",
    ], done.stderr
