"""docs/events.md has every kind of event that the code writes, and core/log.py every one that it logs."""

import re
from itertools import chain

from core.log import EVENTS
from core.settings import ROOT

KIND = re.compile(
    r"""['"]((?:schedule|schedules|series|execution|blackout|calendar|channel|rule)\.[a-z_]+)['"]"""
)
LOGGED = re.compile(r"""logger\(\)\.[a-z]+\(\s*"([a-z]+\.[a-z_]+)\"""")


def test_each_kind_of_event_is_documented() -> None:
    sources = chain((ROOT / "core").rglob("*.py"), (ROOT / "migrations" / "sql").glob("*.sql"))
    written = {kind for path in sources for kind in KIND.findall(path.read_text(encoding="utf-8"))}
    documented = set(re.findall(r"`([a-z]+\.[a-z_]+)`", (ROOT / "docs" / "events.md").read_text("utf-8")))
    assert "series.paused" in written
    assert written - documented - set(EVENTS) == set()


def test_what_is_logged_is_what_is_listed() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("api", "core", "worker")
        for path in (ROOT / folder).rglob("*.py")
        if path != ROOT / "core" / "log.py"
    ]
    # What libraries say becomes an event in core/log.py itself.
    sources.append('"library.said"')
    logged = {name for source in sources for name in LOGGED.findall(source)}
    assert "worker.started" in logged
    assert logged - set(EVENTS) == set()
    assert [name for name in EVENTS if not any(f'"{name}"' in source for source in sources)] == []
