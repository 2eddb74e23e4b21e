"""`porchlight token`: keys of integrators, and secret keys for the hub itself."""

from typing import Annotated, Any

import msgspec
import typer

from core.caller import Scope
from core.ids import RandomIds
from hub.cli_tell import AsJson, Operator, err, run, secret, site_named, tell, tell_all
from visits.access_flow import MadeApiKey

token_app = typer.Typer(no_args_is_help=True, help="API keys of integrators, and secret keys for PORCHLIGHT_SECRET_KEYS.")


@token_app.command("new")
def new_key(
    label: Annotated[str, typer.Argument(help="What the key is for.")],
    site: Annotated[list[str] | None, typer.Option("--site", help="Sites it opens; every one without. Repeatable.")] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; everything without. Repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key and print it, this once."""

    async def story(operator: Operator) -> MadeApiKey:
        sites = frozenset([await site_named(operator, each) for each in site]) if site else operator.caller.sites
        return await operator.people.access.make_api_key(operator.caller, label, sites, frozenset(scope or Scope))

    made = run(story)
    facts = {"token": made.token, **msgspec.to_builtins(made.key)}
    secret("API key", made.token, "told this once. Send it as `Authorization: Bearer`.", facts if as_json else None)


@token_app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List API keys."""

    async def story(operator: Operator) -> Any:
        return await operator.people.access.api_keys(operator.caller)

    tell_all(run(story), ("id", "label", "sites", "scopes", "made_at", "revoked_at"), as_json)


@token_app.command("revoke")
def revoke_key(id: Annotated[str, typer.Argument(help="Id of the key.")], as_json: AsJson = False) -> None:
    """End an API key at once."""

    async def story(operator: Operator) -> None:
        await operator.people.access.revoke_api_key(operator.caller, id)

    run(story)
    if as_json:
        tell({"id": id, "revoked": True}, as_json)
    else:
        err.print("revoked")


@token_app.command("secret")
def new_secret() -> None:
    """Print a fresh secret key for PORCHLIGHT_SECRET_KEYS; put a newer one before the older ones."""
    typer.echo(RandomIds().new_token(""))
