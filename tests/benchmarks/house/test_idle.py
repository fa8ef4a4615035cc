"""What is idle is measured for each program, and for all of them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.benchmarks.house.idle import measure_idle
from app.benchmarks.house.own_house import HouseCamera, OwnHouse

_WAKES = "import time\nwhile True: time.sleep(0.01)"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnHouse]:
    """A house of which two sleeping processes are the programs."""
    made = OwnHouse(
        tmp_path, {"front": HouseCamera("rtsp://127.0.0.1:1/", 10)}, "http://127.0.0.1:2"
    )
    (tmp_path / "data" / "redis" / "appendonlydir").mkdir(parents=True)
    names = ("security_system-front", "notifier")
    running = {name: subprocess.Popen([sys.executable, "-c", _WAKES]) for name in names}
    monkeypatch.setattr(made, "pids", lambda: {name: [one.pid] for name, one in running.items()})
    yield made
    for one in running.values():
        one.kill()
        one.wait()


def test_the_camera_is_in_the_wakes_but_not_in_the_cpu_time(house: OwnHouse) -> None:
    found = measure_idle(house, 0.5)
    assert list(found["cpu_s_per_min"]) == ["notifier"]
    assert found["wakes_per_s"]["security_system-front"] > 5
    assert found["suite_wakes_per_s"] == pytest.approx(sum(found["wakes_per_s"].values()), rel=0.1)
    assert found["log_kb_per_h"] == 0
    assert found["glances"] == {"cpu_s_per_min": 0, "wakes_per_s": 0, "pss_mb": 0}
    assert found["pss_mb"] > 1
