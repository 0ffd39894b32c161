"""The forms that make a series, and change one; what it would do stands beside them."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import streamlit as st

from core import database, series, wallclock
from core.catalogue import Cron, catalogue
from core.errors import CrondeskError
from core.recurrence import Pattern, in_words, instants, parse_pattern
from core.series import Changes, Series
from pages.parts import notices, problems, times
from pages.parts.acting import actor
from pages.parts.language import _, language
from pages.parts.parameters import Edited, parameters_editor
from pages.parts.preset_choice import begin_with, keep
from pages.parts.remembered import forget
from pages.parts.series_fields import Wanted, series_fields
from pages.parts.words import capital, plain, repeats, title_of_cron

KEY = "series"


def new_series(cron_name: str | None, like: UUID | None = None) -> None:
    """Shows the form that makes a series.

    Args:
        cron_name: the cron that is chosen at first.
        like: the series that the form shows at first.

    Raises:
        NotFound, Unavailable.
    """
    start = _seen(like) if like else None
    st.title(_("New series"), anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        chosen = _cron(start.cron_name if start else cron_name)
        if chosen is None:
            st.info(_("Choose what shall run."))
            return
        cron = catalogue().cron(chosen)
        edited = _parameters(cron, start if start and start.cron_name == chosen else None)
        wanted = _when(chosen, start)
    with right:
        ready = _foreseen(wanted, edited, lambda: _instants(wanted, chosen), chosen)
        if st.button(_("Create the series"), type="primary", disabled=not ready, key="create"):
            with problems.told():
                made = series.create(actor(), chosen, **wanted.given(edited.latest or {}))
                notices.toast_later(_("The series is created, and its first run planned."))
                notices.go("series", id=str(made.id))


def changed_series(series_id: UUID) -> None:
    """Shows the form that changes a series.

    Raises:
        NotFound: there is none of that id, or its cron has left the catalogue.
        Unavailable.
    """
    start = _seen(series_id)
    cron = catalogue().cron(start.cron_name)
    st.title(plain(_("Change: {cron}").format(cron=title_of_cron(cron.name))), anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        edited = _parameters(cron, start)
        wanted = _when(cron.name, start)
    given = _different(start, wanted, edited)
    with right:
        st.caption(plain(_("Until now: {when}").format(when=repeats(start))))
        ready = _foreseen(wanted, edited, lambda: series.preview_change(start.id, **given), cron.name)
        if start.status == "active":
            st.caption(
                _(
                    "Its next run is planned anew. "
                    "One that was moved or edited by hand, or is due already, stays."
                )
            )
        if st.button(_("Save"), type="primary", disabled=not (ready and given), key="save"):
            with problems.told():
                series.change(actor(), start.id, **given)
                notices.toast_later(_("The series is changed."))
                notices.go("series", id=str(start.id))


def begin_anew() -> None:
    """Lets the forms begin anew the next time."""
    forget(f"{KEY} ")


def _seen(series_id: UUID) -> Series:
    # Read once: what somebody else changes meanwhile is not taken for this reader's wish.
    key = f"{KEY} seen {series_id}"
    if key not in st.session_state:
        st.session_state[key] = series.get(series_id)
    found: Series = st.session_state[key]
    return found


def _cron(cron_name: str | None) -> str | None:
    names = sorted(catalogue().crons, key=title_of_cron)
    index = names.index(cron_name) if cron_name in names else None

    def keep_in_address() -> None:
        st.query_params["new"] = st.session_state[f"{KEY} cron"] or ""

    return st.selectbox(
        _("Cron"),
        names,
        index=index,
        format_func=title_of_cron,
        placeholder=_("Choose a cron"),
        key=f"{KEY} cron",
        on_change=keep_in_address,
    )


def _parameters(cron: Cron, start: Series | None) -> Edited:
    key = f"{KEY} {cron.name}"
    own = start.parameters if start else None
    edited = parameters_editor(cron, begin_with(cron, own, key, in_dialog=False), key, in_dialog=False)
    keep(cron, edited, key, in_dialog=False)
    return edited


def _when(cron_name: str, start: Series | None) -> Wanted:
    st.subheader(_("When"), anchor=False)
    return series_fields(cron_name, start)


def _different(start: Series, wanted: Wanted, edited: Edited) -> Changes:
    """What the form says otherwise than the series."""
    if wanted.pattern is None or edited.latest is None:
        return {}
    given = wanted.given(edited.latest)
    return {name: value for name, value in given.items() if not _same(value, getattr(start, name))}  # type: ignore[return-value]


def _same(one: Any, other: Any) -> bool:
    # Of what is JSON, true is no 1, though Python finds them equal.
    return bool(one == other) and (not isinstance(one, dict) or _json(one) == _json(other))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _instants(wanted: Wanted, cron_name: str) -> list[datetime]:
    return series.preview(
        wanted.pattern,
        wanted.timezone,
        cron_name=cron_name,
        first=wanted.first,
        repeat_until=wanted.repeat_until,
        repeat_count=wanted.repeat_count,
        excluded_dates=wanted.excluded,
    )


def _foreseen(wanted: Wanted, edited: Edited, ahead: Callable[[], list[datetime]], cron_name: str) -> bool:
    """Shows the series in words, its next instants, and what is wrong; whether it can be kept so."""
    fine = _preview(wanted, ahead, cron_name)
    wrong = list(dict.fromkeys([*wanted.problems, *edited.problems]))
    for problem in wrong:
        st.error(plain(problem), icon=":material/error:")
    return fine and not wrong


def _preview(wanted: Wanted, ahead: Callable[[], list[datetime]], cron_name: str) -> bool:
    if wanted.pattern is None:
        return False
    with st.container(border=True, key="next instants"):
        try:
            pattern = parse_pattern(wanted.pattern)
            moments = ahead()
        except CrondeskError as error:
            st.error(plain(problems.sentence_of(error)), icon=":material/error:")
            return False
        said = in_words(pattern, wanted.timezone, language())
        st.markdown(f"**{plain(capital(said))}**")
        if not moments:
            st.error(_("It never happens."), icon=":material/error:")
            return False
        st.caption(_("Next runs"))
        st.markdown(listed(moments, wanted.timezone))
        _left_out(pattern, wanted, cron_name, moments[-1])
        return True


def _left_out(pattern: Pattern, wanted: Wanted, cron_name: str, last: datetime) -> None:
    """Says which blackouts keep runs away until the last one that is listed."""
    where, now = wallclock.zone(wanted.timezone), database.clock()
    begin = max(now, wanted.first or now)
    for period in series.blackouts_of(cron_name):
        after = max(period.starts_at - timedelta(microseconds=1), begin)
        kept_away = next(instants(pattern, where, begin.astimezone(where).date(), after), last)
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
