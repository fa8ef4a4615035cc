"""S3 as a store: what arrives there, what confirms it, and what a failure says."""

import base64
import hashlib
import io
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
from tests.servers.drip_server import DripServer
from tests.servers.ports import free_port
from tests.servers.s3 import KEY_ID, SECRET, Bucket, Fault, S3Server, faulty_proxy
from tests.uploads.events import write_file

KEY = "clips/20261120T101500.123Z-front.mp4"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_file(tmp_path / "clip.mp4", os.urandom(300_000))


def test_a_file_arrives_complete_encrypted_typed_and_private(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    with faulty_proxy(s3_server) as proxy, closing(S3Store(bucket.settings(proxy.url))) as store:
        receipt = store.put(clip, KEY, "video/mp4")
    digest = hashlib.sha256(clip.read_bytes()).digest()
    assert receipt == Receipt(300_000, digest.hex())
    assert bucket.content(KEY) == clip.read_bytes()
    head = bucket.head(KEY)
    assert (head["ServerSideEncryption"], head["ContentType"]) == ("AES256", "video/mp4")
    (put,) = [request for request in proxy.requests if request.method == "PUT"]
    assert put.headers["x-amz-server-side-encryption"] == "AES256"
    assert put.headers["x-amz-checksum-sha256"] == base64.b64encode(digest).decode()
    assert not [name for name in put.headers if name.startswith(("x-amz-acl", "x-amz-grant"))]
    grants = bucket.client.get_object_acl(Bucket=bucket.name, Key=KEY)["Grants"]
    assert {grant["Grantee"]["Type"] for grant in grants} == {"CanonicalUser"}


@pytest.mark.parametrize(
    ("method", "status", "code"),
    [
        ("PUT", 400, "InvalidArgument"),
        ("PUT", 501, "NotImplemented"),
        ("PUT", 400, "XAmzContentSHA256Mismatch"),
        ("PUT", 400, "UnsupportedHeader"),
        ("PUT", 400, ""),
        ("HEAD", 400, ""),
    ],
)
def test_a_store_that_refuses_checksum_headers_gets_the_md5(
    bucket: Bucket,
    s3_server: S3Server,
    clip: Path,
    caplog: pytest.LogCaptureFixture,
    *,
    method: str,
    status: int,
    code: str,
) -> None:
    picky = Fault(method, status=status, code=code, header="x-amz-checksum-", times=99)
    with (
        faulty_proxy(s3_server, picky) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        for number in range(3):
            store.put(clip, f"clips/{number}.mp4", "video/mp4")
    keys = bucket.keys()
    assert [bucket.content(key) for key in keys] == [clip.read_bytes()] * 3
    first = next(n for n, one in enumerate(proxy.requests) if "content-md5" in one.headers)
    plain = proxy.requests[first:]
    md5 = base64.b64encode(hashlib.md5(clip.read_bytes(), usedforsecurity=False).digest())
    puts = [request for request in plain if request.method == "PUT"]
    assert {request.headers["content-md5"] for request in puts} == {md5.decode()}
    known = {name for request in plain for name in request.headers}
    assert not [name for name in known if "checksum" in name]
    assert caplog.text.count("refuses the headers of a SHA-256") == 1


def test_a_refusal_of_something_else_leaves_the_checksum_on(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    busy = Fault(status=400, code="RequestTimeout")
    with (
        faulty_proxy(s3_server, busy) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        with pytest.raises(StoreError, match="RequestTimeout"):
            store.put(clip, KEY, "video/mp4")
        store.put(clip, KEY, "video/mp4")
        assert "x-amz-checksum-sha256" in proxy.requests[1].headers


def test_a_link_is_not_uploaded(bucket: Bucket, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(clip)
    with closing(S3Store(bucket.settings())) as store, pytest.raises(OSError, match="symbolic"):
        store.put(tmp_path / "link.mp4", KEY, "video/mp4")
    assert bucket.keys() == []


def test_the_same_key_again_is_one_object_with_new_content(bucket: Bucket, clip: Path) -> None:
    with closing(S3Store(bucket.settings())) as store:
        store.put(clip, KEY, "video/mp4")
        clip.write_bytes(b"other")
        assert store.put(clip, KEY, "video/mp4").size == 5
    assert (bucket.keys(), bucket.content(KEY)) == ([KEY], b"other")


def test_an_empty_file_is_uploaded(bucket: Bucket, tmp_path: Path) -> None:
    with closing(S3Store(bucket.settings())) as store:
        assert store.put(write_file(tmp_path / "empty", b""), KEY, "video/mp4").size == 0
    assert bucket.content(KEY) == b""


def test_a_missing_file_is_no_fault_of_the_store(bucket: Bucket, tmp_path: Path) -> None:
    with closing(S3Store(bucket.settings())) as store, pytest.raises(FileNotFoundError):
        store.put(tmp_path / "gone.mp4", KEY, "video/mp4")


def test_a_link_gives_the_file_to_anybody_for_a_time(bucket: Bucket, clip: Path) -> None:
    with closing(S3Store(bucket.settings())) as store:
        store.put(clip, KEY, "video/mp4")
        link = store.link(KEY, 3600)
    answer = requests.get(link, timeout=10)
    assert (answer.content, answer.headers["Content-Type"]) == (clip.read_bytes(), "video/mp4")
    assert "X-Amz-Expires=3600" in link
    assert SECRET not in link


def confirming(checksum: bytes) -> dict[str, str]:
    return {"x-amz-checksum-sha256": base64.b64encode(checksum).decode()}


def test_a_link_to_amazon_names_the_region_of_the_bucket() -> None:
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


def test_the_same_checksum_confirms_an_upload(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    right = Fault(
        "HEAD",
        headers={
            **confirming(hashlib.sha256(clip.read_bytes()).digest()),
            "etag": '"not-an-md5-2"',
        },
    )
    with (
        faulty_proxy(s3_server, right) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        store.put(clip, KEY, "video/mp4")
    assert [request.method for request in proxy.requests] == ["PUT", "HEAD"]


def test_without_a_checksum_or_an_md5_the_bytes_are_read_back(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    other_etag = Fault("HEAD", headers={"etag": '"not-an-md5-2"'})
    with (
        faulty_proxy(s3_server, other_etag, other_etag) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        store.put(clip, KEY, "video/mp4")
        assert [request.method for request in proxy.requests] == ["PUT", "HEAD", "GET"]


@pytest.mark.parametrize("method", ["PUT", "HEAD"])
def test_another_checksum_is_not_confirmed(
    bucket: Bucket, s3_server: S3Server, clip: Path, method: str
) -> None:
    with (
        faulty_proxy(s3_server, Fault(method, headers=confirming(b"x" * 32))) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
        pytest.raises(StoreError, match="checksum other than"),
    ):
        store.put(clip, KEY, "video/mp4")


def test_another_size_is_not_confirmed(bucket: Bucket, s3_server: S3Server, clip: Path) -> None:
    with (
        faulty_proxy(s3_server, Fault("HEAD", headers={"content-length": "299999"})) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
        pytest.raises(StoreError, match="not 300000"),
    ):
        store.put(clip, KEY, "video/mp4")


def test_a_store_that_does_not_encrypt_is_logged_once(
    bucket: Bucket, s3_server: S3Server, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = {
        "content-length": "300000",
        "etag": f'"{hashlib.md5(clip.read_bytes(), usedforsecurity=False).hexdigest()}"',
    }
    plain = Fault("HEAD", status=200, headers=head, times=2)
    with (
        faulty_proxy(s3_server, plain) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        store.put(clip, KEY, "video/mp4")
        store.put(clip, KEY, "video/mp4")
    assert caplog.text.count("does not say that it encrypts") == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut="request"),
        Fault(cut="answer"),
        Fault("HEAD", cut="answer"),
        Fault(status=500, code="InternalError"),
        Fault("HEAD", status=404, code="NoSuchKey"),
        Fault(status=400, code="BadDigest"),
        Fault(status=200, headers={"etag": "x"}, code="nonsense"),
        Fault(hang=True),
    ],
    ids=lambda fault: f"{fault.method}-{fault.cut}{fault.code}{fault.hang}",
)
def test_a_failure_on_the_way_may_be_tried_again(
    bucket: Bucket, s3_server: S3Server, clip: Path, fault: Fault
) -> None:
    with (
        faulty_proxy(s3_server, fault) as proxy,
        closing(S3Store(bucket.settings(proxy.url), silent_s=1.0)) as store,
    ):
        with pytest.raises(StoreError) as failure:
            store.put(clip, KEY, "video/mp4")
        assert not isinstance(failure.value, StoreRefused)
        assert SECRET not in str(failure.value)
        proxy.released.set()
        store.put(clip, KEY, "video/mp4")
    assert bucket.content(KEY) == clip.read_bytes()


def test_a_pause_that_the_store_asks_for_is_reported(
    bucket: Bucket, s3_server: S3Server, clip: Path
) -> None:
    slow_down = Fault(status=503, code="SlowDown", headers={"retry-after": "17"})
    with (
        faulty_proxy(s3_server, slow_down) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        with pytest.raises(StoreError, match="SlowDown") as failure:
            store.put(clip, KEY, "video/mp4")
        assert failure.value.retry_after_s == 17
        assert len(proxy.puts()) == 1


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (
            Fault(status=403, code="AccessDenied"),
            "give their user the policy that setup.md shows",
        ),
        (
            Fault(status=403, code="InvalidAccessKeyId"),
            "check s3.access_key_id and s3.secret_access_key in private.yml",
        ),
        (
            Fault(status=403, code="SignatureDoesNotMatch"),
            "check s3.access_key_id and s3.secret_access_key in private.yml",
        ),
        (Fault(status=400, code="AuthorizationHeaderMalformed"), "set s3.region"),
        (Fault(status=501, code="NotImplemented", times=2), "switch its server-side encryption on"),
    ],
)
def test_a_refusal_names_its_cure(
    bucket: Bucket, s3_server: S3Server, clip: Path, fault: Fault, cure: str
) -> None:
    with (
        faulty_proxy(s3_server, fault) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        with pytest.raises(StoreRefused, match=cure) as failure:
            store.put(clip, KEY, "video/mp4")
        assert SECRET not in str(failure.value)


def test_a_wrong_clock_is_no_refusal(bucket: Bucket, s3_server: S3Server, clip: Path) -> None:
    skewed = Fault(status=403, code="RequestTimeTooSkewed")
    with (
        faulty_proxy(s3_server, skewed) as proxy,
        closing(S3Store(bucket.settings(proxy.url))) as store,
    ):
        with pytest.raises(StoreError, match="clock is wrong") as failure:
            store.put(clip, KEY, "video/mp4")
        assert not isinstance(failure.value, StoreRefused)


def refusal(settings: S3Settings, clip: Path) -> str:
    with closing(S3Store(settings)) as store, pytest.raises(StoreRefused) as failure:
        store.put(clip, KEY, "video/mp4")
    return str(failure.value)


def test_a_missing_bucket_names_its_cure(bucket: Bucket, clip: Path) -> None:
    text = refusal(replace(bucket.settings(), bucket="no-such-house"), clip)
    assert (
        "the bucket no-such-house refuses (NoSuchBucket): there is no such bucket: create it, or "
        "correct s3.bucket" in text
    )


@pytest.mark.parametrize("slow", ["headers", "body"])
def test_a_store_that_answers_byte_by_byte_holds_nobody(
    clip: Path, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.uploads.s3.upload_s", lambda _: 0.5)
    settings = S3Settings("house-1", None, "us-east-1", KEY_ID, SecretStr(SECRET))
    with DripServer(slow) as drip:
        slow_settings = replace(settings, endpoint_url=drip.url)
        with (
            closing(S3Store(slow_settings)) as store,
            pytest.raises(StoreError, match=r"is too slow: no complete answer within 0\.5 s"),
        ):
            store.put(clip, KEY, "video/mp4")


def test_missing_keys_name_their_cure(
    bucket: Bucket, clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    text = refusal(replace(bucket.settings(), access_key_id=None, secret_access_key=None), clip)
    assert "set s3.access_key_id and s3.secret_access_key in private.yml" in text


def test_an_invalid_address_names_its_cure(bucket: Bucket, clip: Path) -> None:
    assert "correct s3.endpoint_url" in refusal(
        replace(bucket.settings(), endpoint_url="http://[::1"), clip
    )


def test_an_unreachable_store_may_be_tried_again(bucket: Bucket, clip: Path) -> None:
    away = replace(bucket.settings(), endpoint_url=f"http://127.0.0.1:{free_port()}")
    with (
        closing(S3Store(away)) as store,
        pytest.raises(StoreError, match="does not answer") as failure,
    ):
        store.put(clip, KEY, "video/mp4")
    assert not isinstance(failure.value, StoreRefused)


def test_a_silent_server_may_be_tried_again(bucket: Bucket, clip: Path) -> None:
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


def test_files_are_listed_and_read_back(bucket: Bucket) -> None:
    names = [f"labels/{number}.json" for number in range(5)]
    for name in names:
        bucket.client.put_object(Bucket=bucket.name, Key=name, Body=name.encode())
    bucket.client.put_object(Bucket=bucket.name, Key="clips/one.mp4", Body=b"")
    with closing(S3Store(bucket.settings())) as store:
        assert list(store.keys("labels/", page=2)) == names
        assert len(list(store.keys())) == 6
        file = io.BytesIO()
        store.get(names[3], file, most_bytes=13)
        assert file.getvalue() == names[3].encode()
        with pytest.raises(StoreError, match="too large"):
            store.get(names[3], file, most_bytes=12)
        with pytest.raises(StoreError, match="NoSuchKey"):
            store.get("labels/none.json", file, most_bytes=12)
