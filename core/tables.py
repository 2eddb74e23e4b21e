"""Tables of the seams: timers and per-site event counters."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from core.sql import UtcDateTime, truth

timers = Table(
    "timers",
    truth,
    Column("kind", String(40), primary_key=True, comment="which flow handles it"),
    Column("subject", String(80), primary_key=True, comment="id of the thing it is about"),
    Column("due_at", UtcDateTime, nullable=False),
    Column("payload", Text, nullable=False, server_default="{}", comment="JSON object for the handler"),
    Column("lease_until", UtcDateTime, nullable=True, comment="a worker is handling it until then"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="1", comment="grows when the timer is set anew"),
    Index("ix_timers_due_at", "due_at"),
)

counters = Table(
    "counters",
    truth,
    Column("name", String(80), primary_key=True, comment="such as incidents:SITE"),
    Column("value", BigInteger, nullable=False, comment="last number handed out; taken inside the writer's transaction"),
)

idempotency_keys = Table(
    "idempotency_keys",
    truth,
    Column("owner", String(80), primary_key=True, comment="kind and id of the caller"),
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False, comment="SHA-256 of method, path and body"),
    Column("status", Integer, nullable=True, comment="null while the first request is under way"),
    Column("body", LargeBinary, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
)
