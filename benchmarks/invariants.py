"""What must hold after every run: each schedule fired once, one execution each, none lost, none early."""

from benchmarks.measuring import Broken
from benchmarks.product import Product

CHECKS = {
    "schedules still pending": """
        SELECT count(*) FROM scheduled_cron_executions
        WHERE status = 'pending' AND scheduled_at <= clock_timestamp()""",
    "schedules that failed or were cancelled": """
        SELECT count(*) FROM scheduled_cron_executions WHERE status IN ('failed', 'cancelled')""",
    "triggered schedules without their execution": """
        SELECT count(*) FROM scheduled_cron_executions s
        WHERE s.status = 'triggered' AND NOT EXISTS (
            SELECT FROM cron_executions e WHERE e.id = s.triggered_execution_id AND e.scheduled_id = s.id)""",
    "executions without a triggered schedule": """
        SELECT count(*) FROM cron_executions e
        WHERE NOT EXISTS (
            SELECT FROM scheduled_cron_executions s
            WHERE s.id = e.scheduled_id AND s.triggered_execution_id = e.id AND s.status = 'triggered')""",
    "schedules with more than one execution": """
        SELECT count(*) FROM (SELECT FROM cron_executions GROUP BY scheduled_id HAVING count(*) > 1) twice""",
    "schedules that needed more than one attempt": """
        SELECT count(*) FROM scheduled_cron_executions WHERE status = 'triggered' AND attempts <> 1""",
    "schedules fired early": """
        SELECT count(*) FROM scheduled_cron_executions
        WHERE status = 'triggered' AND triggered_at < scheduled_at""",
    "executions that have not completed": """
        SELECT count(*) FROM cron_executions
        WHERE status <> 'completed' AND worker IS DISTINCT FROM 'host:4711:ab12'""",
}


def check(product: Product, fired: int) -> None:
    """Holds the database against what must be so.

    Args:
        product: after a run, its workers at rest.
        fired: how many schedules must have been triggered, those that were there before included.

    Raises:
        Broken: something is not so.
    """
    triggered = int(
        product.value("SELECT count(*) FROM scheduled_cron_executions WHERE status = 'triggered'")
    )
    executions = int(product.value("SELECT count(*) FROM cron_executions"))
    problems = []
    if not triggered == executions == fired:
        problems.append(f"{fired:,} should have fired: {triggered:,} triggered, {executions:,} executions")
    for what, statement in CHECKS.items():
        if count := int(product.value(statement)):
            problems.append(f"{what}: {count:,}")
    if problems:
        raise Broken("an invariant does not hold: " + "; ".join(problems))
