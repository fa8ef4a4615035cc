"""The verb `dropbox-link`: gets a token for this house from Dropbox."""

from pathlib import Path
from typing import Any

import click

from app.cli.options import loaded
from app.config.options import config_options
from app.launcher import extras
from app.uploads.base import DropboxSettings

TIMEOUT_S = 30


@click.command("dropbox-link")
@config_options
def dropbox_link(*, folder: Path | None, profile: str | None) -> None:
    """Link your Dropbox app to this house.

    Shows where to click, and prints the refresh token for private.yml.
    """
    config = loaded(folder, profile)
    private = config.folder / "private.yml"
    if not config.dropbox.app_key:
        raise click.ClickException(
            f"put dropbox.app_key and dropbox.app_secret into {private} first; setup.md says "
            "where they are"
        )
    if extras.install(["dropbox"]):
        raise click.ClickException("the package dropbox is missing, and could not be installed")
    flow = _flow(config.dropbox)
    click.echo(
        f"1. Open {flow.start()}\n2. Click Allow; you may have to log in first.\n3. Copy the code "
        "that it shows."
    )
    token = _token(flow, click.prompt("The code").strip())
    click.echo(
        f"\nPut this line into the section dropbox of {private}, and show it to nobody:\n\n  "
        f"refresh_token: {token}\n"
    )


def _flow(settings: DropboxSettings) -> Any:
    """Return the SDK's OAuth flow, with PKCE if the app's secret is not set."""
    from dropbox import DropboxOAuth2FlowNoRedirect

    from app.uploads.dropbox import session

    secret = settings.app_secret.get_secret_value() if settings.app_secret else None
    flow = DropboxOAuth2FlowNoRedirect(
        settings.app_key,
        secret,
        token_access_type="offline",  # noqa: S106 (a kind of token)
        scope=["files.content.write"],
        use_pkce=secret is None,
        timeout=TIMEOUT_S,
    )
    flow.requests_session = session(settings.api_url) or flow.requests_session
    return flow


def _token(flow: Any, code: str) -> str:
    import requests

    try:
        return str(flow.finish(code).refresh_token)
    except requests.HTTPError as error:
        status = error.response.status_code
        raise click.ClickException(
            f"Dropbox refuses ({status}): a code works once and for some minutes, so start again; "
            "or app_key or app_secret are wrong"
        ) from None
    except requests.RequestException as error:
        raise click.ClickException(
            f"Dropbox does not answer ({type(error).__name__}); try again"
        ) from None
