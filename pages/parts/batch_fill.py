"""Rows of a batch that fill a stretch of time: every ten minutes, or spread, never too many together."""

from datetime import datetime, time, timedelta

import streamlit as st

from core import database, filling
from core.catalogue import catalogue
from core.errors import Invalid
from core.parameters import Parameters
from core.schedules import MAX_BATCH
from pages.parts import address, times
from pages.parts.address import is_news
from pages.parts.choice import one_of
from pages.parts.drafts import Draft
from pages.parts.language import _, marked
from pages.parts.number_field import number_within
from pages.parts.parameters import parameters_editor
from pages.parts.preset_choice import begin_with, keep
from pages.parts.remembered import forget
from pages.parts.wall_times import stretch_fields
from pages.parts.words import title_of_cron

EVENING, MORNING = time(22), time(6)
KEY = "fill"
CRONS = f"{KEY} crons"
WAYS = {"again": marked("Again and again"), "once": marked("Spread evenly")}


def rows() -> list[Draft]:
    """Shows what to fill a stretch of time with.

    Returns:
        The rows that come of it.
    """
    names = _crons()
    parameters: Parameters | str = {}
    if len(names) == 1:
        cron = catalogue().crons[names[0]]
        with st.container(border=True):
            key = f"{KEY} {cron.name}"
            start = begin_with(cron, None, key, in_dialog=False)
            edited = parameters_editor(cron, start, key, in_dialog=False)
            keep(cron, edited, key, in_dialog=False)
            parameters = edited.latest or {}
    elif names:
        st.caption(_("Each of them runs with the defaults of the catalogue."))
    begin, end = _stretch()
    with st.container(horizontal=True, vertical_alignment="top"):
        words = {way: _(word) for way, word in WAYS.items()}
        usual = "once" if len(names) > 1 else "again"
        way = one_of(_("How"), words, usual, f"{KEY} way", lasting=True)
        with st.container(horizontal=True, width="content", key="paired counts"):
            if way == "again":
                count = _number(_("Every (minutes)"), 10_080, 10, "every")
            else:
                count = _number(_("Runs of each"), MAX_BATCH, 1, "copies")
            # What runs again and again may begin together; what is spread begins one by one.
            most = max(1, len(names)) if way == "again" else 1
            together = _number(_("At the same time, at most"), 1000, most, f"together {way} {len(names)}")
    if not names:
        st.info(_("Choose what shall run."))
        return []
    if count is None or together is None:
        return []
    try:
        if way == "again":
            placed = filling.again(begin, end, timedelta(minutes=count), len(names), together)
        else:
            placed = filling.once(begin, end, len(names) * count, together)
    except Invalid as error:
        st.error(_told(error), icon=":material/error:")
        return []
    return [
        Draft(place, names[run % len(names)], instant, parameters)
        for place, (instant, run) in enumerate(placed, 1)
    ]


def begin_anew() -> None:
    """Empties the form: its rows are planned, or in the grid."""
    forget(f"{KEY} ")


def _number(label: str, most: int, start: int, name: str) -> int | None:
    return number_within(label, 1, most, start, f"{KEY} {name}", lasting=True, width=150)


def _told(error: Invalid) -> str:
    if error.message.startswith("until"):
        return _("The end lies before the beginning.")
    return _("This makes more than {} runs at once: choose fewer.").format(MAX_BATCH)


def _crons() -> list[str]:
    known = sorted(catalogue().crons, key=title_of_cron)
    if is_news(CRONS, "crons"):
        asked = st.query_params.get("crons", "").split(",")
        st.session_state[CRONS] = [name for name in asked if name in known]

    def kept() -> None:
        address.keep(CRONS, {"crons": ",".join(st.session_state[CRONS]) or None})

    return st.multiselect(
        _("Crons"),
        known,
        format_func=title_of_cron,
        default=[name for name in st.session_state[CRONS] if name in known],
        placeholder=_("Choose one or several"),
        key=CRONS,
        on_change=kept,
    )


def _stretch() -> tuple[datetime, datetime]:
    now = times.local(database.clock()).replace(tzinfo=None)
    evening = datetime.combine(now.date(), EVENING)
    begin = evening if evening > now else evening + timedelta(days=1)
    end = datetime.combine(begin.date() + timedelta(days=1), MORNING)
    return stretch_fields(begin, end, KEY)
