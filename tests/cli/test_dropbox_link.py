"""The verb `dropbox-link`, as somebody types it, against a Dropbox on loopback."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import load_config
from tests.servers.dropbox import APP_KEY, APP_SECRET, CODE, REFRESH_TOKEN, DropboxServer
from tests.servers.programs import REPO


@pytest.fixture
def dropbox() -> Iterator[DropboxServer]:
    with DropboxServer() as running:
        yield running


def link(folder: Path, section: str, code: str = CODE) -> subprocess.CompletedProcess[str]:
    (folder / "config.yml").write_text(f"dropbox: {{{section}}}\n")
    command = [sys.executable, "-m", "app", "dropbox-link", "--config", str(folder)]
    return subprocess.run(
        command,
        cwd=REPO,
        input=f" {code} \n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_prints_what_belongs_into_the_private_file(
    dropbox: DropboxServer, tmp_path: Path
) -> None:
    done = link(tmp_path, f"app_key: {APP_KEY}, app_secret: {APP_SECRET}, api_url: '{dropbox.url}'")
    assert done.returncode == 0, done.stderr
    (page,) = re.findall(r"https://\S+", done.stdout)
    assert page.startswith(
        f"https://www.dropbox.com/oauth2/authorize?response_type=code&client_id={APP_KEY}"
    )
    assert "token_access_type=offline" in page
    assert APP_SECRET not in done.stdout
    (line,) = re.findall(r"^  (refresh_token: .*)$", done.stdout, re.MULTILINE)
    (tmp_path / "private.yml").write_text(f"dropbox:\n  {line}\n")
    token = load_config(tmp_path).dropbox.refresh_token
    assert token
    assert token.get_secret_value() == REFRESH_TOKEN


@pytest.mark.parametrize(
    ("section", "code", "said"),
    [
        (
            f"app_key: {APP_KEY}, app_secret: {APP_SECRET}",
            "old-code",
            "Dropbox refuses (400): a code works once",
        ),
        (f"app_key: {APP_KEY}, app_secret: wrong", CODE, "app_key or app_secret are wrong"),
    ],
)
def test_what_dropbox_refuses_is_said_with_its_cure(
    dropbox: DropboxServer, tmp_path: Path, section: str, code: str, said: str
) -> None:
    done = link(tmp_path, f"{section}, api_url: '{dropbox.url}'", code)
    assert (done.returncode, said in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_without_an_app_it_says_what_comes_first(tmp_path: Path) -> None:
    done = link(tmp_path, "base_path: x")
    assert done.returncode == 1
    assert "put dropbox.app_key and dropbox.app_secret into" in done.stderr


def test_a_dropbox_that_does_not_answer_is_said(tmp_path: Path) -> None:
    done = link(tmp_path, f"app_key: {APP_KEY}, api_url: 'http://127.0.0.1:9'")
    assert done.returncode == 1
    assert "Dropbox does not answer" in done.stderr
    assert "code_challenge=" in done.stdout
