"""The verbs on the machine: `python -m app start`, and so on."""

import gc
import importlib
import os
import sys
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path

#: What the verbs import first. The Python of the system may have some of it.
_NEEDED = ("click", "pydantic", "yaml", "redis", "cv2", "av", "flask")


def use_packages() -> None:
    """Run again with the Python of .venv where that of the system was called, which lacks them."""
    if all(find_spec(name) for name in _NEEDED):
        return
    project = Path(__file__).parents[1]
    venv = project / ".venv"
    python = venv / "bin" / "python"
    if not python.exists() or venv.samefile(sys.prefix):
        sys.exit(f"The packages are missing. Run {project}/scripts/setup.sh, then this again.")
    os.execv(python, [str(python), "-m", "app", *sys.argv[1:]])  # noqa: S606


use_packages()

import click  # noqa: E402

#: Each verb, and the place of its command. It is imported only when it is used, since some need
#: OpenCV.
VERBS = {
    "bench": "app.benchmarks.bench:bench",
    "check-camera": "app.cli.check_camera:check_camera",
    "check-config": "app.cli.check_config:check_config",
    "check-slack": "app.cli.check_slack:check_slack",
    "dropbox-link": "app.cli.dropbox_link:dropbox_link",
    "evaluate": "app.evaluation.evaluate.verb:evaluate",
    "fetch-models": "app.cli.fetch_models:fetch_models",
    "forget": "app.cli.forget:forget",
    "mask": "app.cli.mask:mask",
    "presence-month": "app.evaluation.presence_month:presence_month",
    "redis-cli": "app.cli.redis_cli:redis_cli",
    "replay": "app.evaluation.replay:replay",
    "set-password": "app.cli.set_password:set_password",
    "silencer": "app.cli.silencer:silencer",
    "silencer-houses": "app.evaluation.silencer_houses:silencer_houses",
    "slack-manifest": "app.cli.slack_manifest:slack_manifest",
    "start": "app.cli.start:start",
    "status": "app.cli.status:status",
    "stop": "app.cli.stop:stop",
    "tune": "app.evaluation.tune.verb:tune",
    "unpainted": "app.cli.unpainted:unpainted",
    "who": "app.cli.who:who",
    "yardstick": "app.evaluation.yardstick.verb:yardstick",
}


class Verbs(click.Group):
    """The commands of `VERBS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module, name = VERBS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.command(cls=Verbs)
@click.pass_context
def main(context: click.Context) -> None:
    """Who's There?: cameras at home that show you who comes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # The terminal may not be of UTF-8, and the name of a file neither.
            stream.reconfigure(errors="replace")
    # What a verb writes, such as pictures, is readable by this user alone. Models and packages are
    # no secret, and another user may run the suite.
    if context.invoked_subcommand != "fetch-models":
        os.umask(0o077)


if __name__ == "__main__":
    if sys.argv[1:2] == ["start"]:
        # What it imports stays: to look for garbage in it would be a tenth of the work.
        gc.disable()
    main(prog_name="python -m app")
