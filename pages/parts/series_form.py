"""The form that makes a series: what repeats, in which zone, until when, and what happens to what is late."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, cast

import streamlit as st

from core import database, series, wallclock
from core.catalogue import catalogue
from core.errors import CrondeskError
from core.recurrence import Pattern, in_words, instants, parse_pattern
from core.schedules import LatePolicy
from core.series import Missed
from pages.parts import notices, problems, times
from pages.parts.acting import actor
from pages.parts.choice import one_of
from pages.parts.language import _, language, marked
from pages.parts.lateness import deadline
from pages.parts.number_field import OUTSIDE, number_within
from pages.parts.parameters import Edited, parameters_editor
from pages.parts.pattern_fields import pattern_fields
from pages.parts.remembered import forget
from pages.parts.words import capital, plain, title_of_cron

KEY = "series"
MAX_RUNS = 1_000_000
ENDS = {"never": marked("Never"), "until": marked("On a day"), "count": marked("After a number of runs")}
MISSED = {"one": marked("Once"), "all": marked("Every missed one, the newest first")}


@dataclass(slots=True)
class _Wanted:
    pattern: dict[str, Any] | None
    timezone: str
    repeat_until: datetime | None = None
    repeat_count: int | None = None
    excluded: list[date] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def series_form(cron_name: str | None) -> None:
    """Shows the form.

    Args:
        cron_name: the cron that is chosen at first.
    """
    st.title(_("New series"), anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        chosen = _cron(cron_name)
        if chosen is None:
            st.info(_("Choose what shall run."))
            return
        edited = parameters_editor(catalogue().crons[chosen], {}, f"{KEY} {chosen}", in_dialog=False)
        st.subheader(_("When"), anchor=False)
        wanted = _Wanted(pattern_fields(), _zone())
        _end(wanted)
        wanted.excluded = _excluded(wanted, chosen)
        late, missed = _lateness()
        if wanted.pattern is None or late is None:
            wanted.problems.append(_(OUTSIDE))
    with right:
        fine = _preview(wanted, chosen)
        for problem in dict.fromkeys([*wanted.problems, *edited.problems]):
            st.error(plain(problem), icon=":material/error:")
        ready = fine and not wanted.problems and not edited.problems
        pressed = st.button(_("Create the series"), type="primary", disabled=not ready, key="create")
        if pressed and wanted.pattern is not None and late is not None:
            _create(chosen, wanted, wanted.pattern, edited, *late, missed)


def begin_anew() -> None:
    """Lets the form begin anew the next time."""
    forget(f"{KEY} ")


def _cron(cron_name: str | None) -> str | None:
    names = sorted(catalogue().crons, key=title_of_cron)
    index = names.index(cron_name) if cron_name in names else None

    def keep() -> None:
        st.query_params["new"] = st.session_state[f"{KEY} cron"] or ""

    return st.selectbox(
        _("Cron"),
        names,
        index=index,
        format_func=title_of_cron,
        placeholder=_("Choose a cron"),
        key=f"{KEY} cron",
        on_change=keep,
    )


def _zone() -> str:
    zones = sorted(wallclock.zone_names())
    here = times.browser_zone().key
    label = _("Time zone")
    return st.selectbox(label, zones, index=zones.index(here) if here in zones else None, key="zone") or here


def _end(wanted: _Wanted) -> None:
    words = {way: _(word) for way, word in ENDS.items()}
    way = one_of(_("Ends"), words, "never", "ends")
    if way == "count":
        wanted.repeat_count = number_within(_("Number of runs"), 1, MAX_RUNS, 10, "count")
        if wanted.repeat_count is None:
            wanted.problems.append(_(OUTSIDE))
    elif way == "until":
        where = wallclock.zone(wanted.timezone)
        today = datetime.now(where).date()
        day = st.date_input(
            _("Last day"),
            today + timedelta(days=30),
            min_value=today,
            format=times.date_format(),
            key="until",
        )
        if isinstance(day, date):
            wanted.repeat_until = datetime.combine(day, time.max, where)


def _excluded(wanted: _Wanted, cron_name: str) -> list[date]:
    where = wallclock.zone(wanted.timezone)
    ahead: list[datetime] = []
    if wanted.pattern is not None:
        with suppress(CrondeskError):
            ahead = series.preview(wanted.pattern, wanted.timezone, cron_name=cron_name, count=60)
    days = list(dict.fromkeys(instant.astimezone(where).date().isoformat() for instant in ahead))
    chosen = st.multiselect(
        _("Except on"),
        days,
        format_func=_day,
        accept_new_options=True,
        placeholder=_("Choose days, or write one such as 2030-12-25"),
        key="excluded",
    )
    found = []
    for day in chosen:
        try:
            found.append(_read(day))
        except ValueError:
            told = _("“{}” is no day: write it such as 2030-12-25.")
            wanted.problems.append(told.format(day))
    return found


def _day(written: str) -> str:
    try:
        return times.date_in_words(_read(written))
    except ValueError:
        return written


def _read(written: str) -> date:
    # Elsewhere than in French a month may come before the day.
    if language() == "fr" and "/" in written:
        return datetime.strptime(written, "%d/%m/%Y").date()  # noqa: DTZ007  a day, by no clock
    return date.fromisoformat(written)


def _lateness() -> tuple[tuple[timedelta | None, LatePolicy] | None, Missed]:
    with st.expander(_("When it could not run in time")):
        words = {way: _(word) for way, word in MISSED.items()}
        missed = st.radio(
            _("After an outage it runs"), list(words), format_func=words.get, horizontal=True, key="missed"
        )
        late = deadline()
    return late, cast(Missed, missed)


def _preview(wanted: _Wanted, cron_name: str) -> bool:
    if wanted.pattern is None:
        return False
    with st.container(border=True, key="next instants"):
        try:
            pattern = parse_pattern(wanted.pattern)
            ahead = series.preview(
                wanted.pattern,
                wanted.timezone,
                cron_name=cron_name,
                repeat_until=wanted.repeat_until,
                repeat_count=wanted.repeat_count,
                excluded_dates=wanted.excluded,
            )
        except CrondeskError as error:
            st.error(plain(problems.sentence_of(error)), icon=":material/error:")
            return False
        said = in_words(pattern, wanted.timezone, language())
        st.markdown(f"**{plain(capital(said))}**")
        if not ahead:
            st.error(_("It never happens."), icon=":material/error:")
            return False
        st.caption(_("Next runs"))
        st.markdown(listed(ahead, wanted.timezone))
        _left_out(pattern, wanted, cron_name, ahead[-1])
        return True


def _left_out(pattern: Pattern, wanted: _Wanted, cron_name: str, last: datetime) -> None:
    """Says which blackouts keep runs away until the last one that is listed."""
    where, now = wallclock.zone(wanted.timezone), database.clock()
    today = now.astimezone(where).date()
    for period in series.blackouts_of(cron_name):
        begin = max(period.starts_at - timedelta(microseconds=1), now)
        kept_away = next(instants(pattern, where, today, begin), last)
        if kept_away < min(period.ends_at, last):
            told = _("None in the blackout “{name}”, from {begin} until {end}.").format(
                name=period.name,
                begin=times.day_and_time_in(period.starts_at, where),
                end=times.day_and_time_in(period.ends_at, where),
            )
            st.caption(plain(told))


def listed(moments: Sequence[datetime], timezone: str) -> str:
    """Instants as a numbered list by the clocks of a zone, and beside it by the browser's."""
    where = wallclock.zone(timezone)
    lines = []
    for instant in moments:
        there = times.day_and_time_in(instant, where)
        here = times.day_and_time(instant)
        lines.append(f"1. {plain(there)}" + (f" ({plain(here)})" if here != there else ""))
    return "\n".join(lines)


def _create(
    cron_name: str,
    wanted: _Wanted,
    pattern: dict[str, Any],
    edited: Edited,
    fire_within: timedelta | None,
    policy: LatePolicy,
    missed: Missed,
) -> None:
    with problems.told():
        made = series.create(
            actor(),
            cron_name,
            pattern,
            wanted.timezone,
            parameters=edited.latest or {},
            repeat_until=wanted.repeat_until,
            repeat_count=wanted.repeat_count,
            excluded_dates=wanted.excluded,
            missed=missed,
            fire_within=fire_within,
            late_policy=policy,
        )
        notices.toast_later(_("The series is created, and its first run planned."))
        notices.go("series", id=str(made.id))
