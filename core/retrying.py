"""What an HTTP answer means for its schedule: settled, or tried again, and when."""

import random
from datetime import datetime, timedelta

from core.catalogue import Cron
from core.firing import CONFLICT_ATTEMPTS, CONFLICT_DELAY, Claimed, Settlement
from core.targets.http import Answer


def settlement_of(
    claimed: Claimed, cron: Cron, answer: Answer, fired_at: datetime, finished_at: datetime
) -> Settlement:
    """Decides what to write down.

    2xx is triggered. 409 is tried again after a minute, five times in all. Everything else is
    failed, or tried again as the catalogue's `retry` says.
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
    attempts = CONFLICT_ATTEMPTS if answer.conflict else cron.retry.attempts
    if claimed.attempt < attempts:
        delay = CONFLICT_DELAY if answer.conflict else delay_after(claimed.attempt, cron)
        return Settlement(
            claimed,
            "again",
            fired_at,
            finished_at,
            again_at=finished_at + delay,
            error=answer.error,
        )
    error = answer.error if attempts == 1 else f"{answer.error} (attempt {claimed.attempt} of {attempts})"
    return Settlement(claimed, "failed", fired_at, finished_at, error=error, output=answer.text)


def delay_after(attempt: int, cron: Cron) -> timedelta:
    """How long to wait after a failed attempt: exponential, with jitter, at most a day."""
    retry = cron.retry
    seconds = min(retry.delay_seconds * retry.backoff ** (attempt - 1), 86_400.0)
    return timedelta(seconds=seconds * (1 + random.random() * retry.jitter))  # noqa: S311
