"""A page of Streamlit's with nothing on it but its heading: what the dashboard's pages cannot undercut."""

import streamlit as st

st.title("Bare")
