import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from app.notify import (
    TOPIC_OF,
    TOPICS,
    AppriseSettings,
    BackendName,
    FolderNotifier,
    MemoryNotifier,
    NotifySettings,
    ServiceSettings,
    SlackSettings,
    TwilioSettings,
    make_notifiers,
)
from app.notify.slack.notifier import SlackNotifier
from app.protocol import FactKind
from tests.servers.programs import REPO

URLS = (SecretStr("json://one"), SecretStr("json://two"))
SLACK = SlackSettings("http://127.0.0.1:1/api/", SecretStr("xoxb-1"), "C1")


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
    (notifier,) = make_notifiers(
        NotifySettings(folder=str(tmp_path / "elsewhere")), tmp_path / "data"
    )
    assert isinstance(notifier, FolderNotifier)
    assert notifier.folder == tmp_path / "elsewhere"


def test_slack_is_the_way_when_it_is_configured(tmp_path: Path) -> None:
    (notifier,) = make_notifiers(NotifySettings(), tmp_path, ServiceSettings(SLACK))
    assert isinstance(notifier, SlackNotifier)
    assert "xoxb" not in f"{notifier} {notifier.settings}"


def test_slack_can_be_one_of_several_ways(tmp_path: Path) -> None:
    made = make_notifiers(
        NotifySettings(backends=("folder", "slack")), tmp_path, ServiceSettings(SLACK)
    )
    assert [type(notifier) for notifier in made] == [FolderNotifier, SlackNotifier]


def test_slack_without_a_token_and_a_channel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"slack\.bot_token and slack\.alerts_channel"):
        make_notifiers(NotifySettings(backends=("slack",)), tmp_path)


def test_every_way_that_is_configured_is_taken_by_itself_with_one_for_each_number_and_each_url(
    tmp_path: Path,
) -> None:
    accesses = ServiceSettings(
        SLACK,
        TwilioSettings(to=("+15005550010", "+15005550011", "+15005550010")),
        AppriseSettings(urls=URLS),
    )
    made = make_notifiers(NotifySettings(), tmp_path, accesses)
    assert [notifier.name.partition("-")[0] for notifier in made] == [
        "slack",
        "twilio",
        "twilio",
        "apprise",
        "apprise",
    ]
    assert len({notifier.name for notifier in made}) == 5


def test_each_way_tells_what_is_set_for_it_and_else_what_all_do(tmp_path: Path) -> None:
    accesses = ServiceSettings(
        replace(SLACK, when=("alert", "clip")),
        TwilioSettings(to=("+15005550010",)),
        AppriseSettings(urls=URLS[:1]),
    )
    settings = NotifySettings(backends=("slack", "twilio", "apprise", "folder"), when=("camera",))
    assert [set(notifier.when) for notifier in make_notifiers(settings, tmp_path, accesses)] == [
        {"alert", "clip"},
        {"alert", "left_open"},
        {"camera"},
        {"camera"},
    ]


def test_every_kind_of_fact_but_the_end_of_motion_is_about_something_that_can_be_told() -> None:
    assert set(TOPIC_OF) == set(get_args(FactKind))
    assert {kind for kind, topic in TOPIC_OF.items() if topic is None} == {"motion_ended"}
    assert set(TOPIC_OF.values()) - {None} == set(TOPICS)


@pytest.mark.parametrize("backend", ["twilio", "apprise"])
def test_a_way_without_its_settings_is_refused(tmp_path: Path, backend: BackendName) -> None:
    with pytest.raises(ValueError, match=f"{backend.capitalize()} needs"):
        make_notifiers(NotifySettings(backends=(backend,)), tmp_path)


def test_no_sdk_is_loaded_for_ways_that_are_not_used_nor_before_the_first_message() -> None:
    look = """
import sys
from app.daemons.notifier import daemon
from app.notify import AppriseSettings, NotifySettings, ServiceSettings, TwilioSettings
from app.notify import make_notifiers
from pathlib import Path
from pydantic import SecretStr
make_notifiers(NotifySettings(), Path(), ServiceSettings(None, TwilioSettings(to=("+15005550010",)), AppriseSettings(urls=(SecretStr("json://x"),))))
print([name for name in ("twilio", "apprise", "boto3", "av", "cv2") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
