"""Tables of safety: incidents, triggers, event log, PINs, duty, contacts, check-ins, disclosures."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, false, text

from core.sql import UtcDateTime, truth

incidents = Table(
    "incidents",
    truth,
    Column("id", String(36), primary_key=True),
    Column("site_id", String(36), nullable=False),
    Column("code", String(8), nullable=False, comment="four digits, unique among the open incidents of a site"),
    Column("state", String(20), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("technician_id", String(36)),
    Column("visit_id", String(36)),
    Column("raised_by", String(80), nullable=False, comment="technician:ID or customer:VISIT"),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("device_at", UtcDateTime),
    Column("version", Integer, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("lap", Integer, nullable=False),
    Column("owner_id", String(36)),
    Column("lease_until", UtcDateTime),
    Column("offered_to", String(36)),
    Column("flags", Text, nullable=False, comment="JSON list, sorted"),
    Column("resolution", String(20)),
    Column("resolved_at", UtcDateTime),
    Column("resolved_by", String(36)),
    Column("reopens", String(36)),
    Column("last_hash", String(64), nullable=False, comment="hash of the newest event"),
    Column("last_seq", Integer, nullable=False),
    Column("site_number", BigInteger, nullable=False, comment="per-site counter of the newest event, in commit order"),
    Index("ix_incidents_site_id_state", "site_id", "state"),
    Index("ix_incidents_raised_by", "raised_by"),
    Index("ix_incidents_site_id_site_number", "site_id", "site_number"),
)

triggers = Table(
    "triggers",
    truth,
    Column("who", String(80), primary_key=True),
    Column("tap_id", String(80), primary_key=True),
    Column("incident_id", String(36), ForeignKey("incidents.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("road", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("device_at", UtcDateTime),
    Column("device_id", String(36)),
    Column("body", Text, nullable=False, comment="the tap as it came, sealed"),
    Index("ix_triggers_incident_id", "incident_id"),
)

incident_events = Table(
    "incident_events",
    truth,
    Column("incident_id", String(36), ForeignKey("incidents.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("site_id", String(36), nullable=False),
    Column("site_number", BigInteger, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("device_at", UtcDateTime),
    Column("data", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("site_id", "site_number"),
)

pins = Table(
    "pins",
    truth,
    Column("technician_id", String(36), primary_key=True),
    Column("true_hash", Text, nullable=False),
    Column("duress_hash", Text, nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    Column("refused", Integer, nullable=False, server_default=text("0"), comment="wrong PINs in a row since the last right one or alarm"),
    Column("wrong", Integer, nullable=False, server_default=text("0"), comment="wrong PINs since wrong_since, whatever came between"),
    Column("wrong_since", UtcDateTime),
    Column("free_at", UtcDateTime, comment="when the try under way makes room for the next one"),
)

ladders = Table(
    "ladders",
    truth,
    Column("site_id", String(36), primary_key=True),
    Column("body", Text, nullable=False),
    Column("set_by", String(80)),
    Column("set_at", UtcDateTime, nullable=False),
)

duties = Table(
    "duties",
    truth,
    Column("id", String(36), primary_key=True),
    Column("site_id", String(36), nullable=False),
    Column("dispatcher_id", String(36), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, comment="null while on duty"),
    Column("sound_ok_at", UtcDateTime, comment="last passed sound test"),
    Column("is_lead", Boolean, nullable=False, server_default=false()),
    Index("ix_duties_site_id_until", "site_id", "until"),
)

contacts = Table(
    "contacts",
    truth,
    Column("id", String(36), primary_key=True),
    Column("technician_id", String(36), nullable=False),
    Column("recipient_id", String(36), nullable=False),
    Column("confirmed_at", UtcDateTime, nullable=False),
    Column("takes_effect_at", UtcDateTime, nullable=False, comment="changes wait 24 h"),
    Column("shares_place", Boolean, nullable=False),
    Column("removed_at", UtcDateTime),
    Index("ix_contacts_technician_id", "technician_id"),
)

check_ins = Table(
    "check_ins",
    truth,
    Column("id", String(36), primary_key=True, comment="client's id: a repeat changes nothing"),
    Column("visit_id", String(36), nullable=False),
    Column("technician_id", String(36), nullable=False),
    Column("device_at", UtcDateTime, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_check_ins_visit_id", "visit_id"),
)

disclosures = Table(
    "disclosures",
    truth,
    Column("id", String(36), primary_key=True),
    Column("incident_id", String(36), ForeignKey("incidents.id"), nullable=False),
    Column("body", Text, nullable=False, comment="authority, legal reference, scope; JSON"),
    Column("requested_by", String(36), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("approved_by", Text, nullable=False, server_default="[]"),
    Column("is_emergency", Boolean, nullable=False),
    Column("given_at", UtcDateTime),
    Column("given_hash", String(64)),
)

site_rules = Table(
    "site_rules",
    truth,
    Column("site_id", String(36), primary_key=True),
    Column("body", Text, nullable=False),
    Column("set_by", String(80), nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
)

safety_audit = Table(
    "safety_audit",
    truth,
    Column("id", String(36), primary_key=True),
    Column("site_id", String(36), nullable=False),
    Column("what", String(40), nullable=False, comment="ladder or rules"),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_safety_audit_site_id_at", "site_id", "at"),
)

detections = Table(
    "detections",
    truth,
    Column("id", String(36), primary_key=True),
    Column("site_id", String(36), nullable=False),
    Column("watch", String(20), nullable=False),
    Column("visit_id", String(36), nullable=False),
    Column("technician_id", String(36), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("mode", String(8), nullable=False),
    Column("entered_at", UtcDateTime, nullable=False),
    Column("left_at", UtcDateTime, comment="null while it lasts"),
    Column("incident_id", String(36)),
    Column("body", Text, nullable=False, comment="JSON: thresholds, what was measured, the fixes it was judged by"),
    UniqueConstraint("visit_id", "watch", "entered_at"),
    Index("ix_detections_site_id_entered_at", "site_id", "entered_at"),
)

phone_capabilities = Table(
    "phone_capabilities",
    truth,
    Column("device_id", String(36), primary_key=True),
    Column("capability", String(20), nullable=False),
    Column("said_at", UtcDateTime, nullable=False),
)

canary_runs = Table(
    "canary_runs",
    truth,
    Column("site_id", String(36), primary_key=True),
    Column("day", String(10), primary_key=True, comment="the site's local date"),
    Column("incident_id", String(36), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("ended_at", UtcDateTime),
    Column("detail", Text, nullable=False, server_default=""),
)

duty_plans = Table(
    "duty_plans",
    truth,
    Column("id", String(36), primary_key=True),
    Column("site_id", String(36), nullable=False),
    Column("dispatcher_id", String(36), nullable=False),
    Column("from_at", UtcDateTime, nullable=False),
    Column("until_at", UtcDateTime, nullable=False),
    Column("made_by", String(80), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Index("ix_duty_plans_site_id_from_at", "site_id", "from_at"),
)
