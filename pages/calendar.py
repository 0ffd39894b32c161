"""What ran and what is planned, by month, week and day; plan there, move, and find a quiet slot."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import streamlit as st

from core import calendar, database, schedules
from core.errors import Conflict
from core.forecast import forecast
from core.wallclock import instant_of
from pages.parts import filters, notices, problems, times
from pages.parts.acting import actor
from pages.parts.calendar_days import VIEWS, Span, View, clamped, span, stepped
from pages.parts.calendar_grid import SHOWN, grid
from pages.parts.language import _
from pages.parts.quiet_dialog import find_quiet
from pages.parts.schedule_dialog import change, plan, plan_at
from pages.parts.subscribe_dialog import subscribe
from pages.parts.taking_back import offer_event
from pages.parts.words import capital, title_of_cron
from pages.parts.worker_away import watch_workers

REFRESH_SECONDS = 15
MORNING = time(9)


def page() -> None:
    """Shows the page."""
    dialogs: dict[str, Callable[..., None]] = {
        "change": lambda given: change(UUID(given)),
        "plan": plan,
        "plan at": plan_at,
        "quiet": find_quiet,
        "subscribe": subscribe,
    }
    notices.answer(dialogs)
    st.title(_("Calendar"), anchor=False)
    with problems.page():
        names = {"month": _("Month"), "week": _("Week"), "day": _("Day")}
        now = database.clock()
        with st.container(horizontal=True, vertical_alignment="center", key="filters"):
            chosen = filters.choice("view", _("View"), names, "month")
            view: View = next(each for each in VIEWS if each == chosen)
            cron = filters.cron()
            _quiet(cron)
            st.button(
                _("Subscribe"),
                icon=":material/calendar_add_on:",
                key="subscribe",
                on_click=notices.ask,
                args=("subscribe",),
            )
        shown = span(view, _chosen_day(now), times.browser_zone())
        watch_workers()
        _steps(shown, now)
        _grid(shown, cron)


def _chosen_day(now: datetime) -> date:
    today = times.local(now).date()
    try:
        return clamped(date.fromisoformat(st.query_params.get("day", "")), today)
    except ValueError:
        return today


def _steps(shown: Span, now: datetime) -> None:
    today = times.local(now).date()

    def go(direction: int) -> None:
        # From the day of this moment, not of when the button was drawn: two quick clicks are two steps.
        st.query_params["day"] = stepped(shown.view, _chosen_day(now), direction, today).isoformat()

    def at_the_end(direction: int) -> bool:
        return stepped(shown.view, shown.day, direction, today) == shown.day

    def go_to_today() -> None:
        st.query_params.pop("day", None)

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            _("Earlier"),
            icon=":material/chevron_left:",
            on_click=go,
            args=(-1,),
            disabled=at_the_end(-1),
            key="earlier",
        )
        st.button(_("Today"), on_click=go_to_today, key="today")
        st.button(
            _("Later"),
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=go,
            args=(1,),
            disabled=at_the_end(1),
            key="later",
        )
        st.header(_heading(shown), anchor=False)


def _heading(shown: Span) -> str:
    if shown.view == "month":
        return capital(times.written(shown.day, "LLLL y"))
    if shown.view == "day":
        return capital(times.written(shown.day, "EEEE d MMMM y"))
    first, last = (times.written(day, "d MMM y") for day in (shown.days[0], shown.days[-1]))
    return f"{first} – {last}"


@st.fragment(run_every=REFRESH_SECONDS)
def _grid(shown: Span, cron: str | None) -> None:
    with problems.told():
        slots, now = shown.flat, database.clock()
        cells = calendar.read(slots, cron, shown=SHOWN[shown.view])
        edges = [slots[0].since, *(slot.until for slot in slots)]
        ahead = forecast(edges, now, cron, shown=SHOWN[shown.view])
        for cell, of_series in zip(cells, ahead, strict=True):
            cell.forecast = of_series
        grid(shown, cells, now, lambda asked: _acted(asked, shown, cron))


def _acted(asked: dict[str, Any], shown: Span, cron: str | None) -> None:
    with notices.told_later():
        _act(asked, shown, cron)


def _act(asked: dict[str, Any], shown: Span, cron: str | None) -> None:
    if asked["act"] == "day":
        st.query_params["view"], st.query_params["day"] = "day", asked["day"]
        st.session_state.pop("filter view", None)
        st.rerun()
    elif asked["act"] == "open":
        notices.ask("change", asked["id"])
    elif asked["act"] == "plan":
        instant = _instant_in(_known(shown, asked["slot"]), shown)
        if cron:
            notices.ask("plan", cron, None, instant)
        else:
            notices.ask("plan at", instant)
    elif asked["act"] == "move":
        _move(UUID(asked["id"]), _known(shown, asked["from"]), _known(shown, asked["to"]), shown)


def _known(shown: Span, written: str) -> calendar.Slot:
    found = next((slot for slot in shown.flat if slot.since.isoformat() == written), None)
    if found is None:
        raise Conflict("the calendar shows other days by now")
    return found


def _instant_in(slot: calendar.Slot, shown: Span) -> datetime:
    """What the dialog begins with: the hour's begin, or nine o'clock of a day, or what is soon."""
    start = slot.since
    if shown.view == "month":
        start = instant_of(datetime.combine(times.local(start).date(), MORNING), times.browser_zone())
    soon = database.clock() + timedelta(minutes=10)
    if start > soon:
        return start
    return (soon - timedelta(minutes=soon.minute % 5)).replace(second=0, microsecond=0)


def _move(schedule_id: UUID, before: calendar.Slot, after: calendar.Slot, shown: Span) -> None:
    schedule = schedules.get(schedule_id)
    if shown.view == "month":
        # To the same time of another day, by the reader's clock.
        there = times.local(schedule.scheduled_at).replace(tzinfo=None)
        day = times.local(after.since).date()
        target = instant_of(datetime.combine(day, there.time()), times.browser_zone())
    else:
        target = after.since + (schedule.scheduled_at - before.since)
    moved = schedules.change(actor(), schedule_id, scheduled_at=target)
    title = title_of_cron(moved.cron_name)
    told = _("Moved: {cron}, now {when}.").format(cron=title, when=times.day_and_time(moved.scheduled_at))
    offer_event(moved.event_id, told)


def _quiet(cron: str | None) -> None:
    label = _("Find a quiet slot")
    st.button(label, icon=":material/bedtime:", key="quiet", on_click=notices.ask, args=("quiet", cron))


page()
