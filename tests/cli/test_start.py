"""The verb `start`: refusals, and what it prints. `launcher/test_launch.py` starts suites."""

from pathlib import Path

import pytest

from app.config.password import PasswordFile
from tests.servers.ports import free_port
from tests.servers.programs import write_config
from tests.servers.suite import Suite, run_verb


def test_start_says_where_alerts_go(tmp_path: Path) -> None:
    slack = (
        "slack: {mode: socket, bot_token: xoxb-1, app_token: xapp-1, allowed_users: [U1], "
        "alerts_channel: C1}\n"
    )
    with Suite(tmp_path, private=slack) as suite:
        assert "Alerts:    by Slack\n" in suite.start("who_is_home")
        (suite.folder / "private.yml").write_text(
            f"{slack}notify: {{backends: [folder, slack], folder: told}}\n"
        )
        assert f"Alerts:    {tmp_path}/data/told, by Slack\n" in suite.verb("start").stdout


def test_start_says_how_to_open_the_dashboard(tmp_path: Path) -> None:
    page = f"127.0.0.1:{free_port()}"
    with Suite(tmp_path, private=f"dashboard: {{enabled: true, bind: '{page}'}}\n") as suite:
        started, line = suite.start("who_is_home"), f"Dashboard: http://{page}/"
        assert f"{line} (nobody can log in yet; set a password: " in started
        assert f" -m app set-password --config {suite.folder})\n" in started
        demo = suite.verb("start", "--source", "demo").stdout
        assert f"{line} (a demo, so it asks for no password)\n" in demo
        PasswordFile(suite.config.data_dir).path.touch()
        assert f"{line}\n" in suite.verb("start").stdout


def test_start_names_every_store_for_copies(tmp_path: Path) -> None:
    stores = (
        "s3: {bucket: my-house, endpoint_url: 'https://s3.example.org'}\n"
        "dropbox: {app_key: a, refresh_token: b9876543}\nuploads: {folder: /mnt/nas/camera}\n"
    )
    with Suite(tmp_path, private=stores) as suite:
        copies = "S3 bucket my-house at https://s3.example.org, Dropbox, folder /mnt/nas/camera"
        assert f"Copies:    {copies}\n" in suite.start("who_is_home")


def test_all_mistakes_are_shown_before_anything_starts(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "ftp://x", "motion: {alpha: 7, delta: 3}\n")
    done = run_verb("start", "--config", str(folder))
    assert done.returncode == 1
    assert [key for key in ("redis.url", "motion.alpha", "motion.delta") if key in done.stderr] == [
        "redis.url",
        "motion.alpha",
        "motion.delta",
    ]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("--only", "notifyer"),
            1,
            "no program called notifyer; there are: security_system, security_system-front, "
            "notifier,",
        ),
        (("--source", "no/such/film.mp4"), 2, "there is no file"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_starts(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    with Suite(tmp_path) as suite:
        done = run_verb("start", "--config", str(suite.folder), *arguments)
        assert done.returncode == code
        assert said in " ".join(done.stderr.split())
        assert not suite.processes()
