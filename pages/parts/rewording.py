"""What core, workers and the database say in English, as the reader reads it.

Rows hold plain English sentences, for psql and scripts read them too; so do errors. Each is known
here as it is written there, with its values in braces, and is put into the reader's language where it
is shown, and its instants are told by the reader's clock. What nobody has foreseen, such as what
another program said, is shown as it is.
"""

import re
from datetime import datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from pages.parts import times
from pages.parts.language import _, language, marked

# What is written into rows and events. The first one that fits is taken; {why} is itself such a sentence.
WRITTEN = (
    marked("{why} (attempt {attempt} of {attempts})"),
    marked("{why} (attempt {attempt})"),
    marked("expired: it is not tried again after {when}; 1 attempt failed: {why}"),
    marked("expired: it is not tried again after {when}; {attempts} attempts failed: {why}"),
    marked(
        "held: a person decides whether it still fires; it is not tried again after {when}; "
        "1 attempt failed: {why}"
    ),
    marked(
        "held: a person decides whether it still fires; it is not tried again after {when}; "
        "{attempts} attempts failed: {why}"
    ),
    marked("{why}; the next attempt would come after its deadline"),
    marked("ended with exit code {code}"),
    marked("was ended by signal {signal}"),
    marked("was ended by {signal}"),
    marked("ended after its timeout of {seconds} s"),
    marked("ended by a fault of the worker: {fault}"),
    marked("cancelled by {actor} before it began"),
    marked("cancelled by {actor}"),
    marked("worker lost: {worker} gave no sign of life since {when}"),
    marked("not started: {why}"),
    marked("not sent: {why}"),
    marked("paused: {why}"),
    marked("failed without a reason"),
    marked("the catalogue has no cron {cron}: restore it in the catalogue and plan again"),
    marked("the catalogue has no cron {cron}"),
    marked(
        "still running after {attempts} attempts: an earlier run of {cron} has not ended, "
        "and the catalogue forbids overlap"
    ),
    marked("expired: dropped by {actor}"),
    marked("expired: it could not fire before {when}"),
    marked("held: a person decides whether it still fires; it could not fire before {when}"),
    marked("cannot be started: the directory {directory} is not there"),
    marked("cannot be started: {program} is not there"),
    marked("cannot be started: {reason}"),
    marked("the target gave no answer within {seconds} s"),
    marked("the target's TLS certificate is not trusted"),
    marked("the target's host name cannot be resolved"),
    marked("no connection to {where}: {reason}"),
    marked("the exchange with the target broke off: {reason}"),
    marked("the target answered {answer}; redirects are not followed"),
    marked("the target answered {answer}: an earlier run has not ended"),
    marked("the target answered {answer}"),
    marked("not needed any more: the run was moved, cancelled or fired before"),
)
# What errors say after the field they are about.
RULES = (
    marked("is a schedule of the cron {other}, not of {cron}"),
    marked("the schedule is cancelled; it starts nothing"),
    marked(
        "the clocks of {zone} show {time} twice that day, and what repeats happens the first time: "
        "give {instant}, or another time"
    ),
    marked("the database refuses it by its rule {rule}"),
    marked("the schedule was triggered before, by another execution"),
    marked(
        "the secret {name} is not set: set {variable} in the environment of the worker, and start it again"
    ),
    marked("is more than ten years"),
    marked("must be {most} at most"),
    marked("blackouts are being added now; try again"),
    marked("the first schedule of series {series} is no longer kept"),
    marked("must be one of {choices}"),
    marked("must be one or more of {choices}"),
    marked("must be 1 to {most} printable characters without a slash"),
    marked("must be 1 to {most} printable characters"),
    marked("must be 1 to {most} schedules"),
    marked("must be 1 to {most}"),
    marked("must be 1 or more"),
    marked("must be more than 0 seconds"),
    marked("must be of whole seconds, such as 02:00 or 02:00:30"),
    marked("must be a second or more"),
    marked("must be later than since, and to come"),
    marked("must be later than {other}"),
    marked("must be within two days of since"),
    marked("must not be earlier than the beginning"),
    marked("must be given with latePolicy drop or ask"),
    marked("must be a duration of at most ten years, forth or back"),
    marked("must be a JSON object"),
    marked("must be an RFC 3339 date and time in quotes, {example}"),
    marked("give one of them"),
    marked("give at least one of them"),
    marked("give a cron or a tag, not both"),
    marked("give either day, or nth and weekday"),
    marked("day must be 1 to 31, or -1 for the last"),
    marked("nth must be 1 to 5, or -1 for the last"),
    marked("only pending ones can be cancelled or moved"),
    marked("would make more than {most} runs"),
    marked("nothing was planned, for some break a rule"),
    marked("was already used for another schedule; choose a new one"),
    marked("were already used for another execution; choose new ones"),
    marked("is in the past; choose an instant to come"),
    marked("is more than ten years ahead"),
    marked("is in the past"),
    marked("names no zone"),
    marked("names no zone; end it with Z or an offset, {example}"),
    marked("is no RFC 3339 date and time, {example}"),
    marked("lies outside the years that there are"),
    marked("is no date and time that exists: {reason}"),
    marked("is a time of the wall clock; the zone stands in timezone"),
    marked("has no occurrence to come"),
    marked("must be more than the {planned} that it has planned already"),
    marked("give what shall be different, such as repeatPattern or parameters"),
    marked("has no address of the calendar feed"),
    marked("no cron of the catalogue has it"),
    marked("the catalogue has no such cron"),
    marked("there is no such blackout"),
    marked("there is no such channel"),
    marked("there is no such execution"),
    marked("there is no such rule"),
    marked("there is no such schedule"),
    marked("there is no such series"),
    marked("another channel has this name already"),
    marked("{scheme} would show something on the server, where nobody is"),
    marked("is no Apprise URL, such as {example}"),
    marked("refers to files of the server, which a channel may not read"),
    marked("was saved under another CRON_SECRET and cannot be read; enter it anew"),
    marked("is none that this list has given"),
    marked("{zone} is no IANA time zone, such as Europe/Paris"),
    marked("contains a NUL byte"),
    marked("contains half of a surrogate pair"),
    marked("a text contains half of a surrogate pair"),
    marked("a value that the database cannot keep: {reason}"),
    marked("are nested too deeply, or hold a number with too many digits"),
    marked("nested deeper than {most} levels"),
    marked("larger than {most} KiB of JSON"),
    marked("larger than {most} KiB"),
    marked("NaN and Infinity are no JSON numbers"),
    marked("a number has more than {most} digits"),
    marked("a key is no string"),
    marked("is no JSON"),
    marked("not JSON: {why}"),
    marked("{name} is no JSON number"),
    marked("a key stands twice in one object"),
    marked("the catalogue's schema refers to what is not there: {reference}"),
    marked("hold something too large to be checked against the schema"),
    marked("its events recur too often"),
    marked("the event {name} ends before it begins"),
    marked(
        "the event {name} goes by the time zone {zone}, which is unknown; use an IANA name such as "
        "Europe/Paris, or define it in the file as a VTIMEZONE"
    ),
    marked("its time zones change too often"),
    marked("the time zone {zone} changes other than yearly ({frequency})"),
    marked("a rule has the INTERVAL {interval}; it must be 1 or more"),
    marked("an event recurs more often than daily ({frequency}), which a blackout cannot"),
    marked("an event cannot be read: {reason}"),
    marked("is no iCalendar: it must begin with BEGIN:VCALENDAR"),
    marked("is no iCalendar: {reason}"),
    marked("holds no events"),
    marked("holds more than {most} events"),
    marked("makes more than {most} periods"),
    marked("may not be written"),
    marked("was changed by somebody else in this moment; try again"),
    marked("is not UTF-8"),
    marked("has mistakes already; mend them first"),
    marked("would have mistakes"),
    marked("{value} is greater than the maximum of {most}"),
    marked("{value} is less than the minimum of {least}"),
    marked("{name} is a required property"),
    marked("{value} is not of type {type}"),
    marked("{value} is not one of {choices}"),
    marked("{value} does not match {pattern}"),
    marked("{value} is too long"),
    marked("{value} is too short"),
    marked("{value} should be non-empty"),
    marked("Additional properties are not allowed ({names} unexpected)"),
    marked("the execution has ended already: {status}"),
    marked("too late, the schedule is being fired now and can no longer be {verb}"),
    marked("too late: schedule {schedule} is being fired by {worker}"),
    marked("the schedule is {status} already and can no longer be {verb}"),
    marked("the schedule is {status} already, not pending"),
    marked("the schedule is {status} and waits for no decision"),
    marked("the series has ended; make a new one like it"),
    marked("the series is {status}"),
    marked("the series has planned this occurrence anew"),
    marked("too late, this can no longer be taken back"),
    marked("{cron} is already running, and the catalogue forbids overlap"),
    marked("{actor} is a {role} and may not {verb}"),
)
# What is wrong with the catalogue file.
CATALOGUE = (
    marked("line {line}: cron {cron}: {why}"),
    marked("line {line}: unknown key {key}"),
    marked("must not hold a user or a password; {way}"),
    marked("breaks its own schema: {why}"),
    marked("has no cron; those in force stay until it has one"),
    marked("is no URL"),
    marked("a noop neither fails nor waits for another; leave it out"),
    marked("a name is of capital letters, digits and '_'"),
    marked("{name} is no parameter's to give; name it in pass_environment"),
    marked("in {argument}: braces hold a parameter's name and nothing else"),
    marked("line {line}: crons must be a table of crons"),
    marked("a name is of lower-case letters, digits, '-', '_' and '.'"),
    marked("must be a table"),
    marked("unknown key {key}"),
    marked("unknown key"),
    marked("is missing"),
    marked("exactly one of command, http and noop must be given"),
    marked("must name a program"),
    marked("no valid JSON Schema: {reason}"),
    marked('must have type = "object"'),
    marked("the placeholder {placeholder} must be a parameter that is required or has a default"),
    marked("Input should be a valid {type}"),
    marked("Input should be {choices}"),
    marked("not TOML: {reason}"),
    marked("not TOML that can be read: nested too deeply"),
    marked("not UTF-8"),
    marked("No such file or directory"),
    marked("Permission denied"),
)
# What an error is about: cronName, or parameters.times, or several of them.
FIELD = re.compile(r"(?P<field>[\w.\-]+(?:, [\w.\-]+)*): (?P<rest>.+)", re.DOTALL)
# An instant, as SQL writes it.
INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
KEPT = 5000


def reworded(text: str) -> str:
    """The sentence in the reader's language; as it is where nothing is known that it could be."""
    return _reworded(text, language(), times.browser_zone())


@lru_cache(maxsize=KEPT)
def _reworded(text: str, _code: str, _zone: ZoneInfo) -> str:
    for template, pattern in _patterns():
        if found := pattern.fullmatch(text):
            values = found.groupdict()
            if "why" in values:
                values["why"] = reworded(values["why"])
            if INSTANT.fullmatch(values.get("when", "")):
                values["when"] = times.day_and_time(
                    datetime.fromisoformat(values["when"].replace(" UTC", "Z"))
                )
            return _(template).format_map(values)
    found = FIELD.fullmatch(text)
    if found and is_known(found["rest"]):
        # Translators: a field, and what is wrong with it.
        return _("{field}: {problem}").format(field=found["field"], problem=reworded(found["rest"]))
    return text


def is_known(text: str) -> bool:
    """Whether the sentence, or what it says about a field, is one of those above."""
    found = FIELD.fullmatch(text)
    return any(pattern.fullmatch(text) for _template, pattern in _patterns()) or (
        found is not None and is_known(found["rest"])
    )


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(template, _pattern(template)) for template in (*WRITTEN, *RULES, *CATALOGUE)]


def _pattern(template: str) -> re.Pattern[str]:
    parts = PLACEHOLDER.split(template)
    # What stands between the braces is the name of a value, and every other part is text.
    escaped = [f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)]
    return re.compile("".join(escaped), re.DOTALL)
