"""Blackouts: periods without occurrences of series; listed, added, imported and removed."""

from datetime import datetime, time, timedelta
from uuid import UUID

import streamlit as st

from core import blackouts, database
from core.blackouts import Period
from core.calendar_file import read_ics
from core.catalogue import catalogue
from core.series import Blackout
from pages.parts import notices, problems, table, times
from pages.parts.acting import actor
from pages.parts.confirming import confirmed
from pages.parts.language import _, ngettext
from pages.parts.notices import fresh_key, still_there, toast_later
from pages.parts.numbers import number
from pages.parts.wall_times import stretch_fields
from pages.parts.words import named, plain, title_of_cron


def blackout_list() -> None:
    """Shows those under way and to come."""
    st.caption(_("In these periods no series has an occurrence. What is planned by hand runs all the same."))
    with st.container(horizontal=True, key="toolbar"):
        st.button(
            _("Add a blackout"),
            type="primary",
            icon=":material/add:",
            on_click=notices.ask,
            args=("add_blackout",),
        )
        label = _("Import from a calendar (.ics)")
        st.button(label, icon=":material/upload:", on_click=notices.ask, args=("import_blackouts",))
    found = blackouts.find()
    if not found:
        st.info(_("There is no blackout. Add one for a change freeze or a maintenance window."))
        return
    columns = [
        table.Column("name", _("Name"), heads=True),
        table.Column("from", _("From"), "narrow"),
        table.Column("until", _("Until"), "narrow"),
        table.Column("cron", _("Cron"), ""),
        table.actions_column(),
    ]
    table.table("blackouts", _("Blackouts"), columns, [_row(one) for one in found], notices.ask)


def _row(one: Blackout) -> table.Row:
    cron = title_of_cron(one.cron_name) if one.cron_name else _("All crons")
    return table.Row(
        id=str(one.id),
        name=one.name,
        cells={
            "name": [table.text(one.name, strong=True)],
            "from": [table.text(times.day_and_time(one.starts_at))],
            "until": [table.text(times.day_and_time(one.ends_at))],
            "cron": [table.text(cron, quiet=one.cron_name is None)],
            "actions": [table.actions(table.action("remove_blackout", _("Remove"), look="danger"))],
        },
    )


def add_blackout() -> None:
    """Opens the dialog that adds one."""
    st.dialog(_("Add a blackout"))(_add)(fresh_key("blackout"))


@problems.told()
def _add(key: str) -> None:
    name = st.text_input(_("Name"), placeholder=_("such as Change freeze"), key=f"{key} name")
    begin = datetime.combine(times.local(database.clock()).date() + timedelta(days=1), time())
    since, until = stretch_fields(begin, begin + timedelta(days=1), key)
    cron_name = _cron(key)
    st.caption(_("What series have pending in it is cancelled; they go on after it."))
    if confirmed(_("Add"), key, ready=bool(name.strip())):
        with problems.told():
            blackouts.add(actor(), [Period(name, since, until, cron_name)])
            toast_later(_("The blackout is added."))
            st.rerun()


def _cron(key: str) -> str | None:
    return st.selectbox(
        _("Cron"),
        sorted(catalogue().crons, key=title_of_cron),
        index=None,
        format_func=title_of_cron,
        placeholder=_("All crons"),
        key=f"{key} cron",
    )


def import_blackouts() -> None:
    """Opens the dialog that takes them from a calendar file."""
    st.dialog(_("Import blackouts"))(_import)(fresh_key("import"))


def _import(key: str) -> None:
    file = st.file_uploader(_("Calendar file (.ics)"), type="ics", key=f"{key} file")
    cron_name = _cron(key)
    periods: list[Period] = []
    if file is not None:
        with problems.told():
            missing = blackouts.missing(_read(file.getvalue(), cron_name))
            periods = missing.new
            told = ngettext("{} period to come", "{} periods to come", len(periods))
            st.markdown(f"**{told.format(number(len(periods)))}**")
            if missing.present:
                there = ngettext("{} is there already.", "{} are there already.", missing.present)
                st.caption(there.format(number(missing.present)))
            shown = [f"- {named(plain(one.name), _span(one))}" for one in periods[:10]]
            st.markdown("\n".join(shown) + ("\n- …" if len(periods) > 10 else ""))
    if confirmed(_("Import"), key, ready=bool(periods)):
        with problems.told():
            blackouts.add(actor(), periods)
            told = ngettext("{} blackout is added.", "{} blackouts are added.", len(periods))
            toast_later(told.format(number(len(periods))))
            st.rerun()


def _span(one: Period) -> str:
    return plain(f"{times.day_and_time(one.starts_at)} – {times.day_and_time(one.ends_at)}")


def _read(content: bytes, cron_name: str | None) -> list[Period]:
    text = content.decode("utf-8-sig", errors="replace")
    return read_ics(text, times.browser_zone().key, cron_name=cron_name)


def remove_blackout(blackout_id: UUID) -> None:
    """Opens the dialog that removes one.

    Raises:
        NotFound, Unavailable.
    """
    one = still_there(blackouts.find(), blackout_id)
    st.dialog(_("Remove this blackout?"))(_remove)(one, fresh_key("remove"))


def _remove(one: Blackout, key: str) -> None:
    period = Period(one.name, one.starts_at, one.ends_at)
    st.markdown(f"**{plain(one.name)}**, {_span(period)}")
    st.markdown(_("Series have occurrences in it again, but for those that are planned already after it."))
    if confirmed(_("Remove"), key, danger=True):
        with problems.told():
            blackouts.remove(actor(), one.id)
            toast_later(_("The blackout is removed."))
            st.rerun()
