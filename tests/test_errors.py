"""The tree of errors, and what each of them carries."""

import re

import pytest

from app import errors
from app.daemons.notifier.journal import JournalInUse
from app.errors import (
    ConfigError,
    DeliveryError,
    DeliveryRefused,
    ProtocolError,
    Refused,
    StoreError,
    WhosThereError,
    WorldError,
)
from app.notify.base import MessageRefused, NoAnswer

#: The errors of `app.errors`, and those that belong to the tree from elsewhere.
ALL = [
    *(one for one in vars(errors).values() if isinstance(one, type)),
    *(JournalInUse, MessageRefused, NoAnswer),
]


def test_the_drawing_of_the_tree_has_every_error() -> None:
    drawn = re.findall(r"(?:── |^)(\w+)", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn[1:]) == sorted(one.__name__ for one in ALL)


@pytest.mark.parametrize("error", ALL)
def test_every_error_has_the_one_root(error: type[Exception]) -> None:
    assert issubclass(error, WhosThereError)


def test_errors_are_also_what_callers_of_python_expect() -> None:
    assert issubclass(WorldError, OSError)
    assert all(issubclass(error, ValueError) for error in (ConfigError, ProtocolError, Refused))


def test_a_configuration_error_shows_all_its_problems() -> None:
    error = ConfigError(["config.yml:1: fps: too high", "config.yml:2: name: empty"])
    assert str(error) == "config.yml:1: fps: too high\nconfig.yml:2: name: empty"
    assert len(error.problems) == 2


@pytest.mark.parametrize("kind", [DeliveryError, StoreError])
def test_an_error_says_when_to_try_again(kind: type[DeliveryError | StoreError]) -> None:
    assert kind("busy", 30.0).retry_after_s == 30.0
    assert kind("busy").retry_after_s is None


def test_failures_are_alike_by_class_and_code() -> None:
    error = DeliveryError("no such channel: attic", code="channel_not_found")
    assert error.is_like(DeliveryError("no such channel: cellar", code="channel_not_found"))
    assert not error.is_like(DeliveryError("no such channel: attic", code="not_in_channel"))
    assert not error.is_like(DeliveryRefused("no such channel: attic", code="channel_not_found"))
