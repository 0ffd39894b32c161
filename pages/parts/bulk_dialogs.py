"""The dialogs that cancel or move everything that a filter matches, with the count shown first."""

from datetime import datetime, timedelta

import streamlit as st

from core import bulk
from core.bulk import Act, Matching
from core.schedules import Filter
from pages.parts import problems, times
from pages.parts.acting import actor
from pages.parts.choice import one_of
from pages.parts.confirming import confirmed
from pages.parts.language import _, marked, ngettext
from pages.parts.notices import fresh_key, toast_later
from pages.parts.number_field import number_within
from pages.parts.numbers import number
from pages.parts.taking_back import offer_act
from pages.parts.when import choose_instant
from pages.parts.words import plain, title_of_cron

UNITS = {
    "minutes": (marked("minutes"), timedelta(minutes=1)),
    "hours": (marked("hours"), timedelta(hours=1)),
    "days": (marked("days"), timedelta(days=1)),
}
FURTHEST = 10_000
WAYS = {"later": marked("Later"), "earlier": marked("Earlier"), "to": marked("To a set time")}


def cancel_all(wanted: Filter) -> None:
    """Opens the dialog that cancels everything pending that matches."""
    st.dialog(_("Cancel all these runs?"))(_cancel)(wanted, fresh_key("cancel all"))


def move_all(wanted: Filter) -> None:
    """Opens the dialog that moves everything pending that matches."""
    st.dialog(_("Move all these runs?"), width="medium")(_move)(wanted, fresh_key("move all"))


def _cancel(wanted: Filter, key: str) -> None:
    with problems.told():
        matching = bulk.count_matching(wanted)
        _described(wanted)
        told = ngettext("{} run will be cancelled.", "{} runs will be cancelled.", matching.free)
        st.markdown(
            f"**{told.format(number(matching.free))}** " + _("You can undo this for 30\u00a0seconds.")
        )
        _being_fired(matching)
        label = ngettext("Cancel {} run", "Cancel {} runs", matching.free).format(number(matching.free))
        if confirmed(label, key, ready=matching.free > 0, danger=True, leave=_("Keep them")):
            with st.spinner(label):
                act = bulk.cancel_matching(actor(), wanted)
            done = ngettext("{} run cancelled.", "{} runs cancelled.", act.changed)
            _done(act, done.format(number(act.changed)))


def _move(wanted: Filter, key: str) -> None:
    with problems.told():
        _described(wanted)
        by, to = _where_to(key)
        if by is None and to is None:
            confirmed(_("Move"), key, ready=False)
            return
        matching = bulk.count_matching(wanted, by=by, to=to)
        told = ngettext("{} run will be moved.", "{} runs will be moved.", matching.free).format(
            number(matching.free)
        )
        st.markdown(f"**{told}** " + _("You can undo this for 30\u00a0seconds."))
        _being_fired(matching, moved=True)
        label = ngettext("Move {} run", "Move {} runs", matching.free).format(number(matching.free))
        if confirmed(label, key, ready=matching.free > 0):
            with st.spinner(label):
                act = bulk.move_matching(actor(), wanted, by=by, to=to)
            done = ngettext("{} run moved.", "{} runs moved.", act.changed)
            _done(act, done.format(number(act.changed)))


def _described(wanted: Filter) -> None:
    lines = [_("Everything pending")]
    if wanted.cron_name:
        lines.append(_("of the cron “{}”").format(title_of_cron(wanted.cron_name)))
    if wanted.since:
        lines.append(_("from {}").format(times.day_and_time(wanted.since)))
    if wanted.until:
        lines.append(_("before {}").format(times.day_and_time(wanted.until)))
    if wanted.search:
        lines.append(_("that matches “{}”").format(wanted.search))
    st.caption(plain(" ".join(lines)))


def _where_to(key: str) -> tuple[timedelta | None, datetime | None]:
    words = {way: _(word) for way, word in WAYS.items()}
    way = one_of(_("Where to"), words, "later", f"{key} way", label_shown=False)
    if way == "to":
        return None, choose_instant(key)
    units = {unit: _(word) for unit, (word, _length) in UNITS.items()}
    with st.container(horizontal=True):
        count = number_within(_("By"), 1, FURTHEST, 30, f"{key} count")
        unit = st.selectbox(
            _("Unit"), list(units), format_func=lambda chosen: units[chosen], key=f"{key} unit"
        )
    if count is None:
        return None, None
    length = count * UNITS[unit][1]
    return (length if way == "later" else -length), None


def _being_fired(matching: Matching, *, moved: bool = False) -> None:
    if not matching.too_late:
        return
    if moved:
        told = ngettext(
            "{} is not moved: it is starting right now, or its new time would have passed.",
            "{} are not moved: they are starting right now, or their new time would have passed.",
            matching.too_late,
        )
    else:
        told = ngettext(
            "{} is starting right now and stays.",
            "{} are starting right now and stay.",
            matching.too_late,
        )
    st.warning(told.format(number(matching.too_late)), icon=":material/warning:")


def _done(act: Act, told: str) -> None:
    if act.too_late:
        late = ngettext("For {} run it was too late.", "For {} runs it was too late.", act.too_late)
        told += " " + late.format(number(act.too_late))
    if act.changed:
        offer_act(act, told)
    else:
        toast_later(told)
    st.rerun()
