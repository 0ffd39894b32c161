"""Events as sentences: what somebody or something did to a planned run or its execution."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.events import Event
from core.instants import parse_instant
from pages.parts import times
from pages.parts.language import _, marked
from pages.parts.rewording import reworded
from pages.parts.words import named

# Filled with the actor, and with what the details of the event say.
SENTENCES = {
    "schedule.created": marked("Planned by {actor} for {scheduled_at}."),
    "schedules.created": marked("Planned by {actor}, together with others: {count} in all."),
    "schedule.moved": marked("Moved by {actor} from {from} to {to}."),
    "schedules.moved": marked("Moved by {actor}, together with others: {count} in all."),
    "schedule.edited": marked("Parameters changed by {actor}: {changes}."),
    "schedule.moved_and_edited": marked(
        "Moved by {actor} from {from} to {to}, and its parameters changed: {changes}."
    ),
    "schedule.cancelled": marked("Cancelled by {actor}: it will not run."),
    "schedules.cancelled": marked("Cancelled by {actor}, together with others: {count} in all."),
    "schedule.restored": marked(
        "The cancelling was undone by {actor}: it is planned for {scheduled_at} again."
    ),
    "schedule.moved_back": marked("The moving was undone by {actor}: back from {from} to {to}."),
    "schedule.edited_back": marked("The change of parameters was undone by {actor}: {changes}."),
    "schedule.moved_and_edited_back": marked(
        "The change was undone by {actor}: back from {from} to {to}, and the parameters too: {changes}."
    ),
    "schedule.held": marked("Too late: held until somebody decides whether it still runs."),
    "schedule.released": marked("Decided by {actor}: it runs late."),
    "schedule.expired": marked("Too late: it does not run any more (decided by {actor})."),
    "schedule.lease_expired": marked("{worker} had taken it and fell silent; {actor} took over."),
    "schedule.conflicted": marked(
        "Attempt {attempt}: an earlier run had not ended, and this cron runs one at a time. "
        "To be tried again at {again_at}."
    ),
    "schedule.retried": marked(
        "Attempt {attempt}, sent by {actor}, failed ({error}): to be tried again at {again_at}."
    ),
    "schedule.failed": marked("Failed for good: {error}"),
    "schedule.triggered": marked("Marked as triggered by {actor}."),
    "execution.triggered": marked("Started by {actor}."),
    "execution.cancel_requested": marked("Stop asked for by {actor}."),
    "execution.failed": marked("It never began: {error}"),
    "execution.lost": marked("Counted as failed: {error}"),
    "schedule.tried_again": marked("Tried again by {actor}, with a run of its own."),
    "execution.retried": marked(
        "The attempt before failed ({error}): attempt {attempt} may begin at {not_before}."
    ),
}
# Where the details name a reason, or the blackout that did it.
REASONS = {
    ("schedule.moved", "missed"): marked(
        "Nobody was there at {from}: it counts as the newest occurrence that was missed, {to}."
    ),
    ("schedule.moved", "blackout removed"): marked(
        "Back from {from} to {to}: {actor} removed the blackout that kept it away."
    ),
    ("schedule.cancelled", "missed"): marked(
        "A newer occurrence of its series runs in its stead: it will not run."
    ),
    ("schedule.cancelled", "blackout"): marked("Cancelled: it lay in a blackout that {actor} added."),
    ("schedule.cancelled", "series changed"): marked(
        "Cancelled: {actor} changed its series, which planned its next run anew."
    ),
    ("schedule.cancelled", "series paused"): marked("Cancelled: {actor} paused its series."),
    ("schedule.cancelled", "series ended"): marked("Cancelled: {actor} ended its series."),
}
OF_A_SERIES = marked("Planned by its series for {scheduled_at}.")
OTHER = marked("{kind}, by {actor}.")
SHOWN_CHANGES = 8
VALUE_SHOWN = 60
MISSING = object()


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, in a sentence."""

    at: datetime
    sentence: str


def told(event: Event) -> Moment:
    """The event in the reader's language."""
    details = {name: _readable(name, value) for name, value in event.details.items()}
    given = {"actor": event.actor, "kind": event.kind, "changes": _changes(event.details), **details}
    reason = "blackout" if "blackout" in event.details else str(event.details.get("reason"))
    sentence = REASONS.get((event.kind, reason)) or SENTENCES.get(event.kind, OTHER)
    if event.kind == "schedule.created" and "series_id" in event.details:
        sentence = OF_A_SERIES
    try:
        return Moment(event.at, _(sentence).format_map(given))
    except KeyError:
        return Moment(event.at, _(OTHER).format_map(given))


def _readable(name: str, value: Any) -> str:
    if name in ("scheduled_at", "from", "to", "again_at", "not_before") and isinstance(value, str):
        return times.day_and_time(parse_instant(value))
    return reworded(value) if name == "error" and isinstance(value, str) else str(value)


def _changes(details: dict[str, Any]) -> str:
    """What differs between the old and the new parameters, such as 'name: "Ada" → "Bob"; times: – → 3'."""
    old, new = details.get("old"), details.get("new")
    if not isinstance(old, dict) or not isinstance(new, dict):
        return "–"
    names = [name for name in {**old, **new} if old.get(name, MISSING) != new.get(name, MISSING)]
    written = [
        named(name, f"{_value(old.get(name, MISSING))} → {_value(new.get(name, MISSING))}")
        for name in names[:SHOWN_CHANGES]
    ]
    return "; ".join([*written, *(["…"] if len(names) > SHOWN_CHANGES else [])]) or "–"


def _value(value: Any) -> str:
    if value is MISSING:
        return "–"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_SHOWN else text[:VALUE_SHOWN] + "…"
