"""Components of our own, made of files in assets/; they run in the browser and ask no host."""

from typing import Any

import streamlit as st

from core.settings import ROOT
from pages.parts.language import _

ASSETS = ROOT / "assets"


def component(name: str) -> Any:
    """Registers the component whose script and style are assets/NAME.js and assets/NAME.css."""
    return st.components.v2.component(
        f"crondesk_{name}",
        html='<div class="root"></div>',
        css=_read("base.css") + _read(f"{name}.css"),
        js=_read("clock.js") + _read("parts.js") + _read(f"{name}.js"),
    )


def _read(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def words() -> dict[str, str]:
    """What the ticking times say, in the reader's language."""
    return {
        # Translators: the letter after a number of days, as in 3 d 5 h.
        "day": _("d"),
        "due": _("now"),
        # Translators: {} is a duration: in 15 min.
        "ahead": _("in {}"),
        # Translators: read aloud, as in Cancel: Index documents.
        "of": _("{act}: {name}"),
        # Translators: {} is a duration, as in 12 s late.
        "late": _("{} late"),
        # Translators: {} is a duration, as in 15 min ago.
        "ago": _("{} ago"),
        # Translators: {} is a duration, as in 20 min 5 s.
        "slow": _("{}, longer than usual"),
    }
