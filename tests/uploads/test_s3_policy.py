"""Covers several modules: the policies in docs/ allow the uploader its work, and little else."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from app.errors import StoreRefused
from app.uploads.base import S3Settings
from app.uploads.s3 import S3Store
from tests.conftest import REPO
from tests.servers.s3 import S3Server
from tests.uploads.events import write_file

DOCS = REPO / "docs"
BUCKET = "my-house-camera"


@pytest.fixture(scope="module")
def strict_server() -> Iterator[S3Server]:
    """A server that checks signatures and policies after the user and two buckets are made."""
    with S3Server(free_calls=5) as server:
        yield server


@pytest.fixture(scope="module")
def settings(strict_server: S3Server) -> S3Settings:
    """The settings of the user that setup.md describes."""
    iam, s3 = strict_server.client("iam"), strict_server.client()
    iam.create_user(UserName="camera")
    iam.put_user_policy(
        UserName="camera",
        PolicyName="camera",
        PolicyDocument=(DOCS / "s3-user-policy.json").read_text(),
    )
    keys = iam.create_access_key(UserName="camera")["AccessKey"]
    for name in (BUCKET, "another-bucket"):
        s3.create_bucket(Bucket=name)
    return S3Settings(
        BUCKET,
        strict_server.url,
        "us-east-1",
        keys["AccessKeyId"],
        SecretStr(keys["SecretAccessKey"]),
    )


@pytest.fixture(scope="module")
def store(settings: S3Settings) -> Iterator[S3Store]:
    """The store that the uploader has with these settings."""
    with closing(S3Store(settings)) as made:
        yield made


@pytest.fixture(scope="module")
def user(settings: S3Settings, strict_server: S3Server) -> Iterator[Any]:
    """A client with the keys of that user, as a thief has them too."""
    assert settings.access_key_id
    assert settings.secret_access_key
    secret = settings.secret_access_key.get_secret_value()
    with closing(strict_server.client(key_id=settings.access_key_id, secret=secret)) as client:
        yield client


@pytest.mark.parametrize("key", ["training/a.tar", "labels/a.json", "clips/a.mp4", "clips/a.jpg"])
def test_the_user_policy_allows_uploads_and_links(
    store: S3Store, user: Any, tmp_path: Path, key: str
) -> None:
    content = os.urandom(1000)
    store.put(write_file(tmp_path / "file", content), key, "video/mp4")
    # A link gives what its maker may read; moto does not know links when it checks signatures.
    with user.get_object(Bucket=BUCKET, Key=key)["Body"] as body:
        assert body.read() == content


FORBIDDEN: dict[str, Callable[[Any], Any]] = {
    "put outside its folders": lambda s3: s3.put_object(
        Bucket=BUCKET, Key="elsewhere/a", Body=b"a"
    ),
    "put into another bucket": lambda s3: s3.put_object(
        Bucket="another-bucket", Key="clips/a", Body=b"a"
    ),
    "list": lambda s3: s3.list_objects_v2(Bucket=BUCKET),
    "delete": lambda s3: s3.delete_object(Bucket=BUCKET, Key="clips/a.mp4"),
    "publish": lambda s3: s3.put_object_acl(Bucket=BUCKET, Key="clips/a.mp4", ACL="public-read"),
}


@pytest.mark.parametrize("action", FORBIDDEN)
def test_the_user_policy_allows_nothing_else(user: Any, action: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        FORBIDDEN[action](user)


def test_what_the_policy_forbids_is_refused_with_a_cure(store: S3Store, tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="the policy that setup"):
        store.put(write_file(tmp_path / "file", b"a"), "elsewhere/a", "video/mp4")


def test_the_bucket_policy_demands_encryption_and_tls() -> None:
    encrypted, by_tls = json.loads((DOCS / "s3-bucket-policy.json").read_text())["Statement"]
    assert (encrypted["Effect"], encrypted["Action"]) == ("Deny", "s3:PutObject")
    assert encrypted["Condition"] == {
        "StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}
    }
    assert (by_tls["Effect"], by_tls["Action"], by_tls["Condition"]) == (
        "Deny",
        "s3:*",
        {"Bool": {"aws:SecureTransport": "false"}},
    )
