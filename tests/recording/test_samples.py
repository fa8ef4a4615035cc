"""Training samples, read by Python's tarfile and by the package whose naming they follow."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import webdataset

from app import protocol
from app.frames import Frame, Image, jpeg
from app.recording.samples import (
    FRAME_QUALITY,
    STORED_QUALITY,
    FrameStore,
    Moment,
    sample_key,
    write_sample,
)

START = datetime(2026, 11, 20, 10, 15, 0, 123_000, tzinfo=UTC)
EVENT = protocol.event_id(START, "front")


def picture(number: int) -> Image:
    rows, columns = np.indices((48, 64))
    return np.stack([rows * 3 + number, columns * 2, rows + columns], axis=-1).astype(np.uint8)


def frame(number: int) -> Frame:
    bgr = picture(number)
    return Frame(
        bgr[:, :, 0],
        number / 10,
        START + timedelta(seconds=number / 10),
        number,
        lambda: bgr,
        luma_span=219,
    )


def store(count: int, shown: int) -> FrameStore:
    """A store for *count* frames that was given *shown*; the motion sensor wakes at the fourth."""
    kept = FrameStore(count)
    for number in range(shown):
        kept.append(frame(number), number >= 3)
    return kept


def moment(**changes: Any) -> Moment:
    planes = {"background": picture(1)[:, :, 0], "delta": picture(2)[:, :, 1]}
    details = {
        "camera": "front",
        "classification": {"motion": True},
        "contours": [],
        "settings": {"motion": {"alpha": 0.1}},
    }
    return replace(Moment(EVENT, "alert", frame(9), True, details, planes), **changes)


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {one.name: found.read() for one in tar if (found := tar.extractfile(one))}


def in_dataset(paths: list[Path]) -> Iterator[dict[str, Any]]:
    """The samples in *paths*, one tar after another, by WebDataset's own rules."""
    for path in paths:
        with path.open("rb") as file:
            files = webdataset.tariterators.tar_file_expander([{"url": str(path), "stream": file}])
            yield from webdataset.tariterators.group_by_keys(files)


def test_a_sample_holds_the_moment_and_the_frames_before_it(
    tmp_path: Path,
) -> None:
    write_sample(tmp_path / "sample.tar", moment(), store(5, shown=9))
    found = members(tmp_path / "sample.tar")
    key = "20261120T101500-123Z-front"
    names = [
        "json",
        "frame.jpg",
        "background.png",
        "delta.png",
        "00.jpg",
        "01.jpg",
        "02.jpg",
        "03.jpg",
        "04.jpg",
    ]
    assert list(found) == [f"{key}.{name}" for name in names]
    assert found[f"{key}.frame.jpg"] == jpeg(picture(9), FRAME_QUALITY)
    assert [found[f"{key}.{number:02d}.jpg"] for number in range(5)] == [
        jpeg(picture(number), STORED_QUALITY) for number in range(4, 9)
    ]
    for name, plane in (("background", picture(1)[:, :, 0]), ("delta", picture(2)[:, :, 1])):
        decoded = cv2.imdecode(
            np.frombuffer(found[f"{key}.{name}.png"], np.uint8), cv2.IMREAD_UNCHANGED
        )
        assert np.array_equal(decoded, plane)  # type: ignore[arg-type]


def test_its_json_describes_the_moment_and_every_frame(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.tar", moment(), store(3, shown=5))
    facts = json.loads(members(tmp_path / "sample.tar")[f"{sample_key(EVENT)}.json"])
    assert facts.pop("frames") == [
        {
            "file": f"{place:02d}.jpg",
            "at": (START + timedelta(seconds=number / 10)).isoformat(),
            "number": number,
        }
        for place, number in enumerate((2, 3, 4))
    ]
    assert facts == {
        "id": EVENT,
        "kind": "alert",
        "at": (START + timedelta(seconds=0.9)).isoformat(),
        "number": 9,
        "luma_span": 219,
        "pir_now": True,
        "pir": [False, True, True],
        "camera": "front",
        "classification": {"motion": True},
        "contours": [],
        "settings": {"motion": {"alpha": 0.1}},
    }


def test_the_same_moment_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.tar", "other.tar"):
        write_sample(tmp_path / name, moment(), store(3, shown=5))
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "other.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as tar:
        assert {(one.uid, one.gid, one.uname, one.mode, one.mtime) for one in tar} == {
            (0, 0, "", 0o644, int(START.timestamp()) + 1)
        }


def test_webdataset_reads_several_samples_separately(tmp_path: Path) -> None:
    ids = [protocol.event_id(START + timedelta(milliseconds=n), "front_door-2") for n in range(3)]
    for sample in ids:
        write_sample(tmp_path / f"{sample}.tar", moment(sample=sample), store(2, shown=2))
    found = list(in_dataset([tmp_path / f"{sample}.tar" for sample in ids]))
    assert [one["__key__"] for one in found] == [sample.replace(".", "-") for sample in ids]
    for sample, one in zip(ids, found, strict=True):
        assert json.loads(one["json"])["id"] == sample
        assert {name for name in one if not name.startswith("__")} == {
            "json",
            "frame.jpg",
            "background.png",
            "delta.png",
            "00.jpg",
            "01.jpg",
        }


def test_before_a_quiet_moment_every_fifth_frame_is_kept(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.tar", moment(kind="quiet"), store(12, shown=20))
    found = members(tmp_path / "sample.tar")
    key = sample_key(EVENT)
    facts = json.loads(found[f"{key}.json"])
    assert [(one["file"], one["number"]) for one in facts["frames"]] == [
        ("00.jpg", 9),
        ("01.jpg", 14),
        ("02.jpg", 19),
    ]
    assert facts["pir"] == [True] * 3
    assert [found[f"{key}.{place:02d}.jpg"] for place in range(3)] == [
        jpeg(picture(n), STORED_QUALITY) for n in (9, 14, 19)
    ]
    assert f"{key}.03.jpg" not in found


def test_a_sample_may_lack_planes_and_earlier_frames(
    tmp_path: Path,
) -> None:
    write_sample(tmp_path / "sample.tar", moment(pictures={}), store(3, shown=0))
    assert [name.split(".", 1)[1] for name in members(tmp_path / "sample.tar")] == [
        "json",
        "frame.jpg",
    ]


def test_a_store_keeps_its_count_and_reports_its_memory() -> None:
    kept = store(4, shown=50)
    assert [one.number for one in kept] == [46, 47, 48, 49]
    assert kept.megabytes == pytest.approx(
        4 * len(jpeg(picture(48), STORED_QUALITY)) / 1e6, rel=0.05
    )
    kept.clear()
    assert list(kept) == []
    assert kept.megabytes == 0


def test_a_sample_that_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    with closing((tmp_path / "file").open("w")), pytest.raises(OSError, match="file"):
        write_sample(tmp_path / "file" / "sample.tar", moment(), store(2, shown=2))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
