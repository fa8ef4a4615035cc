"""The counters in the heartbeat of each program: one row each, with unit and label.

A counter with a *label* is a mapping from the label's values to figures: `store_waiting` is `{"s3":
3, "dropbox": 0}`. No name contains a label, so a reader need not parse names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Figure = int | float | str | bool | None
#: The counters of one heartbeat by name: a figure, or figures by label.
Counters = Mapping[str, Figure | Mapping[str, Figure]]

Unit = Literal["", "s", "per s", "MB", "GB", "luma", "bool", "text", "UTC time"]


@dataclass(frozen=True, slots=True)
class Counter:
    """A figure in a program's heartbeat; *unit* is "" for a number of things.

    None means "not known", and for a text "nothing".
    """

    program: str
    name: str
    unit: Unit
    holds: str
    label: str | None = None

    def allows(self, value: Figure | Mapping[str, Figure]) -> bool:
        """Return whether *value* has this counter's shape and unit."""
        if self.label:
            return isinstance(value, Mapping) and all(map(self._allows, value.values()))
        return not isinstance(value, Mapping) and self._allows(value)

    def _allows(self, figure: Figure) -> bool:
        if figure is None:
            return True
        if self.unit == "bool":
            return isinstance(figure, bool)
        if self.unit in ("text", "UTC time"):
            return isinstance(figure, str)
        return isinstance(figure, int | float) and not isinstance(figure, bool)


def _rows(
    program: str, *rows: tuple[str, Unit, str] | tuple[str, Unit, str, str]
) -> tuple[Counter, ...]:
    return tuple(Counter(program, *row) for row in rows)


#: The counters of every daemon: its threads, which no step of its loop measures.
_THREADS: tuple[tuple[str, Unit, str, str], ...] = (
    ("thread_step_s", "s", "time for which the present step of this thread lasts", "thread"),
    ("thread_late_s", "s", "time since that step should have ended", "thread"),
)

COUNTERS = (
    *_rows(
        "security_system",
        ("camera", "text", "open, opening, lost or closed"),
        ("armed", "bool", "whether the camera is armed"),
        ("frames", "", "frames judged or passed on since the start"),
        ("frames_per_s", "per s", "frames since the last heartbeat"),
        ("dropped", "", "frames that came faster than they were judged"),
        ("corrupt", "", "damaged frames, neither judged nor learned"),
        ("reopened", "", "times that the camera came back after it was lost"),
        ("learning", "bool", "whether the background is still being learned"),
        ("light", "luma", "mean luma, 0 to 255, where light is the trigger"),
        ("turning", "bool", "whether the mount moves"),
        ("objections", "", "changes that were no motion, where the method knows why", "reason"),
        ("events", "", "events opened since the start"),
        ("event_open", "bool", "whether an event is open"),
        ("waiting_for_redis", "", "facts that wait for Redis"),
        ("handover_s", "s", "time until Redis had the newest fact"),
        ("clips", "", "clips written since the start"),
        ("clip_gaps", "", "gaps in clips"),
        ("preroll_s", "s", "length of the video kept in memory"),
        ("preroll_mb", "MB", "size of the video kept in memory"),
        ("preroll_limit_mb", "MB", "the limit of that size"),
        ("pir", "bool", "state of the motion sensor, if there is one"),
        ("frames_kept_mb", "MB", "size of the frames kept for training samples"),
        ("decisions", "", "alerts decided about since the start", "decision"),
        ("silencer", "text", "on, watching (as in its first days) or off"),
        ("silencer_since", "UTC time", "time since which the silencer is on, or watches"),
        ("silencer_tags", "", "tags from which the silencer learns"),
        ("silencer_lacks", "text", "what the silencer needs before it can silence alerts"),
        ("silencer_bound", "", "upper bound of the share of people that it would silence"),
        ("silencer_false", "", "alerts since the start that it takes for false"),
        ("silencer_silenced", "", "alerts since the start that it has silenced"),
        ("people_model", "text", "the person model in use"),
        ("people_looks", "", "crops at which the person model has looked since its start"),
        ("people_left_out", "", "crops for which it had no time"),
        ("people_starts", "", "starts of its process since the start"),
        ("people_cpu_s", "s", "processor time of its looks since the start"),
        ("people_delay_s", "s", "time that its newest look took"),
        ("captures", "", "training samples and stills written"),
        ("captures_lost", "", "training samples and stills that could not be written"),
        *_THREADS,
    ),
    *_rows(
        "notifier",
        ("delivered", "", "facts that every channel has finished"),
        ("held", "", "facts not delivered because alerts were off or snoozed"),
        ("waiting", "", "facts that wait for a channel"),
        ("channel_waiting", "", "facts that wait for this channel", "channel"),
        ("channel_trouble", "text", "trouble of this channel", "channel"),
        ("channel_digests", "", "digests delivered", "channel"),
        ("channel_repeated", "", "messages that may have been delivered twice", "channel"),
        ("replied", "", "requests that got their reply"),
        ("requests_waiting", "", "requests that wait for their reply"),
        ("channel_oldest_s", "s", "time for which the oldest alert has waited", "channel"),
        *_THREADS,
    ),
    *_rows(
        "who_is_home",
        ("polls", "", "polls of the router that it answered"),
        ("missed", "", "polls in a row that it did not answer"),
        ("devices", "", "devices connected at the last poll"),
        ("home", "bool", "whether somebody is home"),
        ("person_unseen_s", "s", "time since this person's phone was seen", "person"),
        *_THREADS,
    ),
    *_rows(
        "uploader",
        ("free_gb", "GB", "free room on the disk"),
        ("disk_low", "bool", "whether the owner was warned of a full disk"),
        ("deleted", "", "files and folders deleted since the start"),
        ("recordings_gb", "GB", "size of all recordings on the disk"),
        ("next_deleted_mb", "MB", "size of what is deleted next for room", "recording"),
        ("next_deleted_why", "text", "why it is deleted before others", "recording"),
        ("store_waiting", "", "files that wait for this store", "store"),
        ("store_waiting_mb", "MB", "size of the files that wait for this store", "store"),
        ("store_uploaded", "", "files uploaded since the start", "store"),
        ("store_uploaded_mb", "MB", "size of the files uploaded since the start", "store"),
        ("store_last", "UTC time", "time of the last upload", "store"),
        ("store_failures", "", "uploads that failed since the start", "store"),
        ("store_trouble", "text", "trouble of this store", "store"),
        *_THREADS,
    ),
    *_rows(
        "slack_server",
        ("requests", "", "requests answered"),
        ("refused", "", "requests refused: unsigned, repeated, or not allowed"),
        ("errors", "", "requests that failed by a mistake in this program"),
        ("last_request", "UTC time", "time of the last request"),
    ),
    *_rows(
        "dashboard",
        ("requests", "", "requests answered"),
        ("refused", "", "requests refused: without a session, forged, or not allowed"),
        ("errors", "", "requests that failed by a mistake in this program"),
        ("last_request", "UTC time", "time of the last request"),
    ),
    *_rows(
        "slack_socket",
        ("envelopes", "", "envelopes received"),
        ("refused", "", "envelopes refused: repeated, or not allowed"),
        ("reconnects", "", "connections made after the first"),
        ("connected", "bool", "whether the connection is up"),
        *_THREADS,
    ),
)


def by_label(counters: Counters, name: str) -> Mapping[str, Figure]:
    """Return the figures of the labelled counter *name* by label; empty without that counter."""
    found = counters.get(name)
    return found if isinstance(found, Mapping) else {}
