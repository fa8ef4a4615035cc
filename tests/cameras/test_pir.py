"""The motion sensor on a pin, with gpiozero's mock pins."""

import logging
import subprocess
import sys
from types import ModuleType

import pytest
from gpiozero.pins.mock import MockFactory

from app.cameras.pir import MotionSensor
from tests.conftest import REPO


def test_the_value_is_that_of_the_pin(pins: MockFactory) -> None:
    sensor = MotionSensor(17)
    sensor.open()
    found = [sensor.value]
    pins.pin(17).drive_high()
    found.append(sensor.value)
    pins.pin(17).drive_low()
    assert [*found, sensor.value] == [False, True, False]
    sensor.close()
    assert sensor.value is None


def test_a_pin_is_free_again_when_it_is_closed(pins: MockFactory) -> None:
    for _ in range(2):
        sensor = MotionSensor(17)
        sensor.open()
        assert sensor.value is False
        sensor.close()


def test_a_pin_in_use_is_logged_once_with_the_cure(
    pins: MockFactory, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = MotionSensor(17), MotionSensor(17)
    first.open()
    with caplog.at_level(logging.WARNING):
        second.open()
        second.open()
    assert second.value is None
    assert first.value is False
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(
        "the motion sensor on GPIO 17 cannot be read, the camera works without it: "
    )
    assert "no other program may use the pin" in said


def test_the_sensor_is_read_again_after_an_error(
    pins: MockFactory, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PinTaken(Exception):
        """Like the error of lgpio, which has no common base class with others."""

    lgpio = ModuleType("lgpio")
    lgpio.error = PinTaken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)
    sensor = MotionSensor(17)
    sensor.open()

    def broken() -> bool:
        raise PinTaken("GPIO busy")

    with caplog.at_level(logging.WARNING), monkeypatch.context() as patch:
        patch.setattr(pins.pin(17), "_get_state", broken)
        assert [sensor.value, sensor.value] == [None, None]
    assert len([record for record in caplog.records if "GPIO busy" in record.getMessage()]) == 1
    assert sensor.value is False


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("gpiozero", "import of gpiozero halted"),
        ("lgpio", "Unable to load any default pin factory"),
    ],
)
def test_the_log_names_the_cure_for_missing_software(without: str, said: str) -> None:
    program = (
        "import sys, logging; logging.basicConfig()\n"
        f"sys.modules[{without!r}] = None\n"
        "from app.cameras.pir import MotionSensor\n"
        "sensor = MotionSensor(17); sensor.open(); print(sensor.value); sensor.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert done.stdout == "None\n", done.stderr
    assert said in done.stderr
    assert "scripts/setup.sh on the Pi installs what it needs" in done.stderr
