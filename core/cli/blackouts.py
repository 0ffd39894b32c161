"""`blackouts …`: periods in which series have no occurrence."""

from pathlib import Path
from uuid import UUID

import click

from core import blackouts
from core.blackouts import Period
from core.cli.answers import answer, note, say, table
from core.cli.options import as_json_option, asking, cron_option, instant, machine_zone, text_of


@click.group("blackouts")
def group() -> None:
    """Blackouts: periods in which series have no occurrence."""


@group.command("list")
@cron_option("Those that hold for this cron.")
@as_json_option
def list_(cron_name: str | None, as_json: bool) -> None:
    """List the blackouts under way and to come."""
    found = blackouts.find(cron_name=cron_name)
    if as_json:
        answer({"blackouts": found, "count": len(found)})
        return
    table(
        ("ID", "NAME", "FROM", "TO", "CRON"),
        [(each.id, each.name, each.starts_at, each.ends_at, each.cron_name or "all") for each in found],
    )


@group.command()
@click.argument("name")
@click.option("--starts-at", "--from", "begin", metavar="INSTANT", required=True, help="When it begins.")
@click.option("--ends-at", "--to", "end", metavar="INSTANT", required=True, help="When it is over.")
@click.option("--timezone", metavar="ZONE", help="IANA time zone in which both are read.")
@cron_option("Only for this cron's series.")
@as_json_option
def add(name: str, begin: str, end: str, timezone: str | None, cron_name: str | None, as_json: bool) -> None:
    """Add a blackout; what series have pending in it is cancelled."""
    period = Period(
        name, instant(begin, timezone, "--starts-at"), instant(end, timezone, "--ends-at"), cron_name
    )
    [added] = blackouts.add(asking(), [period])
    if as_json:
        answer({"blackout": added})
    else:
        say(f"{added.id}  {added.name}")


@group.command()
@click.argument("blackout_id", metavar="ID", type=click.UUID)
@as_json_option
def remove(blackout_id: UUID, as_json: bool) -> None:
    """Remove the blackout ID."""
    gone = blackouts.remove(asking(), blackout_id)
    if as_json:
        answer({"blackout": gone})
    else:
        say(f"{gone.id}  {gone.name}  removed")


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--timezone", metavar="ZONE", help="Zone of whole days; this machine's by itself.")
@cron_option("Only for this cron's series.")
@click.option("--apply", "applied", is_flag=True, help="Do it.")
@as_json_option
def import_(file: Path, timezone: str | None, cron_name: str | None, applied: bool, as_json: bool) -> None:
    """Take the events of an .ics FILE over (- reads standard input) as blackouts.

    Those of holidays and change freezes, whole days and recurring ones too, ten years ahead. What
    is there already is not added again. Unless told to --apply, it changes nothing.
    """
    from core.calendar_file import MOST_BYTES, read_ics  # noqa: PLC0415  slow to import

    periods = read_ics(text_of(file, "FILE", MOST_BYTES), timezone or machine_zone(), cron_name=cron_name)
    missing = blackouts.missing(periods)
    new = missing.new
    if applied and new:
        blackouts.add(asking(), new)
    if as_json:
        answer({"applied": applied, "blackouts": new, "count": len(new), "present": missing.present})
        return
    table(("NAME", "FROM", "TO"), [(each.name, each.starts_at, each.ends_at) for each in new])
    if applied:
        say(f"Added {len(new)} blackouts; {missing.present} were there already.")
    else:
        note("Nothing was changed. --apply adds them.")


COMMANDS = (group,)
