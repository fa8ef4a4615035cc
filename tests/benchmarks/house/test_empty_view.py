"""The empty view answers under the suite's worker."""

from pathlib import Path

from app.benchmarks.house.empty_view import COMMAND, empty_server
from app.benchmarks.slack_load import request_for, send_all


def test_it_answers_under_the_suites_worker(tmp_path: Path) -> None:
    with empty_server(tmp_path) as address:
        took_s = send_all(address, [request_for(COMMAND, "secret")] * 5, 2)
    assert len(took_s) == 5
