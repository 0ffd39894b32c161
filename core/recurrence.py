"""What repeats: patterns in the wall-clock time of a zone, the instants they name, and how they read."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from babel.dates import get_day_names, get_month_names, get_timezone_location
from cron_descriptor import CasingTypeEnum, ExpressionDescriptor, Options
from cronsim import CronSim, CronSimError
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule, weekday
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from core.errors import Invalid
from core.wallclock import instant_of

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = get_args(Day)
ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
# The minutes of an expression that goes by elapsed time.
EVERY_SO_MANY = re.compile(r"\*(/[0-9]+)?")
FRACTION = re.compile(r"[.,]\d*[1-9]")


def _of_whole_seconds(given: Any) -> Any:
    if given.microsecond if isinstance(given, time) else FRACTION.search(str(given)):
        raise ValueError("must be of whole seconds, such as 02:00 or 02:00:30")
    return given


Clock = Annotated[time, BeforeValidator(_of_whole_seconds)]


class _Pattern(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Daily(_Pattern):
    """Each day, or each N-th day from the series' start, at a time."""

    kind: Literal["daily"] = "daily"
    at: Clock
    every: int = Field(1, strict=True, ge=1, le=366)


class Weekly(_Pattern):
    """On chosen days of the week, each week or each N-th one from the series' start."""

    kind: Literal["weekly"] = "weekly"
    at: Clock
    days: tuple[Day, ...] = Field(min_length=1)
    every: int = Field(1, strict=True, ge=1, le=53)


class Monthly(_Pattern):
    """On a day of the month (1 to 31, or -1 for the last), or on its nth weekday (1 to 5, or -1).

    A month without that day is left out.
    """

    kind: Literal["monthly"] = "monthly"
    at: Clock
    day: StrictInt | None = None
    nth: StrictInt | None = None
    weekday: Day | None = None
    every: int = Field(1, strict=True, ge=1, le=120)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_day = self.day is not None
        by_weekday = self.nth is not None and self.weekday is not None
        if by_day == by_weekday or (by_day and (self.nth is not None or self.weekday is not None)):
            raise ValueError("give either day, or nth and weekday")
        if self.day is not None and self.day != -1 and not 1 <= self.day <= 31:
            raise ValueError("day must be 1 to 31, or -1 for the last")
        if self.nth is not None and self.nth != -1 and not 1 <= self.nth <= 5:
            raise ValueError("nth must be 1 to 5, or -1 for the last")
        return self


class CronExpression(_Pattern):
    """Five fields as in crontab(5), with L and # (last, nth), or an alias such as @daily."""

    kind: Literal["cron"] = "cron"
    expression: str = Field(max_length=200)

    @model_validator(mode="after")
    def _parses(self) -> Self:
        fields = self.fields
        if len(fields.split()) != 5:
            raise ValueError("expression must have five fields: minute hour day month weekday")
        try:
            next(CronSim(fields, datetime(2024, 1, 1)))  # noqa: DTZ001  any date serves as a probe
        except CronSimError as error:
            raise ValueError(f"expression: {error}") from None
        except StopIteration:
            raise ValueError("expression names a date that never comes") from None
        return self

    @property
    def fields(self) -> str:
        """The five fields, with an alias written out."""
        return ALIASES.get(self.expression.strip().lower(), self.expression.strip())

    @property
    def by_elapsed_time(self) -> bool:
        """Whether it means every minute, or every so many of each hour, whatever the clocks show."""
        minute, hour = self.fields.split()[:2]
        return hour == "*" and EVERY_SO_MANY.fullmatch(minute) is not None


Pattern = Annotated[Daily | Weekly | Monthly | CronExpression, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[Pattern] = TypeAdapter(Pattern)


def parse_pattern(document: Any) -> Pattern:
    """Reads a pattern.

    Args:
        document: such as {'kind': 'weekly', 'at': '02:00', 'days': ['monday']}.

    Raises:
        Invalid: it breaks a rule; the details name the field.
    """
    try:
        pattern = _ADAPTER.validate_python(document)
    except ValidationError as error:
        details = [
            f"{'.'.join(['repeatPattern', *(str(part) for part in problem['loc'][1:])])}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False)
        ]
        raise Invalid(details[0], details) from None
    at = getattr(pattern, "at", None)
    if at is not None and at.tzinfo is not None:
        raise Invalid("repeatPattern.at: is a time of the wall clock; the zone stands in timezone")
    return pattern


def written(pattern: Pattern) -> dict[str, Any]:
    """The pattern as a JSON object."""
    return pattern.model_dump(mode="json", exclude_none=True)


def instants(pattern: Pattern, where: ZoneInfo, start: date, after: datetime) -> Iterator[datetime]:
    """The instants of a pattern, in order.

    They happen at wall-clock times: on a day when the clocks jump over one at the first instant after
    the jump, on a day that shows it twice once, the first time. Only a cron expression that means
    every minute or every so many, `*` or `*/n` with `*` as its hour, goes by elapsed time through both.

    Args:
        pattern: what repeats.
        where: the zone.
        start: the day from which `every` counts.
        after: instants after this one only.

    Returns:
        UTC instants without end, or until the year 9999.
    """
    previous = after
    try:
        for instant in _candidates(pattern, where, start, after):
            if instant > previous:  # several wall-clock times within one gap are one instant
                yield instant
                previous = instant
    except OverflowError:  # beyond the year 9999
        return


def _candidates(pattern: Pattern, where: ZoneInfo, start: date, after: datetime) -> Iterator[datetime]:
    if isinstance(pattern, CronExpression) and pattern.by_elapsed_time:
        for ticked in CronSim(pattern.fields, after.astimezone(where)):
            yield ticked.astimezone(UTC)
        return
    # No earlier wall-clock time names an instant after `after`: the later of two is never earlier.
    shown = after.astimezone(where).replace(tzinfo=None, fold=0)
    walls = (
        CronSim(pattern.fields, shown)
        if isinstance(pattern, CronExpression)
        else _rule(pattern, start, shown).xafter(shown, inc=True)
    )
    for wall in walls:
        yield instant_of(wall, where)


def _rule(pattern: Daily | Weekly | Monthly, start: date, shown: datetime) -> rrule:
    """The rule, begun as near before a wall-clock time as its steps allow: it walks there one by one."""
    every = pattern.every
    days = max(0, (shown.date() - start).days)
    if isinstance(pattern, Daily):
        begin = start + timedelta(days=days // every * every)
        return rrule(DAILY, dtstart=datetime.combine(begin, pattern.at), interval=every)
    if isinstance(pattern, Weekly):
        # A week earlier: its days before `start`'s own weekday belong to the step before.
        weeks = max(0, days // 7 // every - 1) * every
        begin = start + timedelta(weeks=weeks)
        chosen = [DAYS.index(day) for day in pattern.days]
        at = datetime.combine(begin, pattern.at)
        return rrule(WEEKLY, dtstart=at, interval=every, byweekday=chosen, wkst=0)
    months = (shown.year - start.year) * 12 + shown.month - start.month
    steps = max(0, months) // every
    if steps:
        year, month = divmod(start.year * 12 + start.month - 1 + steps * every, 12)
        start = date(year, month + 1, 1)
    at = datetime.combine(start, pattern.at)
    if pattern.day is not None:
        return rrule(MONTHLY, dtstart=at, interval=every, bymonthday=pattern.day)
    assert pattern.weekday is not None
    assert pattern.nth is not None
    nth = weekday(DAYS.index(pattern.weekday))(pattern.nth)
    return rrule(MONTHLY, dtstart=at, interval=every, byweekday=nth)


WORDS: dict[str, dict[str, str]] = {
    "en": {
        "daily": "every day at {at}",
        "every_days": "every {every} days at {at}",
        "weekdays": "every weekday at {at}",
        "weekly": "every {days} at {at}",
        "every_weeks": "every {every} weeks on {days} at {at}",
        "monthly_day": "on day {day} {months} at {at}",
        "monthly_last": "on the last day {months} at {at}",
        "monthly_nth": "on the {nth} {weekday} {months} at {at}",
        "each_month": "of every month",
        "every_months": "of the month, every {every} months,",
        "and": " and ",
        "zone": "{text}, {city} time",
    },
    "fr": {
        "daily": "chaque jour à {at}",
        "every_days": "tous les {every} jours à {at}",
        "weekdays": "du lundi au vendredi à {at}",
        "weekly": "chaque {days} à {at}",
        "every_weeks": "toutes les {every} semaines, le {days}, à {at}",
        "monthly_day": "le {day} {months} à {at}",
        "monthly_last": "le dernier jour {months} à {at}",
        "monthly_nth": "le {nth} {weekday} {months} à {at}",
        "each_month": "de chaque mois",
        "every_months": "du mois, tous les {every} mois,",
        "and": " et ",
        "zone": "{text}, heure de {city}",
    },
}
NTH_WORDS = {
    "en": {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"},
    "fr": {1: "premier", 2: "deuxième", 3: "troisième", 4: "quatrième", 5: "cinquième", -1: "dernier"},
}
# Where day and weekday are both given: either suffices, or both must hold.
BOTH_WORDS = {"en": {False: "or", True: "only"}, "fr": {False: "ou", True: "uniquement"}}


def in_words(pattern: Pattern, zone_name: str, language: str) -> str:
    """The pattern as a person says it: 'every weekday at 02:00, Paris time'.

    Args:
        pattern: what repeats.
        zone_name: IANA name of its zone.
        language: 'fr' for French, else English.
    """
    tongue = "fr" if language.startswith("fr") else "en"
    words = WORDS[tongue]
    text = _cron_words(pattern, tongue) if isinstance(pattern, CronExpression) else _words(pattern, tongue)
    city = get_timezone_location(zone_name, locale=tongue, return_city=True)
    return f"{text}, UTC" if city == "UTC" else words["zone"].format(text=text, city=city)


def _words(pattern: Daily | Weekly | Monthly, tongue: str) -> str:
    words = WORDS[tongue]
    at = pattern.at.strftime("%H:%M:%S" if pattern.at.second else "%H:%M")
    every = pattern.every
    if isinstance(pattern, Daily):
        return words["daily" if every == 1 else "every_days"].format(at=at, every=every)
    if isinstance(pattern, Weekly):
        chosen = sorted({DAYS.index(day) for day in pattern.days})
        if chosen == [0, 1, 2, 3, 4] and every == 1:
            return words["weekdays"].format(at=at)
        names = [get_day_names(locale=tongue)[day] for day in chosen]
        days = ", ".join(names[:-1]) + words["and"] + names[-1] if len(names) > 1 else names[0]
        return words["weekly" if every == 1 else "every_weeks"].format(days=days, at=at, every=every)
    months = words["each_month" if every == 1 else "every_months"].format(every=every)
    if pattern.day is not None:
        way = "monthly_last" if pattern.day == -1 else "monthly_day"
        return words[way].format(day=pattern.day, months=months, at=at)
    assert pattern.weekday is not None
    assert pattern.nth is not None
    weekday_name = get_day_names(locale=tongue)[DAYS.index(pattern.weekday)]
    nth = NTH_WORDS[tongue][pattern.nth]
    return words["monthly_nth"].format(nth=nth, weekday=weekday_name, months=months, at=at)


def _cron_words(pattern: CronExpression, tongue: str) -> str:
    options = Options()
    options.casing_type = CasingTypeEnum.LowerCase
    options.use_24hour_time_format = True
    options.locale_code = "fr_FR" if tongue == "fr" else "en_US"
    descriptor = ExpressionDescriptor(pattern.fields, options)
    text = str(descriptor.get_description())
    on_weekdays = str(descriptor.get_day_of_week_description()).lower()
    day, weekdays = pattern.fields.split()[2], pattern.fields.split()[4]
    if day not in "*?" and weekdays not in "*?":
        # Its descriptor says "or" of some weekdays and leaves it out of others; cron(8) goes by the star.
        link = BOTH_WORDS[tongue][day.startswith("*") or weekdays.startswith("*")]
        plain = on_weekdays.removeprefix(", ").removeprefix("or ").removeprefix("ou ")
        text = text.replace(on_weekdays, f", {link} {plain}")
    if tongue == "fr":
        text = re.sub(r"every (\d+) days of the week", r"tous les \1 jours de la semaine", text)
    # It names days and months in English whatever the language.
    for names in (get_day_names, get_month_names):
        for place, english in names(locale="en").items():
            text = text.replace(english.lower(), names(locale=tongue)[place])
    return text
