"""The interface of a store for uploads, and the settings of uploads and of the disk."""

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


def _region(code: str) -> str:
    if not re.fullmatch("[a-z0-9-]+", code):
        raise ValueError(
            "must be a region's code, as in eu-central-1 (Frankfurt); the store's console shows it"
        )
    return code


def _whole_path(folder: str) -> str:
    if not Path(folder).expanduser().is_absolute():
        raise ValueError(
            "must be a whole path, as in /mnt/nas/camera; a share (smb://, nfs://) must be mounted "
            "first"
        )
    return folder


Address = Annotated[str, AfterValidator(_address)]
Bucket = Annotated[str, AfterValidator(_bucket)]


@dataclass(frozen=True, slots=True)
class S3Settings:
    """The bucket for clips and training samples.

    Without keys, boto3 looks for them where Amazon's own tools do.
    """

    bucket: Bucket | None = None
    endpoint_url: Address | None = None
    region: Annotated[str, AfterValidator(_region)] | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None

    def __post_init__(self) -> None:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError(
                "access_key_id and secret_access_key belong together: set both, or neither"
            )
        is_amazons = self.region is None or re.fullmatch("[a-z]+(-[a-z]+)+-[0-9]+", self.region)
        if self.endpoint_url is None and not is_amazons:
            raise ValueError(
                "region must be a code of Amazon's, as in eu-central-1 (Frankfurt); for another "
                "store set endpoint_url too"
            )


@dataclass(frozen=True, slots=True)
class DropboxSettings:
    """The Dropbox folder for pictures.

    It gets at most one picture every *min_upload_seconds*, after *min_motion_frames* frames of
    motion in a row.
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
            raise ValueError("refresh_token is set, but no app_key: set both, or neither")

    @property
    def is_set_up(self) -> bool:
        """Return whether pictures go to Dropbox."""
        return self.refresh_token is not None


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """The seconds between two searches for new files, and a *folder* for copies, such as a NAS."""

    upload_every_s: Annotated[float, Ge(1)] = 300.0
    folder: Annotated[str, AfterValidator(_whole_path)] | None = None


@dataclass(frozen=True, slots=True)
class DiskSettings:
    """The limits of the disk, in GB of 10⁹ bytes.

    Nothing older than *keep_days* is kept, and not more than *max_gb* in all; *min_free_gb* stay
    free. `app.uploads.retention.make_room` names the exceptions.
    """

    keep_days: Annotated[float, Gt(0)] = 30.0
    max_gb: Annotated[float, Gt(0)] = 8.0
    min_free_gb: Annotated[float, Ge(0)] = 1.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """A store's confirmation of a file: *size* in bytes, and *checksum*, its SHA-256 in hex."""

    size: int
    checksum: str


class Store(ABC):
    """A place for copies."""

    #: Its name in markers, logs and heartbeats.
    name: str

    @abstractmethod
    def put(self, path: Path, key: str, content_type: str) -> Receipt:
        """Store the file at *path* under *key*, in place of any earlier file.

        Returns when the store has confirmed size and checksum. Raises a `StoreError` otherwise, or
        `StoreRefused` when a person must act first. Any other `OSError` means that the local file
        cannot be read. The call may take long, but every wait for an answer has a time limit.
        """

    def close(self) -> None:  # noqa: B027 (a folder has no connections)
        """Close the connections."""
