"""What a page says and opens after it was acted on: toasts that outlive the rerun, and dialogs."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from uuid import UUID

import streamlit as st

from core.errors import CrondeskError, NotFound
from pages.parts import problems


class _Identified(Protocol):
    @property
    def id(self) -> UUID: ...


Row = TypeVar("Row", bound=_Identified)


def toast_later(text: str) -> None:
    """Says it in a toast on the next run of the page."""
    st.session_state.setdefault("toasts", []).append(text)


@contextmanager
def told_later() -> Iterator[None]:
    """In a callback, which has no place on the page: says an error of core in a toast; the page runs anew."""
    try:
        yield
    except CrondeskError as error:
        toast_later(problems.sentence_of(error))
    st.rerun()


def ask(name: str, *given: Any) -> None:
    """Asks, in a callback, for the dialog of that name; the whole page runs and opens it."""
    st.session_state["asked"] = (name, given)
    st.rerun()


def answer(dialogs: dict[str, Callable[..., None]]) -> None:
    """Opens the dialog that was asked for, if it is one of these; called before the page is drawn.

    Whoever asked for it looks at it first, and the page behind it stays as it was meanwhile.
    Where it cannot open, as what it is about may be gone by now, a toast says so.
    """
    name, given = st.session_state.pop("asked", (None, ()))
    if name in dialogs:
        st.session_state["opened"] = st.session_state.get("opened", 0) + 1
        try:
            dialogs[name](*given)
        except CrondeskError as error:
            toast_later(problems.sentence_of(error))
            st.rerun()


def still_there(found: Iterable[Row], wanted: UUID) -> Row:
    """The row that a dialog is about, out of those that there are now.

    Args:
        found: as they are read for the dialog.
        wanted: the id of the one.

    Raises:
        NotFound: it is gone by now, which `answer` says.
    """
    for one in found:
        if one.id == wanted:
            return one
    raise NotFound("id: there is no such row")


def fresh_key(name: str) -> str:
    """A key for the widgets of the dialog that is open: another one each time it is opened."""
    return f"{name}{st.session_state.get('opened', 0)}"


def notices() -> None:
    """Shows what waits to be said."""
    for text in st.session_state.pop("toasts", []):
        st.toast(text)


def go(page: str, **query: str) -> None:
    """Goes to another page of the dashboard."""
    st.session_state["go"] = {"page": page, "query": query}
    st.rerun()


def follow(key: str) -> None:
    """Follows, in a callback, the link that was clicked in a component."""
    followed = st.session_state[key].go
    if followed:
        go(followed["page"], **followed["query"])
