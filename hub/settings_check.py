"""Do the settings make sense together and for what they are meant? What a type and a range cannot say, a sentence with a cure each."""

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.key_ring import MIN_SECRET_CHARS
from hub.notice_settings import notice_problems

if TYPE_CHECKING:
    from hub.settings import ServeSettings, Settings, StoreSettings

SECRET_FILE = "secret.keys"  # noqa: S105 - the name of a file
MAX_SQLITE_WORKERS = 4


def joint_problems(settings: "Settings") -> Iterator[str]:
    """Yield what is wrong with settings that fit one by one."""
    yield from _store_problems(settings.store)
    yield from _serve_problems(settings.serve)
    yield from _url_problems({
        "ROUTER_URL": (settings.router.url, "http://osrm:5000"),
        "GATEWAY_URL": (settings.notices.gateway_url, "https://adapter.example/notices"),
        "TWILIO_API_URL": (settings.notices.twilio_api_url, "https://proxy.example"),
    })
    if settings.store.truth_url.startswith("sqlite") and settings.serve.workers > MAX_SQLITE_WORKERS:
        yield (
            f"PORCHLIGHT_WORKERS={settings.serve.workers} is too many for SQLite ({MAX_SQLITE_WORKERS} at most). Lower it, or give "
            "PORCHLIGHT_SQL_URL a PostgreSQL."
        )
    if settings.serve.recorders > settings.store.shards:
        yield (
            f"PORCHLIGHT_RECORDERS={settings.serve.recorders} is more than there are shards ({settings.store.shards}). Lower it, or "
            "raise PORCHLIGHT_SHARDS, which must be done before the first fix is stored."
        )
    tiles = settings.map.tiles_url
    if tiles and not all(part in tiles for part in ("{z}", "{x}", "{y}")):
        yield f"PORCHLIGHT_MAP_TILES_URL={tiles!r} lacks {{z}}, {{x}} or {{y}}. Write it such as https://tiles.example/{{z}}/{{x}}/{{y}}.png."
    if settings.map.pmtiles and not Path(settings.map.pmtiles).is_file():
        yield f"PORCHLIGHT_MAP_PMTILES={settings.map.pmtiles!r} is no file. Give the path of a .pmtiles file, or unset it."
    yield from notice_problems(settings.notices)


def _store_problems(store: "StoreSettings") -> Iterator[str]:
    if not store.secret_keys:
        yield (
            f"PORCHLIGHT_SECRET_KEYS is missing, and so is {SECRET_FILE} in the data folder. Make a key with `porchlight token secret` and "
            "keep it apart from the backups."
        )
    for place, key in enumerate(store.secret_keys, start=1):
        if len(key) < MIN_SECRET_CHARS:
            yield f"Key {place} in PORCHLIGHT_SECRET_KEYS has {len(key)} characters; {MIN_SECRET_CHARS} needed: `porchlight token secret`."
    for name, url in (("SQL_URL", store.sql_url), ("FIXES_SQL_URL", store.fixes_sql_url)):
        if url and not url.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            yield f"PORCHLIGHT_{name} begins with neither sqlite+aiosqlite:/// nor postgresql+asyncpg://. These two are supported."
    if store.redis_url and not store.redis_url.startswith(("redis://", "rediss://", "unix://")):
        yield "PORCHLIGHT_REDIS_URL begins with none of redis://, rediss://, unix://. Correct it, or unset it for the embedded Valkey."


def _serve_problems(serve: "ServeSettings") -> Iterator[str]:
    yield from _url_problems({"PUBLIC_URL": (serve.public_url, "https://hub.example")})
    for origin in serve.allowed_origins:
        parts = urlsplit(origin)
        if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in ("http", "https"):
            yield f"PORCHLIGHT_ALLOWED_ORIGINS has {origin!r}. Write scheme and host alone, such as https://app.example."
    for proxy in serve.trusted_proxies:
        if proxy != "*" and not _is_network(proxy):
            yield f"PORCHLIGHT_TRUSTED_PROXIES has {proxy!r}. Give addresses or networks, such as 10.0.0.5 or 10.0.0.0/8."


def _url_problems(urls: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    for name, (url, such_as) in urls.items():
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
            yield f"PORCHLIGHT_{name}={url!r} is no URL. Write it whole, such as {such_as}, or unset it."


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
