"""Somebody who calls the API."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

BASE = "/api/admin/cron-executions"


@dataclass
class Caller:
    """Calls the API; `path` is relative to the base of the calls, or begins at the root with `//`."""

    root: str
    headers: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(self, method: str, path: str = "", **given: Any) -> requests.Response:
        headers = {**self.headers, **given.pop("headers", {})}
        url = self.root + (path[1:] if path.startswith("//") else BASE + path)
        return self.session.request(method, url, headers=headers, timeout=60, **given)

    def plan(self, **given: Any) -> dict[str, Any]:
        """Plans something that must be possible; the schedule as it is shown."""
        body = {"cronName": "nothing", "scheduledAt": later(), **given}
        response = self("POST", "/schedule", json=body)
        assert response.status_code == 201, response.text
        scheduled: dict[str, Any] = response.json()["scheduled"]
        return scheduled

    def another(self) -> "Caller":
        """Another one with connections of its own, for another thread."""
        return Caller(self.root, self.headers)


def later(**ahead: float) -> str:
    """An instant to come, as it goes over the wire: in an hour, where nothing else is said."""
    instant = datetime.now(UTC) + timedelta(**(ahead or {"hours": 1}))
    return instant.isoformat().replace("+00:00", "Z")
