"""The words of notifications, in both languages; values are filled in by core.notifications.message."""

from core.catalogue import Wording


def _of(en: str, fr: str) -> Wording:
    return Wording(en=en, fr=fr)


TITLES: dict[str, Wording] = {
    "triggered": _of("{cron}: started as planned", "{cron} : lancé comme prévu"),
    "failed": _of("{cron}: failed", "{cron} : échec"),
    "completed": _of("{cron}: completed", "{cron} : terminé"),
    "recovered": _of("{cron}: works again", "{cron} : fonctionne à nouveau"),
    "slow": _of("{cron}: took longer than usual", "{cron} : plus long que d’habitude"),
    "taking": _of(
        "{cron}: is taking longer than usual", "{cron} : plus long que d’habitude, et toujours en cours"
    ),
    "paused": _of("{cron}: a series has paused itself", "{cron} : une série s’est mise en pause"),
    "missed": _of("{cron}: did not run", "{cron} : n’a pas été exécuté"),
    "held": _of("{cron}: waits for your decision", "{cron} : attend votre décision"),
    "reminder": _of("{cron}: runs at {time}", "{cron} : s’exécute à {time}"),
    "raised": _of("Crondesk: {alert}", "Crondesk : {alert}"),
    "cleared": _of("Crondesk: over: {alert}", "Crondesk : terminé : {alert}"),
    "test": _of("Crondesk: a test", "Crondesk : un essai"),
}

ALERTS: dict[str, Wording] = {
    "failures": _of("{count} runs failed within {hours} hours", "{count} échecs en {hours} heures"),
    "stalled": _of(
        "nothing was triggered for {minutes} minutes, and {overdue} are overdue",
        "rien n’a été lancé depuis {minutes} minutes, et {overdue} sont en retard",
    ),
    "no_worker": _of("no worker is alive", "aucun worker n’est actif"),
    "busy": _of(
        "{count} runs are planned for the next {hours} hours",
        "{count} exécutions prévues dans les {hours} heures",
    ),
    "lateness": _of(
        "1 % of runs start {p99_ms} ms late or later; the target is {target_ms} ms",
        "1 % des exécutions démarrent avec {p99_ms} ms de retard ou plus ; l’objectif est de {target_ms} ms",
    ),
}

LINES: dict[str, Wording] = {
    "scheduled_at": _of("Planned for: {}", "Prévu le : {}"),
    "created_by": _of("Planned by: {}", "Prévu par : {}"),
    "triggered_at": _of("Started: {}", "Lancé le : {}"),
    "started_at": _of("Started: {}", "Lancé le : {}"),
    "took": _of("Took: {}", "Durée : {}"),
    "usual_seconds": _of("Usually: {}", "D’habitude : {}"),
    "error": _of("Error: {}", "Erreur : {}"),
    "exit_code": _of("Exit code: {}", "Code de sortie : {}"),
    "failures": _of("Failures in a row: {}", "Échecs consécutifs : {}"),
    "failures_before": _of("Failures before: {}", "Échecs auparavant : {}"),
    "attempts": _of("Attempts so far: {}", "Tentatives jusqu’ici : {}"),
    "since": _of("Since: {}", "Depuis : {}"),
    "until": _of("Until: {}", "Jusqu’à : {}"),
    "by": _of("Asked for by: {}", "Demandé par : {}"),
    "cancel": _of("Cancel this run: {}", "Annuler cette exécution : {}"),
    "delay": _of("Delay it by 30 minutes: {}", "La reporter de 30 minutes : {}"),
    "page": _of("See: {}", "Voir : {}"),
}
