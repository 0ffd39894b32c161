"""`import`: takes crontab files over."""

import os
from pathlib import Path

import click

from core import series
from core.catalogue import catalogue
from core.cli.answers import answer, note, say, table
from core.cli.exit_codes import INVALID, PARTLY
from core.cli.options import as_json_option, asking, machine_zone, text_of
from core.crontab import Form, Told, form_of, parse
from core.crontab_import import Import, Whose, apply, plan
from core.errors import Invalid

MOST_BYTES = 1_048_576


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--system/--user",
    "system",
    default=None,
    help="Whether a user stands before each command; by itself only in /etc/crontab and /etc/cron.d.",
)
@click.option("--timezone", metavar="ZONE", help="Zone of lines without CRON_TZ; this machine's by itself.")
@click.option("--as-user", metavar="NAME", help="Whose lines of the system form; yours by itself.")
@click.option("--any-user", is_flag=True, help="Lines of other users too; they run as the worker's user.")
@click.option("--apply", "applied", is_flag=True, help="Do it: add to the catalogue and make the series.")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write the new crons here.")
@as_json_option
def import_(
    file: Path,
    system: bool | None,
    timezone: str | None,
    as_user: str | None,
    any_user: bool,
    applied: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Take a crontab FILE over (- reads standard input): its lines become crons and series.

    Unless told to --apply, it changes nothing and shows what would become of each line.
    """
    if applied and output is not None:
        raise Invalid("--apply, --output: give one of them")
    text = text_of(file, "FILE", MOST_BYTES)
    form: Form = form_of(file) if system is None else "system" if system else "user"
    actor = asking()
    homes = _homes()
    made = plan(
        parse(text, form),
        catalogue(),
        series.find(),
        timezone=timezone or machine_zone(),
        whose=Whose(as_user or actor.name, any_user, homes),
    )
    if not made.taken and not made.refused:
        raise Invalid("FILE: nothing can be taken over: none of its lines runs a command")
    done: list[series.Series] = []
    failed: list[Told] = []
    if applied:
        done, failed = apply(actor, made)
        made.refused.extend(failed)
    elif output is not None and made.taken:
        _write(output, made.toml)
    if as_json:
        answer(
            {
                "applied": applied,
                "crons": made.entries,
                "lines": made.taken,
                "notTakenOver": made.refused,
                "remarks": made.remarks,
                "toml": made.toml,
                "series": [each.id for each in done],
            }
        )
    else:
        _tell(made, applied, output, len(done))
    if not made.taken:
        raise click.exceptions.Exit(INVALID)
    if failed:
        raise click.exceptions.Exit(PARTLY)


def _tell(made: Import, applied: bool, output: Path | None, count: int) -> None:
    if made.taken:
        table(
            ("LINE", "CRON", "WHEN", "SERIES"),
            [
                (line.line, line.cron_name, line.words, "new" if line.is_new else "there already")
                for line in made.taken
            ],
        )
    _list("Not taken over:", made.refused)
    _list("Different from cron:", made.remarks)
    if not made.taken:
        note("Nothing can be taken over.")
    elif applied:
        say(f"\nAdded {len(made.entries)} crons and {count} series.")
    elif output is not None:
        say(f"\nWrote {len(made.entries)} crons to {output}.")
    else:
        if made.toml:
            click.echo(f"\n{made.toml}")
        note("Nothing was changed. --apply adds this to the catalogue and makes the series.")


def _list(heading: str, told: list[Told]) -> None:
    if told:
        click.echo(f"\n{heading}")
        for each in told:
            say(f"  line {each.line}: {each.reason}: {each.text}")


def _write(path: Path, toml: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(toml)
    except OSError as error:
        raise Invalid(f"--output: {path}: {error.strerror}") from None


def _homes() -> dict[str, str]:
    try:
        import pwd  # noqa: PLC0415  not on Windows
    except ImportError:
        return {os.environ.get("USERNAME", ""): str(Path.home())}
    return {user.pw_name: user.pw_dir for user in pwd.getpwall()}


COMMANDS = (import_,)
