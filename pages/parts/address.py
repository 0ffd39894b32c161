"""The URL's query beside what widgets hold: Back and Forward change the one, a reader the other.

A widget's value outlives a run in the session, and the URL that comes with a run may be one from
before what the session last wrote there, as the browser hears of that later. So the URL is taken over
where a page is arrived at and where the reader went through the browser's history; in any other run
the session knows better.
"""

from uuid import UUID

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import NotFound

SEEN = "seen in the URL"
PAGE = "page last seen"


def arrive(page: str) -> None:
    """Takes over what the URL says where the page is another than before; navigation does it first.

    Args:
        page: its path.
    """
    if st.session_state.get(PAGE) != page:
        st.session_state[PAGE] = page
        leave()


def leave() -> None:
    """Lets the next run take over what the URL says, as after following a link of our own."""
    st.session_state[SEEN] = {}


def is_news(key: str, *names: str) -> bool:
    """Whether the URL is to be taken over: seen first, or changed by going back or forward.

    Where the URL says something else in another run, what was last seen is written there again.

    Args:
        key: of the widget, or what stands for it.
        names: of the query.
    """
    seen = st.session_state.setdefault(SEEN, {})
    here = _here(names)
    if key in st.session_state and key in seen:
        if seen[key] == here:
            return False
        context = get_script_run_ctx()
        if context is None or not context.is_history_navigation:
            keep(key, dict(zip(names, seen[key], strict=True)))
            return False
    seen[key] = here
    return True


def keep(key: str, values: dict[str, str | None]) -> None:
    """Writes into the URL what something now holds; None takes a name out of it."""
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value
    st.session_state.setdefault(SEEN, {})[key] = _here(tuple(values))


def identifier(text: str, missing: str) -> UUID:
    """The identifier that a URL's query gives.

    Args:
        text: as it stands there.
        missing: what is asked for, as core calls it, such as 'execution'.

    Raises:
        NotFound: it is no identifier, so nothing has it.
    """
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"id: there is no such {missing}") from None


def _here(names: tuple[str, ...]) -> tuple[str | None, ...]:
    return tuple(st.query_params.get(name) for name in names)
