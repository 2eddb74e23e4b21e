# ruff: noqa: E501 - written by Alembic, a line an operation
"""Make the first tables

Revision 9935cf6f9831, after .
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import core.sql

revision: str = '9935cf6f9831'
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade(groups: Sequence[str]) -> None:
    """Move the tables of `groups` ("truth", "fixes") to this revision."""
    for group in groups:
        _UPGRADES[group]()


def downgrade(groups: Sequence[str]) -> None:
    """Move the tables of `groups` back to the revision before."""
    for group in reversed(groups):
        _DOWNGRADES[group]()


def _upgrade_truth() -> None:
    op.create_table('api_keys',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('label', sa.String(length=80), nullable=False),
    sa.Column('sites', sa.Text(), nullable=False, comment='JSON list of site ids'),
    sa.Column('scopes', sa.Text(), nullable=False, comment='JSON list'),
    sa.Column('made_by', sa.String(length=80), nullable=False),
    sa.Column('made_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_keys')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_api_keys_token_hash'))
    )
    op.create_table('check_ins',
    sa.Column('id', sa.String(length=36), nullable=False, comment="client's id: a repeat changes nothing"),
    sa.Column('visit_id', sa.String(length=36), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=False),
    sa.Column('device_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_check_ins'))
    )
    op.create_index('ix_check_ins_visit_id', 'check_ins', ['visit_id'], unique=False)
    op.create_table('contacts',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=False),
    sa.Column('recipient_id', sa.String(length=36), nullable=False),
    sa.Column('confirmed_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('takes_effect_at', core.sql.UtcDateTime(timezone=True), nullable=False, comment='changes wait 24 h'),
    sa.Column('shares_place', sa.Boolean(), nullable=False),
    sa.Column('removed_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contacts'))
    )
    op.create_index('ix_contacts_technician_id', 'contacts', ['technician_id'], unique=False)
    op.create_table('counters',
    sa.Column('name', sa.String(length=80), nullable=False, comment='such as incidents:SITE'),
    sa.Column('value', sa.BigInteger(), nullable=False, comment="last number handed out; taken inside the writer's transaction"),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_counters'))
    )
    op.create_table('dispatchers',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('user', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('roles', sa.Text(), nullable=False, comment='JSON list'),
    sa.Column('password_hash', sa.Text(), nullable=False, comment='argon2id in its own text form'),
    sa.Column('totp_sealed', sa.Text(), nullable=True, comment='shared secret, from the moment it is offered'),
    sa.Column('has_totp', sa.Boolean(), nullable=False, comment='true once a first code proved that she has it'),
    sa.Column('totp_step', sa.Integer(), nullable=False, comment='last half minute whose code was used: a code counts once'),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('created_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dispatchers')),
    sa.UniqueConstraint('user', name=op.f('uq_dispatchers_user'))
    )
    op.create_table('duties',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('dispatcher_id', sa.String(length=36), nullable=False),
    sa.Column('since', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('until', core.sql.UtcDateTime(timezone=True), nullable=True, comment='null while on duty'),
    sa.Column('sound_ok_at', core.sql.UtcDateTime(timezone=True), nullable=True, comment='last passed sound test'),
    sa.Column('is_lead', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_duties'))
    )
    op.create_index('ix_duties_site_id_until', 'duties', ['site_id', 'until'], unique=False)
    op.create_table('fare_policies',
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('policy', sa.Text(), nullable=False, comment='JSON: billing, cap, expiry, clauses for unfinished visits'),
    sa.Column('updated_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('site_id', name=op.f('pk_fare_policies'))
    )
    op.create_table('fare_quotes',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('visit_id', sa.String(length=36), nullable=True),
    sa.Column('quote', sa.Text(), nullable=False, comment="sealed JSON: a quote holds a customer's address"),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('customer_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('created_ms', sa.BigInteger(), nullable=False),
    sa.Column('expires_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fare_quotes'))
    )
    op.create_index('ix_fare_quotes_expires_ms', 'fare_quotes', ['expires_ms'], unique=False)
    op.create_index('ix_fare_quotes_visit_id', 'fare_quotes', ['visit_id'], unique=False)
    op.create_table('fare_receipts',
    sa.Column('visit_id', sa.String(length=36), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False, comment='1 is the receipt, higher ones amend it'),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=True),
    sa.Column('closed_ms', sa.BigInteger(), nullable=False),
    sa.Column('settled_ms', sa.BigInteger(), nullable=False),
    sa.Column('customer_minor', sa.BigInteger(), nullable=False),
    sa.Column('technician_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('receipt', sa.Text(), nullable=False, comment='JSON of the whole receipt; holds no place and no name'),
    sa.PrimaryKeyConstraint('visit_id', 'number', name=op.f('pk_fare_receipts'))
    )
    op.create_index('ix_fare_receipts_site_id', 'fare_receipts', ['site_id', 'closed_ms'], unique=False)
    op.create_index('ix_fare_receipts_technician_id', 'fare_receipts', ['technician_id', 'closed_ms'], unique=False)
    op.create_table('fare_road_factors',
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('trips', sa.Integer(), nullable=False, comment='settled ways that taught it'),
    sa.Column('learned_ms', sa.BigInteger(), nullable=False),
    sa.Column('factors', sa.Text(), nullable=False, comment='JSON: road over straight line by distance, with range and grid'),
    sa.PrimaryKeyConstraint('site_id', name=op.f('pk_fare_road_factors'))
    )
    op.create_table('fare_tariffs',
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False, comment='SHA-256 of the canonical form: names this version for ever'),
    sa.Column('tariff_id', sa.String(length=60), nullable=False),
    sa.Column('mode', sa.String(length=12), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False, comment='first local day at the site'),
    sa.Column('canonical', sa.Text(), nullable=False, comment='JSON of the tariff: what is priced by'),
    sa.Column('text', sa.Text(), nullable=False, comment='the TOML file as uploaded, for people'),
    sa.Column('added_ms', sa.BigInteger(), nullable=False),
    sa.Column('is_retired', sa.Boolean(), nullable=False, comment='no new quotes by it; old ones stay'),
    sa.PrimaryKeyConstraint('site_id', 'hash', name=op.f('pk_fare_tariffs'))
    )
    op.create_index('ix_fare_tariffs_site_id_mode', 'fare_tariffs', ['site_id', 'mode', 'valid_from'], unique=False)
    op.create_table('idempotency_keys',
    sa.Column('owner', sa.String(length=80), nullable=False, comment='kind and id of the caller'),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False, comment='SHA-256 of method, path and body'),
    sa.Column('status', sa.Integer(), nullable=True, comment='null while the first request is under way'),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('owner', 'key', name=op.f('pk_idempotency_keys'))
    )
    op.create_table('inbound_messages',
    sa.Column('provider_id', sa.String(length=80), nullable=False, comment='a replayed message is met here and does nothing'),
    sa.Column('carrier', sa.String(length=20), nullable=False),
    sa.Column('recipient_id', sa.String(length=36), nullable=True, comment='whose number it came from, if known'),
    sa.Column('text_sealed', sa.Text(), nullable=False),
    sa.Column('keyword', sa.String(length=20), nullable=False),
    sa.Column('received_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('provider_id', name=op.f('pk_inbound_messages'))
    )
    op.create_table('incidents',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('code', sa.String(length=8), nullable=False, comment='four digits, unique among the open incidents of a site'),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('severity', sa.Integer(), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=True),
    sa.Column('visit_id', sa.String(length=36), nullable=True),
    sa.Column('raised_by', sa.String(length=80), nullable=False, comment='technician:ID or customer:VISIT'),
    sa.Column('raised_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('device_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('tier', sa.Integer(), nullable=False),
    sa.Column('lap', sa.Integer(), nullable=False),
    sa.Column('owner_id', sa.String(length=36), nullable=True),
    sa.Column('lease_until', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('offered_to', sa.String(length=36), nullable=True),
    sa.Column('flags', sa.Text(), nullable=False, comment='JSON list, sorted'),
    sa.Column('resolution', sa.String(length=20), nullable=True),
    sa.Column('resolved_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('resolved_by', sa.String(length=36), nullable=True),
    sa.Column('reopens', sa.String(length=36), nullable=True),
    sa.Column('last_hash', sa.String(length=64), nullable=False, comment='hash of the newest event'),
    sa.Column('last_seq', sa.Integer(), nullable=False),
    sa.Column('site_number', sa.BigInteger(), nullable=False, comment='per-site counter of the newest event, in commit order'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incidents'))
    )
    op.create_index('ix_incidents_raised_by', 'incidents', ['raised_by'], unique=False)
    op.create_index('ix_incidents_site_id_site_number', 'incidents', ['site_id', 'site_number'], unique=False)
    op.create_index('ix_incidents_site_id_state', 'incidents', ['site_id', 'state'], unique=False)
    op.create_table('ladders',
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('set_by', sa.String(length=36), nullable=True),
    sa.Column('set_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('site_id', name=op.f('pk_ladders'))
    )
    op.create_table('log_in_attempts',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('who_key', sa.String(length=64), nullable=False, comment='keyed digest of user, address or both'),
    sa.Column('at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_log_in_attempts'))
    )
    op.create_index('ix_log_in_attempts_who_key', 'log_in_attempts', ['who_key', 'at'], unique=False)
    op.create_table('looks',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('looker', sa.String(length=80), nullable=False, comment='kind:id of who looked'),
    sa.Column('what', sa.String(length=40), nullable=False, comment='such as visit, technician, track'),
    sa.Column('subject', sa.String(length=80), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_looks'))
    )
    op.create_index('ix_looks_site_id', 'looks', ['site_id', 'at'], unique=False)
    op.create_index('ix_looks_subject', 'looks', ['subject', 'at'], unique=False)
    op.create_table('notices',
    sa.Column('id', sa.String(length=36), nullable=False, comment='UUIDv5 of the unique key below'),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('subject', sa.String(length=80), nullable=False, comment='id of the incident, visit or alarm'),
    sa.Column('visit_id', sa.String(length=36), nullable=True),
    sa.Column('ladder_round', sa.Integer(), nullable=False),
    sa.Column('tier', sa.Integer(), nullable=False),
    sa.Column('recipient_id', sa.String(length=36), nullable=False, comment='a recipient, or desk'),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('template_key', sa.String(length=80), nullable=False, comment='template/version'),
    sa.Column('lane', sa.String(length=2), nullable=False),
    sa.Column('code', sa.String(length=12), nullable=False, comment='digits that text and carrier list are recognised by'),
    sa.Column('variables_sealed', sa.Text(), nullable=False, comment='what the template is filled with'),
    sa.Column('next_recipients', sa.Text(), nullable=False, comment='JSON list: who is tried next'),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('created_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('send_at', core.sql.UtcDateTime(timezone=True), nullable=True, comment='due then, while pending'),
    sa.Column('expires_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('lease_until', core.sql.UtcDateTime(timezone=True), nullable=True, comment='a worker may be sending it until then'),
    sa.Column('look_at', core.sql.UtcDateTime(timezone=True), nullable=True, comment='poll, reconcile or fall back then'),
    sa.Column('first_sent_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('accepted_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('settled_at', core.sql.UtcDateTime(timezone=True), nullable=True, comment='last change of state'),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('is_repeat', sa.Boolean(), nullable=False),
    sa.Column('is_plain', sa.Boolean(), nullable=False),
    sa.Column('sender_turn', sa.Integer(), nullable=False),
    sa.Column('has_fallen_back', sa.Boolean(), nullable=False),
    sa.Column('error_class', sa.String(length=20), nullable=True),
    sa.Column('error_code', sa.String(length=40), nullable=True),
    sa.Column('carrier', sa.String(length=20), nullable=True, comment='of the latest attempt'),
    sa.Column('provider_id', sa.String(length=80), nullable=True, comment='of the latest attempt'),
    sa.Column('acknowledged_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('acknowledged_how', sa.String(length=20), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notices')),
    sa.UniqueConstraint('subject', 'ladder_round', 'tier', 'recipient_id', 'channel', 'template_key', name='uq_notices_said_once')
    )
    op.create_index('ix_notices_look_at', 'notices', ['look_at'], unique=False)
    op.create_index('ix_notices_recipient_id_created_at', 'notices', ['recipient_id', 'created_at'], unique=False)
    op.create_index('ix_notices_site_id_created_at', 'notices', ['site_id', 'created_at'], unique=False)
    op.create_index('ix_notices_state_lane_send_at', 'notices', ['state', 'lane', 'send_at'], unique=False)
    op.create_table('phone_items',
    sa.Column('id', sa.String(length=80), nullable=False, comment="PH and the attempt: the phones page's provider id"),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('notice_id', sa.String(length=36), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('recipient_id', sa.String(length=36), nullable=False),
    sa.Column('name_sealed', sa.Text(), nullable=False),
    sa.Column('number_masked', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False, comment='text or call'),
    sa.Column('language', sa.String(length=12), nullable=False),
    sa.Column('body_sealed', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False, comment='delivered, ringing, answered, confirming, acknowledged, missed'),
    sa.Column('at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_phone_items'))
    )
    op.create_index('ix_phone_items_site_id_at', 'phone_items', ['site_id', 'at'], unique=False)
    op.create_table('pins',
    sa.Column('technician_id', sa.String(length=36), nullable=False),
    sa.Column('true_hash', sa.Text(), nullable=False),
    sa.Column('duress_hash', sa.Text(), nullable=False),
    sa.Column('set_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('technician_id', name=op.f('pk_pins'))
    )
    op.create_table('recipients',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('owner_id', sa.String(length=36), nullable=False, comment='id of the dispatcher, technician, visit ... it is the phone of'),
    sa.Column('name_sealed', sa.Text(), nullable=False),
    sa.Column('number_sealed', sa.Text(), nullable=True, comment='E.164; null for a recipient without phone'),
    sa.Column('number_fingerprint', sa.String(length=64), nullable=True),
    sa.Column('number_masked', sa.String(length=40), nullable=False),
    sa.Column('country', sa.String(length=2), nullable=True),
    sa.Column('line', sa.String(length=20), nullable=False, comment='mobile, fixed, either or unknown, by the number plan'),
    sa.Column('language', sa.String(length=12), nullable=False),
    sa.Column('carrier', sa.String(length=20), nullable=True, comment="chosen for this person; null for the site's choice"),
    sa.Column('is_alarmed', sa.Boolean(), nullable=False, comment="gets the operator's alarms of the site"),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('verified_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('stopped_at', core.sql.UtcDateTime(timezone=True), nullable=True, comment='answered STOP: texts are blocked, calls are not'),
    sa.Column('sms_failed_at', core.sql.UtcDateTime(timezone=True), nullable=True, comment='the network said this number takes no texts'),
    sa.Column('code_hash', sa.String(length=64), nullable=True, comment='verification code under way'),
    sa.Column('code_until', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('code_tries', sa.Integer(), nullable=False),
    sa.Column('code_round', sa.Integer(), nullable=False, comment='verification texts sent so far'),
    sa.Column('created_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recipients')),
    sa.UniqueConstraint('site_id', 'kind', 'owner_id', 'number_fingerprint', name='uq_recipients_phone_of_owner')
    )
    op.create_index('ix_recipients_number_fingerprint', 'recipients', ['number_fingerprint'], unique=False)
    op.create_index('ix_recipients_site_id_kind', 'recipients', ['site_id', 'kind'], unique=False)
    op.create_table('safety_audit',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('what', sa.String(length=40), nullable=False, comment='ladder or rules'),
    sa.Column('before', sa.Text(), nullable=True),
    sa.Column('after', sa.Text(), nullable=False),
    sa.Column('by', sa.String(length=80), nullable=False),
    sa.Column('at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_safety_audit'))
    )
    op.create_index('ix_safety_audit_site_id_at', 'safety_audit', ['site_id', 'at'], unique=False)
    op.create_table('site_rules',
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('set_by', sa.String(length=80), nullable=False),
    sa.Column('set_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('site_id', name=op.f('pk_site_rules'))
    )
    op.create_table('sites',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('zone', sa.String(length=64), nullable=False, comment='IANA name'),
    sa.Column('currency', sa.String(length=3), nullable=False, comment='ISO 4217'),
    sa.Column('locale', sa.String(length=20), nullable=False),
    sa.Column('desk_phone', sa.String(length=20), nullable=True, comment='E.164'),
    sa.Column('details', sa.Text(), nullable=False, comment='JSON: bounds, emergency numbers, settings, services'),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sites'))
    )
    op.create_table('timers',
    sa.Column('kind', sa.String(length=40), nullable=False, comment='which flow handles it'),
    sa.Column('subject', sa.String(length=80), nullable=False, comment='id of the thing it is about'),
    sa.Column('due_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('payload', sa.Text(), server_default='{}', nullable=False, comment='JSON object for the handler'),
    sa.Column('lease_until', core.sql.UtcDateTime(timezone=True), nullable=True, comment='a worker is handling it until then'),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False, comment='grows when the timer is set anew'),
    sa.PrimaryKeyConstraint('kind', 'subject', name=op.f('pk_timers'))
    )
    op.create_index('ix_timers_due_at', 'timers', ['due_at'], unique=False)
    op.create_table('visit_fares',
    sa.Column('visit_id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('accepted_quote_id', sa.String(length=36), nullable=False, comment='what the customer said yes to'),
    sa.Column('quote_id', sa.String(length=36), nullable=False, comment='what is in force: another one after a reassignment'),
    sa.Column('accepted_minor', sa.BigInteger(), nullable=False, comment='the customer never pays more for the way'),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('policy', sa.Text(), nullable=False, comment="JSON: the site's policy when she accepted"),
    sa.Column('accepted_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('visit_id', name=op.f('pk_visit_fares'))
    )
    op.create_table('webhook_endpoints',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('url', sa.String(length=500), nullable=False),
    sa.Column('families', sa.Text(), nullable=False, comment='JSON list of event families, such as visit, fare'),
    sa.Column('secrets_sealed', sa.Text(), nullable=False, comment='JSON list, newest first; all of them sign'),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=True, comment='why it was disabled, in words'),
    sa.Column('failing_since', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('old_secret_until', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('created_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_endpoints'))
    )
    op.create_index('ix_webhook_endpoints_site_id', 'webhook_endpoints', ['site_id'], unique=False)
    op.create_table('disclosures',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('incident_id', sa.String(length=36), nullable=False),
    sa.Column('body', sa.Text(), nullable=False, comment='authority, legal reference, scope; JSON'),
    sa.Column('requested_by', sa.String(length=36), nullable=False),
    sa.Column('requested_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('approved_by', sa.Text(), server_default='[]', nullable=False),
    sa.Column('is_emergency', sa.Boolean(), nullable=False),
    sa.Column('given_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('given_hash', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_disclosures_incident_id_incidents')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_disclosures'))
    )
    op.create_table('dispatcher_sessions',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('dispatcher_id', sa.String(length=36), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('made_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('seen_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ended_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['dispatcher_id'], ['dispatchers.id'], name=op.f('fk_dispatcher_sessions_dispatcher_id_dispatchers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dispatcher_sessions')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_dispatcher_sessions_token_hash'))
    )
    op.create_index(op.f('ix_dispatcher_sessions_dispatcher_id'), 'dispatcher_sessions', ['dispatcher_id'], unique=False)
    op.create_table('dispatcher_sites',
    sa.Column('dispatcher_id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.ForeignKeyConstraint(['dispatcher_id'], ['dispatchers.id'], name=op.f('fk_dispatcher_sites_dispatcher_id_dispatchers')),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_dispatcher_sites_site_id_sites')),
    sa.PrimaryKeyConstraint('dispatcher_id', 'site_id', name=op.f('pk_dispatcher_sites'))
    )
    op.create_index(op.f('ix_dispatcher_sites_site_id'), 'dispatcher_sites', ['site_id'], unique=False)
    op.create_table('incident_events',
    sa.Column('incident_id', sa.String(length=36), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('site_number', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('actor', sa.String(length=80), nullable=False),
    sa.Column('at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('device_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('data', sa.Text(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_incident_events_incident_id_incidents')),
    sa.PrimaryKeyConstraint('incident_id', 'seq', name=op.f('pk_incident_events')),
    sa.UniqueConstraint('site_id', 'site_number', name=op.f('uq_incident_events_site_id_site_number'))
    )
    op.create_table('notice_attempts',
    sa.Column('notice_id', sa.String(length=36), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False, comment='1 for the first request'),
    sa.Column('carrier', sa.String(length=20), nullable=False),
    sa.Column('started_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('answered_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('provider_id', sa.String(length=80), nullable=True, comment="the carrier's name for it"),
    sa.Column('receipt', sa.String(length=24), nullable=True, comment='highest receipt so far; ranks only grow'),
    sa.Column('receipt_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('error_class', sa.String(length=20), nullable=True),
    sa.Column('error_code', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['notice_id'], ['notices.id'], name=op.f('fk_notice_attempts_notice_id_notices'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('notice_id', 'number', name=op.f('pk_notice_attempts'))
    )
    op.create_index('ix_notice_attempts_provider_id', 'notice_attempts', ['provider_id'], unique=False)
    op.create_table('recovery_codes',
    sa.Column('dispatcher_id', sa.String(length=36), nullable=False),
    sa.Column('code_key', sa.String(length=64), nullable=False),
    sa.Column('used_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['dispatcher_id'], ['dispatchers.id'], name=op.f('fk_recovery_codes_dispatcher_id_dispatchers')),
    sa.PrimaryKeyConstraint('dispatcher_id', 'code_key', name=op.f('pk_recovery_codes'))
    )
    op.create_table('technicians',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('name_sealed', sa.Text(), nullable=False),
    sa.Column('shown_name', sa.String(length=80), nullable=False, comment='what a customer reads'),
    sa.Column('phone_sealed', sa.Text(), nullable=True),
    sa.Column('phone_key', sa.String(length=64), nullable=True),
    sa.Column('language', sa.String(length=20), nullable=True),
    sa.Column('verified_level', sa.SmallInteger(), nullable=False),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_technicians_site_id_sites')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_technicians'))
    )
    op.create_index(op.f('ix_technicians_phone_key'), 'technicians', ['phone_key'], unique=False)
    op.create_index('ix_technicians_site_id', 'technicians', ['site_id', 'id'], unique=False)
    op.create_table('triggers',
    sa.Column('who', sa.String(length=80), nullable=False),
    sa.Column('tap_id', sa.String(length=80), nullable=False),
    sa.Column('incident_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('road', sa.String(length=20), nullable=False),
    sa.Column('at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('device_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('device_id', sa.String(length=36), nullable=True),
    sa.Column('body', sa.Text(), nullable=False, comment='the tap as it came, sealed'),
    sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_triggers_incident_id_incidents')),
    sa.PrimaryKeyConstraint('who', 'tap_id', name=op.f('pk_triggers'))
    )
    op.create_index('ix_triggers_incident_id', 'triggers', ['incident_id'], unique=False)
    op.create_table('webhook_deliveries',
    sa.Column('id', sa.String(length=36), nullable=False, comment='UUIDv5 of event and endpoint (and replay)'),
    sa.Column('endpoint_id', sa.String(length=36), nullable=False),
    sa.Column('event_id', sa.String(length=36), nullable=False),
    sa.Column('type', sa.String(length=60), nullable=False),
    sa.Column('subject', sa.String(length=80), nullable=False, comment='deliveries of one subject go in order'),
    sa.Column('sequence', sa.Integer(), nullable=False, comment='order within endpoint and subject'),
    sa.Column('body_sealed', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('send_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('lease_until', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('created_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('settled_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('last_status', sa.Integer(), nullable=True),
    sa.Column('last_error', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['endpoint_id'], ['webhook_endpoints.id'], name=op.f('fk_webhook_deliveries_endpoint_id_webhook_endpoints'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_deliveries')),
    sa.UniqueConstraint('endpoint_id', 'subject', 'sequence', name='uq_webhook_deliveries_order')
    )
    op.create_index('ix_webhook_deliveries_state_send_at', 'webhook_deliveries', ['state', 'send_at'], unique=False)
    op.create_table('blocked_pairs',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=False),
    sa.Column('customer_key', sa.String(length=64), nullable=False, comment="keyed digest of the customer's phone"),
    sa.Column('reason_sealed', sa.Text(), nullable=False),
    sa.Column('made_by', sa.String(length=80), nullable=False),
    sa.Column('made_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_blocked_pairs_site_id_sites')),
    sa.ForeignKeyConstraint(['technician_id'], ['technicians.id'], name=op.f('fk_blocked_pairs_technician_id_technicians')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_blocked_pairs')),
    sa.UniqueConstraint('technician_id', 'customer_key', name=op.f('uq_blocked_pairs_technician_id_customer_key'))
    )
    op.create_table('devices',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('device_no', sa.Integer(), nullable=False, comment='short number in compact fix rows'),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('label', sa.String(length=80), nullable=False),
    sa.Column('platform', sa.String(length=40), nullable=False),
    sa.Column('enrolled_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_devices_site_id_sites')),
    sa.ForeignKeyConstraint(['technician_id'], ['technicians.id'], name=op.f('fk_devices_technician_id_technicians')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_devices')),
    sa.UniqueConstraint('device_no', name=op.f('uq_devices_device_no')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_devices_token_hash'))
    )
    op.create_index(op.f('ix_devices_technician_id'), 'devices', ['technician_id'], unique=False)
    op.create_table('enrolments',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=False),
    sa.Column('code_key', sa.String(length=64), nullable=False),
    sa.Column('made_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('used_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_enrolments_site_id_sites')),
    sa.ForeignKeyConstraint(['technician_id'], ['technicians.id'], name=op.f('fk_enrolments_technician_id_technicians')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_enrolments')),
    sa.UniqueConstraint('code_key', name=op.f('uq_enrolments_code_key'))
    )
    op.create_index(op.f('ix_enrolments_technician_id'), 'enrolments', ['technician_id'], unique=False)
    op.create_table('shifts',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=False),
    sa.Column('opened_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('planned_end', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('closed_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('closed_by', sa.String(length=20), nullable=True),
    sa.Column('closed_reason', sa.Text(), nullable=True),
    sa.Column('notice_version', sa.String(length=40), nullable=False, comment='which text about location use she saw'),
    sa.Column('unwatched', sa.Boolean(), nullable=False),
    sa.Column('open_for', sa.String(length=36), nullable=True, comment='her id while open: one open shift each'),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_shifts_site_id_sites')),
    sa.ForeignKeyConstraint(['technician_id'], ['technicians.id'], name=op.f('fk_shifts_technician_id_technicians')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shifts')),
    sa.UniqueConstraint('open_for', name=op.f('uq_shifts_open_for'))
    )
    op.create_index(op.f('ix_shifts_site_id'), 'shifts', ['site_id'], unique=False)
    op.create_index('ix_shifts_technician_id', 'shifts', ['technician_id', 'opened_at'], unique=False)
    op.create_table('visits',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('external_ref', sa.String(length=120), nullable=True),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('service_kind', sa.String(length=40), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=True),
    sa.Column('place_sealed', sa.Text(), nullable=False),
    sa.Column('customer_sealed', sa.Text(), nullable=False),
    sa.Column('customer_key', sa.String(length=64), nullable=True),
    sa.Column('booker_sealed', sa.Text(), nullable=True),
    sa.Column('door_code_sealed', sa.Text(), nullable=False),
    sa.Column('door_code_misses', sa.Integer(), nullable=False),
    sa.Column('departed_from_sealed', sa.Text(), nullable=True),
    sa.Column('departure', sa.String(length=24), nullable=False),
    sa.Column('outcome', sa.String(length=20), nullable=True),
    sa.Column('planned_min', sa.Integer(), nullable=False),
    sa.Column('extended_min', sa.Integer(), nullable=False),
    sa.Column('link_version', sa.Integer(), nullable=False),
    sa.Column('window_start', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('window_end', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('assigned_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('departed_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('arrived_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('started_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('ended_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('left_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('closed_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('created_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('updated_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_visits_site_id_sites')),
    sa.ForeignKeyConstraint(['technician_id'], ['technicians.id'], name=op.f('fk_visits_technician_id_technicians')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_visits')),
    sa.UniqueConstraint('site_id', 'external_ref', name=op.f('uq_visits_site_id_external_ref'))
    )
    op.create_index(op.f('ix_visits_customer_key'), 'visits', ['customer_key'], unique=False)
    op.create_index('ix_visits_site_id', 'visits', ['site_id', 'stage', 'id'], unique=False)
    op.create_index('ix_visits_technician_id', 'visits', ['technician_id', 'stage'], unique=False)
    op.create_table('links',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('visit_id', sa.String(length=36), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('holder', sa.String(length=20), nullable=False),
    sa.Column('label', sa.String(length=80), nullable=False),
    sa.Column('made_by', sa.String(length=80), nullable=False),
    sa.Column('made_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_links_site_id_sites')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_links_visit_id_visits')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_links')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_links_token_hash'))
    )
    op.create_index(op.f('ix_links_visit_id'), 'links', ['visit_id'], unique=False)
    op.create_table('shift_pauses',
    sa.Column('shift_id', sa.String(length=36), nullable=False),
    sa.Column('from_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('until_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('place_no', sa.Integer(), nullable=False, comment='1 and up, in order'),
    sa.ForeignKeyConstraint(['shift_id'], ['shifts.id'], name=op.f('fk_shift_pauses_shift_id_shifts')),
    sa.PrimaryKeyConstraint('shift_id', 'place_no', name=op.f('pk_shift_pauses'))
    )
    op.create_table('visit_acts',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('visit_id', sa.String(length=36), nullable=False),
    sa.Column('act', sa.String(length=20), nullable=True, comment='null: the visit was made'),
    sa.Column('before', sa.String(length=20), nullable=True),
    sa.Column('after', sa.String(length=20), nullable=False),
    sa.Column('actor', sa.String(length=80), nullable=False, comment='kind:id'),
    sa.Column('technician_id', sa.String(length=36), nullable=True),
    sa.Column('device_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('happened_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('server_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('lat', sa.Float(), nullable=True),
    sa.Column('lon', sa.Float(), nullable=True),
    sa.Column('accuracy_m', sa.Float(), nullable=True),
    sa.Column('position_age_s', sa.Float(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('idempotency_key', sa.String(length=200), nullable=True),
    sa.Column('visit_version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['technician_id'], ['technicians.id'], name=op.f('fk_visit_acts_technician_id_technicians')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_visit_acts_visit_id_visits')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_visit_acts')),
    sa.UniqueConstraint('visit_id', 'idempotency_key', name=op.f('uq_visit_acts_visit_id_idempotency_key'))
    )
    op.create_table('tickets',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('session_id', sa.String(length=36), nullable=True),
    sa.Column('device_id', sa.String(length=36), nullable=True),
    sa.Column('link_id', sa.String(length=36), nullable=True),
    sa.Column('api_key_id', sa.String(length=36), nullable=True),
    sa.Column('expires_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('used_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['api_key_id'], ['api_keys.id'], name=op.f('fk_tickets_api_key_id_api_keys')),
    sa.ForeignKeyConstraint(['device_id'], ['devices.id'], name=op.f('fk_tickets_device_id_devices')),
    sa.ForeignKeyConstraint(['link_id'], ['links.id'], name=op.f('fk_tickets_link_id_links')),
    sa.ForeignKeyConstraint(['session_id'], ['dispatcher_sessions.id'], name=op.f('fk_tickets_session_id_dispatcher_sessions')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_tickets'))
    )


def _upgrade_fixes() -> None:
    op.create_table('fix_ids',
    sa.Column('no', sa.Integer(), autoincrement=True, nullable=False, comment='stands for the id in fixes'),
    sa.Column('id', sa.String(length=36), nullable=False, comment='of a device or a technician'),
    sa.PrimaryKeyConstraint('no', name=op.f('pk_fix_ids')),
    sa.UniqueConstraint('id', name=op.f('uq_fix_ids_id'))
    )
    op.create_table('fixes',
    sa.Column('device_no', sa.Integer(), nullable=False),
    sa.Column('device_epoch', sa.BigInteger(), nullable=False, comment="renewed when the phone's counter restarts; 0 without a counter"),
    sa.Column('seq', sa.BigInteger(), nullable=False, comment="the phone's counter, or a key made from time and position"),
    sa.Column('technician_no', sa.Integer(), nullable=False),
    sa.Column('minute', sa.Integer(), nullable=False, comment="at_ms // 60000: finds a technician's fixes"),
    sa.Column('at_ms', sa.BigInteger(), nullable=False, comment="fix time by the hub's clock"),
    sa.Column('device_at_ms', sa.BigInteger(), nullable=False, comment='fix time as sent'),
    sa.Column('received_ms', sa.BigInteger(), nullable=False),
    sa.Column('lat', sa.Double(), nullable=False, comment='degrees WGS-84'),
    sa.Column('lon', sa.Double(), nullable=False, comment='degrees WGS-84'),
    sa.Column('accuracy_m', sa.Double(), nullable=True),
    sa.Column('speed_mps', sa.Double(), nullable=True),
    sa.Column('heading_deg', sa.Double(), nullable=True),
    sa.Column('altitude_m', sa.Double(), nullable=True),
    sa.Column('battery_pct', sa.Double(), nullable=True),
    sa.Column('mocked', sa.SmallInteger(), nullable=False, comment='1: the phone says that an app makes it up'),
    sa.Column('lane', sa.String(length=12), nullable=False, comment='live or ledger_only'),
    sa.Column('reasons', sa.Text(), nullable=True, comment='why ledger_only, joined by commas')
    )
    op.create_index('ix_fixes_minute_technician_no', 'fixes', ['minute', 'technician_no'], unique=False)
    op.create_index('uq_fixes_identity', 'fixes', ['device_at_ms', 'device_no', 'device_epoch', 'seq'], unique=True)
    op.create_table('journey_checkpoints',
    sa.Column('visit_id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('state', sa.LargeBinary(), nullable=False, comment='msgpack of tracking.journey.JourneyState'),
    sa.PrimaryKeyConstraint('visit_id', name=op.f('pk_journey_checkpoints'))
    )
    op.create_index('ix_journey_checkpoints_site_id_shard', 'journey_checkpoints', ['site_id', 'shard'], unique=False)
    op.create_table('stream_offsets',
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False, comment='grows with every commit: the guard against two recorders'),
    sa.Column('epoch', sa.String(length=36), nullable=False, comment='which life of the stream the id belongs to'),
    sa.Column('entry_id', sa.String(length=40), nullable=False, comment='last entry recorded whole'),
    sa.Column('skip', sa.Integer(), nullable=False, comment='fixes of the next entry that are recorded already'),
    sa.Column('total', sa.BigInteger(), nullable=False, comment='fixes appended up to here in this life of the stream'),
    sa.Column('stored', sa.BigInteger(), nullable=False),
    sa.Column('duplicates', sa.BigInteger(), nullable=False),
    sa.Column('lost', sa.BigInteger(), nullable=False, comment='acknowledged, but gone before they were recorded: at least so many'),
    sa.Column('restarts', sa.BigInteger(), nullable=False, comment='how often the stream began anew'),
    sa.PrimaryKeyConstraint('site_id', 'shard', name=op.f('pk_stream_offsets'))
    )


def _downgrade_truth() -> None:
    op.drop_table('tickets')
    op.drop_table('visit_acts')
    op.drop_table('shift_pauses')
    op.drop_index(op.f('ix_links_visit_id'), table_name='links')
    op.drop_table('links')
    op.drop_index('ix_visits_technician_id', table_name='visits')
    op.drop_index('ix_visits_site_id', table_name='visits')
    op.drop_index(op.f('ix_visits_customer_key'), table_name='visits')
    op.drop_table('visits')
    op.drop_index('ix_shifts_technician_id', table_name='shifts')
    op.drop_index(op.f('ix_shifts_site_id'), table_name='shifts')
    op.drop_table('shifts')
    op.drop_index(op.f('ix_enrolments_technician_id'), table_name='enrolments')
    op.drop_table('enrolments')
    op.drop_index(op.f('ix_devices_technician_id'), table_name='devices')
    op.drop_table('devices')
    op.drop_table('blocked_pairs')
    op.drop_index('ix_webhook_deliveries_state_send_at', table_name='webhook_deliveries')
    op.drop_table('webhook_deliveries')
    op.drop_index('ix_triggers_incident_id', table_name='triggers')
    op.drop_table('triggers')
    op.drop_index('ix_technicians_site_id', table_name='technicians')
    op.drop_index(op.f('ix_technicians_phone_key'), table_name='technicians')
    op.drop_table('technicians')
    op.drop_table('recovery_codes')
    op.drop_index('ix_notice_attempts_provider_id', table_name='notice_attempts')
    op.drop_table('notice_attempts')
    op.drop_table('incident_events')
    op.drop_index(op.f('ix_dispatcher_sites_site_id'), table_name='dispatcher_sites')
    op.drop_table('dispatcher_sites')
    op.drop_index(op.f('ix_dispatcher_sessions_dispatcher_id'), table_name='dispatcher_sessions')
    op.drop_table('dispatcher_sessions')
    op.drop_table('disclosures')
    op.drop_index('ix_webhook_endpoints_site_id', table_name='webhook_endpoints')
    op.drop_table('webhook_endpoints')
    op.drop_table('visit_fares')
    op.drop_index('ix_timers_due_at', table_name='timers')
    op.drop_table('timers')
    op.drop_table('sites')
    op.drop_table('site_rules')
    op.drop_index('ix_safety_audit_site_id_at', table_name='safety_audit')
    op.drop_table('safety_audit')
    op.drop_index('ix_recipients_site_id_kind', table_name='recipients')
    op.drop_index('ix_recipients_number_fingerprint', table_name='recipients')
    op.drop_table('recipients')
    op.drop_table('pins')
    op.drop_index('ix_phone_items_site_id_at', table_name='phone_items')
    op.drop_table('phone_items')
    op.drop_index('ix_notices_state_lane_send_at', table_name='notices')
    op.drop_index('ix_notices_site_id_created_at', table_name='notices')
    op.drop_index('ix_notices_recipient_id_created_at', table_name='notices')
    op.drop_index('ix_notices_look_at', table_name='notices')
    op.drop_table('notices')
    op.drop_index('ix_looks_subject', table_name='looks')
    op.drop_index('ix_looks_site_id', table_name='looks')
    op.drop_table('looks')
    op.drop_index('ix_log_in_attempts_who_key', table_name='log_in_attempts')
    op.drop_table('log_in_attempts')
    op.drop_table('ladders')
    op.drop_index('ix_incidents_site_id_state', table_name='incidents')
    op.drop_index('ix_incidents_site_id_site_number', table_name='incidents')
    op.drop_index('ix_incidents_raised_by', table_name='incidents')
    op.drop_table('incidents')
    op.drop_table('inbound_messages')
    op.drop_table('idempotency_keys')
    op.drop_index('ix_fare_tariffs_site_id_mode', table_name='fare_tariffs')
    op.drop_table('fare_tariffs')
    op.drop_table('fare_road_factors')
    op.drop_index('ix_fare_receipts_technician_id', table_name='fare_receipts')
    op.drop_index('ix_fare_receipts_site_id', table_name='fare_receipts')
    op.drop_table('fare_receipts')
    op.drop_index('ix_fare_quotes_visit_id', table_name='fare_quotes')
    op.drop_index('ix_fare_quotes_expires_ms', table_name='fare_quotes')
    op.drop_table('fare_quotes')
    op.drop_table('fare_policies')
    op.drop_index('ix_duties_site_id_until', table_name='duties')
    op.drop_table('duties')
    op.drop_table('dispatchers')
    op.drop_table('counters')
    op.drop_index('ix_contacts_technician_id', table_name='contacts')
    op.drop_table('contacts')
    op.drop_index('ix_check_ins_visit_id', table_name='check_ins')
    op.drop_table('check_ins')
    op.drop_table('api_keys')


def _downgrade_fixes() -> None:
    op.drop_table('stream_offsets')
    op.drop_index('ix_journey_checkpoints_site_id_shard', table_name='journey_checkpoints')
    op.drop_table('journey_checkpoints')
    op.drop_index('uq_fixes_identity', table_name='fixes')
    op.drop_index('ix_fixes_minute_technician_no', table_name='fixes')
    op.drop_table('fixes')
    op.drop_table('fix_ids')


_UPGRADES = {"truth": _upgrade_truth, "fixes": _upgrade_fixes}
_DOWNGRADES = {"truth": _downgrade_truth, "fixes": _downgrade_fixes}
