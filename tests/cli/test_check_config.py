"""The verb `check-config`, as a person types it."""

import sys
from pathlib import Path

from tests.servers.programs import write_config
from tests.servers.suite import run, run_verb

CHECK = [sys.executable, "-m", "app", "check-config"]


def test_a_configuration_without_mistakes_is_said_to_have_none(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "redis://localhost")
    done = run_verb("check-config", str(folder))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{folder}: no mistakes found\n", "")


def test_the_projects_own_configuration_has_no_mistakes() -> None:
    done = run(CHECK)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_mistake_has_its_line(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "ftp://localhost", "motion: {alpha: 7}\nevnts: {}\n")
    done = run_verb("check-config", str(folder))
    assert done.returncode == 1
    assert [line.split(": ")[:2] for line in sorted(done.stdout.splitlines())] == [
        [f"{folder}/config.yml:1", "redis.url"],
        [f"{folder}/config.yml:3", "motion.alpha"],
        [f"{folder}/config.yml:4", "evnts"],
    ]


def test_apprises_urls_are_tried_with_apprise_and_not_shown(tmp_path: Path) -> None:
    folder = write_config(
        tmp_path,
        "redis://localhost",
        "apprise: {urls: ['json://localhost/hush', 'nonsense://hush']}\n",
    )
    done = run_verb("check-config", str(folder))
    assert (done.returncode, done.stderr) == (1, "")
    assert (
        done.stdout == f"{folder}: apprise.urls.1: Apprise does not understand it; "
        "github.com/caronc/apprise says what it looks like\n"
    )


def test_a_profile_is_checked_too(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "redis://localhost")
    (folder / "profiles").mkdir()
    (folder / "profiles" / "night.yml").write_text("motion: {alpha: 7}\n")
    assert run_verb("check-config", str(folder)).returncode == 0
    done = run_verb("check-config", str(folder), "--profile", "night")
    assert done.returncode == 1
    assert "night.yml:1: motion.alpha" in done.stdout


def test_what_is_not_wrong_but_not_as_it_should_be_is_a_warning(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "redis://localhost")
    (folder / "private.yml").touch(mode=0o644)
    done = run_verb("check-config", str(folder))
    assert done.returncode == 0
    assert "private.yml: others on this machine can read it" in done.stderr


def test_a_floor_above_the_whole_disk_is_warned_of(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "redis://localhost", "disk: {min_free_gb: 1000000000}\n")
    done = run_verb("check-config", str(folder))
    assert done.returncode == 0
    assert "config.yml: disk.min_free_gb (1e+09) is more than the whole disk has (" in done.stderr
    assert (
        "): uploaded files are deleted after a day, and with less than half of it free "
        "no clips and samples" in done.stderr
    )


def test_a_folder_without_a_configuration_is_named(tmp_path: Path) -> None:
    done = run_verb("check-config", str(tmp_path))
    assert done.returncode == 1
    assert f"{tmp_path}/config.yml: there is no such file" in done.stdout
