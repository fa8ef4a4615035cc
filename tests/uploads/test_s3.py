"""The bucket: what arrives in it, what is believed of it, and what is said when it will not."""

import base64
import hashlib
import os
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from app.errors import StoreError, StoreRefused
from app.uploads.base import Receipt, S3Settings
from app.uploads.s3 import S3Store
from tests.servers.ports import free_port
from tests.servers.s3 import SECRET, Bucket, Mischief, S3Server, crooked, written

KEY = "clips/20261120T101500.123Z-front.mp4"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return written(tmp_path / "clip.mp4", os.urandom(300_000))


def test_a_file_arrives_whole_encrypted_typed_and_for_nobody_else(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    with crooked(s3_server) as proxy, closing(S3Store(bucket.settings(proxy.url))) as store:
        receipt = store.put(clip, KEY, "video/mp4")
    digest = hashlib.sha256(clip.read_bytes()).digest()
    assert receipt == Receipt(300_000, digest.hex())
    assert bucket.content(KEY) == clip.read_bytes()
    facts = bucket.facts(KEY)
    assert (facts["ServerSideEncryption"], facts["ContentType"]) == ("AES256", "video/mp4")
    (put,) = [asked for asked in proxy.asked if asked.method == "PUT"]
    assert put.headers["x-amz-server-side-encryption"] == "AES256"
    assert put.headers["x-amz-checksum-sha256"] == base64.b64encode(digest).decode()
    assert not [name for name in put.headers if name.startswith(("x-amz-acl", "x-amz-grant"))]
    grants = bucket.client.get_object_acl(Bucket=bucket.name, Key=KEY)["Grants"]
    assert {grant["Grantee"]["Type"] for grant in grants} == {"CanonicalUser"}


def test_the_same_key_again_is_one_object_with_the_newest_content(
    bucket: Bucket, clip: Path
) -> None:
    with closing(S3Store(bucket.settings())) as store:
        store.put(clip, KEY, "video/mp4")
        clip.write_bytes(b"other")
        assert store.put(clip, KEY, "video/mp4").size == 5
    assert (bucket.keys(), bucket.content(KEY)) == ([KEY], b"other")


def test_an_empty_file_is_a_file(bucket: Bucket, tmp_path: Path) -> None:
    with closing(S3Store(bucket.settings())) as store:
        assert store.put(written(tmp_path / "empty", b""), KEY, "video/mp4").size == 0
    assert bucket.content(KEY) == b""


def test_a_file_that_is_not_there_is_no_trouble_of_the_store(
    bucket: Bucket, tmp_path: Path
) -> None:
    with closing(S3Store(bucket.settings())) as store, pytest.raises(FileNotFoundError):
        store.put(tmp_path / "gone.mp4", KEY, "video/mp4")


def test_a_link_gives_the_file_to_whoever_has_it_and_only_for_its_time(
    bucket: Bucket, clip: Path
) -> None:
    with closing(S3Store(bucket.settings())) as store:
        store.put(clip, KEY, "video/mp4")
        link = store.link(KEY, 3600)
    answer = requests.get(link, timeout=10)
    assert (answer.content, answer.headers["Content-Type"]) == (clip.read_bytes(), "video/mp4")
    assert "X-Amz-Expires=3600" in link
    assert SECRET not in link


def confirming(checksum: bytes) -> dict[str, str]:
    return {"x-amz-checksum-sha256": base64.b64encode(checksum).decode()}


def test_a_link_to_amazon_is_to_the_bucket_s_own_region() -> None:
    settings = S3Settings(
        bucket="my-house-camera",
        region="eu-central-1",
        access_key_id="AKIA",
        secret_access_key=SecretStr(SECRET),
    )
    with closing(S3Store(settings)) as store:
        assert store.link(KEY, 3600).startswith(
            f"https://my-house-camera.s3.eu-central-1.amazonaws.com/{KEY}?"
        )


def test_the_store_is_believed_when_it_names_the_same_checksum(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    right = Mischief(
        "HEAD",
        headers={
            **confirming(hashlib.sha256(clip.read_bytes()).digest()),
            "etag": '"not-an-md5-2"',
        },
    )
    with crooked(s3_server, right) as proxy, closing(S3Store(bucket.settings(proxy.url))) as store:
        store.put(clip, KEY, "video/mp4")
    assert [asked.method for asked in proxy.asked] == ["PUT", "HEAD"]


def test_without_a_checksum_or_an_md5_the_bytes_are_read_back(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    strange = Mischief("HEAD", headers={"etag": '"not-an-md5-2"'})
    with (
        crooked(s3_server, strange, strange) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        store.put(clip, KEY, "video/mp4")
        assert [asked.method for asked in proxy.asked] == ["PUT", "HEAD", "GET"]


@pytest.mark.parametrize("method", ["PUT", "HEAD"])
def test_another_checksum_than_what_was_sent_is_not_believed(
    bucket: Bucket, s3_server: S3Server, clip: Path, method: str
) -> None:
    with (
        crooked(s3_server, Mischief(method, headers=confirming(b"x" * 32))) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
        pytest.raises(StoreError, match="another checksum"),
    ):
        store.put(clip, KEY, "video/mp4")


def test_another_size_than_what_was_sent_is_not_believed(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    with (
        crooked(s3_server, Mischief("HEAD", headers={"content-length": "299999"})) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
        pytest.raises(StoreError, match="and not 300000"),
    ):
        store.put(clip, KEY, "video/mp4")


def test_a_store_that_does_not_encrypt_is_remarked_on_once(
    bucket: Bucket, s3_server: S3Server, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    facts = {
        "content-length": "300000",
        "etag": f'"{hashlib.md5(clip.read_bytes(), usedforsecurity=False).hexdigest()}"',
    }
    plain = Mischief("HEAD", status=200, headers=facts, times=2)
    with crooked(s3_server, plain) as proxy, closing(S3Store(bucket.settings(proxy.url))) as store:
        store.put(clip, KEY, "video/mp4")
        store.put(clip, KEY, "video/mp4")
    assert caplog.text.count("does not say that it encrypts") == 1


@pytest.mark.parametrize(
    "mischief",
    [
        Mischief(cut="request"),
        Mischief(cut="answer"),
        Mischief("HEAD", cut="answer"),
        Mischief(status=500, code="InternalError"),
        Mischief("HEAD", status=404, code="NoSuchKey"),
        Mischief(status=400, code="BadDigest"),
        Mischief(status=200, headers={"etag": "x"}, code="nonsense"),
        Mischief(hang=True),
    ],
    ids=lambda mischief: f"{mischief.method}-{mischief.cut}{mischief.code}{mischief.hang}",
)
def test_what_goes_wrong_on_the_way_is_to_be_tried_again(
    bucket: Bucket, s3_server: S3Server, clip: Path, mischief: Mischief
) -> None:
    with (
        crooked(s3_server, mischief) as proxy,
        closing(S3Store(bucket.settings(proxy.url), silent_s=1.0)) as store,
    ):
        with pytest.raises(StoreError) as failure:
            store.put(clip, KEY, "video/mp4")
        assert not isinstance(failure.value, StoreRefused)
        assert SECRET not in str(failure.value)
        proxy.let_go.set()
        store.put(clip, KEY, "video/mp4")
    assert bucket.content(KEY) == clip.read_bytes()


def test_a_store_that_asks_for_a_pause_is_understood(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    slow_down = Mischief(status=503, code="SlowDown", headers={"retry-after": "17"})
    with (
        crooked(s3_server, slow_down) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        with pytest.raises(StoreError, match="SlowDown") as failure:
            store.put(clip, KEY, "video/mp4")
        assert failure.value.retry_after_s == 17
        assert len(proxy.puts()) == 1


@pytest.mark.parametrize(
    ("mischief", "cure"),
    [
        (
            Mischief(status=403, code="AccessDenied"),
            "give their user the policy that setup.md shows",
        ),
        (
            Mischief(status=403, code="InvalidAccessKeyId"),
            "check s3.access_key_id and s3.secret_access_key in private.yml",
        ),
        (
            Mischief(status=403, code="SignatureDoesNotMatch"),
            "check s3.access_key_id and s3.secret_access_key in private.yml",
        ),
        (Mischief(status=400, code="AuthorizationHeaderMalformed"), "set s3.region"),
        (Mischief(status=501, code="NotImplemented"), "switch its server-side encryption on"),
    ],
)
def test_what_only_a_person_can_mend_is_said_with_its_cure(
    bucket: Bucket, s3_server: S3Server, clip: Path, mischief: Mischief, cure: str
) -> None:
    with (
        crooked(s3_server, mischief) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        with pytest.raises(StoreRefused, match=cure) as failure:
            store.put(clip, KEY, "video/mp4")
        assert SECRET not in str(failure.value)


def test_a_clock_that_is_wrong_is_waited_for(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    skewed = Mischief(status=403, code="RequestTimeTooSkewed")
    with crooked(s3_server, skewed) as proxy, closing(S3Store(bucket.settings(proxy.url))) as store:
        with pytest.raises(StoreError, match="clock is wrong") as failure:
            store.put(clip, KEY, "video/mp4")
        assert not isinstance(failure.value, StoreRefused)


def refusal(settings: S3Settings, clip: Path) -> str:
    with closing(S3Store(settings)) as store, pytest.raises(StoreRefused) as failure:
        store.put(clip, KEY, "video/mp4")
    return str(failure.value)


def test_a_bucket_that_is_not_there_is_said_with_its_cure(bucket: Bucket, clip: Path) -> None:
    said = refusal(replace(bucket.settings(), bucket="no-such-house"), clip)
    assert (
        "the bucket no-such-house refuses (NoSuchBucket): there is no such bucket: create it, or "
        "correct s3.bucket" in said
    )


def test_no_keys_anywhere_is_said_with_its_cure(
    bucket: Bucket, clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    said = refusal(replace(bucket.settings(), access_key_id=None, secret_access_key=None), clip)
    assert "set s3.access_key_id and s3.secret_access_key in private.yml" in said


def test_an_address_that_is_none_is_said_with_its_cure(bucket: Bucket, clip: Path) -> None:
    assert "correct s3.endpoint_url" in refusal(
        replace(bucket.settings(), endpoint_url="http://[::1"), clip
    )


def test_a_store_that_is_away_is_tried_again(bucket: Bucket, clip: Path) -> None:
    away = replace(bucket.settings(), endpoint_url=f"http://127.0.0.1:{free_port()}")
    with (
        closing(S3Store(away)) as store,
        pytest.raises(StoreError, match="does not answer") as failure,
    ):
        store.put(clip, KEY, "video/mp4")
    assert not isinstance(failure.value, StoreRefused)


def test_a_server_that_speaks_another_language_is_tried_again(bucket: Bucket, clip: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.listen()
        silent = replace(
            bucket.settings(), endpoint_url=f"http://127.0.0.1:{deaf.getsockname()[1]}"
        )
        with (
            closing(S3Store(silent, silent_s=0.3)) as store,
            pytest.raises(StoreError, match="Timeout"),
        ):
            store.put(clip, KEY, "video/mp4")


def test_one_key_without_the_other_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="belong together"):
        S3Settings("house", secret_access_key=SecretStr("x"))
