"""What several commands take: instants, parameters, filters, --json; and who is asking."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from core.actors import Actor
from core.catalogue import Cron
from core.database import clock
from core.errors import CrondeskError, Invalid
from core.instants import parse_instant
from core.parameters import Parameters, check, parse_json
from core.repeating import REPEATS
from core.wallclock import instants_of, next_that_exists, zone

Command = TypeVar("Command", bound=Callable[..., Any])

UNITS = {"w": "weeks", "d": "days", "h": "hours", "min": "minutes", "m": "minutes", "s": "seconds"}
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(w|d|h|min|m|s)\s*", re.ASCII)
WALL_CLOCK = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", re.ASCII)
STANDARD_INPUT = "-"


def as_json_option(command: Command) -> Command:
    """Adds --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def cron_option(text: str) -> Callable[[Command], Command]:
    """Adds --cron-name, or --cron for short."""
    return click.option("--cron-name", "--cron", "cron_name", metavar="CRON", help=text)


def paging_options(command: Command) -> Command:
    """Adds --limit and --cursor."""
    command = click.option("--cursor", help="Go on after the page that gave this cursor.")(command)
    limit = click.option(
        "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most."
    )
    return limit(command)


def instant_options(command: Command) -> Command:
    """Adds --at, --in and --timezone."""
    for option in (
        click.option("--timezone", metavar="ZONE", help="IANA time zone in which --at is read."),
        click.option("--in", "delay", metavar="DURATION", help="From now: 90s, 15m, 2h, 1d12h, 1w."),
        click.option(
            "--scheduled-at",
            "--at",
            "at",
            metavar="INSTANT",
            help="RFC 3339 with its zone (2030-01-31T09:00:00+01:00), or with --timezone a time "
            "on the clocks there ('2030-01-31 09:00').",
        ),
    ):
        command = option(command)
    return command


def parameters_options(command: Command) -> Command:
    """Adds --param and --parameters."""
    for option in (
        click.option(
            "--parameters", "document", metavar="JSON", help="All as one JSON object; - reads standard input."
        ),
        click.option(
            "--param", "pairs", metavar="NAME=VALUE", multiple=True, help="One parameter; may be repeated."
        ),
    ):
        command = option(command)
    return command


def asking() -> Actor:
    """The user of this operating system who runs the command: who may read its settings may do all."""
    return Actor(_user(), "admin", "cli")


def _user() -> str:
    try:
        import pwd  # noqa: PLC0415  not on Windows
    except ImportError:
        return os.environ.get("USERNAME") or "somebody"
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def machine_zone() -> str:
    """IANA name of this machine's time zone; UTC where it does not say."""
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    with suppress(OSError, ValueError):
        candidates.append(str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2])
    with suppress(OSError, ValueError):
        candidates.append(Path("/etc/timezone").read_text(encoding="ascii").strip())
    for name in filter(None, candidates):
        with suppress(Invalid):
            return zone(name).key
    return "UTC"


def instant_given(at: str | None, delay: str | None, timezone: str | None) -> datetime | None:
    """The instant that --at, or --in from the database's now, names; None where neither is given.

    Raises:
        Invalid: it cannot be read, or the clocks of the zone never show it or show it twice.
        Unavailable.
    """
    if at is not None and delay is not None:
        raise Invalid("--at, --in: give one of them, not both")
    if timezone is not None and at is None:
        raise Invalid("--timezone: belongs to --at")
    if delay is not None:
        return clock() + duration(delay)
    if at is None:
        return None
    return instant(at, timezone, "--at")


def instant(text: str, timezone: str | None, field: str) -> datetime:
    """Reads RFC 3339 with a zone, or a time on the clocks of the given one.

    Raises:
        Invalid: it is neither, or the clocks of the zone never show it or show it twice.
    """
    if timezone is None:
        try:
            return parse_instant(text, field)
        except Invalid as error:
            hint = ", or give --timezone" if "names no zone" in error.message and field == "--at" else ""
            raise Invalid(error.message + hint) from None
    where = zone(timezone)
    if not WALL_CLOCK.fullmatch(text):
        raise Invalid(f"{field}: with --timezone it must be like '2030-01-31 09:00', without an offset")
    try:
        wall = datetime.fromisoformat(text.upper().replace(" ", "T"))
        found = instants_of(wall, where)
        if not found:
            first = next_that_exists(wall, where).isoformat(" ")
            raise Invalid(f"{field}: the clocks of {timezone} jump over it; after the jump comes {first}")
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{field}: is no date and time that exists: {error}") from None
    if len(found) > 1:
        both = " or ".join(each.astimezone(where).isoformat() for each in found)
        raise Invalid(f"{field}: the clocks of {timezone} show it twice; say which with its offset: {both}")
    return found[0].astimezone(UTC)


def repeat_given(text: str | None) -> str | dict[str, Any] | None:
    """How --repeat-pattern says that it repeats: a word, or a pattern; None where it is not given.

    Raises:
        Invalid: it is neither.
    """
    if text is None or text in REPEATS:
        return text
    expected = f"--repeat-pattern: must be one of {', '.join(REPEATS)}, or a pattern as a JSON object"
    try:
        pattern = parse_json(text)
    except CrondeskError:
        raise Invalid(expected) from None
    if not isinstance(pattern, dict):
        raise Invalid(expected)
    return pattern


def duration(text: str, field: str = "--in") -> timedelta:
    """Reads a length of time such as '90s', '15m', '2h', '1d12h' or '1w'.

    Raises:
        Invalid: it is none, or is nothing.
    """
    wanted = timedelta()
    rest = text.strip().lower()
    try:
        while rest:
            piece = DURATION.match(rest)
            if piece is None:
                raise Invalid(f"{field}: {text[:50]!r} is no duration such as 90s, 15m, 2h or 1d12h")
            wanted += timedelta(**{UNITS[piece[2]]: float(piece[1])})
            rest = rest[piece.end() :]
    except OverflowError:
        raise Invalid(f"{field}: is more than ten years ahead") from None
    if not wanted:
        raise Invalid(f"{field}: must be longer than nothing")
    return wanted


def parameters_given(
    cron: Cron, document: str | None, pairs: Sequence[str], base: Parameters | None = None
) -> Parameters | None:
    """The parameters that --parameters and --param name; the latter go over the former.

    A value of --param is text where the cron's schema takes text, else JSON.

    Args:
        cron: whose parameters they are.
        document: of --parameters.
        pairs: of --param.
        base: what --param changes where --parameters is not given.

    Returns:
        None where nothing is given.

    Raises:
        Invalid: something cannot be read, such as what --param is to change.
    """
    if document is None and not pairs:
        return None
    if document is None:
        check(base or {}, {})  # of what nobody can read nothing can be kept
    values: Any = dict(base or {})
    if document is not None:
        text = _standard_input() if document == STANDARD_INPUT else document
        try:
            values = parse_json(text)
        except CrondeskError as error:
            raise Invalid(f"--parameters: {error.message}") from None
        if not isinstance(values, dict):
            raise Invalid("--parameters: must be a JSON object")
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise Invalid(f"--param: {pair[:50]!r} is not NAME=VALUE")
        values[name] = _typed(text, cron.parameters.get("properties", {}).get(name))
    return values  # type: ignore[no-any-return]


def _standard_input() -> str:
    return text_of(Path(STANDARD_INPUT), "--parameters", 1_048_576)


def _typed(text: str, rule: Any) -> Any:
    kinds = rule.get("type") if isinstance(rule, dict) else None
    if kinds == "string":
        return text
    try:
        value = parse_json(text)
    except CrondeskError:
        return text
    takes_text = isinstance(kinds, list) and "string" in kinds
    return text if takes_text and isinstance(value, int | float) and not isinstance(value, bool) else value


def text_of(path: Path, field: str, most_bytes: int) -> str:
    """What a file holds, or standard input for '-'.

    Raises:
        Invalid: it cannot be read, is no UTF-8 or larger than `most_bytes`.
    """
    try:
        if str(path) == STANDARD_INPUT:
            data = sys.stdin.buffer.read(most_bytes + 1)
        else:
            with path.open("rb") as file:
                data = file.read(most_bytes + 1)
    except OSError as error:
        raise Invalid(f"{field}: {path}: {error.strerror}") from None
    if len(data) > most_bytes:
        raise Invalid(f"{field}: {path} is larger than {most_bytes // 1024} KiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{field}: {path} is not UTF-8 (byte {error.start})") from None
