"""Reports that serve several requests."""

from math import inf

from app.web.slack.shared_reports import SharedReports


def test_a_report_serves_those_who_had_asked_before_it_was_begun() -> None:
    reports = SharedReports()
    assert reports.find("status", arrived_s=1.0) is None
    reports.keep("status", 2.0, "armed")
    assert reports.find("status", arrived_s=1.9) == "armed"
    assert reports.find("who", arrived_s=1.9) is None


def test_nobody_gets_a_report_older_than_the_question() -> None:
    reports = SharedReports()
    reports.keep("status", 2.0, "armed")
    assert [reports.find("status", at_s) for at_s in (2.0, 2.1, inf)] == [None] * 3


def test_the_report_that_was_begun_last_stays() -> None:
    reports = SharedReports()
    reports.keep("status", 3.0, "disarmed")
    reports.keep("status", 2.0, "armed")
    assert reports.find("status", arrived_s=1.0) == "disarmed"
