"""The machine's own troubles, in files as Linux writes them, on a fake clock and a real Redis."""

from pathlib import Path

import pytest

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.machine_monitor import CHECK_EVERY_S, HELD_S, MachineMonitor
from app.protocol import Fact
from app.state import State

MINUTES_HELD = round(HELD_S / CHECK_EVERY_S)


class Machine:
    """A machine whose figures a test writes."""

    def __init__(self, state: State, folder: Path) -> None:
        self.state = state
        self.clock = FakeClock()
        self.folder = folder
        self.reader = state.facts("test", "test")
        self._total = self._idle = 1000
        self.monitor = self.restarted()

    def restarted(self) -> MachineMonitor:
        thermal = self.folder / "temp"
        return MachineMonitor(
            self.state, self.clock, self.folder, proc=self.folder, thermal=thermal
        )

    def let_pass(
        self, minutes: int, *, busy: float = 0.2, used: float = 0.5, temperature_c: float = 50.0
    ) -> None:
        """Let *minutes* pass in which the figures are these."""
        for _ in range(minutes):
            self._total += 6000
            self._idle += round(6000 * (1 - busy))
            times = f"{self._total - self._idle} 0 0 {self._idle} 0 0 0 0 0 0"
            (self.folder / "stat").write_text(f"cpu  {times}\ncpu0 {times}\nintr 1 2 3\n")
            free = round(500_000 * (1 - used))
            (self.folder / "meminfo").write_text(
                f"MemTotal: 500000 kB\nMemFree: 1 kB\nMemAvailable: {free} kB\nHugePages: 0\n"
            )
            (self.folder / "temp").write_text(f"{temperature_c * 1000:.0f}\n")
            self.clock.advance(CHECK_EVERY_S)
            self.monitor.step()

    def facts(self) -> list[Fact]:
        """Return the facts since the last call."""
        return [fact for _, fact in self.reader.new(0)]


@pytest.fixture
def machine(state: State, tmp_path: Path) -> Machine:
    return Machine(state, tmp_path)


@pytest.mark.parametrize(
    ("figure", "value", "words"),
    [
        ("busy", 0.95, "95% busy for 10 minutes"),
        ("used", 0.93, "Only 35 MB of memory"),
        ("temperature_c", 82.0, "now 82 °C"),
    ],
)
def test_a_lasting_trouble_and_its_end_are_one_message_each(
    machine: Machine, figure: str, value: float, words: str
) -> None:
    machine.let_pass(2)
    machine.let_pass(MINUTES_HELD, **{figure: value})
    assert machine.facts() == []
    machine.let_pass(30, **{figure: value})
    (fact,) = machine.facts()
    assert fact.kind == "machine_strained"
    assert words in fact.text
    assert protocol.host_name() in fact.text
    machine.let_pass(MINUTES_HELD)
    assert machine.facts() == []
    machine.let_pass(30)
    assert [fact.kind for fact in machine.facts()] == ["machine_relieved"]


def test_bursts_are_no_message(machine: Machine) -> None:
    for _ in range(3):
        machine.let_pass(4, busy=1.0, used=0.95, temperature_c=84.0)
        machine.let_pass(30)
    assert machine.facts() == []


def test_a_restart_neither_forgets_nor_repeats(machine: Machine) -> None:
    machine.let_pass(MINUTES_HELD + 3, temperature_c=85.0)
    assert len(machine.facts()) == 1
    machine.monitor = machine.restarted()
    machine.let_pass(20, temperature_c=85.0)
    assert machine.facts() == []
    machine.monitor = machine.restarted()
    machine.let_pass(MINUTES_HELD + 2)
    assert [fact.kind for fact in machine.facts()] == ["machine_relieved"]


def test_a_machine_without_such_figures_has_no_trouble(machine: Machine) -> None:
    machine.clock.advance(CHECK_EVERY_S)
    machine.monitor.step()
    assert 0 < machine.monitor.wait_s() <= CHECK_EVERY_S
    assert machine.facts() == []


def test_this_machines_own_figures_can_be_read(state: State, tmp_path: Path) -> None:
    monitor = MachineMonitor(state, clock := FakeClock(), tmp_path)
    for _ in range(2):
        clock.advance(CHECK_EVERY_S)
        monitor.step()
        names = {kind.name for kind, _ in monitor._troubles()}
    assert {"machine cpu", "machine memory"} <= names
