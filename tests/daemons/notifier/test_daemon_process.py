"""Covers several modules: the notifier as a program, with real signals and real kills."""

import os
import random
import signal
import time

import psutil
import pytest

from tests.daemons.notifier.daemon_harness import DaemonHarness, picture_of
from tests.waiting import until


def test_killed_again_and_again_every_alert_goes_out_once(notifier: DaemonHarness) -> None:
    chance = random.Random(1)
    facts = []
    for _ in range(3):
        facts += [notifier.publish() for _ in range(4)] + [notifier.publish("camera_lost")]
        before = len(notifier.in_folder())
        notifier.program.start()
        until(lambda count=before: len(notifier.in_folder()) > count, "an alert goes out")  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.02))
        notifier.program.kill()
    notifier.program.start()
    until(notifier.is_all_acknowledged, "all are acknowledged")
    assert notifier.in_folder() == sorted(fact.event or fact.id for fact in facts)
    assert notifier.are_delivered(*facts)
    pictures = {path.stem: path.read_bytes() for path in notifier.alerts.glob("*/*.jpg")}
    assert pictures == {fact.event: picture_of(fact) for fact in facts if fact.event}
    assert len(list(notifier.alerts.glob("*/*"))) == len(facts) + len(pictures)
    assert not list(notifier.alerts.glob("*/.*"))


def test_sighup_takes_over_a_folder_and_sigterm_ends_it(notifier: DaemonHarness) -> None:
    notifier.break_folder()
    notifier.start()
    fact = notifier.publish()
    until(lambda: "; trying again" in notifier.program.log, "the folder fails")
    notifier.program.signal(signal.SIGHUP)
    until(lambda: str(notifier.alerts) in notifier.trouble(), "the heartbeat names the folder")
    notifier.write_config("notify: {folder: elsewhere}\n")
    notifier.program.signal(signal.SIGHUP)
    notifier.alerts = notifier.data_dir / "elsewhere"
    until(lambda: notifier.in_folder() == [fact.event], "the alert is in the other folder")
    assert notifier.program.stop(within_s=5) == 0


@pytest.mark.parametrize("while_it", ["fails", "cannot reach Redis", "hears nothing from Redis"])
def test_sigterm_ends_it_soon_in_any_trouble(notifier: DaemonHarness, while_it: str) -> None:
    notifier.start()
    if while_it == "fails":
        notifier.break_folder()
        notifier.publish()
        until(lambda: "; trying again" in notifier.program.log, "the folder fails")
    elif while_it == "cannot reach Redis":
        notifier.server.kill()
    else:
        os.kill(notifier.server.pid, signal.SIGSTOP)
    if while_it != "fails":
        until(lambda: "Redis is not reachable" in notifier.program.log, "it notices")
    assert notifier.program.stop(within_s=5) == 0
    assert "notifier stops" in notifier.program.log


def test_it_does_not_spin(notifier: DaemonHarness) -> None:
    notifier.start()
    notifier.break_folder()
    process = psutil.Process(notifier.program.pid)
    until(lambda: rests(process), "it rests without work")
    notifier.publish()
    until(lambda: "; trying again" in notifier.program.log, "the folder fails")
    reads = notifier.redis.info("commandstats")["cmdstat_xreadgroup"]["calls"]
    began_s = time.monotonic()
    until(lambda: rests(process), "it rests while the folder fails")
    calls = notifier.redis.info("commandstats")["cmdstat_xreadgroup"]["calls"] - reads
    assert calls < 10 * (time.monotonic() - began_s)
    notifier.server.kill()
    until(lambda: rests(process), "it rests without Redis")


def rests(process: psutil.Process) -> bool:
    """Return whether *process* uses less than a fifth of a processor in this second.

    What it has just begun, and imports for that, may cost more.
    """
    before, began_s = process.cpu_times(), time.monotonic()
    time.sleep(1.0)
    after, span_s = process.cpu_times(), time.monotonic() - began_s
    used_s = float(after.user + after.system - before.user - before.system)
    return used_s < 0.2 * span_s
