"""What will be handed to the target, and the call of the REST API that does the same; never with a secret."""

import json
import shlex
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from core.catalogue import Cron, shown
from core.parameters import Parameters
from core.targets import handing
from pages.parts.language import _


def calls(cron: Cron, parameters: Parameters, instant: datetime | None = None) -> None:
    """Shows, folded away, what the target gets and the call of the REST API that does the same.

    Args:
        cron: what will run.
        parameters: of the run.
        instant: when; now where it is not given.
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
        st.code(curl_call(cron, parameters, instant), language=None, wrap_lines=True)


def curl_call(cron: Cron, parameters: Parameters, instant: datetime | None = None) -> str:
    """The call of the REST API that plans the same, or starts it; the token stays a variable of the shell."""
    body: dict[str, Any] = {"cronName": cron.name, "parameters": shown(cron.name, parameters)}
    if instant is not None:
        at = instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
        body = {"cronName": cron.name, "scheduledAt": at, "parameters": body["parameters"]}
    there = urlsplit(st.context.url or "http://localhost:8501")
    verb = "trigger" if instant is None else "schedule"
    address = f"{there.scheme}://{there.netloc}/api/admin/cron-executions/{verb}"
    return (
        f"curl -X POST {shlex.quote(address)} \\\n"
        '  -H "Authorization: Bearer $CRON_SECRET" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
    )
