"""Configuration files laid over one another."""

from pathlib import Path

import pytest

from app.config import config_from_plain, load_config, loading
from app.errors import ConfigError


def test_an_empty_file_gives_the_defaults(folder: Path) -> None:
    (folder / "config.yml").touch()
    config = load_config(folder)
    assert config.motion.min_area == 5000
    assert list(config.cameras) == ["front"]
    assert config.data_dir == folder.parent / "data"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"a: !!python/object/apply:os.system [true]\n",
        b"motion: &m {alpha: *m}\n",
        b"2026-11-20: 1\n",
        b'data_dir: "a\\0b"\n',
    ],
)
def test_yaml_that_is_not_plain_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.yml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.yml"):
        load_config(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(tmp_path)


def test_private_overrides_profile_and_profile_the_rest(
    folder: Path,
) -> None:
    (folder / "profiles").mkdir()
    (folder / "config.yml").write_text(
        "motion: {alpha: 0.2, min_area: 1}\ncameras: {front: {fps: 5}}\n"
    )
    (folder / "profiles" / "quiet.yml").write_text("motion: {min_area: 2, delta_thresh: 9}\n")
    (folder / "private.yml").write_text(
        "motion: {delta_thresh: 10}\ncameras: {front: {source: 'rtsp://u:p@cam/1'}}\n"
    )
    config = load_config(folder, "quiet")
    assert (config.motion.alpha, config.motion.min_area, config.motion.delta_thresh) == (0.2, 2, 10)
    assert (config.cameras["front"].fps, config.cameras["front"].source) == (5, "rtsp://u:p@cam/1")


def test_an_unknown_profile_is_refused_with_the_known_ones(folder: Path) -> None:
    (folder / "config.yml").touch()
    (folder / "profiles").mkdir()
    (folder / "profiles" / "quiet.yml").touch()
    with pytest.raises(ConfigError, match="no profile 'loud'; there are: quiet"):
        load_config(folder, "loud")


def test_the_plain_settings_give_the_same_configuration(folder: Path) -> None:
    (folder / "config.yml").write_text("data_dir: here\n")
    (folder / "private.yml").write_text("presence: {router: {password: hush-hush-9}}\n")
    config = load_config(folder)
    again = config_from_plain(folder, config.plain)
    assert again.model_dump() == config.model_dump()
    assert (again.folder, again.data_dir) == (folder, folder.parent / "here")
    assert "hush-hush-9" not in repr(config)


def test_two_configurations_have_logs_of_their_own(tmp_path: Path) -> None:
    for name, logs in (("config", "logs"), ("garden", "logs/garden")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yml").touch()
        assert load_config(tmp_path / name).logs_dir == tmp_path / logs


def test_a_shared_configuration_serves_until_a_file_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_Shared", type("Shared", (), {"config": None, "source": ()}))
    monkeypatch.setenv(loading.FOLDER_VARIABLE, str(folder))
    (folder / "config.yml").write_text("motion: {min_area: 1}\n")
    loading.share_config()
    shared = load_config()
    assert load_config(folder) is shared
    (folder / "private.yml").write_text("motion: {min_area: 2}\n")
    assert load_config().motion.min_area == 2
    (folder / "private.yml").write_text("motion: {min_area: wrong}\n")
    loading.share_config()
    with pytest.raises(ConfigError, match="min_area"):
        load_config()
