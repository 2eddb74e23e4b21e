# ruff: noqa: E501 - written by Alembic, a line an operation
"""Let a ladder say in full who set it

Revision 25f4034b7602, after f329ca7877cf.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '25f4034b7602'
down_revision: str | None = 'f329ca7877cf'
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
    with op.batch_alter_table('ladders') as ladders:
        ladders.alter_column('set_by', existing_type=sa.String(length=36), type_=sa.String(length=80), existing_nullable=True)


def _upgrade_fixes() -> None:
    pass


def _downgrade_truth() -> None:
    with op.batch_alter_table('ladders') as ladders:
        ladders.alter_column(
            'set_by', existing_type=sa.String(length=80), type_=sa.String(length=36), existing_nullable=True, postgresql_using='left(set_by, 36)'
        )


def _downgrade_fixes() -> None:
    pass


_UPGRADES = {"truth": _upgrade_truth, "fixes": _upgrade_fixes}
_DOWNGRADES = {"truth": _downgrade_truth, "fixes": _downgrade_fixes}
