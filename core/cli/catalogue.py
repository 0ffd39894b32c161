"""`crons`, `check`: the catalogue."""

import re
from pathlib import Path

import click

from core.catalogue import Catalogue, CatalogueError, catalogue, parse
from core.cli.answers import answer, note, say, table
from core.cli.exit_codes import INVALID
from core.cli.options import as_json_option, text_of
from core.overview import records
from core.settings import settings

MOST_BYTES = 10_485_760
LINE = re.compile(r"(?:line (\d+): )?(.*)", re.DOTALL)


@click.command()
@click.option("--tag", metavar="TAG", help="Only those with this tag.")
@as_json_option
def crons(tag: str | None, as_json: bool) -> None:
    """List the crons of the catalogue, with their last and next runs."""
    known = catalogue()
    chosen = [cron for cron in known.crons.values() if tag is None or tag in cron.tags]
    found = records([cron.name for cron in chosen])
    if as_json:
        entries = [
            {
                "name": cron.name,
                "title": cron.title.model_dump(),
                "description": cron.description.model_dump() if cron.description else None,
                "tags": cron.tags,
                "target": cron.target,
                "exclusive": cron.exclusive,
                "timeoutSeconds": cron.timeout_seconds,
                "parameters": cron.parameters,
                "lastStatus": found[cron.name].runs[0].status if found[cron.name].runs else None,
                "usualSeconds": found[cron.name].usual_seconds,
                "nextAt": upcoming.due_at if (upcoming := found[cron.name].next) else None,
            }
            for cron in chosen
        ]
        answer({"crons": entries, "problems": _problems(known.problems)})
        return
    table(
        ("CRON", "TITLE", "TARGET", "TAGS", "LAST", "NEXT"),
        [
            (
                cron.name,
                cron.title.en,
                cron.target,
                ", ".join(cron.tags) or None,
                found[cron.name].runs[0].status if found[cron.name].runs else None,
                upcoming.due_at if (upcoming := found[cron.name].next) else None,
            )
            for cron in chosen
        ],
    )
    _warn(known)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@as_json_option
def check(file: Path | None, as_json: bool) -> None:
    """Check a catalogue: the one that CRONS_FILE names, or FILE. Needs no database.

    Exits with 2 if it has mistakes; each is told with its line.
    """
    path = file or settings().crons_file
    text = text_of(path, "FILE", MOST_BYTES)
    try:
        found, problems = parse(text), []
    except CatalogueError as error:
        found, problems = {}, error.problems
    if as_json:
        answer(
            {"success": not problems, "file": path.name, "count": len(found), "problems": _problems(problems)}
        )
    elif problems:
        for problem in problems:
            say(f"{path}: {problem}")
    else:
        say(f"{path}: {len(found)} crons, no mistakes")
    if problems:
        raise click.exceptions.Exit(INVALID)


def _problems(told: list[str] | tuple[str, ...]) -> list[dict[str, int | str | None]]:
    matches = [match for problem in told if (match := LINE.fullmatch(problem))]
    return [{"line": int(match[1]) if match[1] else None, "message": match[2]} for match in matches]


def _warn(known: Catalogue) -> None:
    if known.problems:
        note("The file as it stands now has mistakes; the last good one is in force:")
        for problem in known.problems:
            note(f"  {problem}")


COMMANDS = (crons, check)
