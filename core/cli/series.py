"""`series …`: what makes schedules again and again."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import click

from core import series
from core.actors import Actor
from core.catalogue import Cron, catalogue
from core.cli.answers import answer, document_of, note, pairs, say, table
from core.cli.options import (
    Command,
    as_json_option,
    asking,
    cron_option,
    duration,
    instant,
    parameters_given,
    parameters_options,
)
from core.errors import Invalid
from core.parameters import Parameters, parse_json
from core.recurrence import in_words, parse_pattern
from core.schedules import LATE_POLICIES, LatePolicy
from core.series import PREVIEWED, Changes, Missed, Series, Status

ONE_OF = "--expression, --repeat-pattern: give one of them"
BOUNDS = ("first", "repeat_until", "repeat_count", "excluded_dates")
# What --clear takes away: the column, and what it then holds.
CLEARED: dict[str, tuple[str, Any]] = {
    "first": ("first", None),
    "repeat-until": ("repeat_until", None),
    "repeat-count": ("repeat_count", None),
    "excluded-dates": ("excluded_dates", []),
    "fire-within-seconds": ("fire_within", None),
}


@click.group("series")
def group() -> None:
    """Series: make schedules again and again; change, pause, resume and end them."""


@group.command("list")
@click.option("--status", type=click.Choice(get_args(Status)), help="Only these.")
@cron_option("Only of this cron.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most."
)
@as_json_option
def list_(status: Status | None, cron_name: str | None, limit: int, as_json: bool) -> None:
    """List series, latest made first."""
    found = series.find(cron_name=cron_name, status=status, limit=limit)
    matching = series.count(cron_name=cron_name, status=status)
    if as_json:
        answer({"series": [_document(each) for each in found], "count": matching})
        return
    table(
        ("ID", "CRON", "STATUS", "WHEN", "PLANNED", "PROBLEM"),
        [
            (each.id, each.cron_name, each.status, each.in_words("en"), each.planned, each.error_message)
            for each in found
        ],
    )
    if len(found) < matching:
        note(f"{len(found)} of {matching}")


@group.command()
@click.argument("series_id", metavar="ID", type=click.UUID)
@click.option("--count", type=click.IntRange(0, 1000), default=PREVIEWED, help="How many instants to come.")
@as_json_option
def show(series_id: UUID, count: int, as_json: bool) -> None:
    """Show the series ID and its next instants that are not planned yet."""
    found = series.get(series_id)
    if as_json:
        answer(_told(found, count))
        return
    pairs(
        [
            ("series", found.id),
            ("cron", found.cron_name),
            ("status", found.status),
            ("when", found.in_words("en")),
            ("parameters", found.parameters),
            ("until", found.repeat_until),
            ("count", found.repeat_count),
            ("planned", found.planned),
            ("without", ", ".join(str(day) for day in found.excluded_dates)),
            ("missed", found.missed),
            ("fires within", found.fire_within),
            ("if late", None if found.fire_within is None else found.late_policy),
            ("created", found.created_at),
            ("created by", found.created_by),
            ("changed", found.changed_at),
            ("changed by", found.changed_by),
            ("problem", found.error_message),
        ]
    )
    _say_each(series.ahead(found, count))


def _what_it_does(command: Command) -> Command:
    """Adds the options for what a series does, those of `_given`."""
    for option in (
        click.option("--late-policy", type=click.Choice(LATE_POLICIES), help="After that; 'fire' at first."),
        click.option(
            "--fire-within-seconds",
            "--fire-within",
            "fire_within",
            metavar="DURATION",
            help="How late an occurrence may fire: seconds, or such as 15m.",
        ),
        click.option(
            "--missed", type=click.Choice(get_args(Missed)), help="After an outage fire; 'one' at first."
        ),
        click.option(
            "--excluded-dates",
            "--exclude",
            "exclude",
            metavar="DATE",
            multiple=True,
            help="A day without an occurrence; may be repeated.",
        ),
        click.option(
            "--repeat-count",
            "--count",
            "count",
            type=click.IntRange(1, series.MAX_COUNT),
            help="How many occurrences in all.",
        ),
        click.option(
            "--repeat-until",
            "--until",
            "until",
            metavar="INSTANT",
            help="No occurrence after this instant.",
        ),
        click.option("--first", metavar="INSTANT", help="No occurrence before this instant."),
        click.option(
            "--repeat-pattern",
            "--pattern",
            "pattern",
            metavar="JSON",
            help='Such as {"kind": "daily", "at": "02:00"}.',
        ),
        click.option(
            "--expression",
            metavar="CRON-EXPRESSION",
            help="Five fields, such as '0 2 * * mon-fri', or @daily.",
        ),
    ):
        command = option(command)
    return parameters_options(command)


@group.command()
@click.argument("cron_name", metavar="CRON")
@click.option("--timezone", metavar="ZONE", required=True, help="IANA time zone whose wall clock it goes by.")
@_what_it_does
@click.option("--created-by", metavar="NAME", help="In whose name; yours unless said otherwise.")
@click.option("--idempotency-key", metavar="KEY", help="The same key twice makes one series.")
@click.option("--dry-run", is_flag=True, help="Make nothing; show when it would run.")
@as_json_option
def create(
    cron_name: str,
    timezone: str,
    created_by: str | None,
    idempotency_key: str | None,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Make a series of CRON, and plan its first occurrence."""
    cron = catalogue().cron(cron_name)
    given: dict[str, Any] = dict(_given(cron, None, **options))
    if "pattern" not in given:
        raise Invalid(ONE_OF)
    pattern = given.pop("pattern")
    if dry_run:
        bounds = {name: given[name] for name in BOUNDS if name in given}
        instants = series.preview(pattern, timezone, cron_name=cron.name, **bounds)
        _preview(in_words(parse_pattern(pattern), timezone, "en"), instants, as_json)
        return
    made = series.create(
        asking(),
        cron.name,
        pattern,
        timezone,
        created_by=created_by,
        idempotency_key=idempotency_key,
        **given,
    )
    _tell(made, as_json)


@group.command()
@click.argument("series_id", metavar="ID", type=click.UUID)
@click.option("--timezone", metavar="ZONE", help="IANA time zone whose wall clock it goes by.")
@_what_it_does
@click.option(
    "--clear", type=click.Choice(list(CLEARED)), multiple=True, help="Take a limit away; may be repeated."
)
@click.option("--dry-run", is_flag=True, help="Change nothing; show when it would run.")
@as_json_option
def change(
    series_id: UUID,
    timezone: str | None,
    clear: Sequence[str],
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Change what the series ID does from now on; what it has planned is planned anew."""
    present = series.get(series_id)
    given = _given(catalogue().cron(present.cron_name), present.parameters, **options)
    if timezone is not None:
        given["timezone"] = timezone
    for name in dict.fromkeys(clear):
        column, nothing = CLEARED[name]
        if column in given:
            raise Invalid(f"--clear, --{name}: give one of them")
        given[column] = nothing  # type: ignore[literal-required]
    if dry_run:
        _preview(None, series.preview_change(series_id, **given), as_json)
        return
    _tell(series.change(asking(), series_id, **given), as_json)


def _given(
    cron: Cron,
    base: Parameters | None,
    *,
    expression: str | None,
    pattern: str | None,
    first: str | None,
    until: str | None,
    count: int | None,
    exclude: Sequence[str],
    missed: Missed | None,
    fire_within: str | None,
    late_policy: LatePolicy | None,
    document: str | None,
    pairs: Sequence[str],
) -> Changes:
    """What the options name, and nothing else; --param changes what `base` holds."""
    given: Changes = {}
    if expression is not None or pattern is not None:
        given["pattern"] = _pattern(expression, pattern)
    if first is not None:
        given["first"] = instant(first, None, "--first")
    if until is not None:
        given["repeat_until"] = instant(until, None, "--repeat-until")
    if count is not None:
        given["repeat_count"] = count
    if exclude:
        given["excluded_dates"] = [_date(day) for day in exclude]
    if missed is not None:
        given["missed"] = missed
    if fire_within is not None:
        given["fire_within"] = _within(fire_within)
    if late_policy is not None:
        given["late_policy"] = late_policy
    parameters = parameters_given(cron, document, pairs, base)
    if parameters is not None:
        given["parameters"] = parameters
    return given


def _preview(words: str | None, instants: Sequence[datetime], as_json: bool) -> None:
    if as_json:
        answer({"words": words, "upcoming": instants})
        return
    if words is not None:
        say(words)
    _say_each(instants)


def _say_each(instants: Sequence[datetime]) -> None:
    for moment in instants:
        say(f"  {moment.astimezone().isoformat(' ', 'seconds')}")


def _pattern(expression: str | None, pattern: str | None) -> Any:
    if expression is not None and pattern is not None:
        raise Invalid(ONE_OF)
    return {"kind": "cron", "expression": expression} if pattern is None else parse_json(pattern)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"--excluded-dates: {text[:50]!r} is no date such as 2030-12-25") from None


def _within(text: str) -> timedelta:
    field = "--fire-within-seconds"
    return duration(f"{text}s" if text.replace(".", "", 1).isdecimal() else text, field)


def _verb(name: str, act: Callable[[Actor, UUID], Series], words: str) -> None:
    @group.command(name, help=words)
    @click.argument("series_id", metavar="ID", type=click.UUID)
    @as_json_option
    def command(series_id: UUID, as_json: bool) -> None:
        _tell(act(asking(), series_id), as_json)


_verb("pause", series.pause, "Pause the series ID: what it has pending is cancelled.")
_verb("resume", series.resume, "Resume the paused series ID, from now on.")
_verb("end", series.end, "End the series ID for good: what it has pending is cancelled.")


def _tell(found: Series, as_json: bool) -> None:
    if as_json:
        answer(_told(found, PREVIEWED))
    else:
        say(f"{found.id}  {found.cron_name}  {found.status}  {found.in_words('en') or found.pattern}")


def _told(found: Series, count: int) -> dict[str, Any]:
    following = series.next_of([found.id]).get(found.id)
    return {
        "series": _document(found),
        "words": found.in_words("en"),
        "nextScheduleId": following.schedule_id if following else None,
        "nextScheduledAt": following.at if following else None,
        "upcoming": series.ahead(found, count),
    }


def _document(found: Series) -> dict[str, Any]:
    document: dict[str, Any] = document_of(found)
    document["repeatPattern"] = document.pop("pattern")
    document["fireWithinSeconds"] = document.pop("fireWithin")
    return {**document, "words": found.in_words("en")}


COMMANDS = (group,)
