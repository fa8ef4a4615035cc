"""The verb `yardstick`."""

from pathlib import Path

import pytest

from app.evaluation.yardstick.drawn import encode, write_labels
from app.evaluation.yardstick.footage import CLIP
from app.evaluation.yardstick.staging import Labels, Staging, Story
from tests.conftest import REPO
from tests.evaluation.videos import run
from tests.evaluation.yardstick.scenery import footage

ONE = ("--only", "noise_day", "--jobs", "1", "--method", "structure")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with one scene of seed 4, made from the drawn room."""
    folder = tmp_path / "kept" / "drawn-seed4"
    folder.mkdir(parents=True)
    encode(folder / "noise_day.mp4", footage().frames[:80])
    story = Story(footage(), 8)
    write_labels(folder, [Staging(story).labels("noise_day"), Labels("cloud", 1.0)])
    return tmp_path / "kept"


def test_it_prints_the_table_and_writes_the_page(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOS_THERE_DATA", str(tmp_path))
    page = tmp_path / "page.md"
    done = run("yardstick", *ONE, "--seed", "4", "--keep", kept, "--report", page)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(
        "Method structure; seed 4 of scenes from the drawn room, as H.264"
    )
    assert [line.split()[0] for line in done.stdout.splitlines()[1:4]] == [
        "scene",
        "noise_day",
        "all",
    ]
    assert "| noise_day | 0 |" in page.read_text(encoding="utf-8")


def test_variants_have_a_table_each_and_one_for_all(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOS_THERE_DATA", str(tmp_path))
    page, chosen = tmp_path / "page.md", ("--variant", "inverted", "--variant", "unchanged")
    done = run("yardstick", *ONE, *chosen, "--seed", "4", "--keep", kept, "--report", page)
    assert done.exit_code == 0, done.output
    assert [line for line in done.stdout.splitlines() if line.startswith("Method")] == [
        "Method structure; seed 4 of scenes from the drawn room, as H.264, inverted.",
        "Method structure; seed 4 of scenes from the drawn room, as H.264.",
    ]
    text = page.read_text(encoding="utf-8")
    assert text.count("| noise_day | 0 |") == 2
    assert "| inverted | 0 |" in text
    assert "| unchanged | 0 |" in text


def test_only_kept_scenes_have_variants() -> None:
    done = run("yardstick", "--variant", "mirrored")
    assert done.exit_code == 2
    assert "--keep" in done.stderr


def test_parts_belong_to_the_method_structure() -> None:
    done = run("yardstick", "--method", "running_average", "--without", "travel")
    assert done.exit_code == 2
    assert "--without" in done.stderr
    assert run("yardstick", "--without", "eyes").exit_code == 2


def test_with_a_person_model_it_scores_what_is_sent(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOS_THERE_DATA", str(tmp_path))
    page = tmp_path / "page.md"
    arguments = (*ONE, "--seed", "4", "--keep", kept, "--report", page)
    done = run("yardstick", *arguments, "--people", "scripted")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Method structure, alerts by scripted; seed 4")
    missing = run("yardstick", *arguments, "--people", "no-such.onnx")
    assert missing.exit_code == 1
    assert "no-such.onnx" in missing.stderr


def test_a_damaged_clip_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / CLIP).write_text("this is no video")
    monkeypatch.setenv("WHOS_THERE_DATA", str(tmp_path))
    done = run("yardstick", *ONE, "--report", tmp_path / "page.md")
    assert done.exit_code == 1
    assert CLIP in done.stderr
    assert not (tmp_path / "page.md").exists()


def test_the_script_calls_the_verb() -> None:
    assert "--seed" in run("yardstick", "--help").stdout
    assert "-m app yardstick" in (REPO / "scripts" / "yardstick.sh").read_text(encoding="utf-8")
