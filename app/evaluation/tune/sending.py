"""Says which alerts the person rule would send with other settings of the person model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.evaluation.archive.index import ArchivedEvent
from app.evaluation.tune.knobs import Knobs
from app.frames import Box, Detection
from app.people.base import PERSON, PeopleSettings
from app.people.rule import WAIT_S, PersonRule

_SOMEWHERE = Box(0, 0, 1, 1)


def sends(
    events: Sequence[ArchivedEvent],
    scores: Mapping[str, float | None],
    people: PeopleSettings,
    knobs: Knobs,
    *,
    decides: bool,
) -> dict[str, bool]:
    """Return for each of *events*, oldest first, whether its alert would be sent.

    *scores* has the best person score of each; an alert without one is sent, as when the model is
    away. *decides* says whether the model decides about alerts.
    """
    values = {key.removeprefix("people."): value for key, value in knobs}
    settings = replace(people, **values)  # type: ignore[arg-type]
    if not knobs:
        settings = replace(people, require_person=False)
    rules: dict[str, PersonRule] = defaultdict(
        lambda: PersonRule(settings, threshold=1.0, decides=decides)
    )
    return {one.id: _sent(rules[one.camera], one, scores.get(one.id)) for one in events}


def _sent(rule: PersonRule, event: ArchivedEvent, score: float | None) -> bool:
    at_s = event.started_at.timestamp()
    rule.opened(at_s, event.record.evidence if event.record else None)
    if score is not None:
        rule.answered(at_s, [Detection(_SOMEWHERE, score, PERSON)])
    rule.step(at_s + WAIT_S)
    decision = rule.decision
    rule.closed()
    return decision == "sent"
