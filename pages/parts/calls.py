"""What will be handed to the target, and the call of the REST API that does the same; never with a secret."""

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from core.catalogue import Cron, shown
from core.parameters import Parameters
from core.schedules import LatePolicy
from core.targets import handing
from pages.parts.language import _


def calls(
    cron: Cron,
    parameters: Parameters,
    instant: datetime | None = None,
    within: timedelta | None = None,
    policy: LatePolicy = "fire",
) -> None:
    """Shows, folded away, what the target gets and the call of the REST API that does the same.

    Args:
        cron: what will run.
        parameters: of the run.
        instant: when; now where it is not given.
        within: how late it may begin, where that is said.
        policy: what happens after that.
    """
    schedule, execution = _("the id of the schedule"), _("the id of the execution")
    handed = handing.shown(
        cron,
        parameters,
        schedule_id=None if instant is None else f"<{schedule}>",
        execution_id=f"<{execution}>",
    )
    if handed:
        label = _("The exact command") if cron.command else _("The exact request")
        with st.expander(label):
            if cron.command:
                st.caption(_("No shell reads it. Below it stands what it finds on standard input."))
            st.code(handed, language=None, wrap_lines=True)
    with st.expander(_("The same with curl")):
        call = curl_call(cron, parameters, instant, within, policy)
        st.code(call, language=None, wrap_lines=True)


def curl_call(
    cron: Cron,
    parameters: Parameters,
    instant: datetime | None = None,
    within: timedelta | None = None,
    policy: LatePolicy = "fire",
) -> str:
    """The call of the REST API that plans the same, or starts it; the token stays a variable of the shell."""
    body: dict[str, Any] = {"cronName": cron.name, "parameters": shown(cron.name, parameters)}
    if instant is not None:
        body = {"cronName": cron.name, "scheduledAt": _written(instant), "parameters": body["parameters"]}
        if within is not None:
            body |= {"notAfter": _written(instant + within), "latePolicy": policy}
    there = urlsplit(st.context.url or "http://localhost:8501")
    verb = "trigger" if instant is None else "schedule"
    address = f"{there.scheme}://{there.netloc}/api/admin/cron-executions/{verb}"
    return (
        f"curl -X POST {shlex.quote(address)} \\\n"
        '  -H "Authorization: Bearer $CRON_SECRET" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
    )


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
