"""The URL's query beside what widgets hold: Back and Forward change the one, a reader the other.

A widget's value outlives a run in the session, and the URL that comes with an act on a widget may be
the one from before the act that preceded it. So the URL is taken over where it differs from what was
last seen there, except in a run that an act on a widget began.
"""

import streamlit as st

SEEN = "seen in the URL"
RUN = "runs of the page"
ACTED = "acted in the run"


def count_run() -> None:
    """Counts a run of the whole page; navigation does it first of all."""
    st.session_state[RUN] = st.session_state.get(RUN, 0) + 1


def is_news(key: str, *names: str) -> bool:
    """Whether the URL says something else under these names than was last seen, or is seen first.

    Args:
        key: of the widget, or what stands for it.
        names: of the query.
    """
    seen = st.session_state.setdefault(SEEN, {})
    here = _here(names)
    if key in st.session_state and key in seen:
        if seen[key] == here:
            return False
        if st.session_state.get(ACTED) == st.session_state.get(RUN, 0):
            _write(dict(zip(names, seen[key], strict=True)))
            return False
    seen[key] = here
    return True


def write(key: str, values: dict[str, str | None]) -> None:
    """Writes into the URL what something now holds; None takes a name out of it."""
    _write(values)
    st.session_state.setdefault(SEEN, {})[key] = _here(tuple(values))


def keep(key: str, values: dict[str, str | None]) -> None:
    """As `write`, in the callback of a widget."""
    write(key, values)
    # The run that the callback precedes.
    st.session_state[ACTED] = st.session_state.get(RUN, 0) + 1


def _here(names: tuple[str, ...]) -> tuple[str | None, ...]:
    return tuple(st.query_params.get(name) for name in names)


def _write(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value
