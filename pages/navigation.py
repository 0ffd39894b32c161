"""What the dashboard is made of: its pages, its look; the script that runs for each viewer."""

import streamlit as st

from core.settings import ROOT
from pages.parts.address import arrive, leave
from pages.parts.language import _, tell_the_browser
from pages.parts.menu_links import menu_links
from pages.parts.notices import notices
from pages.parts.taking_back import taking_back

# A picture of our own: for one of Streamlit's icons the browser would ask an outside host.
ICON = ROOT / "assets" / "icon.png"
LOGO = ROOT / "assets" / "logo.svg"

st.set_page_config(page_icon=str(ICON), layout="wide")
st.html(ROOT / "assets" / "page.css")
st.logo(str(LOGO), size="medium")

PAGES = {
    "crons": st.Page("crons.py", title=_("Crons"), default=True),
    "scheduled": st.Page("scheduled.py", title=_("Scheduled"), url_path="scheduled"),
    "executions": st.Page("executions.py", title=_("Executions"), url_path="executions"),
    # Its path is not /metrics: there Prometheus reads.
    "metrics": st.Page("metrics.py", title=_("Metrics"), url_path="statistics"),
    "series": st.Page("series.py", title=_("Series"), url_path="series"),
    "calendar": st.Page("calendar.py", title=_("Calendar"), url_path="calendar"),
    "notifications": st.Page("notifications.py", title=_("Notifications"), url_path="notifications"),
    "bulk": st.Page("bulk.py", title=_("Bulk planning"), url_path="bulk"),
}
chosen = st.navigation(list(PAGES.values()), position="top")
arrive(chosen.url_path)
st.set_page_config(page_title=f"{chosen.title} · Crondesk")
tell_the_browser()
menu_links(next(name for name, page in PAGES.items() if page is chosen))
notices()
if followed := st.session_state.pop("go", None):
    leave()
    st.switch_page(PAGES[followed["page"]], query_params=followed["query"])
taking_back()
chosen.run()
