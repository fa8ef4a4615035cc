"""The notifier's threads, made of a configuration."""

from pathlib import Path

import pytest

from app.clock import FakeClock
from app.config import load_config
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.workers import NotifierWorkers, make_workers, worker_settings
from app.notify import MemoryNotifier
from app.state import State
from tests.daemons.notifier.outbox_harness import FACT
from tests.servers.programs import write_config
from tests.servers.slack import BOT_TOKEN
from tests.waiting import until

SLACK = f"slack: {{bot_token: {BOT_TOKEN}, alerts_channel: C1, allowed_users: [U1]}}\n"


def workers_of(state: State, folder: Path, more: str = "") -> tuple[NotifierWorkers, list[str]]:
    """Return the threads for a configuration with *more* YAML, and what they acknowledge."""
    acknowledged: list[str] = []
    settings = worker_settings(load_config(write_config(folder, "unix:///nowhere", more)))
    journal = DeliveryJournal(folder / "journal")
    clock = FakeClock()
    workers = make_workers(
        settings,
        state,
        clock,
        lambda *entries: acknowledged.extend(entries),
        journal,
        started_at=clock.now(),
        trouble_changed=lambda: None,
    )
    return workers, acknowledged


def test_without_services_alerts_go_to_the_folder(state: State, tmp_path: Path) -> None:
    workers, _ = workers_of(state, tmp_path)
    assert [channel.name for channel in workers.outbox.channels] == ["folder", "folder_clips"]
    assert not workers.clips.has_links
    assert workers.requests.clip_handler is None


def test_with_a_bucket_there_are_links(state: State, tmp_path: Path) -> None:
    s3 = "s3: {bucket: house, region: eu-central-1, access_key_id: A, secret_access_key: B}\n"
    workers, _ = workers_of(state, tmp_path, s3)
    assert workers.clips.has_links
    state.mark_event("20261120T101500.000Z-front", {"s3:clip.mp4": "clips/1.mp4"})
    link = workers.clips.link("20261120T101500.000Z-front", "clip.mp4")
    assert link
    assert "clips/1.mp4?" in link


@pytest.mark.parametrize("backends", ["auto", "[folder]"])
def test_slack_replies_even_if_it_gets_no_alerts(
    state: State, tmp_path: Path, backends: str
) -> None:
    workers, _ = workers_of(state, tmp_path, f"notify: {{backends: {backends}}}\n{SLACK}")
    assert workers.requests.clip_handler
    names = [channel.name for channel in workers.outbox.channels[:1]]
    assert names == (["slack"] if backends == "auto" else ["folder"])


def test_settings_change_only_with_what_the_threads_need(tmp_path: Path) -> None:
    def settings(more: str) -> object:
        return worker_settings(load_config(write_config(tmp_path, "unix:///nowhere", more)))

    assert settings("") == settings("motion: {min_area: 4000}\n")
    assert settings("") != settings("notify: {folder: elsewhere}\n")
    assert settings(SLACK) == settings(SLACK.replace("[U1]", "[U1, U2]"))
    assert settings(SLACK) != settings(SLACK.replace("C1", "C2"))


def test_they_start_deliver_and_end_together(state: State, tmp_path: Path) -> None:
    workers, acknowledged = workers_of(state, tmp_path, "notify: {backends: [memory]}\n")
    (notifier,) = workers.outbox.notifiers
    assert isinstance(notifier, MemoryNotifier)
    workers.start()
    state.publish(FACT)
    until(lambda: len(acknowledged) == 1, "it is delivered")
    workers.check()
    workers.ask_to_stop()
    until(workers.has_ended, "all threads end", within_s=5)
    assert notifier.closed
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    with pytest.raises(InterruptedError):
        workers.clips.fitting(clip, 1, "memory")
