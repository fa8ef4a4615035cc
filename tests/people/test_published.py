"""True copies of the published files are recognised, by SHA-256 or by git's id."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from app.people.published import MODELS, PublishedFile, is_true_copy

FILES = [part for model in MODELS.values() for part in model.files]


@pytest.mark.parametrize("part", FILES, ids=lambda part: part.name)
def test_the_files_at_hand_are_true_copies(model_files: Path, part: PublishedFile) -> None:
    file = model_files / part.name
    if part.blob and not file.is_file():
        pytest.skip(f"{part.name} is not here")
    assert is_true_copy(file, part)


def test_the_id_of_git_is_that_of_git_itself(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content\0\n" * 3000)
    command = ["git", "hash-object", "--no-filters", str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    part = PublishedFile("file", (), None, blob=said.stdout.strip())
    assert is_true_copy(file, part)
    file.write_bytes(b"content\0\n" * 2999)
    assert not is_true_copy(file, part)


def test_a_changed_byte_or_size_is_no_true_copy(tmp_path: Path) -> None:
    file = tmp_path / "file"
    part = PublishedFile("file", (), 7, hashlib.sha256(b"content").hexdigest())
    for content, true in ((b"content", True), (b"contend", False), (b"contents", False)):
        file.write_bytes(content)
        assert is_true_copy(file, part) == true


def test_every_file_can_be_recognised_and_comes_encrypted() -> None:
    for part in FILES:
        assert bool(part.sha256) != bool(part.blob)
        assert all(address.startswith("https://") for address in part.addresses)
