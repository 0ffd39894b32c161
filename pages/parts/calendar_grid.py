"""The calendar itself: a grid of slots with what is in them; see assets/calendar.js."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import streamlit as st

from core.calendar import Cell, Item, Slot, State
from core.forecast import Occurrence
from pages.parts import notices, table, times, words
from pages.parts.calendar_days import Span
from pages.parts.component import component
from pages.parts.component import words as ticking_words
from pages.parts.language import _, ngettext
from pages.parts.numbers import number
from pages.parts.words import title_of_cron

_calendar = component("calendar")
STATES: tuple[State, ...] = ("completed", "failed", "cancelled", "running", "queued", "held", "pending")
ENDED = ("completed", "failed", "cancelled")
# What somebody may have to act upon is never behind the others.
FIRST = ("failed", "running", "held")
KEY = "calendar"
# How many runs a slot shows at most; the others are counted.
SHOWN = {"month": 3, "week": 2, "day": 10}


def grid(span: Span, cells: Sequence[Cell], now: datetime, on_act: Callable[[dict[str, Any]], None]) -> None:
    """Shows the cells.

    Args:
        span: the view.
        cells: of all its slots, in order.
        now: the database's clock.
        on_act: called in a callback with what was asked for: 'plan', 'open', 'move' or 'day'.
    """
    most = max(map(_count, cells), default=0)
    left = iter(cells)
    days = []
    for day, slots in zip(span.days, span.slots, strict=True):
        inside = [next(left) for _slot in slots]
        shown = [_cell(span, slot, cell, now, most) for slot, cell in zip(slots, inside, strict=True)]
        days.append(_day(span, day, shown, sum(_count(cell) for cell in inside), now))

    def acted() -> None:
        asked = st.session_state[KEY].act
        if asked:
            on_act(asked)

    _calendar(
        key=KEY,
        data={
            # To the minute: the very same message costs the browser nothing.
            "now": table.milliseconds(now.replace(second=0, microsecond=0)),
            "view": span.view,
            "label": _("Calendar"),
            "days": days,
            "legend": _legend(),
            "weekdays": [times.written(day, "EEE") for day in span.days[:7]],
            "words": {**ticking_words(), **_words()},
        },
        on_act_change=acted,
        on_go_change=lambda: notices.follow(KEY),
    )


def _words() -> dict[str, str]:
    return {
        "hint": _(
            "Arrow keys go from slot to slot; Enter plans a run there. Tab goes to the runs of a slot: "
            "Enter opens one, M picks it up, arrow keys and Enter put it down elsewhere, Escape leaves it."
        ),
        # Translators: {} is a cron and its time.
        "picked": _("Picked up: {}. Choose a slot and press Enter; Escape leaves it where it was."),
        "left": _("Left where it was."),
        # Translators: {} is a day, or an hour of a day.
        "plan": _("Plan a run: {}"),
        "load": _("The bars show how full each slot is compared with the fullest one; colours are statuses."),
    }


def _legend() -> list[dict[str, str]]:
    known = [{"state": state, "colour": words.COLOURS[state], "label": _state(state)} for state in STATES]
    ahead = words.capital(_("forecast of a series"))
    return [*known, {"state": "forecast", "colour": "violet", "label": ahead}]


def _count(cell: Cell) -> int:
    return cell.count + cell.forecast.count


def _day(span: Span, day: date, cells: list[dict[str, Any]], count: int, now: datetime) -> dict[str, Any]:
    today = times.local(now).date()
    return {
        "id": day.isoformat(),
        "label": times.written(day, "EEEE d MMMM y"),
        "short": str(day.day) if span.view == "month" else times.written(day, "EEE d MMM"),
        "long": times.written(day, "EEE d MMM"),
        "today": day == today,
        "past": day < today,
        "outside": span.view == "month" and day.month != span.day.month,
        "total": _total(span, count) if count else "",
        "cells": cells,
    }


def _total(span: Span, count: int) -> str:
    counted = number(count)
    return ngettext("{} run", "{} runs", count).format(counted) if span.view == "day" else counted


def _cell(span: Span, slot: Slot, cell: Cell, now: datetime, most: int) -> dict[str, Any]:
    there = times.local(slot.since)
    name = times.written(there.date(), "EEEE d MMMM")
    if span.view != "month":
        name = f"{name}, {there:%H:%M}"
    counts = [(state, cell.counts[state]) for state in STATES if cell.counts.get(state)]
    # Translators: how many there are of a status, as in Completed: 3.
    part = _("{status}: {count}")
    told = [part.format(status=_state(state), count=number(count)) for state, count in counts]
    ahead = cell.forecast.count
    if ahead:
        told.append(_("Forecast: {}").format(number(ahead, cell.forecast.reckoned)))
    summary = ", ".join(told) or _("nothing")
    items = [*map(_item, cell.items), *map(_occurrence, cell.forecast.occurrences)]
    shown = SHOWN[span.view]
    more = cell.count + ahead - min(shown, len(items))
    # Of a slot under way what is still to come tells more than what has been.
    under_way = slot.since <= now < slot.until
    items.sort(
        key=lambda item: (item["state"] not in FIRST, under_way and item["state"] in ENDED, item["at"])
    )
    return {
        "id": slot.since.isoformat(),
        "hour": f"{there:%H:%M}",
        "label": f"{name}. {summary}",
        "name": name,
        "plans": slot.until > now + timedelta(minutes=1),
        "total": number(cell.count + ahead, cell.forecast.reckoned) if cell.count + ahead else "",
        "load": round((cell.count + ahead) / most, 3) if most else 0,
        "parts": [
            *({"colour": words.COLOURS[state], "state": state, "share": count} for state, count in counts),
            *([{"colour": "violet", "state": "forecast", "share": ahead}] if ahead else []),
        ],
        "told": summary,
        "items": sorted(items[:shown], key=lambda item: item["at"]),
        "more": ngettext("{} more", "{} more", more).format(number(more, cell.forecast.reckoned))
        if more > 0
        else "",
    }


def _state(state: State) -> str:
    match state:
        case "pending" | "held":
            return words.of_schedule(state)
        case _:
            return words.of_execution(state)


def _item(item: Item) -> dict[str, Any]:
    state = _state(item.state)
    title = title_of_cron(item.cron_name)
    at = times.time_of_day(times.local(item.at.replace(second=0, microsecond=0)))
    movable = item.state == "pending" and item.movable
    page = "executions" if item.is_execution else "scheduled"
    return {
        "id": str(item.id),
        "at": table.milliseconds(item.at),
        "time": at,
        "title": title,
        "state": item.state,
        "colour": words.COLOURS[item.state],
        "label": f"{title}, {times.day_and_time(item.at.replace(microsecond=0))}, {state}",
        "movable": movable,
        "go": None if movable else table.to(page, id=str(item.id)),
    }


def _occurrence(occurrence: Occurrence) -> dict[str, Any]:
    title = title_of_cron(occurrence.cron_name)
    return {
        "id": f"{occurrence.series_id} {occurrence.at.isoformat()}",
        "at": table.milliseconds(occurrence.at),
        "time": times.time_of_day(times.local(occurrence.at)),
        "title": title,
        "state": "forecast",
        "colour": "violet",
        "label": ", ".join([title, times.day_and_time(occurrence.at), _("forecast of a series")]),
        "movable": False,
        "go": None,
    }
