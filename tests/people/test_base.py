"""The settings of the person model name what is wrong with them."""

from pathlib import Path

import pytest

from app.config import load_config
from app.errors import ConfigError
from tests.servers.programs import write_config


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("{backend: yolo}", "people.backend"),
        ("{threshold: 1.5}", "people.threshold"),
        ("{max_cpu: 0}", "people.max_cpu"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, people: str, said: str) -> None:
    config = write_config(tmp_path, "redis://localhost", f"people: {people}\n")
    with pytest.raises(ConfigError, match=said):
        load_config(config)
