"""The dashboard's entry; serves the REST API beside it, on the same port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from api.app import routes
from core import log
from core.notifications.standing_in import standing_in


@asynccontextmanager
async def _served(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    log.configure()
    async with standing_in():
        yield {}


app = st.App(Path(__file__).parent / "pages" / "navigation.py", routes=routes, lifespan=_served)
