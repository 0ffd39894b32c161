"""What following a link of the menu does beyond what Streamlit makes of it.

The link of the page one is on shows it without its query: the list, and not the run that was looked at.
Streamlit would run the page once more with the same query. And where the menu lies over the page, as in
a narrow window, it closes, for what was chosen is under it; Streamlit does so by the browser's name alone.
"""

import streamlit as st

from pages.parts.filters import show_unfiltered

_link = st.components.v2.component(
    "crondesk_menu_links",
    js="""
    const narrow = matchMedia("(max-width: 768px)");
    const close = () => {
      const menu = document.querySelector('[data-testid="stSidebar"][data-collapsed="false"]');
      if (narrow.matches) menu?.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
    };
    // It may have been left open, and the browser remembers that.
    close();

    export default ({ setTriggerValue }) => {
      document.documentElement.onclick = (event) => {
        const link = event.target.closest?.("a[href]");
        if (!link || link.target === "_blank") return;
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        // After Streamlit, which may have closed it.
        if (link.closest('[data-testid="stSidebar"]')) setTimeout(close);
        const here = link.origin + link.pathname === location.origin + location.pathname;
        if (here && location.search && !link.search && !link.hash) setTriggerValue("clicked", true);
      };
    };
    """,
)


def menu_links(page: str) -> None:
    """Lets links of the menu close it where it covers the page; the own one shows that without its query.

    Args:
        page: its name in the navigation.
    """
    with st.container(key="menu links"):
        _link(key="menu_links", on_clicked_change=lambda: show_unfiltered(page))
