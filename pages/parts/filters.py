"""What narrows a list down; it lives in the URL's query, so that a link shows the same to a colleague."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import streamlit as st

from core.catalogue import catalogue
from core.errors import Invalid
from core.instants import parse_instant
from core.paging import FOREIGN_CURSOR, Page, Row
from core.searching import STRETCH_ROWS, STRETCHES
from pages.parts import notices, problems, times
from pages.parts.address import is_news, keep
from pages.parts.choice import Name, one_of
from pages.parts.language import _
from pages.parts.numbers import number
from pages.parts.remembered import remembered
from pages.parts.wall_times import instant_of_wall
from pages.parts.words import title_of_cron

AFTER = "after"


def _from_the_first_page() -> None:
    st.query_params.pop(AFTER, None)


def search(placeholder: str) -> str | None:
    """A field to search in."""
    sought = st.text_input(
        _("Search"),
        type="search",
        placeholder=placeholder,
        icon=":material/search:",
        label_visibility="collapsed",
        width=300,
        live="400ms",
        on_change=_from_the_first_page,
        key="search",
        bind="query-params",
    )
    return sought.strip() or None if sought else None


@contextmanager
def searching(sought: str | None) -> Iterator[None]:
    """Shows, while the block runs, that it searches; a list that is not searched in comes at once."""
    if sought is None:
        yield
        return
    with st.spinner(_("Searching…")):
        yield


def cron() -> str | None:
    """A choice among the crons; in the URL stands the name, which is the same in each language."""
    names = sorted(catalogue().crons, key=title_of_cron)
    wanted = st.query_params.get("cron")
    if wanted and wanted not in names:
        names.append(wanted)
    key, shown = _kept("cron", names)
    return st.selectbox(
        _("Cron"),
        names,
        index=None if shown is None else names.index(shown),
        format_func=title_of_cron,
        placeholder=_("All crons"),
        label_visibility="collapsed",
        width=260,
        key=key,
        on_change=_keeper("cron", key),
    )


def status(words: Mapping[Name, str], default: Name) -> Name:
    """A choice among statuses."""
    return choice("status", _("Status"), words, default)


def choice(name: str, label: str, words: Mapping[Name, str], default: Name) -> Name:
    """A choice among a few; in the URL stands the name, which is the same in each language."""
    key, shown = _kept(name, list(words), default)
    kept = _keeper(name, key, default)
    return one_of(label, words, shown, key, label_shown=False, on_change=kept)


def is_in_sight(name: str) -> bool:
    """Whether the choice was there when the page was last drawn."""
    return f"filter {name}" in st.session_state


def choose(name: str, option: str, default: str) -> None:
    """Chooses, in a callback, one of the few."""
    key = f"filter {name}"
    st.session_state[key] = option
    _keeper(name, key, default)()


def _kept(name: str, options: Sequence[Name], default: Name | None = None) -> tuple[str, Name | None]:
    """The key of a choice, with what it shows."""
    key = f"filter {name}"
    shown = remembered(key, default)
    if is_news(key, name):
        wanted = st.query_params.get(name, default)
        shown = next((option for option in options if option == wanted), default)
        # What is set in the session is set in the browser once more, a moment after the choice is drawn:
        # a click in between was lost.
        if key in st.session_state:
            st.session_state[key] = shown
    return key, shown if shown in options else default


def _keeper(name: str, key: str, default: str | None = None) -> Callable[[], None]:
    def kept() -> None:
        _from_the_first_page()
        chosen = st.session_state[key]
        keep(key, {name: None if chosen == default else chosen})

    return kept


def between() -> tuple[datetime | None, datetime | None]:
    """Two fields for a stretch of time, by the browser's clock; in the URL stand its instants.

    Returns:
        The first instant, and the one after the last; None leaves an end open.
    """
    ends = {"from": (_("From ({zone})"), 0), "until": (_("Until ({zone})"), -1)}
    zone = times.browser_zone().key
    for name in ends:
        if is_news(f"filter {name}", name):
            there = _instant(st.query_params.get(name))
            st.session_state[f"filter {name}"] = there and times.local(there).replace(tzinfo=None)
    walls = {name: st.session_state[f"filter {name}"] for name in ends}
    found = {name: wall and instant_of_wall(wall, ends[name][1]) for name, wall in walls.items()}

    def kept(name: str) -> None:
        _from_the_first_page()
        wall = st.session_state[f"filter {name}"]
        instant = wall and instant_of_wall(wall, ends[name][1])
        keep(f"filter {name}", {name: f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M}Z" if instant else None})

    def clear() -> None:
        for name in ends:
            st.session_state[f"filter {name}"] = None
            kept(name)

    with st.popover(_stretch(found["from"], found["until"]), icon=":material/schedule:"):
        for name, (label, _which) in ends.items():
            st.datetime_input(
                label.format(zone=zone),
                value=walls[name],
                key=f"filter {name}",
                format=times.date_format(),
                step=timedelta(minutes=1),
                on_change=kept,
                args=(name,),
            )
        st.button(_("Any time"), on_click=clear, disabled=not any(walls.values()), key="filter any time")
    return found["from"], found["until"]


def _instant(written: str | None) -> datetime | None:
    try:
        return parse_instant(written) if written else None
    except Invalid:
        return None


def _stretch(since: datetime | None, until: datetime | None) -> str:
    if since and until:
        both = {"since": times.day_and_time(since), "until": times.day_and_time(until)}
        return _("{since} – {until}").format(**both)
    if since:
        return _("From {}").format(times.day_and_time(since))
    if until:
        return _("Until {}").format(times.day_and_time(until))
    return _("Any time")


def rows_of(find: Callable[[str | None], Page[Row]]) -> Page[Row] | None:
    """The page of a list that the URL asks for; None where there is no such page, which is shown.

    Args:
        find: gives the page of a cursor.
    """
    cursor = st.query_params.get(AFTER)
    try:
        return find(cursor)
    except Invalid as error:
        if cursor is None or error.message != FOREIGN_CURSOR:
            raise
        problems.show(error)
        st.button(_("First page"), icon=":material/first_page:", on_click=_from_the_first_page)
        return None


def clear(page: str) -> None:
    """A button that shows the page as it is without filters."""

    label = _("Clear the filters")
    st.button(label, icon=":material/filter_alt_off:", on_click=show_unfiltered, args=(page,))


def show_unfiltered(page: str) -> None:
    """Goes, in a callback, to a page without any filters."""
    # The others follow the URL; this one is bound to it, and would write itself there again.
    st.session_state["search"] = ""
    notices.go(page)


def found_none_yet(name: str, following: str) -> None:
    """Says that a search has found nothing so far, and offers to go on where it stopped."""
    st.info(_("Nothing among the {} rows searched so far.").format(number(STRETCHES * STRETCH_ROWS)))
    pager(name, following, _("Search on"))


def so_far(page: Page[Row]) -> str:
    """How many a search has found that may find more."""
    return _("{} found so far").format(number(page.count))


def pager(name: str, following: str | None, forth_label: str | None = None) -> None:
    """Buttons to the next page by key, and back.

    Args:
        name: of the list: each has a trail of its own.
        following: the cursor of the next page; None on the last one.
        forth_label: what the button to it says, where it is not the next page.
    """
    here = st.query_params.get(AFTER)
    trail: list[str] = st.session_state.setdefault(f"trail of {name}", [])
    # Back in the browser, or another filter, led to a page from before.
    if not here:
        trail.clear()
    elif here in trail:
        del trail[trail.index(here) :]
    if not here and not following:
        return

    def forth() -> None:
        if following:
            trail.append(here or "")
            st.query_params[AFTER] = following

    def back() -> None:
        before = trail.pop() if trail else ""
        if before:
            st.query_params[AFTER] = before
        else:
            _from_the_first_page()

    with st.container(horizontal=True, horizontal_alignment="right"):
        label = _("Previous page") if trail else _("First page")
        back_icon, forth_icon = ":material/chevron_left:", ":material/chevron_right:"
        st.button(label, icon=back_icon, disabled=not here, on_click=back)
        st.button(
            forth_label or _("Next page"),
            icon=forth_icon,
            icon_position="right",
            disabled=not following,
            on_click=forth,
        )
