"""What was set aside is named."""

from pathlib import Path

from app.launcher.set_aside import sentences


def test_each_log_and_each_camera_is_named(tmp_path: Path) -> None:
    redis = tmp_path / "redis"
    (redis / "damaged-1").mkdir(parents=True)
    (redis / "cut-1.aof").touch()
    for name in ("front/refused/a", "front/refused/b", "back/refused/a", "back/0000000001"):
        path = tmp_path / "spool" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    said = [sentence.partition(". ")[0] for sentence in sentences(tmp_path, redis)]
    assert said == [
        f"{redis}/damaged-1: a log that Redis could not load",
        f"{redis}/cut-1.aof: the unfinished end of a log of Redis",
        f"{tmp_path}/spool/back/refused: a record that Redis refused",
        f"{tmp_path}/spool/front/refused: 2 records that Redis refused",
    ]


def test_without_them_nothing_is_said(tmp_path: Path) -> None:
    assert not list(sentences(tmp_path, tmp_path / "redis"))
