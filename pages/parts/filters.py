"""What narrows a list down; it lives in the URL's query, so that a link shows the same to a colleague."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import streamlit as st

from core.catalogue import catalogue
from pages.parts.language import _
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
    key = _kept("cron", names)
    return st.selectbox(
        _("Cron"),
        names,
        index=None,
        format_func=title_of_cron,
        placeholder=_("All crons"),
        label_visibility="collapsed",
        width=260,
        key=key,
        on_change=_keeper("cron", key),
    )


def status(words: Mapping[str, str], default: str) -> str:
    """A choice among statuses."""
    return choice("status", _("Status"), words, default)


def choice(name: str, label: str, words: Mapping[str, str], default: str) -> str:
    """A choice among a few; in the URL stands the name, which is the same in each language."""
    key = _kept(name, list(words), default)
    chosen = st.segmented_control(
        label,
        list(words),
        required=True,
        format_func=lambda option: words[option],
        label_visibility="collapsed",
        key=key,
        on_change=_keeper(name, key, default),
    )
    return chosen or default


def choose(name: str, option: str, default: str) -> None:
    """Chooses, in a callback, one of the few."""
    key = f"filter {name}"
    st.session_state[key] = option
    _keeper(name, key, default)()


def _kept(name: str, options: Sequence[str], default: str | None = None) -> str:
    key = f"filter {name}"
    wanted = st.query_params.get(name, default)
    if key not in st.session_state:
        st.session_state[key] = wanted if wanted in options else default
    return key


def _keeper(name: str, key: str, default: str | None = None) -> Callable[[], None]:
    def keep() -> None:
        _from_the_first_page()
        chosen = st.session_state[key]
        if chosen is None or chosen == default:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = chosen

    return keep


def pager(following: str | None) -> None:
    """Buttons to the next page by key, and back.

    Args:
        following: the cursor of the next page; None on the last one.
    """
    here = st.query_params.get(AFTER)
    trail: list[str] = st.session_state.setdefault("trail", [])
    if not here and not following:
        trail.clear()
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
            _("Next page"), icon=forth_icon, icon_position="right", disabled=not following, on_click=forth
        )
