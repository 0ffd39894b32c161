"""The dashboard's entry; serves the REST API beside it, on the same port."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from api.app import routes
from core import collector, log
from core.notifications.standing_in import standing_in

# What takes long to import and pages need: else the first reader would wait for it.
HEAVY = ("altair", "pandas", "pyarrow")


@asynccontextmanager
async def _served(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    log.configure()
    async with standing_in():
        loading = asyncio.create_task(asyncio.to_thread(_load))
        yield {}
        await loading


def _load() -> None:
    for name in HEAVY:
        importlib.import_module(name)
    collector.spare_what_is_loaded()


app = st.App(Path(__file__).parent / "pages" / "navigation.py", routes=routes, lifespan=_served)
