"""All commands, and what their ends mean to the shell that called: the exit codes."""

import os
import subprocess
import sys
from collections.abc import Sequence

import click

from core import __version__
from core.cli import blackouts, calendar, catalogue, crontab, executions, schedules, series, workers
from core.cli.answers import refuse
from core.cli.exit_codes import CONFLICT, INTERRUPTED, INVALID, NOBODY_READS, NOT_FOUND, UNAVAILABLE
from core.errors import Conflict, CrondeskError, NotFound, Unavailable

EXIT_CODES = """\b
Exit codes:
  0    done; of a run that was waited for: it completed
  1    the run that was waited for failed or was cancelled; an import was made in part
  2    usage, or something that was given is invalid
  3    there is no such thing
  4    not possible in the present state, such as a schedule that has fired
  5    the database cannot be reached, or is not at this version
  130  interrupted; what runs goes on
"""


@click.group(
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="Crondesk")
def commands() -> None:
    """Plan, run and watch crons.

    Every command takes --json: one document on standard output, in the words of the REST API.
    Settings come from the environment and .env, as for the dashboard and the worker.
    """


for command in (
    *schedules.COMMANDS,
    *executions.COMMANDS,
    *series.COMMANDS,
    *blackouts.COMMANDS,
    *catalogue.COMMANDS,
    *workers.COMMANDS,
    *crontab.COMMANDS,
    *calendar.COMMANDS,
):
    commands.add_command(command)


def main(arguments: Sequence[str]) -> int:
    """Runs one command.

    Args:
        arguments: without the program's name.

    Returns:
        The exit code.
    """
    as_json = "--json" in arguments
    try:
        with commands.make_context("python -m core", list(arguments)) as context:
            commands.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return _flushed(end.exit_code)
    except click.ClickException as error:
        if as_json and not isinstance(error, click.exceptions.NoArgsIsHelpError):
            refuse(error.format_message(), [], as_json=True)
        else:
            error.show()
        return INVALID
    except CrondeskError as error:
        refuse(error.message, error.details, as_json=as_json)
        return _code_of(error)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _nobody_reads()
    except (OSError, subprocess.SubprocessError) as error:
        refuse(f"cannot go on: {error}", [], as_json=as_json)
        return UNAVAILABLE
    return 0


def _code_of(error: CrondeskError) -> int:
    match error:
        case NotFound():
            return NOT_FOUND
        case Conflict():
            return CONFLICT
        case Unavailable():
            return UNAVAILABLE
        case _:
            return INVALID


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _nobody_reads()
    return code


def _nobody_reads() -> int:
    """Ends as `| head` expects it: silently, also when Python flushes once more on its way out."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return NOBODY_READS
