"""The link of the page one is on shows it without its query: the list, and not the run that was looked at.

Streamlit would run the page once more with the same query.
"""

import streamlit as st

from pages.parts.filters import show_unfiltered

_link = st.components.v2.component(
    "crondesk_own_link",
    js="""
    export default ({ setTriggerValue }) => {
      document.documentElement.onclick = (event) => {
        const link = event.target.closest?.("a[href]");
        if (!link || link.target === "_blank") return;
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        const here = link.origin + link.pathname === location.origin + location.pathname;
        if (here && location.search && !link.search && !link.hash) setTriggerValue("clicked", true);
      };
    };
    """,
)


def own_link(page: str) -> None:
    """Lets the page's own link show it without its query.

    Args:
        page: its name in the navigation.
    """
    with st.container(key="own link"):
        _link(key="own_link", on_clicked_change=lambda: show_unfiltered(page))
