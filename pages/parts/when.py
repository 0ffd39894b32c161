"""Choosing an instant by the browser's clock, on days when the clocks change too."""

from datetime import UTC, datetime, time, timedelta

import streamlit as st

from core import database, wallclock
from core.instants import FURTHEST_AHEAD
from pages.parts import times
from pages.parts.date_field import EARLIEST, LATEST
from pages.parts.language import _
from pages.parts.remembered import remembered
from pages.parts.words import named

AT_LEAST_AHEAD = timedelta(minutes=1)
TONIGHT = time(22)
MORNING = time(9)


def choose_instant(key: str, start: datetime | None = None, *, planned: bool = False) -> datetime | None:
    """Shows date, time and shortcuts.

    Args:
        key: names the fields.
        start: what they show at first; in an hour where it is not given.
        planned: it is planned for then already: left as it is, it may be as near as it likes.

    Returns:
        The instant, in UTC; None while what is chosen cannot be planned, which is said.
    """
    where, now = times.browser_zone(), database.clock()
    _shortcuts(key, now)
    first = times.local(start or _full_minute(now + timedelta(hours=1))).replace(tzinfo=None)
    with st.container(horizontal=True):
        day = st.date_input(
            _("Date"),
            value=remembered(f"{key} date", first.date()),
            key=f"{key} date",
            format=times.date_format(),
            min_value=EARLIEST,
            max_value=LATEST,
        )
        clock = st.time_input(
            _("Time ({zone})").format(zone=where.key),
            value=remembered(f"{key} time", first.time().replace(microsecond=0)),
            key=f"{key} time",
            step=timedelta(seconds=1),
        )
    wall = datetime.combine(day, clock)
    # There even when it is empty: what stands below keeps its place, and the keyboard stays in its field.
    with st.container():
        if start is not None and wall == first.replace(microsecond=0):
            return start if planned else _checked(start, now)
        return _checked(_instant(wall, key), now)


def _full_minute(instant: datetime) -> datetime:
    return (instant + timedelta(seconds=59)).replace(second=0, microsecond=0)


def _shortcuts(key: str, now: datetime) -> None:
    today = times.local(now).replace(tzinfo=None)
    tomorrow = today.date() + timedelta(days=1)
    choices = {
        _("in 1 hour"): times.local(_full_minute(now + timedelta(hours=1))).replace(tzinfo=None),
        _("tonight {time}").format(time="22:00"): datetime.combine(today.date(), TONIGHT),
        _("tomorrow {time}").format(time="09:00"): datetime.combine(tomorrow, MORNING),
    }

    def take(wall: datetime) -> None:
        st.session_state[f"{key} date"] = wall.date()
        st.session_state[f"{key} time"] = wall.time()

    with st.container(horizontal=True, gap="xsmall", key=f"{key} shortcuts"):
        for place, (label, wall) in enumerate(choices.items()):
            past = wall < today + AT_LEAST_AHEAD
            st.button(label, key=f"{key} shortcut {place}", on_click=take, args=(wall,), disabled=past)


def _instant(wall: datetime, key: str) -> datetime | None:
    where = times.browser_zone()
    instants = wallclock.instants_of(wall, where)
    if len(instants) == 1:
        return instants[0]
    if instants:
        return _one_of_two(wall, instants, key)
    follows = wallclock.next_that_exists(wall, where)
    st.error(
        _(
            "On this day the clocks in {zone} are put forward and never show {time}. "
            "The next time that exists is {next}."
        ).format(zone=where.key, time=times.time_of_day(wall), next=times.time_of_day(follows)),
        icon=":material/schedule:",
    )

    def take() -> None:
        st.session_state[f"{key} date"] = follows.date()
        st.session_state[f"{key} time"] = follows.time()

    label = _("Take {time}").format(time=times.time_of_day(follows))
    st.button(label, key=f"{key} next that exists", on_click=take)
    return None


def _one_of_two(wall: datetime, instants: list[datetime], key: str) -> datetime | None:
    words = [_("the first"), _("the second")]

    def written(place: int) -> str:
        return named(words[place], f"{times.zone_name(instants[place])}, {instants[place]:%H:%M} UTC")

    chosen = st.radio(
        _("The clocks are put back on this day and show {time} twice. Which one is meant?").format(
            time=times.time_of_day(wall)
        ),
        [0, 1],
        index=None,
        format_func=written,
        key=f"{key} which {wall.isoformat()}",
    )
    return None if chosen is None else instants[chosen]


def _checked(instant: datetime | None, now: datetime) -> datetime | None:
    if instant is None:
        return None
    if instant <= now:
        st.error(_("This time has passed: choose one to come."), icon=":material/schedule:")
    elif instant > now + FURTHEST_AHEAD:
        st.error(_("This is more than ten years ahead: choose a nearer day."), icon=":material/schedule:")
    elif instant < now + AT_LEAST_AHEAD:
        earliest = times.time_of_day(times.local(_full_minute(now + AT_LEAST_AHEAD)))
        st.error(
            _("Plan at least one minute ahead, {time} at the earliest, or use Run now.").format(
                time=earliest
            ),
            icon=":material/schedule:",
        )
    else:
        return instant.astimezone(UTC)
    return None
