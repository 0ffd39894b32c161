"""That no worker lives, wherever somebody waits for a run: with how to start one."""

import streamlit as st

from core import workers
from pages.parts import problems
from pages.parts.language import _
from pages.parts.words import plain

REFRESH_SECONDS = 10


def worker_away() -> str:
    """The sentence, with the way out."""
    return _("No worker is alive: what is planned will not run until one is started, with {command}.").format(
        command="python -m worker"
    )


def tell_worker_away() -> None:
    """Says it in a dialog where none lives: quietly, for the dialog has warnings of its own.

    Raises:
        Unavailable.
    """
    if not workers.any_alive():
        st.markdown(f":orange[:material/power_off: {plain(worker_away())}]")


@st.fragment(run_every=REFRESH_SECONDS)
def watch_workers() -> None:
    """Says it on a page, for as long as none lives."""
    with problems.told():
        if not workers.any_alive():
            st.warning(plain(worker_away()), icon=":material/power_off:")
