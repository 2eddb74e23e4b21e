# ruff: noqa: E501 - written by Alembic, a line an operation
"""Pace the tries of PINs

Revision f329ca7877cf, after 5c1f0d7ab3e6.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import core.sql

revision: str = 'f329ca7877cf'
down_revision: str | None = '5c1f0d7ab3e6'
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
    op.add_column('pins', sa.Column('wrong', sa.Integer(), server_default=sa.text('0'), nullable=False, comment='wrong PINs since wrong_since, whatever came between'))
    op.add_column('pins', sa.Column('wrong_since', core.sql.UtcDateTime(timezone=True), nullable=True))
    op.add_column('pins', sa.Column('free_at', core.sql.UtcDateTime(timezone=True), nullable=True, comment='when the try under way makes room for the next one'))


def _upgrade_fixes() -> None:
    pass


def _downgrade_truth() -> None:
    op.drop_column('pins', 'free_at')
    op.drop_column('pins', 'wrong_since')
    op.drop_column('pins', 'wrong')


def _downgrade_fixes() -> None:
    pass


_UPGRADES = {"truth": _upgrade_truth, "fixes": _upgrade_fixes}
_DOWNGRADES = {"truth": _downgrade_truth, "fixes": _downgrade_fixes}
