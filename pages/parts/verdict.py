"""What is told before a plan is confirmed: when it will be, what is around it, and the same as a call."""

import json
import shlex
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import streamlit as st

from core import overview, schedules
from core.catalogue import Cron
from core.parameters import Parameters
from core.schedules import LatePolicy
from pages.parts import times
from pages.parts.language import _, ngettext
from pages.parts.words import plain

AROUND = timedelta(hours=1)
AROUND_SHOWN = 5


def verdict(cron: Cron, instant: datetime, moved: UUID | None = None) -> None:
    """Shows when it will run, how long that usually takes, and what else is planned around it.

    Args:
        cron: what will run.
        instant: when.
        moved: the schedule that is moved there, which is not around itself.
    """
    now = overview.clock()
    usual = overview.records([cron.name])[cron.name].usual_seconds
    with st.container(border=True, key="verdict"):
        when = plain(times.day_and_time(instant, year=True))
        left = times.spelled_out(_to_the_minute(instant - now))
        st.markdown(f"**{when}**, " + _("in {duration}").format(duration=left))
        utc = plain(times.day_and_time_utc(instant))
        st.caption(f"{plain(times.zone_name(instant))} · {utc} UTC")
        lines = [_("Usually lasts {}.").format(times.lasted(usual))] if usual is not None else []
        st.markdown(" ".join([*lines, _around(cron, instant, moved)]))
        if usual is not None:
            _overlap(cron, instant, usual, moved)


def _to_the_minute(left: timedelta) -> timedelta:
    return left if left < timedelta(hours=1) else timedelta(minutes=round(left / timedelta(minutes=1)))


def _near(cron: Cron, since: datetime, until: datetime, moved: UUID | None) -> list[datetime]:
    wanted = schedules.Filter(status="pending", cron_name=cron.name, since=since, until=until)
    near = schedules.find(wanted, limit=AROUND_SHOWN + 2).rows
    return [other.scheduled_at for other in near if other.id != moved]


def _around(cron: Cron, instant: datetime, moved: UUID | None) -> str:
    near = _near(cron, instant - AROUND, instant + AROUND, moved)
    if not near:
        return _("Nothing else of this cron is planned within an hour of it.")
    told = []
    for other in near[:AROUND_SHOWN]:
        gap = times.spelled_out(abs(instant - other))
        if other == instant:
            relation = _("at the same time")
        else:
            relation = (_("{} before") if other < instant else _("{} after")).format(gap)
        told.append(f"{times.time_of_day(times.local(other))} ({relation})")
    more = "…" if len(near) > AROUND_SHOWN else ""
    heading = ngettext("Also planned around it: {}", "Also planned around it: {}", len(near))
    return plain(heading.format(", ".join(told)) + (more or "."))


def _overlap(cron: Cron, instant: datetime, usual: float, moved: UUID | None) -> None:
    # What is planned to begin so shortly before usually still runs.
    before = _near(cron, instant - timedelta(seconds=usual), instant + timedelta(microseconds=1), moved)
    if before and cron.exclusive:
        st.warning(
            _(
                "A run planned for {time} usually still goes on then, and this cron runs one at a time: "
                "this one will be tried again until it can begin."
            ).format(time=times.time_of_day(times.local(before[-1]))),
            icon=":material/warning:",
        )


def curl_call(
    cron: Cron,
    instant: datetime,
    parameters: Parameters,
    within: timedelta | None = None,
    policy: LatePolicy = "fire",
) -> str:
    """The call of the REST API that plans the same; the secret stays a variable of the shell."""
    body = {
        "cronName": cron.name,
        "scheduledAt": _written(instant),
        "parameters": parameters,
    }
    if within is not None:
        body |= {"notAfter": _written(instant + within), "latePolicy": policy}
    return _call("schedule", body)


def curl_trigger(cron: Cron, parameters: Parameters) -> str:
    """The call of the REST API that starts the same now."""
    return _call("trigger", {"cronName": cron.name, "parameters": parameters})


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _call(verb: str, body: Parameters) -> str:
    there = urlsplit(st.context.url or "http://localhost:8501")
    address = f"{there.scheme}://{there.netloc}/api/admin/cron-executions/{verb}"
    return (
        f"curl -X POST {shlex.quote(address)} \\\n"
        '  -H "Authorization: Bearer $CRON_SECRET" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
    )
