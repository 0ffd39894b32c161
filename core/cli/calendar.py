"""`feed`: where a person's calendar programs read what is planned."""

import click

from core import calendar_address
from core.cli.answers import answer, say
from core.cli.options import as_json_option, asking


@click.command()
@click.argument("person")
@click.option("--renew", is_flag=True, help="Make it anew; the old address is then no more.")
@click.option("--revoke", is_flag=True, help="Take it away.")
@as_json_option
def feed(person: str, renew: bool, revoke: bool, as_json: bool) -> None:
    """Print PERSON's address of the calendar feed, which is made if there is none yet.

    Whoever has the address can read what is planned. It takes ?cron=NAME, ?mine=true and
    ?language=fr.
    """
    if renew and revoke:
        raise click.UsageError("--renew, --revoke: give one of them.")
    if revoke:
        calendar_address.revoke(asking(), person)
        if as_json:
            answer({"message": "Calendar address revoked", "person": person})
        else:
            say(f"{person} has no address any more.")
        return
    address = calendar_address.give(asking(), person, renew=renew)
    if as_json:
        answer({"feed": address})
    else:
        say(address.url)


COMMANDS = (feed,)
