"""Dropbox as a store: what arrives there, and what a failure says."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.errors import StoreError, StoreRefused
from app.uploads.base import DropboxSettings, Receipt
from app.uploads.dropbox import DropboxStore
from tests.servers.drip_server import DripServer
from tests.servers.dropbox import (
    APP_KEY,
    APP_SECRET,
    REFRESH_TOKEN,
    Answer,
    DropboxServer,
    tagged_error,
    unwritable,
)
from tests.servers.ports import free_port
from tests.uploads.events import write_file

STILL = "20261120T101500.123Z.jpg"
# The Dropbox SDK reads the time in a way that Python 3.12 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.fixture
def server() -> Iterator[DropboxServer]:
    with DropboxServer() as running:
        yield running


@pytest.fixture
def store(server: DropboxServer) -> Iterator[DropboxStore]:
    with closing(DropboxStore(settings(server), silent_s=1.0)) as made:
        yield made


def settings(server: DropboxServer) -> DropboxSettings:
    return DropboxSettings(
        APP_KEY,
        SecretStr(APP_SECRET),
        SecretStr(REFRESH_TOKEN),
        "/cameras/front/",
        api_url=server.url,
    )


@pytest.fixture
def still(tmp_path: Path) -> Path:
    return write_file(tmp_path / STILL, os.urandom(50_000))


def test_a_dropbox_that_answers_byte_by_byte_holds_nobody(
    server: DropboxServer, still: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.uploads.dropbox.upload_s", lambda _: 0.5)
    with DripServer() as drip:
        slow = replace(settings(server), api_url=drip.url)
        with (
            closing(DropboxStore(slow)) as store,
            pytest.raises(StoreError, match=r"too slow: no complete answer within 0\.5 s"),
        ):
            store.put(still, STILL, "image/jpeg")


def test_a_picture_arrives_completely_at_its_path(
    server: DropboxServer, store: DropboxStore, still: Path
) -> None:
    receipt = store.put(still, STILL, "image/jpeg")
    assert receipt == Receipt(50_000, hashlib.sha256(still.read_bytes()).hexdigest())
    assert server.uploads == [f"/cameras/front/{STILL}"]
    assert server.files[f"/cameras/front/{STILL}".lower()].content == still.read_bytes()


def test_the_same_picture_again_is_one_file_in_one_version(
    server: DropboxServer, store: DropboxStore, still: Path
) -> None:
    store.put(still, STILL, "image/jpeg")
    store.put(still, STILL, "image/jpeg")
    assert [(len(stored.content), stored.rev) for stored in server.files.values()] == [(50_000, 1)]


def test_a_missing_picture_is_no_fault_of_the_store(store: DropboxStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "gone.jpg", STILL, "image/jpeg")


@pytest.mark.parametrize(
    ("base_path", "path"),
    [(None, "/a.jpg"), ("", "/a.jpg"), ("x", "/x/a.jpg"), ("/x//y/", "/x/y/a.jpg")],
)
def test_the_base_path_may_have_slashes_anywhere(
    server: DropboxServer, still: Path, base_path: str | None, path: str
) -> None:
    with closing(DropboxStore(replace(settings(server), base_path=base_path))) as store:
        store.put(still, "a.jpg", "image/jpeg")
    assert server.uploads == [path]


def test_an_expired_access_token_is_renewed(
    server: DropboxServer, store: DropboxStore, still: Path
) -> None:
    store.put(still, STILL, "image/jpeg")
    server.expire()
    store.put(still, "second.jpg", "image/jpeg")
    assert len(server.files) == 2


def test_a_picture_of_several_blocks_is_confirmed_by_its_hash(
    server: DropboxServer, store: DropboxStore, tmp_path: Path
) -> None:
    store.put(write_file(tmp_path / "big.jpg", os.urandom(9 * 2**20)), "big.jpg", "image/jpeg")
    assert len(server.files["/cameras/front/big.jpg"].content) == 9 * 2**20


def wrong_metadata(server: DropboxServer, content: bytes, **wrong: object) -> Answer:
    metadata = server.upload({"path": "/a", "mode": "overwrite"}, bearer(server), content).error
    return Answer(200, metadata | wrong)


def bearer(server: DropboxServer) -> dict[str, str]:
    return {
        "authorization": f"Bearer token-{server.tokens}",
        "content-type": "application/octet-stream",
    }


@pytest.mark.parametrize("wrong", [{"size": 49_999}, {"content_hash": "0" * 64}])
def test_another_size_or_checksum_is_not_confirmed(
    server: DropboxServer, store: DropboxStore, still: Path, wrong: dict[str, object]
) -> None:
    server.answers.append(wrong_metadata(server, still.read_bytes(), **wrong))
    with pytest.raises(StoreError, match="size or checksum other than"):
        store.put(still, STILL, "image/jpeg")


def too_many(seconds: int) -> Answer:
    return Answer(
        429,
        {
            "error_summary": "too_many_requests/..",
            "error": {"reason": {".tag": "too_many_requests"}, "retry_after": seconds},
        },
    )


@pytest.mark.parametrize(
    "answer",
    [too_many(17), Answer(429, "slow", "text/plain", {"Retry-After": "17"})],
    ids=["json", "text"],
)
def test_a_pause_that_dropbox_asks_for_is_reported(
    server: DropboxServer, store: DropboxStore, still: Path, answer: Answer
) -> None:
    server.answers.append(answer)
    with pytest.raises(StoreError) as failure:
        store.put(still, STILL, "image/jpeg")
    assert (failure.value.retry_after_s, len(server.uploads)) == (17, 1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, "oops", "text/plain"),
        Answer(503, "oops", "text/html"),
        Answer(200, "<html>Log in to the hotel's network</html>", "text/html"),
        Answer(200, {"strange": True}),
        Answer(401, "<html>", "text/html"),
        Answer(429, "not JSON"),
        Answer(302, "elsewhere", "text/plain"),
        Answer(409, tagged_error("content_hash_mismatch")),
        unwritable("too_many_write_operations"),
        unwritable("conflict"),
        Answer(200, {}, hang=True),
    ],
    ids=lambda answer: f"{answer.status}-{str(answer.error)[:30]}",
)
def test_a_failure_on_the_way_may_be_tried_again(
    server: DropboxServer, store: DropboxStore, still: Path, answer: Answer
) -> None:
    server.answers.append(answer)
    with pytest.raises(StoreError) as failure:
        store.put(still, STILL, "image/jpeg")
    assert not isinstance(failure.value, StoreRefused)
    server.released.set()
    store.put(still, STILL, "image/jpeg")
    assert server.files[f"/cameras/front/{STILL}".lower()].content == still.read_bytes()


@pytest.mark.parametrize(
    ("answer", "cure"),
    [
        (unwritable("insufficient_space"), "the account is full"),
        (unwritable("no_write_permission"), "correct dropbox.base_path"),
        (unwritable("disallowed_name"), "correct dropbox.base_path"),
        (
            Answer(401, tagged_error("missing_scope", required_scope="files.content.write")),
            "tick it under Permissions",
        ),
        (
            Answer(
                400,
                "Your app is not permitted: it does not have the required scope "
                "'files.content.write'",
                "text/plain",
            ),
            "tick it",
        ),
        (Answer(401, tagged_error("invalid_access_token")), "link the app again"),
    ],
    ids=["full", "read-only", "bad name", "scope of the token", "scope of the app", "revoked"],
)
def test_a_refusal_names_its_cure(
    server: DropboxServer, store: DropboxStore, still: Path, answer: Answer, cure: str
) -> None:
    server.answers.append(answer)
    with pytest.raises(StoreRefused, match=cure):
        store.put(still, STILL, "image/jpeg")


def test_a_revoked_link_names_its_cure_and_no_secret(
    server: DropboxServer, store: DropboxStore, still: Path
) -> None:
    server.linked = False
    with pytest.raises(StoreRefused, match="python -m app dropbox-link") as failure:
        store.put(still, STILL, "image/jpeg")
    assert REFRESH_TOKEN not in str(failure.value)


def test_a_wrong_app_names_its_cure_and_no_secret(server: DropboxServer, still: Path) -> None:
    wrong = replace(settings(server), app_secret=SecretStr("wrong-secret"))
    with (
        closing(DropboxStore(wrong)) as store,
        pytest.raises(
            StoreRefused, match=r"check dropbox\.app_key and dropbox\.app_secret"
        ) as failure,
    ):
        store.put(still, STILL, "image/jpeg")
    assert "wrong-secret" not in str(failure.value)


def test_an_unreachable_dropbox_may_be_tried_again(server: DropboxServer, still: Path) -> None:
    away = replace(settings(server), api_url=f"http://127.0.0.1:{free_port()}")
    with (
        closing(DropboxStore(away)) as store,
        pytest.raises(StoreError, match="does not answer") as failure,
    ):
        store.put(still, STILL, "image/jpeg")
    assert not isinstance(failure.value, StoreRefused)


def test_the_default_address_is_dropbox_with_tls() -> None:
    with closing(
        DropboxStore(DropboxSettings(APP_KEY, SecretStr(APP_SECRET), SecretStr(REFRESH_TOKEN)))
    ) as store:
        hosts = store._client._host_map
        assert (hosts["api"], hosts["content"]) == ("api.dropboxapi.com", "content.dropboxapi.com")
        assert store._client._session.verify is True
