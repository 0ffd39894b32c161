"""The dashboard's entry; serves the REST API beside it, on the same port."""

from pathlib import Path

import streamlit as st

app = st.App(Path(__file__).parent / "pages" / "navigation.py")
