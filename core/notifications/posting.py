"""Sends what was claimed of the outbox, each in a thread of its own: no service holds up its sender."""

import asyncio
import threading
from collections.abc import Callable

from core.errors import Invalid
from core.log import logger
from core.notifications.delivery import Due, Outcome
from core.notifications.message import message_of
from core.notifications.sending import NotSent, send
from core.sealing import unseal

# So many at once, each in its thread, by a worker or by whoever stands in for one.
AT_ONCE = 8


def post(due: Due, done: Callable[[Outcome], None]) -> None:
    """Sends a notification; call it within a running event loop.

    Args:
        due: what is sent.
        done: is called in the loop with what came of it, unless the loop is gone by then: then the claim's
            lease ends, and another attempt is made.
    """
    loop = asyncio.get_running_loop()

    def work() -> None:
        outcome = _sent(due)
        if not loop.is_closed():
            loop.call_soon_threadsafe(done, outcome)

    # A daemon: a service that hangs does not keep the process from its end.
    threading.Thread(target=work, name=f"notification {due.id}", daemon=True).start()


def log_outcome(outcome: Outcome) -> None:
    """Logs what came of sending a notification.

    Args:
        outcome: of one attempt.
    """
    due = outcome.due
    logger().info(
        "notification.sent" if outcome.error is None else "notification.failed",
        id=str(due.id),
        kind=due.kind,
        channel=due.channel,
        cron=due.cron_name,
        attempt=due.attempt,
        error=outcome.error,
    )


def _sent(due: Due) -> Outcome:
    try:
        address = unseal(due.address)
    except Invalid as error:
        return Outcome(due, error.message)
    try:
        send(address, message_of(due), key=str(due.id))
    except NotSent as error:
        return Outcome(due, str(error))
    except Exception as error:  # noqa: BLE001  a service's own fault is the service's, and may hold its address
        return Outcome(due, f"the message could not be made or sent: {type(error).__name__}")
    return Outcome(due)
