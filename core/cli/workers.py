"""`workers`: whether planned runs will fire."""

import click

from core.cli.answers import answer, note, table
from core.cli.options import as_json_option
from core.workers import pulse


@click.command()
@as_json_option
def workers(as_json: bool) -> None:
    """List the workers that are alive, and say how many schedules are overdue."""
    present = pulse()
    if as_json:
        answer({"now": present.now, "workers": present.alive, "overdue": present.overdue})
        return
    table(
        ("WORKER", "VERSION", "SINCE", "LAST SIGN", "RUNNING", "CLOCK"),
        [
            (
                worker.name,
                worker.version,
                worker.started_at,
                f"{max(0.0, (present.now - worker.beat_at).total_seconds()):.0f} s ago",
                f"{worker.running} of {worker.slots}",
                "-" if worker.clock_offset_ms is None else f"{worker.clock_offset_ms:+.0f} ms",
            )
            for worker in present.alive
        ],
    )
    if not present.alive:
        note("No worker is alive: nothing that is planned will fire until one is started.")
    if present.overdue:
        note(f"{present.overdue} schedules are overdue.")


COMMANDS = (workers,)
