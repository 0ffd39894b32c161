"""Everything Crondesk knows; imports neither Streamlit, FastAPI nor APScheduler."""

__version__ = "0.1.0"
