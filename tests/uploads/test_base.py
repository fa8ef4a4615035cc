"""The settings of uploads: what they accept, and what an error says."""

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from app.uploads import event_stores, still_store
from app.uploads.base import DropboxSettings, S3Settings


@pytest.mark.parametrize("bucket", ["House", "my_house", "ab", "-house", "s3://house", "house/a"])
def test_a_bucket_is_a_plain_name(bucket: str) -> None:
    with pytest.raises(ValidationError, match="as in my-house-camera"):
        TypeAdapter(S3Settings).validate_python({"bucket": bucket})
    assert TypeAdapter(S3Settings).validate_python({"bucket": "my-house.2"}).bucket == "my-house.2"


@pytest.mark.parametrize("settings", [S3Settings, DropboxSettings])
def test_an_address_begins_with_http(settings: type) -> None:
    field = "endpoint_url" if settings is S3Settings else "api_url"
    with pytest.raises(ValidationError, match=r"as in https://s3\.example\.org"):
        TypeAdapter(settings).validate_python({field: "s3.example.org"})


def test_one_key_without_the_other_is_an_error() -> None:
    with pytest.raises(ValueError, match="belong together"):
        S3Settings("house", secret_access_key=SecretStr("x"))


def test_a_token_without_an_app_key_is_an_error() -> None:
    with pytest.raises(ValueError, match="no app_key"):
        DropboxSettings(refresh_token=SecretStr("x"))


def test_only_configured_stores_are_made() -> None:
    assert event_stores(S3Settings(), None) == []
    assert still_store(DropboxSettings()) is None
