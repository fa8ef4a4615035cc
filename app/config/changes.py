"""The configuration with some other settings, checked as if they were in the file."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from app.config.layers import dotted
from app.config.loading import config_from_plain
from app.config.messages import described_by_key
from app.config.settings import Config
from app.errors import ConfigError


def with_changes(config: Config, changes: Any, sections: Collection[str]) -> Config:
    """Return *config* with *changes*: some of its *sections*, each with some of its keys.

    Raises `ConfigError` with all mistakes in *changes*, which may be anything.
    """
    if not isinstance(changes, Mapping) or not set(changes) <= set(sections):
        raise ConfigError([f"only keys of {' and '.join(sections)} can be changed here"])
    values = json.loads(config.plain)
    for name, section in changes.items():
        if not isinstance(section, Mapping):
            raise ConfigError([f"{name}: must hold keys and values"])
        values[name] = {**(values.get(name) or {}), **section}
    try:
        return config_from_plain(config.folder, json.dumps(values))
    except ValidationError as error:
        mistakes = described_by_key(error, values)
        raise ConfigError([f"{dotted(keys)}: {why}" for keys, why in mistakes.items()]) from None
