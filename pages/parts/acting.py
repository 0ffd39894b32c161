"""In whose name the dashboard acts."""

import streamlit as st

from core.actors import Actor


def actor() -> Actor:
    """Whoever is logged in, or the dashboard itself where nobody has to."""
    name = None
    if st.user.get("is_logged_in"):
        name = st.user.get("email") or st.user.get("name")
    return Actor(name=str(name or "dashboard"), role="operator", via="dashboard")
