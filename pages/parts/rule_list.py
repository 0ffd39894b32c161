"""Rules: what is told to which channel; listed, added, changed and removed."""

from uuid import UUID

import streamlit as st

from core.catalogue import catalogue
from core.notifications import channels, rules
from core.notifications.kinds import EVENTS as KINDS
from core.notifications.kinds import LANGUAGES, Language
from core.notifications.rules import MAX_FAILURES, MAX_REMIND_MINUTES, Rule, Wish
from core.wallclock import zone_names
from pages.parts import notices, problems, table, times
from pages.parts.acting import actor
from pages.parts.choice import one_of
from pages.parts.confirming import confirmed
from pages.parts.language import _, language, marked, ngettext
from pages.parts.notices import fresh_key, still_there, toast_later
from pages.parts.number_field import number_within
from pages.parts.words import title_of_cron

EVENTS: dict[str, str] = {
    "failed": marked("Failure"),
    "recovered": marked("Works again"),
    "missed": marked("Did not run"),
    "slow": marked("Took longer than usual"),
    "triggered": marked("Started as planned"),
    "completed": marked("Success"),
    "reminder": marked("Reminder before a run"),
    "alert": marked("Alert about the whole"),
}
SCOPES = {"all": marked("All crons"), "cron": marked("One cron"), "tag": marked("A tag")}
NAMES_OF_LANGUAGES = {"en": marked("English"), "fr": marked("French")}


def rule_list() -> None:
    """Shows them."""
    some = bool(channels.find())
    with st.container(horizontal=True, key="toolbar"):
        st.button(
            _("Add a rule"),
            type="primary",
            icon=":material/add:",
            on_click=notices.ask,
            args=("add_rule",),
            disabled=not some,
        )
    found = rules.find()
    if not found:
        nothing = _("There is no rule, so nobody is told anything.")
        st.info(nothing if some else _("Add a channel first, then rules can say what is told to it."))
        return
    columns = [
        table.Column("events", _("What"), heads=True),
        table.Column("about", _("About")),
        table.Column("channel", _("Channel")),
        table.Column("how", _("Details"), "narrow"),
        table.actions_column(),
    ]
    table.table("rules", _("Rules"), columns, [_row(one) for one in found], notices.ask)


def _row(one: Rule) -> table.Row:
    events = ", ".join(_(EVENTS[event]) for event in one.events)
    spoken = _(NAMES_OF_LANGUAGES[one.language])
    how = [table.text(f"{spoken}, {one.timezone}", quiet=True)]
    if one.after_failures > 1:
        told = ngettext("from {} failure on", "from {} failures in a row on", one.after_failures)
        how.append(table.text(told.format(one.after_failures), quiet=True))
    if "reminder" in one.events:
        how.append(table.text(_("{} before").format(f"{one.remind_minutes}\u00a0min"), quiet=True))
    if not one.enabled:
        how.append(table.text(_("switched off"), bad=True))
    return table.Row(
        id=str(one.id),
        name=f"{events}, {one.channel}",
        cells={
            "events": [table.text(events, strong=True)],
            "about": [table.text(_about(one), quiet=not (one.cron_name or one.tag))],
            "channel": [table.text(one.channel)],
            "how": how,
            "actions": [
                table.actions(
                    table.action("change_rule", _("Change")),
                    table.action("remove_rule", _("Remove"), look="danger"),
                )
            ],
        },
    )


def _about(one: Rule) -> str:
    if one.cron_name:
        return title_of_cron(one.cron_name)
    return _("Tag {tag}").format(tag=one.tag) if one.tag else _("All crons")


def add_rule() -> None:
    """Opens the dialog that adds one."""
    st.dialog(_("Add a rule"), width="medium")(_edit)(None, fresh_key("rule"))


def change_rule(rule_id: UUID) -> None:
    """Opens the dialog that changes one.

    Raises:
        NotFound, Unavailable.
    """
    one = still_there(rules.find(), rule_id)
    st.dialog(_("Change the rule"), width="medium")(_edit)(one, fresh_key("rule"))


def _edit(one: Rule | None, key: str) -> None:
    with problems.told():
        names = {channel.id: channel.name for channel in channels.find()}
        channel_id = st.selectbox(
            _("Channel"),
            list(names),
            index=list(names).index(one.channel_id) if one and one.channel_id in names else 0,
            format_func=lambda option: names[option],
            key=f"{key} channel",
        )
        events = st.multiselect(
            _("What"),
            KINDS,
            default=one.events if one else ["failed", "recovered"],
            format_func=lambda option: _(EVENTS[option]),
            key=f"{key} events",
        )
        cron_name, tag = _scope(one, key)
        after: int | None = 1
        before: int | None = one.remind_minutes if one else 5
        if {"failed", "recovered"} & set(events):
            label, first = _("From how many failures in a row"), one.after_failures if one else 1
            after = number_within(label, 1, MAX_FAILURES, first, f"{key} after")
        if "reminder" in events:
            label, first = _("Minutes before the run"), one.remind_minutes if one else 5
            before = number_within(label, 1, MAX_REMIND_MINUTES, first, f"{key} before")
        chosen_language, zone = _reader(one, key)
        enabled = st.checkbox(_("Switched on"), one.enabled if one else True, key=f"{key} enabled")
        ready = bool(names) and bool(events) and after is not None and before is not None
        pressed = confirmed(_("Save"), key, ready=ready)
        if pressed and after is not None and before is not None:
            wish = Wish(
                channel_id=channel_id,
                events=events,
                cron_name=cron_name,
                tag=tag,
                after_failures=after,
                remind_minutes=before,
                language=chosen_language,
                timezone=zone,
                enabled=enabled,
            )
            if one is None:
                rules.add(actor(), wish)
                toast_later(_("The rule is added: it is about what happens from now on."))
            else:
                rules.change(actor(), one.id, wish)
                toast_later(_("The rule is changed."))
            st.rerun()


def _scope(one: Rule | None, key: str) -> tuple[str | None, str | None]:
    """The cron or the tag; neither of them for all."""
    cron_name, tag = (one.cron_name, one.tag) if one else (None, None)
    known = catalogue().crons
    # What the catalogue no longer has stays what the rule is about until somebody chooses otherwise.
    crons = sorted({*known, cron_name or ""} - {""}, key=title_of_cron)
    tags = sorted({*(each for cron in known.values() for each in cron.tags), tag or ""} - {""})
    now = "cron" if cron_name else "tag" if tag else "all"
    there = {"all": True, "cron": bool(crons), "tag": bool(tags)}
    words = {scope: _(word) for scope, word in SCOPES.items() if there[scope]}
    scope = one_of(_("About"), words, now, f"{key} scope")
    if scope == "cron":
        chosen = crons.index(cron_name) if cron_name else 0
        return st.selectbox(
            _("Cron"), crons, index=chosen, format_func=title_of_cron, key=f"{key} cron"
        ), None
    if scope == "tag":
        chosen = tags.index(tag) if tag else 0
        return None, st.selectbox(_("Tag"), tags, index=chosen, key=f"{key} tag")
    return None, None


def _reader(one: Rule | None, key: str) -> tuple[Language, str]:
    """In which language and by which clock it is told: at first those of who makes the rule."""
    with st.container(horizontal=True):
        spoken = one.language if one else language()
        chosen = st.selectbox(
            _("Language"),
            LANGUAGES,
            index=1 if spoken == "fr" else 0,
            format_func=lambda option: _(NAMES_OF_LANGUAGES[option]),
            key=f"{key} language",
        )
        zones = sorted(zone_names())
        here = one.timezone if one else times.browser_zone().key
        zone = st.selectbox(
            _("Time zone"), zones, index=zones.index(here) if here in zones else 0, key=f"{key} zone"
        )
    return chosen, zone


def remove_rule(rule_id: UUID) -> None:
    """Removes one."""
    with problems.told():
        rules.remove(actor(), rule_id)
        toast_later(_("The rule is removed."))
        st.rerun()
