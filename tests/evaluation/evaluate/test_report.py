"""The report as Markdown."""

from app.evaluation.evaluate.report import Origin, markdown, summary
from tests.evaluation.evaluate.test_figures import EVENTS, event

SOURCE = Origin("the house", "onnx (a file)", 7, {"2026/x/sample.tar": "it is no whole tar"})


def test_the_report_names_its_sources_and_what_was_skipped() -> None:
    page = markdown(EVENTS, SOURCE, [event(3, "occupied", score=0.4, sent=False)])
    assert "the house: 10 events tagged occupied, 6 unoccupied; 7 untagged, which count" in page
    assert "Person scores: 16 stored by the suite" in page
    assert "- `2026/x/sample.tar`: it is no whole tar" in page
    assert "![The worst mistakes](mistakes.jpg)" in page


def test_the_tables_have_every_row() -> None:
    page = markdown(EVENTS, SOURCE, [])
    assert "| yes    | no     | occupied   | 4      |" in page
    assert "| yes    | no               | occupied   | 1      |" in page
    assert "0.900 (0.596 to 0.982)" in page
    assert page.rstrip().endswith("whole tar")
    assert "## The worst mistakes of the rule in force\n\nNone." in page


def test_the_short_form_has_all_ways_to_decide() -> None:
    lines = summary(EVENTS, SOURCE).splitlines()
    assert [line.split("|")[1].strip() for line in lines[4:]] == [
        "motion",
        "person",
        "motion and person",
        "motion and person, with the memory",
        "the rule in force",
    ]
