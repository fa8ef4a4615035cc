"""The state of the machine, from its own tools and files."""

from pathlib import Path

import pytest

from app.commands import machine
from app.commands.machine import Machine, busy, program_name, throttled_words


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that reports nothing; the folder is its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(machine, "THERMAL", tmp_path / "temp")
    return tmp_path


def pi(
    folder: Path,
    *,
    temperature: str = "temp=47.2'C",
    throttled: str = "throttled=0x50005",
    code: int = 0,
) -> None:
    """Put a tool such as the Raspberry Pi's into *folder*."""
    tool = folder / "vcgencmd"
    tool.write_text(
        f"""#!/bin/sh
case $1 in
    measure_temp) echo "{temperature}";;
    get_throttled) echo "{throttled}";;
esac
exit {code}
"""
    )
    tool.chmod(0o755)


def test_a_pi_reports_its_temperature_and_its_throttling(bare: Path) -> None:
    pi(bare)
    vitals = Machine().vitals(bare)
    assert vitals.temperature_c == 47.2
    assert vitals.throttled == "under-voltage; throttled"
    assert vitals.free_gb > 0


def test_values_that_are_not_reported_are_none(bare: Path) -> None:
    vitals = Machine().vitals(bare / "not" / "there" / "yet")
    assert (vitals.temperature_c, vitals.throttled) == (None, None)
    assert vitals.free_gb > 0


def test_without_that_tool_the_kernel_is_asked(bare: Path) -> None:
    (bare / "temp").write_text("51234\n")
    assert Machine().vitals(bare).temperature_c == 51.234


@pytest.mark.parametrize(
    ("output", "code"), [("", 0), ("VCHI initialization failed", 0), ("temp=47.2'C", 255)]
)
def test_a_tool_that_fails_is_passed_over(bare: Path, output: str, code: int) -> None:
    pi(bare, temperature=output, throttled=output, code=code)
    (bare / "temp").write_text("40000")
    vitals = Machine().vitals(bare)
    assert (vitals.temperature_c, vitals.throttled) == (40.0, None)


@pytest.mark.parametrize("output", ["", "hot", "-"])
def test_a_sensor_without_a_number_is_passed_over(bare: Path, output: str) -> None:
    (bare / "temp").write_text(output)
    assert Machine().vitals(bare).temperature_c is None


def test_a_measurement_is_kept_for_a_while(bare: Path) -> None:
    asked = Machine()
    assert asked.vitals(bare).throttled is None
    pi(bare)
    assert asked.vitals(bare).throttled is None
    assert Machine().vitals(bare).throttled is not None


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0x0, ""),
        (0x1, "under-voltage"),
        (0x6, "frequency capped; throttled"),
        (0x8, "soft temperature limit"),
        (0x50000, "under-voltage since the start, not now; throttled since the start, not now"),
        (0xF000F, "under-voltage; frequency capped; throttled; soft temperature limit"),
    ],
)
def test_every_bit_has_its_word(bits: int, words: str) -> None:
    assert throttled_words(bits) == words


@pytest.mark.parametrize(
    ("name", "command", "shown"),
    [
        (
            "python3.11",
            ["python", "-m", "app.daemons.security_system", "--camera", "front"],
            "security_system front",
        ),
        ("python3.11", ["python", "-m", "app.daemons.notifier"], "notifier"),
        ("curl", ["curl", "-u", "anna:secret", "http://x"], "curl"),
        ("python", ["python", "-m"], "python"),
        ("kworker", [], "kworker"),
        ("x" * 80, [], "x" * 24),
    ],
)
def test_a_program_is_named_without_its_arguments(
    name: str, command: list[str], shown: str
) -> None:
    assert program_name(name, command) == shown


def test_load_memory_and_programs_are_in_columns() -> None:
    load, memory, heading, *rows = busy().splitlines()
    assert load.startswith("load   ")
    assert memory.startswith("memory ")
    assert heading == "cpu %  MB    program"
    assert 1 <= len(rows) <= 5
