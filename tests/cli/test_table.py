"""A table for people to read."""

from app.cli.table import table


def test_each_column_is_as_wide_as_its_widest_cell() -> None:
    rows = [("notifier", "17"), ("redis", "123456")]
    assert table(("program", "pid"), rows).splitlines() == [
        "program   pid",
        "notifier  17",
        "redis     123456",
    ]


def test_a_table_without_rows_is_its_headings() -> None:
    assert table(("program", "pid"), []) == "program  pid"


def test_a_name_from_outside_changes_no_line() -> None:
    rows = [("guest\nanna  home", "\x1b[31m"), ("anna", "away")]
    assert table(("name", "is"), rows).splitlines() == [
        "name               is",
        "guest\\nanna  home  \\x1b[31m",
        "anna               away",
    ]


def test_no_line_ends_with_spaces() -> None:
    assert all(line == line.rstrip() for line in table(("a", "b"), [("x", "")]).splitlines())
