"""What did not succeed: tried again, and when, or final; by the catalogue, for firings and for executions."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from core.catalogue import Cron, Retry
from core.firing import Claimed, Settlement
from core.targets.http import Answer

LONGEST_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of an attempt that did not succeed.

    Attributes:
        again_in: how long to wait for the next one; None where it was the last.
        error: what went wrong, with the number of the attempt where there is more than one.
    """

    again_in: timedelta | None
    error: str


def settlement_of(
    claimed: Claimed, cron: Cron, answer: Answer, fired_at: datetime, finished_at: datetime
) -> Settlement:
    """Decides what to write down of an HTTP firing.

    2xx is triggered. 409 is tried again as the catalogue's `retry_conflict` says, everything else as its
    `retry` says; what would be dropped before its next try has failed now, and says of what.
    """
    if answer.error is None:
        return Settlement(
            claimed,
            "triggered",
            fired_at,
            finished_at,
            external_id=answer.external_id,
            output=answer.text,
        )
    ruled = ruling(
        cron,
        answer.error,
        conflict=answer.conflict,
        attempt=claimed.tries,
        conflicts=claimed.conflicts,
        failures=claimed.failures,
    )
    error = ruled.error
    if ruled.again_in is not None:
        again_at = finished_at + ruled.again_in
        if claimed.drop_after is None or again_at <= claimed.drop_after:
            outcome: Literal["conflict", "failure"] = "conflict" if answer.conflict else "failure"
            return Settlement(claimed, outcome, fired_at, finished_at, again_at=again_at, error=answer.error)
        error += "; the next attempt would come after its deadline"
    return Settlement(claimed, "failed", fired_at, finished_at, error=error, output=answer.text)


def ruling(cron: Cron, error: str, *, conflict: bool, attempt: int, conflicts: int, failures: int) -> Ruling:
    """Decides whether there is another attempt.

    Conflicts and failures have a budget each: waiting for another run costs no retry.

    Args:
        cron: whose policies count.
        error: what went wrong.
        conflict: whether an earlier run had not ended.
        attempt: which attempt this was, of whatever kind those before it were; 1 is the first.
        conflicts, failures: how many of those before it were what.
    """
    policy = cron.retry_conflict if conflict else cron.retry
    spent = 1 + (conflicts if conflict else failures)
    again_in = delay_after(spent, policy) if spent < policy.attempts else None
    in_all = attempt + max(0, policy.attempts - spent)
    if in_all == 1:
        return Ruling(again_in, error)
    met = conflicts + conflict
    mixed = f", {met} of them {'a conflict' if met == 1 else 'conflicts'}" if 0 < met < attempt else ""
    return Ruling(again_in, f"{error} (attempt {attempt} of {in_all}{mixed})")


def delay_after(tried: int, retry: Retry) -> timedelta:
    """How long to wait after an attempt that did not succeed.

    The delay, times the backoff for each attempt before it, and up to the share `jitter` more by chance;
    a day at most. crondesk_delay_after says the same in SQL.

    Args:
        tried: which of the attempts that the policy counts, from 1.
        retry: the policy.
    """
    seconds = retry.delay_seconds * retry.backoff ** (tried - 1)
    seconds *= 1 + random.random() * retry.jitter  # noqa: S311
    return timedelta(seconds=min(seconds, LONGEST_SECONDS))
