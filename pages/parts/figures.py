"""The figures above the catalogue, and the heartbeat of the workers."""

from collections.abc import Sequence

from core import overview, workers
from pages.parts.component import component, words
from pages.parts.held_list import held_count
from pages.parts.language import _, ngettext
from pages.parts.numbers import number, percent
from pages.parts.table import milliseconds
from pages.parts.words import title_of_cron
from pages.parts.worker_away import worker_away

_figures = component("figures")


def figures() -> None:
    """Shows how things stand: pending, next, running, success rate, and whether a worker lives."""
    stand, pulse = overview.figures(), workers.pulse()
    _figures(
        key="figures",
        data={
            "now": milliseconds(stand.now),
            "figures": [_pending(stand), _next(stand), _running(stand), _success(stand)],
            "pulse": _pulse(pulse),
            "words": words(),
        },
    )


def plain_figures(key: str, listed: Sequence[dict[str, object]]) -> None:
    """Shows figures that do not tick: each a label and a value, maybe a note and a colour."""
    _figures(key=key, data={"now": 0, "figures": list(listed), "words": words()})


def _pending(stand: overview.Figures) -> dict[str, object]:
    held = held_count()
    told = ngettext("{} waits for a decision", "{} wait for a decision", held).format(number(held))
    return {
        "label": _("Pending"),
        "value": number(stand.pending, stand.pending_is_estimate),
        "note": told if held else None,
    }


def _next(stand: overview.Figures) -> dict[str, object]:
    if stand.next is None:
        return {"label": _("Next"), "value": "–", "note": _("nothing is planned")}
    return {
        "label": _("Next"),
        "value": "",
        "at": milliseconds(stand.next.due_at),
        "note": title_of_cron(stand.next.cron_name),
    }


def _running(stand: overview.Figures) -> dict[str, object]:
    waiting = ngettext("{} is waiting", "{} are waiting", stand.queued).format(number(stand.queued))
    return {
        "label": _("Running now"),
        "value": number(stand.running),
        "note": waiting if stand.queued else None,
    }


def _success(stand: overview.Figures) -> dict[str, object]:
    label = _("Success over 7 days")
    if stand.success_rate is None:
        return {"label": label, "value": "–", "note": _("nothing has run")}
    return {"label": label, "value": percent(stand.success_rate)}


def _pulse(pulse: workers.Pulse) -> dict[str, object]:
    overdue = ngettext("{} overdue", "{} overdue", pulse.overdue).format(number(pulse.overdue))
    if not pulse.alive:
        gone = worker_away()
        return {"alive": False, "text": f"{gone} {overdue.capitalize()}." if pulse.overdue else gone}
    freshest = pulse.alive[0]
    count = len(pulse.alive)
    # Translators: the other {} is a duration with 'ago', and ticks.
    who = ngettext("worker: last tick {{}}", "{count} workers: last tick {{}}", count)
    parts = [who.format(count=count), overdue]
    if freshest.clock_offset_ms is not None:
        parts.append(_("clock offset {}").format(f"{round(freshest.clock_offset_ms)}\u00a0ms"))
    seen = max(freshest.beat_at, freshest.ticked_at or freshest.beat_at)
    # A worker that has just looked may be a moment ahead of the reading.
    since = min(seen, pulse.now)
    return {
        "alive": True,
        "late": pulse.overdue > 0,
        "since": milliseconds(since),
        "text": ", ".join(parts),
    }
