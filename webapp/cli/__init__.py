"""The `tuskline` command. What a command needs is imported when it runs: `tuskline --help` costs a blink."""

from importlib import import_module

import click

# name: (module:attribute, help in the list of commands)
COMMANDS = {
    "run": ("webapp.cli.processes:run", "Start everything on this machine and scan the sample marketplace."),
    "scan": ("scanner.cli.scan:scan", "Score pictures and judge them by the rules, without a database."),
    "sources": ("webapp.cli.sources:sources", "Add and list the sources that are scanned."),
    "schedules": ("webapp.cli.schedules:schedules", "Scan sources by themselves, at set times."),
    "models": ("webapp.cli.models:models", "Install, check, measure and teach models."),
    "photos": ("webapp.cli.photos:photos", "Find pictures that look alike."),
    "rules": ("webapp.cli.rules:rules", "Check and list rules."),
    "report": ("webapp.cli.reports:report", "Write the findings and decisions of a period."),
    "report-schedules": ("webapp.cli.report_schedules:report_schedules", "Build and send reports by themselves."),
    "case": ("webapp.cli.cases:case", "Make case files: signed evidence that stands on its own."),
    "quality": ("webapp.cli.quality:quality", "Tell how good the findings are, with intervals."),
    "retention": (
        "webapp.cli.retention:retention",
        "Set how long things are kept, remove what is due, check the store.",
    ),
    "hold": ("webapp.cli.retention:hold", "Place, release and list legal holds."),
    "audit": ("webapp.cli.audit:audit", "Check the audit log, seal it, hand out its head."),
    "users": ("webapp.cli.users:users", "Add people, set passwords."),
    "tokens": ("webapp.cli.tokens:tokens", "Make, list and revoke API tokens."),
    "backup": ("webapp.cli.backup:backup", "Back up everything into a folder or a bucket."),
    "restore": ("webapp.cli.backup:restore", "Bring a backup into an empty installation, and verify it."),
    "db": ("webapp.cli.database:db", "Bring the database up to date."),
    "doctor": ("webapp.cli.doctor:doctor", "Check this installation."),
    "status": ("webapp.cli.status:status", "Tell who works, what waits and what is missing."),
    "capacity": ("webapp.cli.capacity:capacity", "Tell what machines and crawls can do in a day."),
    "web": ("webapp.cli.processes:web", "Serve the web pages."),
    "worker": ("webapp.cli.processes:worker", "Work on what is queued."),
    "beat": ("webapp.cli.processes:beat", "Queue what is due."),
    "shop": ("webapp.cli.processes:shop", "Serve the sample marketplace."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and imports one only to run it or to show its own help."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup)
@click.version_option(package_name="tuskline")
def main() -> None:
    """Finds suspected wildlife trade on online marketplaces, and helps people decide.

    Scores are a suspicion, never a proof. Settings come from TUSKLINE_... variables; `tuskline doctor` shows what
    is amiss.
    """
