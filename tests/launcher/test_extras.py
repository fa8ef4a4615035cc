"""The packages that only some houses need."""

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.clock import SystemClock
from app.config import load_config
from app.errors import DeliveryRefused, StoreRefused
from app.launcher import extras
from app.notify import Message
from app.notify.apprise import AppriseNotifier
from app.notify.twilio.notifier import TwilioNotifier
from app.uploads.base import DropboxSettings
from app.uploads.dropbox import DropboxStore
from tests.notify.progress import MemoryProgress
from tests.servers.programs import write_config

USES = f"""\
twilio:
  {{account_sid: AC{"0" * 32}, auth_token: "{"1" * 32}",
   from: '+15005550006', to: ['+15005550010']}}
apprise: {{urls: ['json://localhost']}}
dropbox: {{app_key: a, refresh_token: b9876543}}
"""


def test_a_house_needs_what_its_settings_use(tmp_path: Path) -> None:
    assert extras.needed(load_config(write_config(tmp_path, "redis://127.0.0.1", ""))) == []
    house = load_config(write_config(tmp_path, "redis://127.0.0.1", USES))
    assert extras.needed(house) == ["apprise", "dropbox", "twilio"]


def test_an_unfinished_installation_counts_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "JOURNAL", tmp_path / "journal")
    assert extras.install(["twilio"]) == []
    (tmp_path / "journal").touch()
    assert extras.missing(["twilio"]) == ["twilio"]


def test_a_channel_without_its_package_names_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other channels and stores go on."""
    for module in ("apprise", "dropbox", "twilio.base.exceptions"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "app.notify.twilio.api", raising=False)
    twilio = load_config(write_config(tmp_path, "redis://127.0.0.1", USES)).services.twilio
    assert twilio
    message = Message("one", SystemClock().now(), "Motion.")
    with pytest.raises(DeliveryRefused, match=r"not installed: scripts/setup.sh --with twilio"):
        TwilioNotifier(twilio, twilio.to[0], SystemClock()).deliver(message, MemoryProgress())
    with pytest.raises(DeliveryRefused, match=r"not installed: scripts/setup.sh --with apprise"):
        AppriseNotifier("json://localhost", 1.0).deliver(message, MemoryProgress())
    (tmp_path / "still.jpg").write_bytes(b"jpeg")
    store = DropboxStore(DropboxSettings("key", None, SecretStr("token")))
    with pytest.raises(StoreRefused, match=r"not installed: scripts/setup.sh --with dropbox"):
        store.put(tmp_path / "still.jpg", "still.jpg", "image/jpeg")
