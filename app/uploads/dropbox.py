"""Stores files in Dropbox, with its SDK.

Each file always has the same path and replaces an earlier one, so a second upload does no harm.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from app.errors import StoreError, StoreRefused
from app.files import open_unlinked
from app.network.deadline import Deadline, upload_s
from app.uploads.base import DropboxSettings, Receipt, Store

#: The longest wait for the next bytes of an answer.
SILENT_S = 30.0
#: The largest file that the API accepts in one piece, in bytes.
LARGEST = 150 * 2**20
_BLOCK = 4 * 2**20
_LINK_AGAIN = (
    "link the app again with `python -m app dropbox-link`, and put what it prints in private.yml"
)
#: The cure for each of Dropbox's codes of refusal.
_CURES = {
    "invalid_access_token": f"the link to the app is cut: {_LINK_AGAIN}",
    "missing_scope": (
        "the app lacks files.content.write: tick it under Permissions at dropbox.com/developers, "
        f"then {_LINK_AGAIN}"
    ),
    "user_suspended": "the account is suspended: ask Dropbox",
    "insufficient_space": "the account is full: delete something there",
    "no_write_permission": "that folder may not be written to: correct dropbox.base_path",
    "malformed_path": "that is no valid path: correct dropbox.base_path",
    "disallowed_name": "that is no valid name of a folder: correct dropbox.base_path",
    "team_folder": "that is a team's folder: correct dropbox.base_path",
}


class DropboxStore(Store):
    """Stores files below `dropbox.base_path`.

    *silent_s* is the longest wait for the next bytes of an answer.
    """

    name = "dropbox"

    def __init__(self, settings: DropboxSettings, silent_s: float = SILENT_S) -> None:
        self._settings = settings
        self._silent_s = silent_s
        self._base = "".join(f"/{part}" for part in (settings.base_path or "").split("/") if part)

    def __str__(self) -> str:
        return f"Dropbox's folder {self._base or '/'}"

    def put(self, path: Path, key: str, content_type: str) -> Receipt:  # noqa: ARG002
        with open_unlinked(path) as file:
            content = file.read()
        if len(content) > LARGEST:
            raise StoreError(f"{path} is too big for Dropbox: {len(content) / 1e6:.0f} MB")
        with self._translated_errors():
            stored = self._upload(content, f"{self._base}/{key}")
        if (stored.size, stored.content_hash) != (len(content), content_hash(content)):
            raise StoreError(f"{self} has {key} with a size or checksum other than was sent")
        return Receipt(len(content), hashlib.sha256(content).hexdigest())

    def close(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()

    @cached_property
    def _client(self) -> Any:
        import dropbox

        # It logs every call.
        logging.getLogger("dropbox").setLevel(logging.WARNING)
        settings = self._settings
        secret, token = settings.app_secret, settings.refresh_token
        return dropbox.Dropbox(
            app_key=settings.app_key,
            app_secret=secret.get_secret_value() if secret else None,
            oauth2_refresh_token=token.get_secret_value() if token else None,
            session=session(settings.api_url),
            timeout=self._silent_s,
            # The upload queue waits and tries again.
            max_retries_on_error=0,
            max_retries_on_rate_limit=0,
        )

    def _upload(self, content: bytes, path: str) -> Any:
        from dropbox.files import WriteMode

        client = self._client
        with Deadline(upload_s(len(content))):
            return client.files_upload(content, path, mode=WriteMode.overwrite, mute=True)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn the SDK's errors into `StoreError` and `StoreRefused`.

        Their own texts may hold tokens, so they are left out.
        """
        try:
            from dropbox import exceptions
        except ModuleNotFoundError as error:
            raise StoreRefused(
                f"{error.name} is not installed: scripts/setup.sh --with dropbox"
            ) from error
        from stone.backends.python_rsrc.stone_validators import ValidationError

        try:
            yield
        except TimeoutError as error:
            raise StoreError(f"{self}: Dropbox is too slow: {error}") from None
        except exceptions.RateLimitError as error:
            raise StoreError(
                f"{self}: too many requests at once", float(error.backoff or 5)
            ) from None
        except exceptions.AuthError as error:
            raise self._refusal(_tag(error.error)) from None
        except exceptions.ApiError as error:
            raise self._refusal(_tag(error.error)) from None
        except exceptions.BadInputError as error:
            raise self._bad_input(str(error.message)) from None
        except exceptions.HttpError as error:
            raise StoreError(f"{self}: Dropbox answers {error.status_code}") from None
        except requests.RequestException as error:
            raise StoreError(f"{self}: Dropbox does not answer ({type(error).__name__})") from None
        except (AssertionError, ValueError, KeyError, TypeError, ValidationError) as error:
            # The SDK treats every answer as Dropbox's, even a proxy's page.
            raise StoreError(
                f"{self}: the answer is not from Dropbox ({type(error).__name__})"
            ) from None

    def _refusal(self, tag: str) -> StoreError:
        if tag in _CURES:
            return StoreRefused(f"{self} refuses ({tag}): {_CURES[tag]}")
        return StoreError(f"{self} accepts nothing now ({tag})")

    def _bad_input(self, message: str) -> StoreError:
        if "invalid_client" in message:
            return StoreRefused(
                f"{self}: the app is not known: check dropbox.app_key and dropbox.app_secret in "
                "private.yml"
            )
        if "required scope" in message:
            return self._refusal("missing_scope")
        return self._refusal("malformed_path" if "path" in message else "bad input")


class _OtherServer(HTTPAdapter):
    """Sends requests for Dropbox's hosts to *address* instead."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = urlsplit(address)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        scheme, netloc = self._address.scheme, self._address.netloc
        request.url = urlsplit(str(request.url))._replace(scheme=scheme, netloc=netloc).geturl()
        return super().send(request, *args, **kwargs)


def session(api_url: str | None) -> requests.Session | None:
    """Return a session for the server at *api_url*; None means the SDK's own session."""
    if api_url is None:
        return None
    made = requests.Session()
    made.mount("https://", _OtherServer(api_url))
    return made


def content_hash(content: bytes) -> str:
    """Return Dropbox's hash of *content*: the SHA-256 of the SHA-256s of its pieces of 4 MiB."""
    blocks = (content[start : start + _BLOCK] for start in range(0, len(content), _BLOCK))
    return hashlib.sha256(b"".join(hashlib.sha256(block).digest() for block in blocks)).hexdigest()


def _tag(error: Any) -> str:
    """Return Dropbox's code in one of the SDK's nested errors."""
    if getattr(error, "_tag", None) == "path":
        error = getattr(error.get_path(), "reason", error)
    return str(getattr(error, "_tag", "unknown"))
