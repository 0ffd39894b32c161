"""The attempts of a run: which one this is, and the way to the others."""

from core.catalogue import catalogue
from core.errors import NotFound
from core.executions import Execution
from pages.parts import table, words
from pages.parts.language import _


def listed(run: Execution, chain: list[Execution]) -> list[table.Part]:
    """Which attempt it is, and a link to each other one; nothing where there is but one.

    Args:
        run: the one that is shown.
        chain: all of them, the first one first.
    """
    most = _most(run, chain)
    if most == 1:
        return []
    shown = [table.text(_("{attempt} of {most}").format(attempt=run.attempt, most=most))]
    for other in chain:
        if other.id != run.id:
            label = _("Attempt {attempt}: {status}").format(
                attempt=other.attempt, status=words.of_execution(other.status)
            )
            shown.append(table.text(label, go=table.to("executions", id=str(other.id))))
    return shown


def _most(run: Execution, chain: list[Execution]) -> int:
    """How many there are at most: as many as there were, once it is over."""
    last = chain[-1]
    if last.status not in ("queued", "running"):
        return last.attempt
    try:
        retry = catalogue().cron(run.cron_name).retry
    except NotFound:
        return last.attempt
    return last.attempt + max(0, retry.attempts - 1 - last.failures)
