"""What each command is called in Slack, which keeps some names for itself.

Slack refuses an app's whole manifest for one command named like its own `/status` or `/who`. Those
two get another name there, and keep their own everywhere else: in their URL, on the dashboard, and
in `app.commands.registry`.
"""

#: Commands whose names Slack has taken, and what they are called there.
OTHER_NAMES = {"status": "house_status", "who": "house_who"}


def slack_name(command: str) -> str:
    """What a person types in Slack, after the slash, for *command*."""
    return OTHER_NAMES.get(command, command)


def command_named(typed: str) -> str:
    """The command that *typed*, with or without its slash, means; a command's own name is as
    good.
    """
    name = typed.removeprefix("/")
    return next((command for command, other in OTHER_NAMES.items() if other == name), name)
