# ruff: noqa: E501 - written by Alembic, a line an operation
"""Count wrong PINs

Revision 5c1f0d7ab3e6, after 214f9fc83af0.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '5c1f0d7ab3e6'
down_revision: str | None = '214f9fc83af0'
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
    op.add_column('pins', sa.Column('refused', sa.Integer(), server_default=sa.text('0'), nullable=False, comment='wrong PINs in a row since the last right one or alarm'))


def _upgrade_fixes() -> None:
    pass


def _downgrade_truth() -> None:
    op.drop_column('pins', 'refused')


def _downgrade_fixes() -> None:
    pass


_UPGRADES = {"truth": _upgrade_truth, "fixes": _upgrade_fixes}
_DOWNGRADES = {"truth": _downgrade_truth, "fixes": _downgrade_fixes}
