"""Which hub is meant when the command line names none? The demo's or the served one's data folder, and what is written there.

`demo.json` in the data folder is written by the demo for its own second start and for `replay`, `simulate` and scripts; it is readable by
its owner only.
"""

import os
from pathlib import Path

import msgspec

FILE = "demo.json"
DEFAULT_FOLDER = Path(".porchlight")
DEFAULT_URL = "http://127.0.0.1:8080"


class DemoDoor(msgspec.Struct, frozen=True, kw_only=True):
    """A technician of the demo and the token of her phone."""

    id: str
    device_token: str


class DemoLogin(msgspec.Struct, frozen=True, kw_only=True):
    """The demo's dispatcher."""

    user: str
    password: str


class DemoVisit(msgspec.Struct, frozen=True, kw_only=True):
    """The visit that the demo's customer page shows."""

    id: str


class DemoSite(msgspec.Struct, frozen=True, kw_only=True):
    """What `porchlight demo --json` prints: everything a script needs to use the hub."""

    url: str
    customer_url: str
    console_url: str
    technician_url: str
    dispatcher: DemoLogin
    technician: DemoDoor
    visit: DemoVisit
    api_key: str


class LocalSite(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo remembers in its data folder: what it printed, the site and the phone of every technician."""

    site_id: str
    shown: DemoSite
    phones: dict[str, str]
    """Technician -> device token."""


def data_folder(given: Path | None) -> Path:
    """Return the folder meant: the one given, else of PORCHLIGHT_DATA_DIR, else the default."""
    return given or Path(os.environ.get("PORCHLIGHT_DATA_DIR") or DEFAULT_FOLDER)


def remembered(folder: Path) -> LocalSite | None:
    """Return what the demo wrote into `folder`, None when there is nothing readable."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=LocalSite)
    except (OSError, msgspec.MsgspecError):
        return None


def remember(folder: Path, site: LocalSite) -> None:
    """Write it, for the owner's eyes only, whole or not at all."""
    draft = folder / f"{FILE}.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(site), indent=2))
    draft.replace(folder / FILE)


def hub_url(given: str | None, site: LocalSite | None) -> str:
    """Return the hub's address: the one given, else of PORCHLIGHT_URL, else where the demo ran last, else this machine's port 8080."""
    return given or os.environ.get("PORCHLIGHT_URL") or (site.shown.url if site else DEFAULT_URL)
