"""The links of reminders: GET asks whether it is meant, POST does it; whoever got the reminder may.

A mail scanner that follows links reads a page and changes nothing.
"""

from html import escape
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from fastapi import APIRouter, Response

from core.catalogue import Wording, catalogue
from core.notifications import links
from core.notifications.links import Link

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Crondesk</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.125rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1.5rem; }}
h1 {{ font-size: 1.5rem; }}
button {{ font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .5rem; }}
button {{ background: #3b5bdb; color: #fff; }}
</style>
</head>
<body>
<main>
<h1>{heading}</h1>
<p>{about}</p>
{form}
</main>
</body>
</html>
"""
FORM = '<form method="post"><button>{}</button></form>'

HEADINGS: dict[tuple[str, str | None], Wording] = {
    ("open", "cancel"): Wording(en="Cancel this run?", fr="Annuler cette exécution ?"),
    ("open", "delay"): Wording(
        en="Delay this run by 30 minutes?", fr="Reporter cette exécution de 30 minutes ?"
    ),
    ("done", "cancel"): Wording(en="Cancelled: it will not run.", fr="Annulé : elle ne sera pas exécutée."),
    ("done", "delay"): Wording(
        en="Delayed: it runs 30 minutes later.", fr="Reporté : elle s’exécutera 30 minutes plus tard."
    ),
}
PROBLEMS: dict[str, Wording] = {
    "unknown": Wording(
        en="This link is not valid, or its reminder is long past.",
        fr="Ce lien n’est pas valide, ou son rappel est passé depuis longtemps.",
    ),
    "used": Wording(
        en="This reminder’s links were used already.", fr="Les liens de ce rappel ont déjà servi."
    ),
    "moved": Wording(
        en="The run was moved after this reminder: nothing was changed.",
        fr="L’exécution a été déplacée après ce rappel : rien n’a été changé.",
    ),
    "cancelled": Wording(en="The run is cancelled already.", fr="L’exécution est déjà annulée."),
    "fired": Wording(en="Too late: the run has begun.", fr="Trop tard : l’exécution a commencé."),
    "firing": Wording(en="Too late: the run begins now.", fr="Trop tard : l’exécution commence."),
    "late": Wording(
        en="Too late: 30 minutes after the planned instant are over as well.",
        fr="Trop tard : les 30 minutes après l’instant prévu sont écoulées aussi.",
    ),
}
BUTTONS: dict[str, Wording] = {
    "cancel": Wording(en="Cancel the run", fr="Annuler l’exécution"),
    "delay": Wording(en="Delay it", fr="Reporter"),
}

router = APIRouter(prefix="/api/links", include_in_schema=False)


@router.get("/{token}")
def ask(token: str) -> Response:
    """Asks whether it is meant; changes nothing."""
    return _page(links.look(token))


@router.post("/{token}")
def act(token: str) -> Response:
    """Does it, once."""
    return _page(links.use(token))


def _page(link: Link) -> Response:
    language = link.language
    wording = PROBLEMS.get(link.state) or HEADINGS[link.state, link.action]
    offered = link.state == "open" and link.action is not None
    form = FORM.format(escape(BUTTONS[link.action].in_language(language))) if offered and link.action else ""
    content = PAGE.format(
        language=language,
        heading=escape(wording.in_language(language)),
        about=escape(_about(link)),
        form=form,
    )
    status = 200 if link.state in ("open", "done") else 404 if link.state == "unknown" else 409
    return Response(content, status, HEADERS, "text/html; charset=utf-8")


def _about(link: Link) -> str:
    if link.cron_name is None or link.scheduled_at is None:
        return ""
    cron = catalogue().crons.get(link.cron_name)
    title = cron.title.in_language(link.language) if cron else link.cron_name
    when = format_datetime(link.scheduled_at, "long", tzinfo=ZoneInfo(link.timezone), locale=link.language)
    return f"{title}, {when}"
