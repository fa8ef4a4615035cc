"""Gets a published file whole or not at all, over a network that cuts, lies and stalls.

What has arrived stays beside the file under a temporary name, and the next attempt or the next run
continues there. Only a true copy gets the file's name.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from app.errors import ModelError
from app.files import put_in_place
from app.network.deadline import Deadline, upload_s
from app.people.published import PublishedFile, is_true_copy

if TYPE_CHECKING:
    from requests import Response

#: Called with the bytes that are here, and those of the whole file if that is known.
Progress = Callable[[int, int | None], None]
#: A part of a chunk is lost when the connection ends.
_CHUNK_BYTES = 1 << 14
#: The most that is taken from a server, where the size of a file is not known.
_MOST_BYTES = 100_000_000
_CONNECT_S, _READ_S = 10.0, 20.0
#: Attempts in a row that brought nothing, after which an address is given up.
_MOST_IDLE = 3
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_POINTER = b"version https://git-lfs.github.com/"


class _WrongContent(Exception):
    """The address does not have the file; asking it again is no cure."""


class _Cut(Exception):
    """The connection failed or ended early; what has arrived may be continued."""


def fetch(
    published: PublishedFile, folder: Path, progress: Progress, read_s: float = _READ_S
) -> bool:
    """Get *published* into *folder*; return False if a true copy was there already.

    A server that is silent for *read_s* seconds has stalled. Raises `ModelError` with the reason
    at each address, and an `OSError` when *folder* takes no file.
    """
    target = folder / published.name
    if target.is_file() and is_true_copy(target, published):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{published.name}.part"
    with _locked(unfinished) as file:
        reasons = []
        for address in published.addresses:
            try:
                _from_address(address, published, file, progress, read_s)
            except (_WrongContent, _Cut) as error:
                reasons.append(f"{address}: {error}")
            else:
                put_in_place(unfinished, target)
                return True
        if not file.seek(0, os.SEEK_END):
            unfinished.unlink()
    raise ModelError("; ".join(reasons))


def copy(published: PublishedFile, source: Path, folder: Path) -> bool:
    """Copy *published* from the file or folder *source*; False if a true copy was there already.

    Raises `ModelError` when it is not at *source*, or is no true copy there.
    """
    target = folder / published.name
    if target.is_file() and is_true_copy(target, published):
        return False
    found = source / published.name if source.is_dir() else source
    if not found.is_file():
        raise ModelError(f"{found} is not there")
    if not is_true_copy(found, published):
        raise ModelError(f"{found} is not the published file, which has {published.checksum}")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{published.name}.part"
    with _locked(unfinished) as file, found.open("rb") as original:
        file.truncate(0)
        shutil.copyfileobj(original, file)
        file.flush()
        if not is_true_copy(unfinished, published):
            unfinished.unlink()
            raise ModelError(f"{found} changed while it was copied")
        put_in_place(unfinished, target)
    return True


@contextmanager
def _locked(unfinished: Path) -> Iterator[IO[bytes]]:
    """Yield the file *unfinished*, which no other process writes meanwhile.

    A full disk removes it: what is on it would only be in the way.
    """
    with open(unfinished, "rb+", opener=_new_or_old) as file:
        if not _is_mine(file, unfinished):
            raise ModelError(f"another fetch-models is writing {unfinished}")
        try:
            yield file
        except ModelError:
            raise
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise


def _new_or_old(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_CREAT | os.O_NOFOLLOW, 0o644)


def _is_mine(file: IO[bytes], unfinished: Path) -> bool:
    """Lock *file*; return False if another process has it, or has just given it its final name."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), unfinished.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _from_address(
    address: str, published: PublishedFile, file: IO[bytes], progress: Progress, read_s: float
) -> None:
    """Bring *file* to a true copy from *address*, in as many attempts as bring something."""
    idle, most = 0, file.seek(0, os.SEEK_END)
    while not _is_complete(file, published):
        before = file.seek(0, os.SEEK_END)
        try:
            _continue(address, published, file, progress, read_s)
        except _Cut as error:
            have = file.seek(0, os.SEEK_END)
            idle, most = (0, have) if have > most else (idle + 1, most)
            if idle >= _MOST_IDLE:
                raise _Cut(str(error)) from None
        else:
            if _is_complete(file, published):
                return
            file.truncate(0)
            if not before:
                raise _WrongContent(f"the content is not that with {published.checksum}")


def _is_complete(file: IO[bytes], published: PublishedFile) -> bool:
    file.flush()
    return is_true_copy(Path(file.name), published)


def _continue(
    address: str, published: PublishedFile, file: IO[bytes], progress: Progress, read_s: float
) -> None:
    """Add to *file* what is still missing; `_Cut` when not all of it came."""
    import requests

    have = file.seek(0, os.SEEK_END)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with (
            Deadline(upload_s(published.size_bytes or _MOST_BYTES)),
            requests.get(
                address, headers=headers, stream=True, timeout=(_CONNECT_S, read_s)
            ) as response,
        ):
            total = _check(response, published, file)
            _take(response, published, file, total, progress)
    except TimeoutError as error:
        raise _Cut(str(error)) from None
    except requests.Timeout:
        raise _Cut(f"no answer for {read_s:g} s") from None
    except requests.RequestException as error:
        raise _Cut(_plain(error)) from None


def _check(response: "Response", published: PublishedFile, file: IO[bytes]) -> int | None:
    """Put *file* to the place at which the answer continues; return the size of the whole."""
    have = file.seek(0, os.SEEK_END)
    if response.status_code == 416:
        file.truncate(0)
        raise _Cut("it has no more than what is here already, which is not the file")
    if response.status_code >= 500 or response.status_code == 429:
        raise _Cut(f"it answers {response.status_code} {response.reason}")
    if response.status_code not in {200, 206}:
        raise _WrongContent(f"it answers {response.status_code} {response.reason}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise _WrongContent("it answers with a web page")
    if response.status_code == 200:
        file.truncate(0)
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else published.size_bytes
    said = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if not said or int(said[1]) != have:
        file.truncate(0)
        raise _Cut("it answers with another part of the file than was asked for")
    return int(said[3]) if said[3] != "*" else published.size_bytes


def _take(
    response: "Response",
    published: PublishedFile,
    file: IO[bytes],
    total: int | None,
    progress: Progress,
) -> None:
    have = file.seek(0, os.SEEK_END)
    most = published.size_bytes or _MOST_BYTES
    if total is not None and total > most:
        raise _WrongContent(f"it has {total} bytes instead of {most}")
    for chunk in response.iter_content(_CHUNK_BYTES):
        if not have and chunk.startswith(_POINTER):
            raise _WrongContent("it answers with git-LFS's pointer to the file")
        have += len(chunk)
        if have > most:
            file.truncate(0)
            raise _WrongContent(f"it has more than {most} bytes")
        file.write(chunk)
        progress(have, total)
    file.flush()
    if total is not None and have < total:
        raise _Cut(f"the connection ended after {have} of {total} bytes")


def _plain(error: Exception) -> str:
    """Return the reason of requests in few words."""
    cause = error.args[0] if error.args else error
    reason = str(getattr(cause, "reason", cause)).rsplit(": ", 1)[-1]
    reason = reason.strip("()'\"")
    return reason + ")" * (reason.count("(") - reason.count(")")) or type(error).__name__
