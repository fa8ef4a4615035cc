"""The caches are wiped by more data than fits into them."""

from pathlib import Path

import numpy as np

from app.benchmarks.caches import Caches


def cpu(folder: Path, *sizes: str) -> Path:
    for number, size in enumerate(sizes):
        (folder / f"index{number}").mkdir(parents=True)
        (folder / f"index{number}" / "size").write_text(f"{size}\n")
    return folder


def test_the_largest_cache_counts(tmp_path: Path) -> None:
    caches = Caches(cpu(tmp_path, "32K", "512K", "2M"))
    assert caches.largest_bytes == 2 * 2**20
    caches.wipe_but(np.zeros((4, 4), np.uint8))


def test_an_unknown_size_counts_as_that_of_a_pi(tmp_path: Path) -> None:
    assert Caches(tmp_path).largest_bytes == 8 * 2**20
    assert Caches(cpu(tmp_path, "big")).largest_bytes == 0
