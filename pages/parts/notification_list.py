"""What was sent, what waits, and what was not sent, with why."""

import streamlit as st

from core.notifications import outbox
from core.notifications.outbox import Notification, State
from pages.parts import filters, problems, table, times
from pages.parts.language import _, marked, ngettext
from pages.parts.numbers import number
from pages.parts.rewording import reworded
from pages.parts.rule_list import EVENTS
from pages.parts.words import title_of_cron

REFRESH_SECONDS = 5
SHOWN = 200
STATES: dict[State, str] = {
    "sent": marked("Sent"),
    "waiting": marked("Waiting"),
    "not sent": marked("Not sent"),
}
COLOURS: dict[State, str] = {"sent": "green", "waiting": "blue", "not sent": "red"}


def notification_list() -> None:
    """Shows them, the latest first."""
    states: dict[str, str] = {"all": _("All"), **{state: _(label) for state, label in STATES.items()}}
    chosen = filters.choice("state", _("Status"), states, "all")
    _rows(next((state for state in STATES if state == chosen), None))


@st.fragment(run_every=REFRESH_SECONDS)
def _rows(state: State | None) -> None:
    with problems.told():
        found = outbox.find(state=state, limit=SHOWN)
        if not found:
            st.info(_("Nothing here. Rules say what is told to whom; channels say how it gets there."))
            return
        told = ngettext("{} notification", "{} notifications", len(found))
        if len(found) == SHOWN:
            told = _("The latest {} notifications")
        st.caption(told.format(number(len(found))))
        columns = [
            table.Column("state", _("Status"), "narrow"),
            table.Column("what", _("What"), heads=True),
            table.Column("channel", _("Channel")),
            table.Column("when", _("When"), "narrow"),
            table.Column("why", _("Reason"), "clip"),
        ]
        table.table("notifications", _("Notifications"), columns, [_row(one) for one in found])


def _row(one: Notification) -> table.Row:
    kind = _(EVENTS.get(one.kind, marked("Test")))
    cron = [table.text(title_of_cron(one.cron_name), go=_leads_to(one))] if one.cron_name else []
    when = [table.text(times.day_and_time(one.sent_at or one.created_at))]
    if one.state == "waiting" and one.attempts:
        when.append(table.text(_("again at {when}").format(when=times.day_and_time(one.due_at)), quiet=True))
    return table.Row(
        id=str(one.id),
        name=f"{kind}, {times.day_and_time(one.created_at)}",
        cells={
            "state": [{"kind": "badge", "text": _(STATES[one.state]), "colour": COLOURS[one.state]}],
            "what": [table.text(kind, strong=True), *cron],
            "channel": [table.text(one.channel or _("removed"), quiet=one.channel is None)],
            "when": when,
            "why": _why(one),
        },
    )


def _why(one: Notification) -> list[table.Part]:
    if one.error:
        return [table.text(reworded(one.error), bad=True)]
    if one.state == "waiting" and not one.attempts:
        return [table.text(_("no worker has tried yet"), quiet=True)]
    return []


def _leads_to(one: Notification) -> table.Part | None:
    if one.execution_id:
        return table.to("executions", id=str(one.execution_id))
    return table.to("scheduled", id=str(one.schedule_id)) if one.schedule_id else None
