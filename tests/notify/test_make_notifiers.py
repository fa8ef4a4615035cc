"""Covers several modules: the choice of the channels in `app.notify`, and what it loads."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.notify import (
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
from tests.servers.programs import REPO

URLS = (SecretStr("json://one"), SecretStr("json://two"))
SLACK = SlackSettings("http://127.0.0.1:1/api/", SecretStr("xoxb-1"), "C1")


def test_the_folder_is_used_when_nothing_else_is_configured(tmp_path: Path) -> None:
    (notifier,) = make_notifiers(NotifySettings(), tmp_path)
    assert isinstance(notifier, FolderNotifier)
    assert notifier.folder == tmp_path / "alerts"


def test_each_named_backend_is_made_once(tmp_path: Path) -> None:
    made = make_notifiers(NotifySettings(backends=("memory", "folder", "memory")), tmp_path)
    assert [type(notifier) for notifier in made] == [MemoryNotifier, FolderNotifier]


def test_there_may_be_no_channel_at_all(tmp_path: Path) -> None:
    assert make_notifiers(NotifySettings(backends=()), tmp_path) == []


def test_an_absolute_folder_is_used_as_it_is(tmp_path: Path) -> None:
    (notifier,) = make_notifiers(
        NotifySettings(folder=str(tmp_path / "elsewhere")), tmp_path / "data"
    )
    assert isinstance(notifier, FolderNotifier)
    assert notifier.folder == tmp_path / "elsewhere"


def test_slack_is_used_when_it_is_configured(tmp_path: Path) -> None:
    (notifier,) = make_notifiers(NotifySettings(), tmp_path, ServiceSettings(SLACK))
    assert isinstance(notifier, SlackNotifier)
    assert "xoxb" not in f"{notifier} {notifier.settings}"


def test_slack_can_be_one_of_several_channels(tmp_path: Path) -> None:
    made = make_notifiers(
        NotifySettings(backends=("folder", "slack")), tmp_path, ServiceSettings(SLACK)
    )
    assert [type(notifier) for notifier in made] == [FolderNotifier, SlackNotifier]


def test_slack_without_a_token_and_a_channel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"slack\.bot_token and slack\.alerts_channel"):
        make_notifiers(NotifySettings(backends=("slack",)), tmp_path)


def test_auto_takes_all_services_each_number_and_each_url(
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


def test_each_channel_has_its_own_topics_or_the_common_ones(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("backend", ["twilio", "apprise"])
def test_a_service_without_its_settings_is_refused(tmp_path: Path, backend: BackendName) -> None:
    with pytest.raises(ValueError, match=f"{backend.capitalize()} needs"):
        make_notifiers(NotifySettings(backends=(backend,)), tmp_path)


def test_no_sdk_is_loaded_before_the_first_message() -> None:
    script = """
import sys
from app.daemons.notifier import daemon
from app.notify import AppriseSettings, NotifySettings, ServiceSettings, TwilioSettings
from app.notify import make_notifiers
from pathlib import Path
from pydantic import SecretStr
twilio = TwilioSettings(to=("+15005550010",))
apprise = AppriseSettings(urls=(SecretStr("json://x"),))
make_notifiers(NotifySettings(), Path(), ServiceSettings(None, twilio, apprise))
print([name for name in ("twilio", "apprise", "boto3", "av", "cv2") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
