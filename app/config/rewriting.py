"""Changes values in the text of a configuration file, and keeps its comments."""

from collections.abc import Mapping

import yaml


def with_values(text: str, values: Mapping[str, float | str]) -> str:
    """Return *text* with these *values*, by keys such as `motion.min_size`.

    A value that is there is replaced in its place. A key that is missing is added at the end of
    its section, and a missing section at the end of the text. Raises `ValueError` where a section
    is written in a way that cannot be changed, as with an anchor or on several lines in braces.
    """
    for key, value in values.items():
        section, _, name = key.partition(".")
        changed = _with_value(text, section, name, _plain(value))
        _check(text, changed, section, name, value)
        text = changed
    return text


def _with_value(text: str, section: str, name: str, value: str) -> str:
    root = yaml.compose(text, yaml.SafeLoader)
    if root is None:
        return f"{_ended(text)}{section}:\n  {name}: {value}\n"
    mapping = _value(root, section)
    if mapping is None:
        return f"{_ended(text)}{section}:\n  {name}: {value}\n"
    if isinstance(mapping, yaml.ScalarNode) and mapping.value in ("", "null", "~"):
        return _replaced(
            text,
            mapping,
            f" {{{name}: {value}}}" if mapping.value == "" else f"{{{name}: {value}}}",
        )
    if not isinstance(mapping, yaml.MappingNode):
        raise ValueError(f"{section} holds no keys")
    present = _value(mapping, name)
    if isinstance(present, yaml.ScalarNode):
        return _replaced(text, present, value)
    if present is not None:
        raise ValueError(f"{section}.{name} is no plain value")
    return _with_key(text, mapping, f"{name}: {value}")


def _value(mapping: yaml.Node, name: str) -> yaml.Node | None:
    if not isinstance(mapping, yaml.MappingNode):
        raise ValueError("the file holds no keys")
    return next((value for key, value in mapping.value if key.value == name), None)


def _with_key(text: str, mapping: yaml.MappingNode, line: str) -> str:
    """Return *text* with the *line* as the last key of *mapping*, which has one at least."""
    if not mapping.value:
        return _replaced(text, mapping, f"{{{line}}}")
    if mapping.flow_style:
        end = mapping.end_mark.index - 1
        return f"{text[:end].rstrip()}, {line}{text[end:]}"
    first, last = mapping.value[0][0], mapping.value[-1][1]
    end = text.find("\n", max(last.end_mark.index - 1, mapping.value[-1][0].end_mark.index))
    end = len(text) if end < 0 else end
    return f"{text[:end]}\n{' ' * first.start_mark.column}{line}{text[end:]}"


def _replaced(text: str, node: yaml.Node, value: str) -> str:
    return text[: node.start_mark.index] + value + text[node.end_mark.index :]


def _check(before: str, after: str, section: str, name: str, value: float | str) -> None:
    """Raise `ValueError` unless *after* differs from *before* by this value alone."""
    expected = yaml.safe_load(before) or {}
    expected[section] = {**(expected.get(section) or {}), name: value}
    try:
        is_right = yaml.safe_load(after) == expected
    except yaml.YAMLError:
        is_right = False
    if not is_right:
        raise ValueError(f"{section}.{name} is written in a way that cannot be changed here")


def _plain(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return repr(int(value)) if float(value).is_integer() else repr(float(value))


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else f"{text}\n"
