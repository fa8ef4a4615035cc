"""What a store for uploads promises, and the settings of uploads and of the disk."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt
from pydantic import AfterValidator, SecretStr


def _address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must be an address, as in https://s3.example.org")
    return url


def _bucket(name: str) -> str:
    if not re.fullmatch("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        raise ValueError(
            "must be a bucket's name alone, 3 to 63 small letters, digits, . and -, as in "
            "my-house-camera"
        )
    return name


Address = Annotated[str, AfterValidator(_address)]
Bucket = Annotated[str, AfterValidator(_bucket)]


@dataclass(frozen=True, slots=True)
class S3Settings:
    """The bucket for clips and training samples. Without keys, boto3 looks for them where Amazon's
    own tools do.
    """

    bucket: Bucket | None = None
    endpoint_url: Address | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None

    def __post_init__(self) -> None:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError(
                "access_key_id and secret_access_key belong together: set both, or neither"
            )


@dataclass(frozen=True, slots=True)
class DropboxSettings:
    """The folder for pictures: at most one every *min_upload_seconds*, after *min_motion_frames*
    frames of motion in a row.
    """

    app_key: str | None = None
    app_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    base_path: str | None = None
    min_upload_seconds: Annotated[float, Ge(0)] = 3.0
    min_motion_frames: Annotated[int, Ge(1)] = 8
    api_url: Address | None = None

    def __post_init__(self) -> None:
        if self.refresh_token and not self.app_key:
            raise ValueError(
                "refresh_token is set, but no app_key, and each is nothing without the other"
            )

    @property
    def is_set_up(self) -> bool:
        """Whether pictures go to Dropbox."""
        return self.refresh_token is not None


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """How often the uploader looks for what is new, and the *folder* that gets a copy, such as one
    on a NAS.
    """

    upload_every_s: Annotated[float, Ge(1)] = 300.0
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class DiskSettings:
    """What may be kept: nothing older than *keep_days*, not more than *max_gb*, and *min_free_gb*
    stay free (GB of 10⁹ bytes).

    `app.uploads.retention.make_room` says what comes before these.
    """

    keep_days: Annotated[float, Gt(0)] = 30.0
    max_gb: Annotated[float, Gt(0)] = 8.0
    min_free_gb: Annotated[float, Ge(0)] = 1.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a store has confirmed of a file: its *size* in bytes and its SHA-256, *checksum*, in
    hex.
    """

    size: int
    checksum: str


class Store(ABC):
    """A place for copies."""

    #: What it is called in markers, logs and heartbeats.
    name: str

    @abstractmethod
    def put(self, path: Path, key: str, content_type: str) -> Receipt:
        """Keep the file at *path* under *key*, whatever was there before; returns when the store
        has confirmed its size and checksum.

        Otherwise a `StoreError`, or `StoreRefused` when somebody has to do something first. An
        `OSError` that is neither means that the file here cannot be read. It may take long but not
        for ever: what waits for an answer has a time limit.
        """

    def close(self) -> None:  # noqa: B027 (a folder has nothing to let go)
        """Let go of connections."""
