"""The control API under `/_sim/`: see and change everything while it runs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from simulator.accounts import Account
from simulator.catalogue import CATALOGUE
from simulator.desk import world_now
from simulator.exchange import revoke
from simulator.kinds import Kind
from simulator.replies import reply

control = Blueprint("control", __name__, url_prefix="/_sim")


class BadControl(ValueError):
    """The control call itself is wrong."""


@control.errorhandler(ValueError)
def bad(error: ValueError) -> Response:
    """Say what is wrong with a control call."""
    return reply({"error": str(error)}, 400)


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise BadControl("the body has to be a JSON object")
    return body


def _account(name: str) -> Account:
    account = world_now().accounts.get(name)
    if account is None:
        raise BadControl(f"no account {name!r}")
    return account


def _with_credential(account: Account) -> dict[str, Any]:
    secret = "api_key" if account.kind is Kind.MOONSHOT else "refresh_token"
    return {**account.shown(), secret: account.credential, "access_token": account.last_access}


@control.get("/state")
def state() -> Response:
    """Everything that is counted."""
    world = world_now()
    accounts = [account.shown() for account in world.accounts.values()]
    figures = [name for name, value in accounts[0].items() if isinstance(value, int)] if accounts else []
    totals = {name: sum(account[name] for account in accounts) for name in figures}
    totals["peak_streams"] = world.peak_streams
    return reply(
        {
            "accounts": {account["name"]: account for account in accounts},
            "totals": totals,
            "strangers": dict(world.strangers),
            "faults": world.faults.shown(),
            "settings": world.settings.shown(),
        }
    )


@control.get("/accounts")
def list_accounts() -> Response:
    """All accounts with their present credentials."""
    return reply([_with_credential(account) for account in world_now().accounts.values()])


@control.post("/accounts")
def mint() -> Response:
    """New accounts: `{kind, name?, count?, device_id?, models?, org?, plan?, state?, region?, …}`."""
    body = _body()
    kind = Kind(body.pop("kind", "kimi"))
    count, name = int(body.pop("count", 1)), body.pop("name", None)
    names = [name] if count == 1 else [f"{name or kind.value}-{number}" for number in range(1, count + 1)]
    return reply([_with_credential(world_now().mint(kind=kind, name=name, **body)) for name in names], 201)


@control.get("/accounts/<name>")
def show_account(name: str) -> Response:
    """One account with its present credential."""
    return reply(_with_credential(_account(name)))


@control.post("/accounts/<name>")
def alter(name: str) -> Response:
    """Change `state`, `plan`, `balance`, …; `revoke_access` and `revoke_refresh` kill tokens."""
    account, body = _account(name), _body()
    revoke(account, access=body.pop("revoke_access", False), refresh=body.pop("revoke_refresh", False))
    world_now().alter(account, body)
    return reply(_with_credential(account))


@control.get("/accounts.yaml")
def accounts_file() -> Response:
    """The accounts as the gateway's accounts file has them."""
    lines = ["accounts:"]
    for account in world_now().accounts.values():
        secret = "api_key" if account.kind is Kind.MOONSHOT else "refresh_token"
        lines += [f"  - name: {account.name}", f"    kind: {account.kind.value}", f"    {secret}: {account.credential}"]
    return Response("\n".join(lines) + "\n", content_type="application/yaml")


@control.get("/faults")
def list_faults() -> Response:
    """The faults that are set."""
    return reply(world_now().faults.shown())


@control.post("/faults")
def add_fault() -> Response:
    """Set a fault: `{what, args?, match?, times?, after?}`."""
    return reply(world_now().faults.add(_body()).shown(), 201)


@control.delete("/faults")
def drop_faults() -> Response:
    """Remove all faults, or the one of `?id=`."""
    fault_id = request.args.get("id", type=int)
    return reply({"dropped": world_now().faults.drop(fault_id)})


@control.get("/catalogue")
def catalogue() -> Response:
    """The faults that there are."""
    return reply(
        {
            name: {
                "about": entry.about,
                "args": dict(entry.args),
                "endpoints": sorted(entry.endpoints),
                "kinds": sorted(entry.kinds),
            }
            for name, entry in CATALOGUE.items()
        }
    )


@control.post("/settings")
def change_settings() -> Response:
    """Change settings; those not named stay."""
    world_now().change(_body())
    return reply(world_now().settings.shown())


@control.post("/reset")
def reset() -> Response:
    """Back to how it was at the start."""
    world_now().reset()
    return reply({})


@control.get("/files")
def files_seen() -> Response:
    """What accounts have uploaded, oldest first: `?account=`."""
    return reply([{"account": account.name, **file.shown()} for account in _meant() for file in account.files.values()])


@control.delete("/files")
def drop_files() -> Response:
    """Forget what was uploaded, as the vendor does after a while: `?account=`."""
    accounts = _meant()
    dropped = sum(len(account.files) for account in accounts)
    for account in accounts:
        account.files.clear()
    return reply({"dropped": dropped})


@control.get("/chats")
def chats_standing() -> Response:
    """The chats that stand, oldest first, with all that was said in them: `?account=`."""
    return reply([{"account": account.name, **chat.shown()} for account in _meant() for chat in account.chats.values()])


@control.delete("/chats")
def drop_chats() -> Response:
    """Delete chats as their owners do in the browser: `?account=`."""
    dropped = [(account, chat_id) for account in _meant() for chat_id in list(account.chats)]
    for account, chat_id in dropped:
        world_now().delete_chat(account, chat_id)
    return reply({"dropped": len(dropped)})


def _meant() -> list[Account]:
    name = request.args.get("account")
    return [_account(name)] if name else list(world_now().accounts.values())


@control.get("/requests")
def requests_seen() -> Response:
    """The requests that accounts have made, oldest first: `?account=&endpoint=&last=`."""
    endpoint = request.args.get("endpoint")
    notes = [
        {"account": account.name, **note}
        for account in _meant()
        for note in account.requests
        if endpoint in (None, note["endpoint"])
    ]
    notes.sort(key=lambda note: note["time"])
    last = request.args.get("last", type=int)
    return reply(notes[-last:] if last else notes)
