"""Stores files in S3, or in a store with the same API.

A file is uploaded in one piece with its SHA-256, which Amazon checks against the received bytes.
The store's answer then confirms the file by the same SHA-256. Without that, the MD5 confirms it
(the ETag of a file in one piece); without both, the bytes are read back and compared. A store that
refuses the headers of the SHA-256 gets the MD5 instead, which every store checks.
"""

import base64
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from app.errors import StoreError, StoreRefused
from app.files import open_unlinked
from app.network.deadline import Deadline, upload_s
from app.uploads.base import Receipt, S3Settings, Store

CONNECT_S = 10.0
#: The longest wait for the next bytes of an answer.
SILENT_S = 60.0
#: The largest file that S3 accepts in one piece, in bytes.
LARGEST = 5 * 2**30
_READ = 2**20

_KEYS = "check s3.access_key_id and s3.secret_access_key in private.yml"
_POLICY = "these keys may not do this: give their user the policy that setup.md shows"
_ENCRYPTION = "it cannot encrypt files: switch its server-side encryption on"
_REGION = "it is in another region: set s3.region to the bucket's"
#: The cure for each of a store's codes of refusal.
_CURES = {
    "NoSuchBucket": "there is no such bucket: create it, or correct s3.bucket",
    "InvalidBucketName": "that is no valid name of a bucket: correct s3.bucket",
    "AccessDenied": _POLICY,
    "AllAccessDisabled": _POLICY,
    "InvalidAccessKeyId": f"the key is not known: {_KEYS}",
    "SignatureDoesNotMatch": f"the secret key is not that key's: {_KEYS}",
    "InvalidToken": f"the session token is not known: {_KEYS}",
    "ExpiredToken": f"the session token has expired: {_KEYS}",
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "NotImplemented": _ENCRYPTION,
    "KMSNotConfigured": _ENCRYPTION,
    "QuotaExceeded": "its quota is used up: delete something there, or raise it",
    "403": _POLICY,
}
#: The reasons for codes after which only waiting helps.
_REASONS = {
    "RequestTimeTooSkewed": "this machine's clock is wrong, and the store waits until it is right"
}
#: Codes of failures on the way, which say nothing about what the store knows.
_PASSING = {"BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentChecksumMismatch"}

_log = logging.getLogger(__name__)


class S3Store(Store):
    """Stores files in the bucket of *settings*, encrypted and private.

    *silent_s* is the longest wait for the next bytes of an answer.
    """

    name = "s3"

    def __init__(self, settings: S3Settings, silent_s: float = SILENT_S) -> None:
        self._settings = settings
        self._silent_s = silent_s
        self._warned = False
        #: Whether this store knows the headers of a SHA-256; False after it has refused them.
        self._knows_sha256 = True

    def __str__(self) -> str:
        return f"the bucket {self._settings.bucket}"

    def put(self, path: Path, key: str, content_type: str) -> Receipt:
        with open_unlinked(path) as file:
            checksum, size = _sha256(iter(lambda: file.read(_READ), b""))
            if size > LARGEST:
                raise StoreError(
                    f"{path} is too big for {self}: {size / 1e9:.1f} GB; 5 is the most"
                )
            receipt = Receipt(size, checksum.hex())
            with self._translated_errors():
                self._put(file, key, content_type, receipt)
        return receipt

    def _put(self, file: BufferedReader, key: str, content_type: str, receipt: Receipt) -> None:
        """Send *file* and have it confirmed; without the SHA-256 if the store refuses that."""
        from botocore.exceptions import ClientError

        if self._knows_sha256:
            checksum = {"ChecksumSHA256": _base64(bytes.fromhex(receipt.checksum))}
            try:
                answer = self._send(file, key, content_type, checksum)
                self._confirm(
                    answer, key, receipt, lambda: _md5(file).hex(), ChecksumMode="ENABLED"
                )
            except ClientError as error:
                if not _may_mean_unknown(error.response):
                    raise
                self._put_with_md5(file, key, content_type, receipt)
                self._knows_sha256 = False
                _log.warning(
                    "%s refuses the headers of a SHA-256 (%s), so files are sent with their MD5",
                    self,
                    _code(error.response),
                )
            return
        self._put_with_md5(file, key, content_type, receipt)

    def _put_with_md5(
        self, file: BufferedReader, key: str, content_type: str, receipt: Receipt
    ) -> None:
        md5 = _md5(file)
        answer = self._send(file, key, content_type, {"ContentMD5": _base64(md5)})
        self._confirm(answer, key, receipt, md5.hex)

    def link(self, key: str, life_s: int) -> str:
        """Return a URL from which anybody can read *key* for *life_s* seconds.

        No request is made.
        """
        with self._translated_errors():
            link: str = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self._settings.bucket, "Key": key}, ExpiresIn=life_s
            )
        return link

    def keys(self, prefix: str = "", page: int = 1000) -> Iterator[str]:
        """Yield the key of each file in the bucket that begins with *prefix*.

        They are asked for *page* at a time; 1000 is the most that S3 gives.
        """
        answer: Mapping[str, Any] = {"IsTruncated": True}
        place: dict[str, str] = {}
        while answer.get("IsTruncated"):
            with self._translated_errors(), Deadline(upload_s(0)):
                answer = self._client.list_objects_v2(
                    Bucket=self._settings.bucket, Prefix=prefix, MaxKeys=page, **place
                )
            place = {"ContinuationToken": answer.get("NextContinuationToken", "")}
            yield from (str(one["Key"]) for one in answer.get("Contents", ()))

    def get(self, key: str, file: IO[bytes], most_bytes: int) -> None:
        """Write what the bucket has under *key* to *file*.

        Raises `StoreError` when it is larger than *most_bytes*.
        """
        with self._translated_errors():
            with Deadline(upload_s(0)):
                answer = self._client.get_object(Bucket=self._settings.bucket, Key=key)
            size, body = int(answer["ContentLength"]), answer["Body"]
            with body, Deadline(upload_s(size)):
                if size > most_bytes:
                    raise StoreError(f"{key} in {self} is too large: {size / 1e6:.0f} MB")
                for part in body.iter_chunks(_READ):
                    file.write(part)

    def close(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        settings = self._settings
        secret = settings.secret_access_key
        config = Config(
            signature_version="s3v4",
            connect_timeout=CONNECT_S,
            read_timeout=self._silent_s,
            # The upload queue waits and tries again; it knows the pause that the store demands.
            retries={"mode": "standard", "total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # With "auto", links would use Amazon's one address for all regions. It redirects
            # requests for a new bucket in another region, which breaks the signature.
            s3={"addressing_style": "path" if settings.endpoint_url else "virtual"},
        )
        try:
            return boto3.session.Session().client(
                "s3",
                endpoint_url=settings.endpoint_url,
                region_name=settings.region,
                aws_access_key_id=settings.access_key_id,
                aws_secret_access_key=secret.get_secret_value() if secret else None,
                config=config,
            )
        except ValueError as error:
            raise StoreRefused(f"{self} has no address: {error}; correct s3.endpoint_url") from None

    def _send(
        self, file: BufferedReader, key: str, content_type: str, checksum: Mapping[str, str]
    ) -> Mapping[str, Any]:
        client, size = self._client, file.seek(0, os.SEEK_END)
        file.seek(0)
        with Deadline(upload_s(size)):
            answer: Mapping[str, Any] = client.put_object(
                Bucket=self._settings.bucket,
                Key=key,
                Body=file,
                ContentType=content_type,
                ServerSideEncryption="AES256",
                **checksum,
            )
        return answer

    def _confirm(
        self,
        answer: Mapping[str, Any],
        key: str,
        sent: Receipt,
        md5: Callable[[], str],
        **mode: str,
    ) -> None:
        """Raise `StoreError` unless the store has exactly what was *sent* under *key*."""
        with Deadline(upload_s(0)):
            stored = self._client.head_object(Bucket=self._settings.bucket, Key=key, **mode)
        size = stored["ContentLength"]
        if size != sent.size:
            raise StoreError(f"{self} has {size} bytes of {key}, not {sent.size}")
        named = (answer.get("ChecksumSHA256"), stored.get("ChecksumSHA256"))
        checksums = {checksum for checksum in named if checksum}
        if not checksums and stored["ETag"].strip('"') != md5():
            checksums = {_base64(self._read_back(key, sent.size))}
        if checksums - {_base64(bytes.fromhex(sent.checksum))}:
            raise StoreError(f"{self} has {key} with a checksum other than was sent")
        if stored.get("ServerSideEncryption") is None and not self._warned:
            self._warned = True
            _log.warning("%s does not say that it encrypts its files", self)

    def _read_back(self, key: str, size: int) -> bytes:
        with Deadline(upload_s(size)):
            body = self._client.get_object(Bucket=self._settings.bucket, Key=key)["Body"]
            with body:
                return _sha256(body.iter_chunks(_READ))[0]

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn boto3's errors into `StoreError` and `StoreRefused`.

        Their own texts may hold keys, so they are left out.
        """
        from botocore import exceptions

        try:
            yield
        except TimeoutError as error:
            raise StoreError(f"{self} is too slow: {error}") from None
        except exceptions.ClientError as error:
            raise self._error_of(error.response) from None
        except (
            exceptions.NoCredentialsError,
            exceptions.PartialCredentialsError,
            exceptions.CredentialRetrievalError,
        ):
            raise StoreRefused(
                f"{self} needs keys: set s3.access_key_id and s3.secret_access_key in private.yml"
            ) from None
        except (
            exceptions.ParamValidationError,
            exceptions.InvalidRegionError,
            exceptions.UnsupportedS3ConfigurationError,
        ) as error:
            raise StoreRefused(f"{self} cannot be used: {error}; correct the section s3") from None
        except exceptions.SSLError:
            raise StoreRefused(
                f"{self}: its certificate is not trusted; correct s3.endpoint_url, or this "
                "machine's clock"
            ) from None
        except (exceptions.HTTPClientError, exceptions.BotoCoreError) as error:
            raise StoreError(
                f"{self} does not answer as it should: {type(error).__name__}"
            ) from None

    def _error_of(self, response: Mapping[str, Any]) -> StoreError:
        code = _code(response)
        if code in _CURES:
            return StoreRefused(f"{self} refuses ({code}): {_CURES[code]}")
        metadata = response.get("ResponseMetadata", {})
        reason = _REASONS.get(code, f"it answers {metadata.get('HTTPStatusCode')}")
        retry_after_s = _retry_after_s(metadata.get("HTTPHeaders", {}))
        return StoreError(f"{self} accepts nothing now ({code}): {reason}", retry_after_s)


def _code(response: Mapping[str, Any]) -> str:
    return str(response.get("Error", {}).get("Code", ""))


def _may_mean_unknown(response: Mapping[str, Any]) -> bool:
    """Return whether the store may have refused something that it does not know."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = _code(response)
    is_known = code in {*_CURES, *_REASONS, *_PASSING} and code != "NotImplemented"
    return status in (400, 501) and not is_known


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None


def _base64(checksum: bytes) -> str:
    return base64.b64encode(checksum).decode()


def _sha256(parts: Iterator[bytes]) -> tuple[bytes, int]:
    """Return the SHA-256 of *parts* together, and their size in bytes."""
    digest, size = hashlib.sha256(), 0
    for part in parts:
        digest.update(part)
        size += len(part)
    return digest.digest(), size


def _md5(file: BufferedReader) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
