"""The configuration that a verb of this package is given."""

from pathlib import Path

import click
import pytest

from app.evaluation.options import loaded


def test_every_mistake_in_the_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("motion: {alpha: 5}\nbogus: 1\n")
    with pytest.raises(click.ClickException) as error:
        loaded(tmp_path, None)
    assert "motion.alpha" in error.value.message
    assert "bogus" in error.value.message
