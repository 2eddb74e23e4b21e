"""With what is the hub started? One struct a concern, each field with its unit, default and sentence, read from `PORCHLIGHT_*`.

Called once by every process of the hub. A bad start is refused with the whole list of what is wrong (`BadSettings`), never with the first.
`docs/settings.md` is made from this file.
"""

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from core.errors import HubError
from core.key_ring import MIN_SECRET_CHARS
from hub.notice_settings import NoticeSettings
from hub.settings_check import SECRET_FILE, joint_problems
from hub.settings_read import BadSettings, Setting, listed, read, setting, unknown, variable
from safety.preflight import Mode


class NoDataFolder(HubError):
    """The data folder cannot be used."""

    code, status = "no_data_folder", 503


class LogFormat(StrEnum):
    """How log lines are written to stderr."""

    JSON = "json"
    """One JSON object a line, for machines."""
    CONSOLE = "console"
    """Coloured text, for a person at a terminal."""


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hub listens and how it runs."""

    host: Annotated[str, setting("address", "Where the hub listens. 0.0.0.0 lets other machines in.", min_length=1)] = "127.0.0.1"
    port: Annotated[int, setting("TCP port", "Where the hub listens; 0 takes any free one.", ge=0, le=65535)] = 8080
    public_url: Annotated[str, setting("URL", "How people reach the hub from outside; links and signatures are made with it.")] = ""
    workers: Annotated[int, setting("processes", "Processes that serve sockets. One a core; SQLite carries up to 4.", ge=1, le=64)] = 1
    recorders: Annotated[
        int, setting("processes", "Processes that record fixes, each its share of the shards: no more than PORCHLIGHT_SHARDS.", ge=1, le=64)
    ] = 1
    drain_s: Annotated[float, setting("s", "How long open requests and sockets may finish after SIGTERM.", ge=0, le=120)] = 20.0
    trusted_proxies: Annotated[
        tuple[str, ...], setting("addresses", "Proxies whose X-Forwarded-For and -Proto are believed. None by default.")
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...], setting("URLs", "Other origins whose pages may open sockets. The hub's own is always allowed.")
    ] = ()
    log_level: Annotated[str, setting("", "What is logged.", pattern="^(debug|info|warning|error)$")] = "info"
    log_format: Annotated[LogFormat, setting("", "How it is logged.")] = LogFormat.JSON
    demo: Annotated[bool, setting("", "Show the demo's doors on the front page.")] = False
    metrics_token: Annotated[str, setting("", "Bearer token that /metrics asks for; without one it answers only this machine.")] = ""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the truth and its copies are."""

    data_dir: Annotated[Path, setting("folder", "Everything the hub keeps on this machine.")] = Path(".porchlight")
    sql_url: Annotated[
        str, setting("URL", "Truth. postgresql+asyncpg://USER@HOST/DB, or sqlite+aiosqlite:///FILE; empty: truth.db in the data folder.")
    ] = ""
    fixes_sql_url: Annotated[
        str, setting("URL", "Ledger of fixes. Empty: the same PostgreSQL, or fixes.db in the data folder beside SQLite.")
    ] = ""
    redis_url: Annotated[
        str, setting("URL", "redis://, rediss:// or unix:// of Redis >= 7.0 or Valkey >= 7.2. Empty: the hub runs its own Valkey.")
    ] = ""
    secret_keys: Annotated[
        tuple[str, ...], setting(f"{MIN_SECRET_CHARS}+ characters", "Keys that seal personal fields, newest first, divided by commas.")
    ] = ()
    shards: Annotated[int, setting("shards", "Parts of a site's fixes; never change it on a filled store.", ge=1, le=64)] = 1

    fix_days: Annotated[
        int, setting("days", "How long fixes are kept; 0: for ever. What belongs to an open or held incident stays.", ge=0, le=3650)
    ] = 90
    last_known_h: Annotated[float, setting("h", "How long a live position outlives its fix.", gt=0, le=720)] = 12.0

    @property
    def truth_url(self) -> str:
        """Return the SQLAlchemy URL of the truth group."""
        return self.sql_url or f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'truth.db'}"

    @property
    def fixes_url(self) -> str:
        """Return the SQLAlchemy URL of the fixes group."""
        if self.fixes_sql_url:
            return self.fixes_sql_url
        is_server = self.sql_url.startswith("postgresql")
        return self.sql_url if is_server else f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'fixes.db'}"


class MapSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What lies under the dots. Nothing is asked of a foreign server unless it is named here."""

    style_url: Annotated[str, setting("URL", "MapLibre style for the console. Empty: a plain background.")] = ""
    tiles_url: Annotated[str, setting("URL", "Raster tiles for the customer's page, with {z}/{x}/{y}. Empty: a plain background.")] = ""
    pmtiles: Annotated[str, setting("file", "PMTiles file that the hub serves itself.")] = ""
    attribution: Annotated[str, setting("text", "Whom to thank for the map.")] = ""


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much one caller may ask of the hub."""

    max_fixes: Annotated[int, setting("fixes", "Fixes in one frame or request; told to phones in `welcome`.", ge=1, le=5000)] = 500
    max_frame_bytes: Annotated[int, setting("bytes", "Largest socket frame.", ge=1024, le=1 << 20)] = 65536
    max_sockets: Annotated[int, setting("sockets", "Open sockets of one worker; more are told to try elsewhere.", ge=1)] = 20000
    max_sockets_per_address: Annotated[
        int, setting("sockets", "Open sockets of one address at one worker; 0: no bound, since it may be a proxy or a carrier's.", ge=0)
    ] = 0
    heartbeat_s: Annotated[float, setting("s", "How often both ends of a socket say that they live.", ge=1, le=120)] = 20.0


class SafetySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How taps are kept and watched. Sites may override `preflight` and all intervals by their own rules."""

    journal_dir: Annotated[
        str, setting("folder", "Where taps are kept while SQL is away; it must survive a restart of machine or container. Empty: nowhere.")
    ] = ""
    preflight: Annotated[Mode, setting("", "What a lack in the ladder does to new assignments.")] = Mode.ENFORCE


class RouterKind(StrEnum):
    """Which interface the routing engine speaks."""

    OSRM = "osrm"
    """OSRM's `route` service, version 1."""
    VALHALLA = "valhalla"
    """Valhalla's `route`."""


class RouterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who knows the roads, for quotes and arrival times."""

    url: Annotated[
        str, setting("URL", "Routing engine, such as http://osrm:5000. Empty, or away: straight line times the site's learned factor.")
    ] = ""
    kind: Annotated[RouterKind, setting("", "Which interface it speaks.")] = RouterKind.OSRM


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a hub."""

    serve: ServeSettings = msgspec.field(default_factory=ServeSettings)
    store: StoreSettings = msgspec.field(default_factory=StoreSettings)
    map: MapSettings = msgspec.field(default_factory=MapSettings)
    limits: LimitSettings = msgspec.field(default_factory=LimitSettings)
    notices: NoticeSettings = msgspec.field(default_factory=NoticeSettings)
    safety: SafetySettings = msgspec.field(default_factory=SafetySettings)
    router: RouterSettings = msgspec.field(default_factory=RouterSettings)

    @property
    def public_url(self) -> str:
        """Return the outside address, without a slash at its end."""
        host = "127.0.0.1" if self.serve.host in ("0.0.0.0", "::") else self.serve.host  # noqa: S104 - compared, not bound
        return self.serve.public_url.rstrip("/") or f"http://{host}:{self.serve.port}"


SECTIONS: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "serve": ("", ServeSettings),
    "store": ("", StoreSettings),
    "map": ("MAP_", MapSettings),
    "limits": ("", LimitSettings),
    "notices": ("", NoticeSettings),
    "safety": ("SAFETY_", SafetySettings),
    "router": ("ROUTER_", RouterSettings),
}
"""Attribute of `Settings` -> prefix of its variables after PORCHLIGHT_, and its struct."""
SPARE = frozenset({
    "PORCHLIGHT_LISTEN_FD", "PORCHLIGHT_PARENT_FD", "PORCHLIGHT_ALIVE_FD", "PORCHLIGHT_PART", "PORCHLIGHT_WORKER",
    "PORCHLIGHT_RECORDER", "PORCHLIGHT_URL", "PORCHLIGHT_TOKEN",
})  # fmt: skip
"""Variables that the hub's parent hands to its processes, and those that the command line reads by itself."""


def make_data_folder(path: Path) -> None:
    """Make the data folder for this account alone where there is none; raises `NoDataFolder` where nothing can be kept in it."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(None, "nothing can be written there")
    except OSError as error:
        raise NoDataFolder(
            f"The data folder {path.absolute()} cannot be used: {error.strerror}. Mend its rights, or choose another by --data or "
            "PORCHLIGHT_DATA_DIR."
        ) from None


def all_settings() -> Iterator[Setting]:
    """Yield every setting of the hub, for the document and for `serve --help`."""
    for prefix, struct in SECTIONS.values():
        yield from listed(struct, prefix)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `environ` (the process's own by default); raises `BadSettings` listing everything that is wrong."""
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    sections = {name: read(struct, prefix, environ, problems) for name, (prefix, struct) in SECTIONS.items()}
    known = {setting.name for setting in all_settings()} | SPARE
    problems += unknown(known, environ)
    settings = Settings(**sections)  # type: ignore[arg-type]
    settings = _with_secret_file(settings)
    problems += joint_problems(settings)
    if problems:
        raise BadSettings(problems)
    return settings


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the variables from which `load` makes the same settings: how a parent hands them to its workers."""
    out: dict[str, str] = {}
    for name, (prefix, struct) in SECTIONS.items():
        section = getattr(settings, name)
        for field in msgspec.structs.fields(struct):
            value = getattr(section, field.name)
            out[variable(prefix, field.name)] = ",".join(value) if isinstance(value, tuple) else str(value)
    return out


def _with_secret_file(settings: Settings) -> Settings:
    path = settings.store.data_dir / SECRET_FILE
    if settings.store.secret_keys or not path.is_file():
        return settings
    keys = tuple(line.strip() for line in path.read_text().splitlines() if line.strip())
    return msgspec.structs.replace(settings, store=msgspec.structs.replace(settings.store, secret_keys=keys))
