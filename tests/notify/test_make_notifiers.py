from pathlib import Path

from app.notify import FolderNotifier, MemoryNotifier, NotifySettings, make_notifiers


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
