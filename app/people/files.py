"""The files of person models: where they are, and reading one."""

from collections.abc import Sequence
from pathlib import Path

from app.errors import ModelError

#: No model that fits a Pi is larger.
_MOST_BYTES = 100_000_000
_LFS = b"version https://git-lfs.github.com/"


def model_files(
    folder: Path, suffix: str, named: str | None, preferred: Sequence[str] = ()
) -> list[Path]:
    """Return the files of a backend with this *suffix*, in the order in which they are tried.

    First is *named*, a file in *folder* or a path, even if it does not exist. *preferred* names
    come before the others.
    """
    found = sorted(folder.glob(f"*{suffix}"))
    order = {name: place for place, name in enumerate(preferred)}
    found.sort(key=lambda file: order.get(file.name, len(order)))
    if named and named.endswith(suffix):
        first = folder / Path(named).expanduser()
        return [first, *(file for file in found if file != first)]
    return found


def read_model(file: Path) -> bytes:
    """Return the content of *file*; a `ModelError` that says why it cannot be a model."""
    try:
        if not file.is_file():
            raise ModelError(f"{file} is {'not a file' if file.exists() else 'not there'}")
        if file.stat().st_size > _MOST_BYTES:
            raise ModelError(f"{file} is larger than {_MOST_BYTES // 1_000_000} MB")
        content = file.read_bytes()
    except ModelError:
        raise
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error.strerror}") from None
    if not content:
        raise ModelError(f"{file} is empty")
    if content.startswith(_LFS):
        raise ModelError(f"{file} is only git-LFS's pointer to the model, not the model")
    return content
