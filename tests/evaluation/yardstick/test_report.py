"""The table of figures."""

from app.evaluation.yardstick import report
from app.evaluation.yardstick.score import Score
from app.evaluation.yardstick.staging import Labels

RESULTS = [
    (Labels("lamp", 90.0), Score(free_s=85.0, disturbances=6, tripped=1, false_at_s=(20.0,))),
    (Labels("visit", 60.0), Score((0.3, None), 20.0, 9.0, 35.0, 7.0)),
]


def test_each_scene_has_a_row_and_so_have_all() -> None:
    headings, lamp, visit, everything = report.scenes(RESULTS)
    assert headings[:2] == ["scene", "visits"]
    assert lamp == ["lamp", "0", "-", "-", "-", "-", "-", "0.000", "1", "1 of 6"]
    assert visit == ["visit", "2", "0.50", "0.50", "0.50", "0.3", "0.450", "0.200", "0", "-"]
    assert everything[:3] == ["all", "2", "0.50"]
    assert everything[-2:] == ["1", "1 of 6"]


def test_columns_of_the_text_are_aligned() -> None:
    lines = report.text(report.scenes(RESULTS)).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_the_page_is_a_table_of_markdown() -> None:
    page = report.markdown("Title", {"Seed 1.": report.scenes(RESULTS)})
    lines = page.splitlines()
    assert lines[:3] == ["# Title", "", "Seed 1."]
    assert lines[4].count("|") == lines[5].count("|") == lines[6].count("|") == 11
    assert lines[6].startswith("| lamp | 0 |")
