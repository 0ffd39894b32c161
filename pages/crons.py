"""The catalogue: how each cron fares, what it has before it; run it now or plan it."""

from collections.abc import Mapping

import streamlit as st

from core import overview
from core.catalogue import Cron, catalogue
from core.overview import Record, Run
from pages.parts import notices, problems, selection, table, times, words
from pages.parts.alert_list import alerts_in_brief
from pages.parts.figures import figures
from pages.parts.language import _, language, ngettext
from pages.parts.rewording import reworded
from pages.parts.run_dialog import run_now
from pages.parts.schedule_dialog import plan

REFRESH_SECONDS = 5


def page() -> None:
    """Shows the page."""
    notices.answer({"run": run_now, "schedule": plan})
    st.title(_("Crons"), anchor=False)
    with problems.page():
        alerts_in_brief()
        _standing()
        _catalogue_problems()
        selection.follow_the_url()
        chosen = _chosen(catalogue().crons)
        if catalogue().crons:
            _catalogue(chosen)


@st.fragment(run_every=REFRESH_SECONDS)
def _standing() -> None:
    with problems.told():
        figures()


def _catalogue_problems() -> None:
    found = catalogue().problems
    if found:
        told = _("The catalogue file has a mistake; the last good one stays in force until it is mended.")
        listed = "\n".join(f"- {words.plain(reworded(problem))}" for problem in found)
        st.warning(f"{told}\n{listed}", icon=":material/warning:")


def _chosen(crons: Mapping[str, Cron]) -> list[Cron]:
    tags = sorted({tag for cron in crons.values() for tag in cron.tags})
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        sought = st.text_input(
            _("Search the catalogue"),
            type="search",
            placeholder=_("Title, description or name"),
            icon=":material/search:",
            label_visibility="collapsed",
            width=320,
            live=True,
            key="search",
            bind="query-params",
        )
        tag = st.pills(_("Tag"), tags, label_visibility="collapsed", key="tag", bind="query-params")
    found = [cron for cron in crons.values() if _matches(cron, sought or "", tag)]
    if not crons:
        st.info(_("The catalogue is empty: add a cron to the file that CRONS_FILE names."))
    elif not found:
        st.info(_("No cron matches. Search more broadly, or choose another tag."))
    return found


def _matches(cron: Cron, sought: str, tag: str | None) -> bool:
    described = cron.description.in_language(language()) if cron.description else ""
    text = f"{cron.name} {cron.title.in_language(language())} {described}".casefold()
    return (not tag or tag in cron.tags) and all(word in text for word in sought.casefold().split())


@st.fragment(run_every=REFRESH_SECONDS)
def _catalogue(crons: list[Cron]) -> None:
    with problems.told():
        names = [cron.name for cron in crons]
        records = overview.records(names)
        # Of all of them: a search hides what is chosen, it does not take it away.
        known = catalogue().crons
        chosen = selection.selected(known)
        selection.bar(chosen, _("Schedule together"), lambda: _schedule_together(chosen))
        columns = [
            selection.column(),
            table.Column("cron", _("Cron"), heads=True),
            table.Column("last", _("Last run"), "narrow"),
            table.Column("strip", _("Last 20"), "narrow"),
            table.Column("usual", _("Usual duration"), "number"),
            table.Column("next", _("Next"), "narrow"),
            table.actions_column(),
        ]
        rows = [_row(cron, records[cron.name], ticked=cron.name in chosen) for cron in crons]

        def act(asked: str, name: str) -> None:
            if asked == "select":
                selection.toggle(name, known)
            else:
                notices.ask(asked, name)

        if rows:
            table.table("crons", _("The catalogue of crons"), columns, rows, act)


def _schedule_together(names: list[str]) -> None:
    notices.go("bulk", way="fill", crons=",".join(names))


def _row(cron: Cron, record: Record, *, ticked: bool) -> table.Row:
    title = cron.title.in_language(language())
    about = [table.text(title, strong=True, go=table.to("executions", cron=cron.name))]
    if cron.description:
        about.append(table.text(cron.description.in_language(language()), quiet=True))
    if cron.tags:
        about.append(table.tags(cron.tags))
    return table.Row(
        id=cron.name,
        name=title,
        cells={
            "select": [selection.box(ticked=ticked)],
            "cron": about,
            "last": _last(record),
            "strip": [_strip(record)],
            "usual": [table.text(times.lasted(record.usual_seconds))],
            "next": _next(cron, record),
            "actions": [
                table.actions(
                    table.action("run", _("Run now")),
                    table.action("schedule", _("Schedule"), look="main"),
                )
            ],
        },
    )


def _last(record: Record) -> list[table.Part]:
    if not record.runs:
        return [table.text(_("never"), quiet=True)]
    run = record.runs[0]
    return [
        table.badge(run.status, words.of_execution(run.status)),
        table.elapsed(run.started_at, record.slow_after_seconds)
        if run.status == "running" and run.started_at
        else table.ago(run.finished_at or run.started_at or run.queued_at),
    ]


def _strip(record: Record) -> table.Part:
    completed = sum(run.status == "completed" for run in record.runs)
    count = len(record.runs)
    label = ngettext("{} of the last run completed", "{} of the last {} runs completed", count)
    oldest_first = [(run.status, _told(run)) for run in reversed(record.runs)]
    missing = [("none", "")] * (overview.STRIP_LENGTH - count)
    return table.strip(label.format(completed, count) if count else _("never ran"), [*missing, *oldest_first])


def _told(run: Run) -> str:
    when = times.day_and_time(run.started_at or run.queued_at)
    lasted = f", {times.lasted(run.seconds)}" if run.seconds is not None else ""
    return words.named(when, f"{words.of_execution(run.status)}{lasted}")


def _next(cron: Cron, record: Record) -> list[table.Part]:
    if record.next is None:
        return [table.text("–", quiet=True)]
    when = times.day_and_time(record.next.due_at)
    return [
        table.countdown(record.next.due_at),
        table.text(when, go=table.to("scheduled", cron=cron.name)),
    ]


page()
