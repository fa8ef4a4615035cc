"""S3, or a store that speaks like it.

A file goes up in one piece with its SHA-256, which Amazon checks against what has arrived. What the
store then says of it decides: the same SHA-256, else an MD5 (the ETag of what came in one piece),
else the bytes themselves, read back.
"""

import base64
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import Any

from app.errors import StoreError, StoreRefused
from app.uploads.base import Receipt, S3Settings, Store

CONNECT_S = 10.0
#: How long the store may be silent in the middle of something.
SILENT_S = 60.0
#: S3 takes no more than this in one piece.
LARGEST = 5 * 2**30
_READ = 2**20

_KEYS = "check s3.access_key_id and s3.secret_access_key in private.yml"
_REGION = "it is in another region: set s3.region to the bucket's"
#: What the store says when it will not, and what then helps.
_CURES = {
    "NoSuchBucket": "there is no such bucket: create it, or correct s3.bucket",
    "InvalidBucketName": "that is no bucket's name: correct s3.bucket",
    "AccessDenied": "these keys may not do this: give their user the policy that setup.md shows",
    "AllAccessDisabled": (
        "these keys may not do this: give their user the policy that setup.md shows"
    ),
    "InvalidAccessKeyId": f"the key is not known: {_KEYS}",
    "SignatureDoesNotMatch": f"the secret key is not that key's: {_KEYS}",
    "InvalidToken": f"the session token is not known: {_KEYS}",
    "ExpiredToken": f"the session token has expired: {_KEYS}",
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "NotImplemented": "it cannot encrypt what it keeps: switch its server-side encryption on",
    "KMSNotConfigured": "it cannot encrypt what it keeps: switch its server-side encryption on",
    "QuotaExceeded": "its quota is used up: delete something there, or raise it",
    "403": "these keys may not do this: give their user the policy that setup.md shows",
}
#: Codes behind which there is only a wait.
_WAITS = {
    "RequestTimeTooSkewed": "this machine's clock is wrong, and nothing is taken until it is right"
}

_log = logging.getLogger(__name__)


class S3Store(Store):
    """Keeps files in the bucket of *settings*, encrypted there, for nobody else to read."""

    name = "s3"

    def __init__(self, settings: S3Settings, silent_s: float = SILENT_S) -> None:
        self._settings = settings
        self._silent_s = silent_s
        self._warned = False

    def __str__(self) -> str:
        return f"the bucket {self._settings.bucket}"

    def put(self, path: Path, key: str, content_type: str) -> Receipt:
        with path.open("rb") as file:
            checksum, size = _sha256(iter(lambda: file.read(_READ), b""))
            if size > LARGEST:
                raise StoreError(
                    f"{path} is too big for {self}: {size / 1e9:.1f} GB, and 5 is the most"
                )
            file.seek(0)
            with self._asking():
                said = self._send(file, key, content_type, checksum)
                self._confirm(said, key, Receipt(size, checksum.hex()), lambda: _md5(file))
        return Receipt(size, checksum.hex())

    def link(self, key: str, life_s: int) -> str:
        """An address from which anybody who has it can get what is under *key*, for *life_s*
        seconds. Asks nobody.
        """
        with self._asking():
            link: str = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self._settings.bucket, "Key": key}, ExpiresIn=life_s
            )
        return link

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
            # Whoever calls us waits and tries again, and knows what the store asks for.
            retries={"mode": "standard", "total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # With "auto" links would be to Amazon's one address for all regions, which sends on
            # what asks for a bucket that is new elsewhere; that breaks the signature.
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
        self, file: BufferedReader, key: str, content_type: str, checksum: bytes
    ) -> Mapping[str, Any]:
        said: Mapping[str, Any] = self._client.put_object(
            Bucket=self._settings.bucket,
            Key=key,
            Body=file,
            ContentType=content_type,
            ServerSideEncryption="AES256",
            ChecksumSHA256=base64.b64encode(checksum).decode(),
        )
        return said

    def _confirm(
        self, said: Mapping[str, Any], key: str, sent: Receipt, md5: Callable[[], str]
    ) -> None:
        """Raise `StoreError` unless the store has what was *sent* under *key*, whole."""
        kept = self._client.head_object(
            Bucket=self._settings.bucket, Key=key, ChecksumMode="ENABLED"
        )
        if kept["ContentLength"] != sent.size:
            raise StoreError(
                f"{self} has {kept['ContentLength']} bytes of {key}, and not {sent.size}"
            )
        checksums = {one["ChecksumSHA256"] for one in (said, kept) if one.get("ChecksumSHA256")}
        if not checksums and kept["ETag"].strip('"') != md5():
            checksums = {base64.b64encode(self._read_back(key)).decode()}
        if checksums - {base64.b64encode(bytes.fromhex(sent.checksum)).decode()}:
            raise StoreError(f"{self} has {key} with another checksum than what was sent")
        if kept.get("ServerSideEncryption") is None and not self._warned:
            self._warned = True
            _log.warning("%s does not say that it encrypts what it keeps", self)

    def _read_back(self, key: str) -> bytes:
        body = self._client.get_object(Bucket=self._settings.bucket, Key=key)["Body"]
        with body:
            return _sha256(body.iter_chunks(_READ))[0]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn what boto3 raises into `StoreError` and `StoreRefused`. Its own words may hold keys
        and are left out.
        """
        from botocore import exceptions

        try:
            yield
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
            raise StoreRefused(f"{self} cannot be asked: {error}; correct the section s3") from None
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
        code = str(response.get("Error", {}).get("Code", ""))
        facts = response.get("ResponseMetadata", {})
        if code in _CURES:
            return StoreRefused(f"{self} refuses ({code}): {_CURES[code]}")
        what = _WAITS.get(code, f"it answers {facts.get('HTTPStatusCode')}")
        return StoreError(
            f"{self} takes nothing just now ({code}): {what}",
            _retry_after_s(facts.get("HTTPHeaders", {})),
        )


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    asked = headers.get("retry-after", "")
    return float(asked) if asked.isdecimal() else None


def _sha256(parts: Iterator[bytes]) -> tuple[bytes, int]:
    """The SHA-256 of *parts* together, and how many bytes they are."""
    digest, size = hashlib.sha256(), 0
    for part in parts:
        digest.update(part)
        size += len(part)
    return digest.digest(), size


def _md5(file: BufferedReader) -> str:
    file.seek(0)
    return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
