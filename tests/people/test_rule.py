"""An alert is sent, waits or is held by what a person model saw."""

from collections.abc import Sequence

import pytest

from app.frames import Box, Detection
from app.people.base import PeopleSettings
from app.people.rule import PersonRule, is_sure, subject_of
from app.protocol import Evidence

HERE = Box(100, 100, 40, 90)
PERSON = Detection(HERE, 0.8, "person")
CAT = Detection(HERE, 0.8, "cat")
#: An adult in the middle of a picture of 640x360, and a cat there.
ADULT = Evidence((280, 60, 90, 240), 0.06, 0.67, 0.3, 0.05, 0.9, 0.5)
COLUMNS = 640
LITTLE = Evidence((280, 200, 40, 24), 0.003, 0.07, 0.9, 0.1, 0.9, 0.5)


def rule(*, decides: bool = True, **settings: object) -> PersonRule:
    return PersonRule(PeopleSettings(**settings), threshold=0.5, decides=decides)  # type: ignore[arg-type]


def test_without_a_deciding_model_every_alert_is_sent() -> None:
    one = rule(decides=False)
    assert (one.opened(10, LITTLE, COLUMNS), one.why) == ("sent", "no model")
    assert one.answered(10.2, [CAT]) is None
    assert one.corrected is None
    assert one.best
    assert one.best.detection == CAT


@pytest.mark.parametrize(
    ("required", "decides", "decision"),
    [
        ("auto", True, "waiting"),
        ("auto", False, "sent"),
        (True, False, "waiting"),
        (False, True, "sent"),
    ],
)
def test_the_settings_say_whether_an_alert_needs_a_person(
    required: bool, decides: bool, decision: str
) -> None:
    assert rule(decides=decides, require_person=required).opened(10, LITTLE, COLUMNS) == decision


def test_the_first_answer_with_a_person_sends() -> None:
    one = rule()
    assert one.opened(10, LITTLE, COLUMNS) == "waiting"
    assert one.answered(10.1, []) is None
    assert (one.answered(10.3, [PERSON]), one.why) == ("sent", "person")
    assert one.answered(10.5, [PERSON]) is None


def test_looks_are_rare_only_while_the_person_is_there() -> None:
    one = rule()
    one.opened(10, LITTLE, COLUMNS)
    settled = [one.knows_person]
    one.answered(10.3, [PERSON])
    settled.append(one.knows_person)
    one.closed()
    assert [*settled, one.knows_person] == [False, True, False]


def test_nobody_in_a_second_is_held_and_a_later_person_sends() -> None:
    one = rule()
    one.opened(10, LITTLE, COLUMNS)
    one.answered(10.2, [CAT])
    assert one.step(10.9) is None
    assert (one.step(11.0), one.why) == ("held", "nobody")
    assert one.step(12.0) is None
    assert one.answered(25.0, [PERSON]) == "sent"


def test_no_answer_in_a_second_sends() -> None:
    one = rule()
    one.opened(10, LITTLE, COLUMNS)
    assert (one.step(11.0), one.why) == ("sent", "no answer")


def test_a_model_that_goes_away_sends_what_waits_and_no_more() -> None:
    one = rule()
    assert one.failed() is None
    one.opened(10, LITTLE, COLUMNS)
    assert one.failed() == "sent"
    one.opened(20, LITTLE, COLUMNS)
    one.answered(20.2, [])
    one.step(21)
    assert one.failed() is None


@pytest.mark.parametrize(("answers", "decision"), [([[]], "held"), ([], "sent")])
def test_an_event_that_ends_early_is_decided(
    answers: Sequence[Sequence[Detection]], decision: str
) -> None:
    one = rule()
    one.opened(10, LITTLE, COLUMNS)
    for found in answers:
        one.answered(10.1, found)
    assert one.closed() == decision
    assert one.closed() is None


def test_a_sure_blob_is_sent_though_the_model_sees_nobody() -> None:
    one = rule()
    assert (one.opened(10, ADULT, COLUMNS), one.why) == ("sent", "sure")
    assert [one.answered(10 + n / 5, []) for n in range(10)] == [None] * 10
    assert one.corrected is None


def test_a_person_is_remembered_for_some_minutes() -> None:
    one = rule(memory_s=60)
    one.opened(10, LITTLE, COLUMNS)
    one.answered(10.2, [PERSON])
    one.closed()
    assert (one.opened(70, LITTLE, COLUMNS), one.why) == ("sent", "remembered")
    one.closed()
    assert one.opened(71, LITTLE, COLUMNS) == "waiting"


def test_a_person_seen_outside_an_event_is_remembered() -> None:
    one = rule()
    assert one.answered(5, [PERSON]) is None
    assert (one.opened(10, LITTLE, COLUMNS), one.why) == ("sent", "remembered")


def test_a_doubtful_crop_needs_a_better_score() -> None:
    one = rule()
    one.answered(5, [PERSON._replace(score=0.55)], doubtful=True)
    assert one.opened(10, LITTLE, COLUMNS) == "waiting"
    assert one.answered(10.2, [PERSON._replace(score=0.55)], doubtful=True) is None
    assert one.answered(10.3, [PERSON._replace(score=0.65)], doubtful=True) == "sent"


def test_answers_of_just_before_the_opening_count() -> None:
    one = rule(memory_s=0)
    one.answered(8.0, [CAT])
    one.answered(9.8, [PERSON])
    assert (one.opened(10, LITTLE, COLUMNS), one.why) == ("sent", "person")
    assert (one.answers, one.score) == (1, 0.8)


def test_a_late_answer_about_the_last_event_is_only_remembered() -> None:
    one = rule(memory_s=0)
    one.opened(10, LITTLE, COLUMNS)
    one.answered(5.0, [PERSON])
    assert one.decision == "waiting"


def test_an_event_that_is_no_alert_keeps_what_was_seen() -> None:
    one = rule()
    assert one.opened(10, ADULT, COLUMNS, alert=False) is None
    assert one.answered(10.2, [PERSON]) is None
    assert one.step(12) is None
    assert one.closed() is None
    assert one.best
    assert one.best.person


def corrected(one: PersonRule, answers: Sequence[tuple[float, Sequence[Detection]]]) -> str | None:
    for at_s, found in answers:
        one.answered(at_s, found)
    return one.corrected and one.corrected.kind


def test_an_alert_about_a_cat_is_corrected_once_it_is_certain() -> None:
    one = rule()
    one.opened(10, ADULT, COLUMNS)
    assert corrected(one, [(10.2, [CAT]), (10.4, [CAT]), (10.7, [CAT])]) is None
    assert corrected(one, [(11.2, [CAT._replace(score=0.9)])]) == "cat"
    assert one.corrected
    assert one.corrected.score == 0.9


def test_a_person_after_the_correction_is_sent_again() -> None:
    one = rule()
    one.opened(10, ADULT, COLUMNS)
    cats = [(10 + n / 2, [CAT]) for n in range(1, 5)]
    assert corrected(one, cats) == "cat"
    assert one.answered(12.5, [PERSON]) == "sent"
    assert corrected(one, [(3 + at_s, found) for at_s, found in cats]) is None


@pytest.mark.parametrize(
    "answers",
    [
        # Too weak, too few of many, a person among them, or too early.
        [[CAT._replace(score=0.55)]] * 8,
        [[CAT], [], [], [CAT], [], [], [CAT], []],
        [[CAT], [CAT], [CAT], [PERSON], [CAT], [CAT], [CAT], [CAT]],
        [[CAT], [CAT]],
    ],
)
def test_an_uncertain_cat_corrects_nothing(answers: Sequence[Sequence[Detection]]) -> None:
    one = rule()
    one.opened(10, ADULT, COLUMNS)
    assert corrected(one, [(10.4 + n / 4, found) for n, found in enumerate(answers)]) is None


@pytest.mark.parametrize(
    ("answer", "decided_at_s"), [([], 11.4), ([CAT], None), ([PERSON._replace(score=0.3)], 11.4)]
)
def test_who_becomes_sure_is_sent_unless_it_is_a_cat(
    answer: Sequence[Detection], decided_at_s: float | None
) -> None:
    one = rule()
    one.opened(10, LITTLE, COLUMNS)
    decided = []
    for step in range(1, 30):
        at_s = 10 + step / 10
        if step % 3 == 0:
            one.answered(at_s, answer)
        one.step(at_s)
        decided += [at_s] * bool(one.moved(at_s, [LITTLE, ADULT if at_s > 11 else None], COLUMNS))
    assert decided == ([decided_at_s] if decided_at_s else [])


def test_a_shape_that_is_upright_for_a_moment_is_not_sure() -> None:
    one = rule()
    one.opened(10, LITTLE, COLUMNS)
    steps = [(10 + n / 10, ADULT if n % 3 else LITTLE) for n in range(1, 30)]
    assert not any(one.moved(at_s, [evidence], COLUMNS) for at_s, evidence in steps)


def test_the_best_is_a_person_else_the_best_of_the_rest() -> None:
    one = rule()
    one.opened(10, LITTLE, COLUMNS)
    kinds = []
    for found in ([], [PERSON._replace(score=0.2)], [CAT], [PERSON._replace(score=0.6)], [CAT]):
        one.answered(10.1, found)
        kinds.append((one.best.detection.kind, one.best.person) if one.best else None)
    assert kinds == [
        None,
        ("person", False),
        ("cat", False),
        ("person", True),
        ("person", True),
    ]
    assert one.score == 0.6


ELSEWHERE = Box(300, 100, 60, 40)


@pytest.mark.parametrize(
    ("found", "expected", "is_person"),
    [
        ([], None, False),
        # The same thing is a cat .8 and a person .3 or .6: it is a cat.
        ([CAT, PERSON._replace(score=0.3)], "cat", False),
        ([CAT, PERSON._replace(score=0.6)], "cat", False),
        ([CAT._replace(score=0.55), PERSON], "person", True),
        # Somebody with a dog at his side is a person.
        ([CAT._replace(box=ELSEWHERE, score=0.9), PERSON._replace(score=0.6)], "person", True),
        # Weak guesses name nothing but a person.
        ([CAT._replace(score=0.3)], None, False),
        ([CAT._replace(score=0.3), PERSON._replace(score=0.4)], "person", False),
    ],
)
def test_another_class_counts_against_the_person(
    found: Sequence[Detection], expected: str | None, is_person: bool
) -> None:
    subject, counts = subject_of(found, 0.5)
    assert (subject.kind if subject else None, counts) == (expected, is_person)


@pytest.mark.parametrize(
    ("box", "hidden", "darker", "sure"),
    [
        ((280, 60, 90, 240), 0.9, 0.5, True),
        # A car is wide, or as tall as 1.9 times its width; light hides nothing; white is brighter.
        ((280, 60, 300, 240), 0.9, 0.5, False),
        ((280, 60, 126, 240), 0.9, 0.5, False),
        ((280, 60, 90, 240), 0.2, 0.5, False),
        ((280, 60, 90, 240), None, 0.5, False),
        ((280, 60, 90, 240), 0.9, 0.02, False),
        # The rest of it may still be outside.
        ((0, 60, 90, 240), 0.9, 0.5, False),
        ((550, 60, 90, 240), 0.9, 0.5, False),
    ],
)
def test_a_sure_blob_is_upright_solid_and_in_view(
    box: tuple[int, int, int, int], hidden: float | None, darker: float, sure: bool
) -> None:
    assert is_sure(Evidence(box, 0.06, 0.67, 0.3, 0.05, hidden, darker), COLUMNS) is sure


def test_without_evidence_nothing_is_sure() -> None:
    assert not is_sure(None, COLUMNS)
