"""A page's script run by itself, without a browser: for what it decides, not for how it looks."""

from streamlit.testing.v1 import AppTest

from core.settings import ROOT


def opened(page: str, **query: str) -> AppTest:
    """The page of that name as its script left it.

    Args:
        page: a file of pages/, without its ending.
        query: what the address asks for.
    """
    script = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=60)
    for name, value in query.items():
        script.query_params[name] = value
    return script.run()
