from pathlib import Path

import pytest

from app.notify import Accesses, FolderNotifier, MemoryNotifier, NotifySettings, SlackAccess, make_notifiers
from app.notify.slack import SlackNotifier

SLACK = SlackAccess("http://127.0.0.1:1/api/", "xoxb-1", "C1")


def test_the_folder_is_the_way_when_nothing_else_is_configured(tmp_path: Path) -> None:
    (notifier,) = make_notifiers(NotifySettings(), tmp_path)
    assert isinstance(notifier, FolderNotifier)
    assert notifier.folder == tmp_path / "alerts"


def test_the_ways_are_those_that_are_named_each_once(tmp_path: Path) -> None:
    made = make_notifiers(NotifySettings(backends=("memory", "folder", "memory")), tmp_path)
    assert [type(notifier) for notifier in made] == [MemoryNotifier, FolderNotifier]


def test_no_way_at_all_can_be_asked_for(tmp_path: Path) -> None:
    assert make_notifiers(NotifySettings(backends=()), tmp_path) == []


def test_an_absolute_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    (notifier,) = make_notifiers(NotifySettings(folder=str(tmp_path / "elsewhere")), tmp_path / "data")
    assert isinstance(notifier, FolderNotifier)
    assert notifier.folder == tmp_path / "elsewhere"


def test_slack_is_the_way_when_it_is_configured(tmp_path: Path) -> None:
    (notifier,) = make_notifiers(NotifySettings(), tmp_path, Accesses(SLACK))
    assert isinstance(notifier, SlackNotifier)
    assert "xoxb" not in f"{notifier} {notifier.access}"


def test_slack_can_be_one_of_several_ways(tmp_path: Path) -> None:
    made = make_notifiers(NotifySettings(backends=("folder", "slack")), tmp_path, Accesses(SLACK))
    assert [type(notifier) for notifier in made] == [FolderNotifier, SlackNotifier]


def test_slack_without_a_token_and_a_channel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"slack\.bot_token and slack\.alerts_channel"):
        make_notifiers(NotifySettings(backends=("slack",)), tmp_path)
