"""What may a log line say? JSON on stderr with a request id; never a position, a phone number, an address or a token.

The filter works twice: fields with a telling name are dropped, and texts of any field are searched for tokens, phone numbers and pairs of
coordinates, because library code and exceptions log what they like.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from hub.settings import LogFormat

HIDDEN_FIELDS = frozenset(
    {
        "lat", "lon", "latitude", "longitude", "position", "place", "point", "coordinates", "home", "fix", "fixes", "geojson", "address",
        "floor", "entry_code", "door_code", "phone", "number", "to", "token", "ticket", "secret", "password", "authorization", "cookie",
        "pin", "totp", "recovery_code", "body", "text", "name",
    }
)  # fmt: skip
"""Fields whose values never reach a log, whoever logs them."""
HIDDEN = "(hidden)"
_SECRETS = (
    (re.compile(r"pl_(dev|enr|lnk|api|ses|tic|csr|hok)_[A-Za-z0-9_-]{8,}"), r"pl_\1_(hidden)"),
    (re.compile(r"(/t/|/in/osmand/)[A-Za-z0-9_-]{16,}"), r"\1(hidden)"),
    (re.compile(r"(?<![\w.-])\+\d[\d ()-]{6,18}\d"), "(phone hidden)"),
    (re.compile(r"-?\d{1,3}\.\d{4,}\s*[,;]\s*-?\d{1,3}\.\d{4,}"), "(position hidden)"),
    (re.compile(r"(?i)(bearer )[A-Za-z0-9._~+/-]{8,}=*"), r"\1(hidden)"),
    (re.compile(r"(\w+://[^:/@\s]+:)[^@\s]+@"), r"\1(hidden)@"),
)


def start_logging(level: str, log_format: LogFormat) -> None:
    """Send structlog's and the standard library's records to stderr, filtered, in `log_format`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if log_format is LogFormat.JSON else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # uvicorn's own access lines would hold link tokens in clear; hub/middleware.py writes ours by path template.
    for noisy in ("uvicorn.access", "uvicorn.error", "websockets", "aiosqlite", "sqlalchemy", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def hide_secrets(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop what a log must not hold; see `HIDDEN_FIELDS`."""
    for field, value in line.items():
        if field in HIDDEN_FIELDS:
            line[field] = HIDDEN
        elif isinstance(value, str):
            line[field] = scrubbed(value)
    return line


def scrubbed(text: str) -> str:
    """Return `text` with tokens, phone numbers and coordinates replaced by words."""
    for pattern, words in _SECRETS:
        text = pattern.sub(words, text)
    return text
