"""What is told before a plan is confirmed: when it will be, what is around it, and what may go wrong."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import streamlit as st

from core import blackouts, database, neighbours, overview, workers
from core.catalogue import Cron
from core.neighbours import Neighbour, Neighbours
from pages.parts import times
from pages.parts.language import _, marked
from pages.parts.words import plain, title_of_cron
from pages.parts.worker_away import worker_away

# As countdowns have it.
LATE = timedelta(seconds=5)
Mood = Literal["green", "orange", "red"]
MOODS: dict[Mood, tuple[str, str]] = {
    "green": (":material/check_circle:", marked("Nothing is in its way")),
    "orange": (":material/warning:", marked("It can be planned, but look first")),
    "red": (":material/error:", marked("As things stand it would not run")),
}


@dataclass(slots=True)
class Verdict:
    """What is known of a plan.

    Attributes:
        mood: how it stands in all.
        warnings: what may go wrong, the worst first.
        facts: what else is worth knowing.
    """

    mood: Mood = "green"
    warnings: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    def warn(self, mood: Mood, sentence: str) -> None:
        """Adds a warning; the worst one sets the mood."""
        self.mood = max(self.mood, mood, key=list(MOODS).index)
        self.warnings.append(sentence)


def verdict(cron: Cron, instant: datetime, moved: UUID | None = None) -> None:
    """Shows when it will run, what is planned around it, and what may go wrong.

    Args:
        cron: what will run.
        instant: when.
        moved: the schedule that is moved there, which is not around itself.
    """
    now = database.clock()
    found = of(cron, instant, moved)
    mood, words = found.mood, _(MOODS[found.mood][1])
    if instant <= now and not found.warnings:  # what should have begun already is not told that all is well
        mood, words = "orange", _("This time has passed")
        found.warnings.append(_("Choose a later one to put it off."))
    with st.container(border=True, key="verdict"):
        when = plain(times.day_and_time(instant, year=True))
        st.markdown(f"**{when}**, {_left(instant - now)}")
        utc = plain(times.day_and_time_utc(instant))
        st.caption(f"{plain(times.zone_name(instant))} · {utc}\u00a0UTC")
        st.badge(words, icon=MOODS[mood][0], color=mood)
        warnings = [f"- :material/warning: {plain(line)}" for line in found.warnings]
        st.markdown("\n".join([*warnings, *(f"- {plain(line)}" for line in found.facts)]))


def of(cron: Cron, instant: datetime, moved: UUID | None = None) -> Verdict:
    """What is known of a plan; a few look-ups in indexes.

    Raises:
        Unavailable.
    """
    usual = overview.records([cron.name])[cron.name].usual_seconds
    near = neighbours.around(cron.name, instant, usual, apart_from=moved)
    found = Verdict()
    if not workers.any_alive():
        found.warn("red", worker_away())
    for other in near.runs_into(instant, usual):
        found.warn("orange", _met(cron, instant, other))
    for period in blackouts.find(cron_name=cron.name):
        if period.starts_at <= instant < period.ends_at:
            told = _("The blackout “{name}” lies there: series pause until {end}, but this run does not.")
            found.warn("orange", told.format(name=period.name, end=times.day_and_time(period.ends_at)))
    if usual is None:
        found.facts.append(_("How long it takes is not known yet: it has never completed."))
    else:
        found.facts.append(_("Usually lasts {}.").format(times.lasted(usual)))
    found.facts += _around(near, instant)
    found.facts += _of_the_same(cron, near, instant)
    return found


def _left(left: timedelta) -> str:
    if left > timedelta(0):
        return _("in {duration}").format(duration=times.spelled_out(_to_the_minute(left)))
    if left >= -LATE:
        return _("now")
    return _("{} late").format(times.spelled_out(_to_the_minute(-left)))


def _to_the_minute(left: timedelta) -> timedelta:
    return left if left < timedelta(hours=1) else timedelta(minutes=round(left / timedelta(minutes=1)))


def _met(cron: Cron, instant: datetime, other: Neighbour) -> str:
    if other.at < instant:
        told = (
            _(
                "A run planned for {time} usually still goes on then, and this cron runs one at a time: "
                "this one will be tried again until it can begin."
            )
            if cron.exclusive
            else _("A run planned for {time} usually still goes on then: both run side by side.")
        )
    else:
        told = (
            _(
                "It usually still goes on at {time}, when this cron is planned again, and it runs one at a "
                "time: that one will be tried again until it can begin."
            )
            if cron.exclusive
            else _(
                "It usually still goes on at {time}, when this cron is planned again: both run side by side."
            )
        )
    return told.format(time=_at(other.at, instant))


def _around(near: Neighbours, instant: datetime) -> list[str]:
    within = times.spelled_out(near.within)
    if not near.before and not near.after:
        return [_("Nothing else is planned within {duration} of it.").format(duration=within)]
    told = []
    for heading, others in ((_("Just before: {}."), near.before), (_("Just after: {}."), near.after)):
        if others:
            told.append(heading.format(", ".join(_neighbour(other, instant) for other in others)))
    return told


def _neighbour(other: Neighbour, instant: datetime) -> str:
    return f"{title_of_cron(other.cron_name)} {_at(other.at, instant)} ({_relation(other.at, instant)})"


def _of_the_same(cron: Cron, near: Neighbours, instant: datetime) -> list[str]:
    told = []
    shown = {one.id for one in (*near.before, *near.after)}
    for heading, other in (
        (_("Previous run of this cron: {}."), near.previous),
        (_("Next run of this cron: {}."), near.following),
    ):
        if other is not None and other.id not in shown:
            told.append(heading.format(f"{_at(other.at, instant)} ({_relation(other.at, instant)})"))
    if near.previous is None and near.following is None:
        told.append(_("No other run of {cron} is planned.").format(cron=title_of_cron(cron.name)))
    return told


def _at(other: datetime, instant: datetime) -> str:
    there = times.local(other)
    same_day = there.date() == times.local(instant).date()
    return times.time_of_day(there) if same_day else times.day_and_time(other)


def _relation(other: datetime, instant: datetime) -> str:
    if other == instant:
        return _("at the same time")
    gap = times.spelled_out(_to_the_minute(abs(instant - other)))
    return (_("{} earlier") if other < instant else _("{} later")).format(gap)
