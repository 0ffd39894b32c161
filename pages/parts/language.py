"""The reader's language: French where the browser asks for it, else English."""

from functools import cache
from gettext import NullTranslations, translation

import streamlit as st

from core.notifications.kinds import Language
from core.settings import ROOT

DOMAIN = "crondesk"
LOCALES = ROOT / "locale"
# Screen readers choose their voice, and browsers offer a translation, by the language of the document.
_spoken = st.components.v2.component(
    "crondesk_language", js="export default ({ data }) => { document.documentElement.lang = data; };"
)


def language() -> Language:
    """'fr' for a French browser, else 'en'."""
    return "fr" if (st.context.locale or "").lower().startswith("fr") else "en"


def tell_the_browser() -> None:
    """Says in the document which language it is in."""
    with st.container(key="language"):
        _spoken(key="spoken", data=language())


def _(message: str) -> str:
    """The message in the reader's language; messages are written in English."""
    return _translations(language()).gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """The message for that many, in the reader's language."""
    return _translations(language()).ngettext(singular, plural, count)


def marked(message: str) -> str:
    """The message as it is: marked for translation here, translated where it is shown."""
    return message


@cache
def _translations(code: str) -> NullTranslations:
    return translation(DOMAIN, LOCALES, languages=[code], fallback=True)
