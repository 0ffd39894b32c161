"""A choice among a few that are all in sight."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import streamlit as st

Name = TypeVar("Name", bound=str)


def one_of(
    label: str,
    words: Mapping[Name, str],
    default: Name | None,
    key: str,
    *,
    label_shown: bool = True,
    lasting: bool = False,
    on_change: Callable[[], None] | None = None,
) -> Name:
    """Shows the choice; one of them is always chosen.

    Args:
        label: what is chosen; where it is not shown it is read aloud.
        words: what each is called, by its name.
        default: the name chosen at first.
        key: names the field.
        label_shown: whether the label is to be seen.
        lasting: whether the choice is kept while it is out of sight, until the page is left.
        on_change: what follows upon another choice, before the page runs.
    """
    return st.segmented_control(  # type: ignore[return-value]  # None only where nothing was chosen at first
        label,
        list(words),
        default=default,
        required=True,
        format_func=lambda name: words[name],
        label_visibility="visible" if label_shown else "collapsed",
        key=key,
        persist_state="page" if lasting else None,
        on_change=on_change,
    )
