"""Tables of fares: tariffs of a site, quotes, what was agreed for a visit, receipts, road factors."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, String, Table, Text

from core.sql import UtcDateTime, truth

fare_tariffs = Table(
    "fare_tariffs",
    truth,
    Column("site_id", String(36), primary_key=True),
    Column("hash", String(64), primary_key=True, comment="SHA-256 of the canonical form: names this version for ever"),
    Column("tariff_id", String(60), nullable=False),
    Column("mode", String(12), nullable=False),
    Column("valid_from", Date, nullable=False, comment="first local day at the site"),
    Column("canonical", Text, nullable=False, comment="JSON of the tariff: what is priced by"),
    Column("text", Text, nullable=False, comment="the TOML file as uploaded, for people"),
    Column("added_ms", BigInteger, nullable=False),
    Column("is_retired", Boolean, nullable=False, comment="no new quotes by it; old ones stay"),
    Index("ix_fare_tariffs_site_id_mode", "site_id", "mode", "valid_from"),
)

fare_policies = Table(
    "fare_policies",
    truth,
    Column("site_id", String(36), primary_key=True),
    Column("policy", Text, nullable=False, comment="JSON: billing, cap, expiry, clauses for unfinished visits"),
    Column("updated_at", UtcDateTime, nullable=False),
)

fare_quotes = Table(
    "fare_quotes",
    truth,
    Column("id", String(36), primary_key=True),
    Column("site_id", String(36), nullable=False),
    Column("visit_id", String(36), nullable=True),
    Column("quote", Text, nullable=False, comment="sealed JSON: a quote holds a customer's address"),
    Column("amount_minor", BigInteger, nullable=False),
    Column("customer_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("ix_fare_quotes_expires_ms", "expires_ms"),
    Index("ix_fare_quotes_visit_id", "visit_id"),
)

visit_fares = Table(
    "visit_fares",
    truth,
    Column("visit_id", String(36), primary_key=True),
    Column("site_id", String(36), nullable=False),
    Column("accepted_quote_id", String(36), nullable=False, comment="what the customer said yes to"),
    Column("quote_id", String(36), nullable=False, comment="what is in force: another one after a reassignment"),
    Column("accepted_minor", BigInteger, nullable=False, comment="the customer never pays more for the way"),
    Column("currency", String(3), nullable=False),
    Column("policy", Text, nullable=False, comment="JSON: the site's policy when she accepted"),
    Column("accepted_ms", BigInteger, nullable=False),
)

fare_road_factors = Table(
    "fare_road_factors",
    truth,
    Column("site_id", String(36), primary_key=True),
    Column("trips", Integer, nullable=False, comment="settled ways that taught it"),
    Column("learned_ms", BigInteger, nullable=False),
    Column("factors", Text, nullable=False, comment="JSON: road over straight line by distance, with range and grid"),
)

fare_receipts = Table(
    "fare_receipts",
    truth,
    Column("visit_id", String(36), primary_key=True),
    Column("number", Integer, primary_key=True, comment="1 is the receipt, higher ones amend it"),
    Column("site_id", String(36), nullable=False),
    Column("technician_id", String(36), nullable=True),
    Column("closed_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger, nullable=False),
    Column("customer_minor", BigInteger, nullable=False),
    Column("technician_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("receipt", Text, nullable=False, comment="JSON of the whole receipt; holds no place and no name"),
    Index("ix_fare_receipts_technician_id", "technician_id", "closed_ms"),
    Index("ix_fare_receipts_site_id", "site_id", "closed_ms"),
)
