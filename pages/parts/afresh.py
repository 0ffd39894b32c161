"""The link of the page one is on leads to its beginning.

Streamlit runs the page once more with the same query: whoever looked at one run stayed at it.
"""

import streamlit as st

from pages.parts.notices import go

_link = st.components.v2.component(
    "crondesk_afresh",
    js="""
    export default ({ setTriggerValue }) => {
      document.documentElement.onclick = (event) => {
        const link = event.target.closest?.("a[href]");
        const plain = link && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
        const here = plain && link.origin + link.pathname === location.origin + location.pathname;
        if (here && location.search && !link.search && !link.hash) setTriggerValue("again", true);
      };
    };
    """,
)


def afresh(page: str) -> None:
    """Lets the page's own link lead to its beginning.

    Args:
        page: its name in the navigation.
    """
    with st.container(key="afresh"):
        _link(key="link", on_again_change=lambda: go(page))
