"""docs/events.md has every kind of event that the code writes."""

import re
from itertools import chain

from core.log import EVENTS
from core.settings import ROOT

KIND = re.compile(
    r"""['"]((?:schedule|schedules|series|execution|blackout|calendar|channel|rule)\.[a-z_]+)['"]"""
)


def test_each_kind_of_event_is_documented() -> None:
    sources = chain((ROOT / "core").rglob("*.py"), (ROOT / "migrations" / "sql").glob("*.sql"))
    written = {kind for path in sources for kind in KIND.findall(path.read_text(encoding="utf-8"))}
    documented = set(re.findall(r"`([a-z]+\.[a-z_]+)`", (ROOT / "docs" / "events.md").read_text("utf-8")))
    assert "series.paused" in written
    assert written - documented - set(EVENTS) == set()
