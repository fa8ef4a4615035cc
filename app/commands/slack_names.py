"""The names of the commands in Slack, which reserves some names for itself.

Slack has its own `/status` and `/who`, and refuses an app's whole manifest for a command of the
same name. These two commands have another name in Slack, and their own name everywhere else: in
their URL, on the dashboard, and in `app.commands.registry`.
"""

#: Commands whose names Slack reserves, and their names there.
OTHER_NAMES = {"status": "house_status", "who": "house_who"}


def slack_name(command: str) -> str:
    """Return the name that a person types in Slack, after the slash, for *command*."""
    return OTHER_NAMES.get(command, command)


def command_named(typed: str) -> str:
    """Return the command that *typed* means, with or without its slash.

    A command's own name works too.
    """
    name = typed.removeprefix("/")
    return next((command for command, other in OTHER_NAMES.items() if other == name), name)
