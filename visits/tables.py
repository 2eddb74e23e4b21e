"""Tables of sites, people, credentials, shifts, visits and links. Columns named `*_sealed` are encrypted with the key ring (purpose
"person"), `*_key` are keyed digests by which equal things are found, `token_hash` is SHA-256."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, SmallInteger, String, Table, Text, UniqueConstraint, false

from core.sql import UtcDateTime, truth


def _id() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _ref(name: str, to: str, *, nullable: bool = False, index: bool = False) -> Column[str]:
    return Column(name, String(36), ForeignKey(f"{to}.id"), nullable=nullable, index=index)


def _at(name: str, *, nullable: bool = True) -> Column:  # type: ignore[type-arg]
    return Column(name, UtcDateTime, nullable=nullable)


sites = Table(
    "sites",
    truth,
    _id(),
    Column("name", String(120), nullable=False),
    Column("zone", String(64), nullable=False, comment="IANA name"),
    Column("currency", String(3), nullable=False, comment="ISO 4217"),
    Column("locale", String(20), nullable=False),
    Column("desk_phone", String(20), nullable=True, comment="E.164"),
    Column("details", Text, nullable=False, comment="JSON: bounds, emergency numbers, settings, services"),
    Column("version", Integer, nullable=False),
    _at("updated_at", nullable=False),
)

technicians = Table(
    "technicians",
    truth,
    _id(),
    _ref("site_id", "sites"),
    Column("name_sealed", Text, nullable=False),
    Column("shown_name", String(80), nullable=False, comment="what a customer reads"),
    Column("phone_sealed", Text, nullable=True),
    Column("phone_key", String(64), nullable=True, index=True),
    Column("language", String(20), nullable=True),
    Column("verified_level", SmallInteger, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("helps_colleagues", Boolean, nullable=False, server_default=false(), comment="set by herself: the desk may ask her to help"),
    Column("version", Integer, nullable=False),
    _at("created_at", nullable=False),
    Index("ix_technicians_site_id", "site_id", "id"),
)

blocked_pairs = Table(
    "blocked_pairs",
    truth,
    _id(),
    _ref("site_id", "sites"),
    _ref("technician_id", "technicians"),
    Column("customer_key", String(64), nullable=False, comment="keyed digest of the customer's phone"),
    Column("reason_sealed", Text, nullable=False),
    Column("made_by", String(80), nullable=False),
    _at("made_at", nullable=False),
    UniqueConstraint("technician_id", "customer_key"),
)

customer_notes = Table(
    "customer_notes",
    truth,
    _id(),
    _ref("site_id", "sites"),
    Column("customer_key", String(64), nullable=False, comment="keyed digest of the customer's phone"),
    Column("kinds", Text, nullable=False, comment="JSON list"),
    Column("note_sealed", Text, nullable=False, comment="for the desk alone"),
    Column("told_sealed", Text, nullable=True, comment="what the technician reads"),
    Column("made_by", String(80), nullable=False),
    _at("made_at", nullable=False),
    _at("until", nullable=False),
    Column("withdrawn_by", String(80), nullable=True),
    _at("withdrawn_at"),
    Column("withdrawn_reason_sealed", Text, nullable=True),
    Index("ix_customer_notes_site_id_customer_key", "site_id", "customer_key"),
)

devices = Table(
    "devices",
    truth,
    _id(),
    Column("device_no", Integer, nullable=False, unique=True, comment="short number in compact fix rows"),
    _ref("site_id", "sites"),
    _ref("technician_id", "technicians", index=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("label", String(80), nullable=False),
    Column("platform", String(40), nullable=False),
    _at("enrolled_at", nullable=False),
    _at("revoked_at"),
)

enrolments = Table(
    "enrolments",
    truth,
    _id(),
    _ref("site_id", "sites"),
    _ref("technician_id", "technicians", index=True),
    Column("code_key", String(64), nullable=False, unique=True),
    _at("made_at", nullable=False),
    _at("used_at"),
)

dispatchers = Table(
    "dispatchers",
    truth,
    _id(),
    Column("user", String(80), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("roles", Text, nullable=False, comment="JSON list"),
    Column("password_hash", Text, nullable=False, comment="argon2id in its own text form"),
    Column("totp_sealed", Text, nullable=True, comment="shared secret, from the moment it is offered"),
    Column("has_totp", Boolean, nullable=False, comment="true once a first code proved that she has it"),
    Column("totp_step", Integer, nullable=False, comment="last half minute whose code was used: a code counts once"),
    Column("is_active", Boolean, nullable=False),
    _at("created_at", nullable=False),
)

dispatcher_sites = Table(
    "dispatcher_sites",
    truth,
    Column("dispatcher_id", String(36), ForeignKey("dispatchers.id"), primary_key=True),
    Column("site_id", String(36), ForeignKey("sites.id"), primary_key=True, index=True),
)

dispatcher_sessions = Table(
    "dispatcher_sessions",
    truth,
    _id(),
    _ref("dispatcher_id", "dispatchers", index=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    _at("made_at", nullable=False),
    _at("seen_at", nullable=False),
    _at("ended_at"),
)

recovery_codes = Table(
    "recovery_codes",
    truth,
    Column("dispatcher_id", String(36), ForeignKey("dispatchers.id"), primary_key=True),
    Column("code_key", String(64), primary_key=True),
    _at("used_at"),
)

log_in_attempts = Table(
    "log_in_attempts",
    truth,
    _id(),
    Column("who_key", String(64), nullable=False, comment="keyed digest of user, address or both"),
    _at("at", nullable=False),
    Index("ix_log_in_attempts_who_key", "who_key", "at"),
)

api_keys = Table(
    "api_keys",
    truth,
    _id(),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("label", String(80), nullable=False),
    Column("sites", Text, nullable=False, comment="JSON list of site ids"),
    Column("scopes", Text, nullable=False, comment="JSON list"),
    Column("made_by", String(80), nullable=False),
    _at("made_at", nullable=False),
    _at("revoked_at"),
)

tickets = Table(
    "tickets",
    truth,
    Column("token_hash", String(64), primary_key=True),
    _ref("session_id", "dispatcher_sessions", nullable=True),
    _ref("device_id", "devices", nullable=True),
    _ref("link_id", "links", nullable=True),
    _ref("api_key_id", "api_keys", nullable=True),
    _at("expires_at", nullable=False),
    _at("used_at"),
)

shifts = Table(
    "shifts",
    truth,
    _id(),
    _ref("site_id", "sites", index=True),
    _ref("technician_id", "technicians"),
    _at("opened_at", nullable=False),
    _at("planned_end", nullable=False),
    _at("closed_at"),
    Column("closed_by", String(20), nullable=True),
    Column("closed_reason", Text, nullable=True),
    Column("notice_version", String(40), nullable=False, comment="which text about location use she saw"),
    Column("unwatched", Boolean, nullable=False),
    Column("open_for", String(36), nullable=True, unique=True, comment="her id while open: one open shift each"),
    Column("version", Integer, nullable=False),
    Index("ix_shifts_technician_id", "technician_id", "opened_at"),
)

shift_pauses = Table(
    "shift_pauses",
    truth,
    Column("shift_id", String(36), ForeignKey("shifts.id"), primary_key=True),
    _at("from_at", nullable=False),
    _at("until_at"),
    Column("place_no", Integer, primary_key=True, comment="1 and up, in order"),
)

visits = Table(
    "visits",
    truth,
    _id(),
    _ref("site_id", "sites"),
    Column("external_ref", String(120), nullable=True),
    Column("stage", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("service_kind", String(40), nullable=False),
    _ref("technician_id", "technicians", nullable=True),
    Column("place_sealed", Text, nullable=False),
    Column("customer_sealed", Text, nullable=False),
    Column("customer_key", String(64), nullable=True, index=True),
    Column("booker_sealed", Text, nullable=True),
    Column("door_code_sealed", Text, nullable=False),
    Column("door_code_misses", Integer, nullable=False),
    Column("departed_from_sealed", Text, nullable=True),
    Column("departure", String(24), nullable=False),
    Column("outcome", String(20), nullable=True),
    Column("planned_min", Integer, nullable=False),
    Column("extended_min", Integer, nullable=False),
    Column("link_version", Integer, nullable=False),
    _at("window_start", nullable=False),
    _at("window_end", nullable=False),
    _at("assigned_at"),
    _at("departed_at"),
    _at("arrived_at"),
    _at("started_at"),
    _at("ended_at"),
    _at("left_at"),
    _at("closed_at"),
    _at("created_at", nullable=False),
    _at("updated_at", nullable=False),
    UniqueConstraint("site_id", "external_ref"),
    Index("ix_visits_technician_id", "technician_id", "stage"),
    Index("ix_visits_site_id", "site_id", "stage", "id"),
)

visit_acts = Table(
    "visit_acts",
    truth,
    _id(),
    _ref("visit_id", "visits"),
    Column("act", String(20), nullable=True, comment="null: the visit was made"),
    Column("before", String(20), nullable=True),
    Column("after", String(20), nullable=False),
    Column("actor", String(80), nullable=False, comment="kind:id"),
    _ref("technician_id", "technicians", nullable=True),
    _at("device_at"),
    _at("happened_at", nullable=False),
    _at("server_at", nullable=False),
    Column("lat", Float, nullable=True),
    Column("lon", Float, nullable=True),
    Column("accuracy_m", Float, nullable=True),
    Column("position_age_s", Float, nullable=True),
    Column("reason", Text, nullable=True),
    Column("idempotency_key", String(200), nullable=True),
    Column("visit_version", Integer, nullable=False),
    UniqueConstraint("visit_id", "idempotency_key"),
)

links = Table(
    "links",
    truth,
    _id(),
    _ref("site_id", "sites"),
    _ref("visit_id", "visits", index=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("holder", String(20), nullable=False),
    Column("label", String(80), nullable=False),
    Column("made_by", String(80), nullable=False),
    _at("made_at", nullable=False),
    _at("revoked_at"),
)

looks = Table(
    "looks",
    truth,
    _id(),
    Column("site_id", String(36), nullable=False),
    Column("looker", String(80), nullable=False, comment="kind:id of who looked"),
    Column("what", String(40), nullable=False, comment="such as visit, technician, track"),
    Column("subject", String(80), nullable=False),
    Column("reason", Text, nullable=True),
    _at("at", nullable=False),
    Index("ix_looks_site_id", "site_id", "at"),
    Index("ix_looks_subject", "subject", "at"),
)
