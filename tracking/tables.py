"""Tables of the ledger: every fix that was acknowledged, once, and what is committed together with it.

Ids of devices and technicians are 36 characters and stand in every row, so they are numbered in a table of their own. Times are
milliseconds since 1970, UTC: at this rate a column of text would be the largest part of the file.

Both indexes of `fixes` begin with the time, so that what comes in is appended to them: beginning with the device, each row of a transaction
would touch a page of its own, at an eighth of the speed. The fix time as sent belongs to a fix's identity: a repeated fix repeats it, and a
table that is partitioned by time can hold no other unique key.
"""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, SmallInteger, String, Table, Text

from core.sql import fixes as metadata

fix_ids = Table(
    "fix_ids",
    metadata,
    Column("no", Integer, primary_key=True, autoincrement=True, comment="stands for the id in fixes"),
    Column("id", String(36), nullable=False, unique=True, comment="of a device or a technician"),
)

fixes = Table(
    "fixes",
    metadata,
    Column("device_no", Integer, nullable=False),
    Column("device_epoch", BigInteger, nullable=False, comment="renewed when the phone's counter restarts; 0 without a counter"),
    Column("seq", BigInteger, nullable=False, comment="the phone's counter, or a key made from time and position"),
    Column("technician_no", Integer, nullable=False),
    Column("minute", Integer, nullable=False, comment="at_ms // 60000: finds a technician's fixes"),
    Column("at_ms", BigInteger, nullable=False, comment="fix time by the hub's clock"),
    Column("device_at_ms", BigInteger, nullable=False, comment="fix time as sent"),
    Column("received_ms", BigInteger, nullable=False),
    Column("lat", Double, nullable=False, comment="degrees WGS-84"),
    Column("lon", Double, nullable=False, comment="degrees WGS-84"),
    Column("accuracy_m", Double),
    Column("speed_mps", Double),
    Column("heading_deg", Double),
    Column("altitude_m", Double),
    Column("battery_pct", Double),
    Column("mocked", SmallInteger, nullable=False, comment="1: the phone says that an app makes it up"),
    Column("lane", String(12), nullable=False, comment="live or ledger_only"),
    Column("reasons", Text, comment="why ledger_only, joined by commas"),
    Index("uq_fixes_identity", "device_at_ms", "device_no", "device_epoch", "seq", unique=True),
    Index("ix_fixes_minute_technician_no", "minute", "technician_no"),
)

stream_offsets = Table(
    "stream_offsets",
    metadata,
    Column("site_id", String(36), primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("version", BigInteger, nullable=False, comment="grows with every commit: the guard against two recorders"),
    Column("epoch", String(36), nullable=False, comment="which life of the stream the id belongs to"),
    Column("entry_id", String(40), nullable=False, comment="last entry recorded whole"),
    Column("skip", Integer, nullable=False, comment="fixes of the next entry that are recorded already"),
    Column("total", BigInteger, nullable=False, comment="fixes appended up to here in this life of the stream"),
    Column("stored", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("lost", BigInteger, nullable=False, comment="acknowledged, but gone before they were recorded: at least so many"),
    Column("restarts", BigInteger, nullable=False, comment="how often the stream began anew"),
)

journey_checkpoints = Table(
    "journey_checkpoints",
    metadata,
    Column("visit_id", String(36), primary_key=True),
    Column("site_id", String(36), nullable=False),
    Column("shard", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False, comment="msgpack of tracking.journey.JourneyState"),
    Index("ix_journey_checkpoints_site_id_shard", "site_id", "shard"),
)
