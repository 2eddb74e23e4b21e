# ruff: noqa: E501 - written by Alembic, a line an operation
"""Keep detections, drills, the desk's plan and notes on customers

Revision 214f9fc83af0, after 9935cf6f9831.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import core.sql

revision: str = '214f9fc83af0'
down_revision: str | None = '9935cf6f9831'
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
    op.create_table('canary_runs',
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False, comment="the site's local date"),
    sa.Column('incident_id', sa.String(length=36), nullable=False),
    sa.Column('started_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('outcome', sa.String(length=10), nullable=False),
    sa.Column('ended_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('detail', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('site_id', 'day', name=op.f('pk_canary_runs'))
    )
    op.create_table('detections',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('watch', sa.String(length=20), nullable=False),
    sa.Column('visit_id', sa.String(length=36), nullable=False),
    sa.Column('technician_id', sa.String(length=36), nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('mode', sa.String(length=8), nullable=False),
    sa.Column('entered_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('left_at', core.sql.UtcDateTime(timezone=True), nullable=True, comment='null while it lasts'),
    sa.Column('incident_id', sa.String(length=36), nullable=True),
    sa.Column('body', sa.Text(), nullable=False, comment='JSON: thresholds, what was measured, the fixes it was judged by'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_detections')),
    sa.UniqueConstraint('visit_id', 'watch', 'entered_at', name=op.f('uq_detections_visit_id_watch_entered_at'))
    )
    op.create_index('ix_detections_site_id_entered_at', 'detections', ['site_id', 'entered_at'], unique=False)
    op.create_table('duty_plans',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('dispatcher_id', sa.String(length=36), nullable=False),
    sa.Column('from_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('until_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.String(length=80), nullable=False),
    sa.Column('made_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_duty_plans'))
    )
    op.create_index('ix_duty_plans_site_id_from_at', 'duty_plans', ['site_id', 'from_at'], unique=False)
    op.create_table('phone_capabilities',
    sa.Column('device_id', sa.String(length=36), nullable=False),
    sa.Column('capability', sa.String(length=20), nullable=False),
    sa.Column('said_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('device_id', name=op.f('pk_phone_capabilities'))
    )
    op.create_table('customer_notes',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('site_id', sa.String(length=36), nullable=False),
    sa.Column('customer_key', sa.String(length=64), nullable=False, comment="keyed digest of the customer's phone"),
    sa.Column('kinds', sa.Text(), nullable=False, comment='JSON list'),
    sa.Column('note_sealed', sa.Text(), nullable=False, comment='for the desk alone'),
    sa.Column('told_sealed', sa.Text(), nullable=True, comment='what the technician reads'),
    sa.Column('made_by', sa.String(length=80), nullable=False),
    sa.Column('made_at', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('until', core.sql.UtcDateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_by', sa.String(length=80), nullable=True),
    sa.Column('withdrawn_at', core.sql.UtcDateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_reason_sealed', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_customer_notes_site_id_sites')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_customer_notes'))
    )
    op.create_index('ix_customer_notes_site_id_customer_key', 'customer_notes', ['site_id', 'customer_key'], unique=False)
    op.add_column('technicians', sa.Column('helps_colleagues', sa.Boolean(), server_default=sa.text('false'), nullable=False, comment='set by herself: the desk may ask her to help'))


def _upgrade_fixes() -> None:
    pass


def _downgrade_truth() -> None:
    op.drop_column('technicians', 'helps_colleagues')
    op.drop_index('ix_customer_notes_site_id_customer_key', table_name='customer_notes')
    op.drop_table('customer_notes')
    op.drop_table('phone_capabilities')
    op.drop_index('ix_duty_plans_site_id_from_at', table_name='duty_plans')
    op.drop_table('duty_plans')
    op.drop_index('ix_detections_site_id_entered_at', table_name='detections')
    op.drop_table('detections')
    op.drop_table('canary_runs')


def _downgrade_fixes() -> None:
    pass


_UPGRADES = {"truth": _upgrade_truth, "fixes": _upgrade_fixes}
_DOWNGRADES = {"truth": _downgrade_truth, "fixes": _downgrade_fixes}
