"""The dialog that finds a quiet slot between two hours, and leads on to planning there."""

from datetime import date, datetime, time, timedelta

import streamlit as st

from core import database
from core.catalogue import catalogue
from core.quiet import Quiet, quietest
from core.wallclock import instant_of
from pages.parts import notices, problems, times
from pages.parts.date_field import date_within
from pages.parts.language import _, ngettext
from pages.parts.words import plain, title_of_cron

EVENING, MORNING = time(20), time(7)


def find_quiet(cron_name: str | None) -> None:
    """Opens the dialog; it begins with the night to come."""
    st.dialog(_("Find a quiet slot"), width="medium")(_find)(cron_name, notices.fresh_key("quiet"))


def _find(cron_name: str | None, key: str) -> None:
    st.caption(
        _("Quietest first: by what is planned, what series will plan, and how long each cron usually takes.")
    )
    names = sorted(catalogue().crons, key=title_of_cron)
    chosen = st.selectbox(
        _("Cron"),
        names,
        index=names.index(cron_name) if cron_name in names else None,
        format_func=title_of_cron,
        placeholder=_("Any cron"),
        key=f"{key} cron",
    )
    with problems.told():
        now = database.clock()
        today = times.local(now).date()
        with st.container(horizontal=True):
            day = date_within(_("Date"), today, f"{key} day", today)
            with st.container(horizontal=True, width=320):
                begin = st.time_input(_("Between"), EVENING, step=timedelta(minutes=15), key=f"{key} begin")
                end = st.time_input(_("and"), MORNING, step=timedelta(minutes=15), key=f"{key} end")
        if day is None:
            return
        since, until = _between(day, begin, end)
        if until <= now + timedelta(minutes=6):
            st.error(_("This time has passed: choose one to come."), icon=":material/schedule:")
            return
        with st.spinner(_("Looking for quiet slots…")):
            found = quietest(since, until, chosen)
        for place, quiet in enumerate(found):
            _proposal(quiet, chosen, f"{key} take {place}")


def _between(day: date, begin: time, end: time) -> tuple[datetime, datetime]:
    """An end that is not later on the clock is the next day's."""
    where = times.browser_zone()
    last = day if end > begin else day + timedelta(days=1)
    return instant_of(datetime.combine(day, begin), where), instant_of(datetime.combine(last, end), where)


def _proposal(quiet: Quiet, cron_name: str | None, key: str) -> None:
    when = times.day_and_time(quiet.at)
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f"**{plain(when)}**  \n{plain(_told(quiet))}", width="stretch")
        if st.button(_("Schedule"), key=key):
            if cron_name:
                notices.ask("plan", cron_name, None, quiet.at)
            else:
                notices.ask("plan at", quiet.at)


def _told(quiet: Quiet) -> str:
    if quiet.nearest is None:
        return _("Nothing else is planned around it.")
    if quiet.under_way == 0:
        load = _("Nothing else is under way then")
    else:
        load = ngettext(
            "{} other run is usually under way", "{} other runs are usually under way", quiet.under_way
        )
        load = load.format(quiet.under_way)
    gap = times.spelled_out(quiet.nearest)
    return _("{load}; the nearest other run begins {gap} away.").format(load=load, gap=gap)
