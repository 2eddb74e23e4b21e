# ruff: noqa: E501 - written by Alembic, a line an operation
"""${message}

Revision ${up_revision}, after ${down_revision | comma,n}.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import core.sql
${imports if imports else ""}
revision: str = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}
branch_labels: str | Sequence[str] | None = ${repr(branch_labels)}
depends_on: str | Sequence[str] | None = ${repr(depends_on)}


def upgrade(groups: Sequence[str]) -> None:
    """Move the tables of `groups` ("truth", "fixes") to this revision."""
    for group in groups:
        _UPGRADES[group]()


def downgrade(groups: Sequence[str]) -> None:
    """Move the tables of `groups` back to the revision before."""
    for group in reversed(groups):
        _DOWNGRADES[group]()

<%
    def part(token):
        return context.get(token, "pass") or "pass"
%>
def _upgrade_truth() -> None:
    ${part("truth_upgrades")}


def _upgrade_fixes() -> None:
    ${part("fixes_upgrades")}


def _downgrade_truth() -> None:
    ${part("truth_downgrades")}


def _downgrade_fixes() -> None:
    ${part("fixes_downgrades")}


_UPGRADES = {"truth": _upgrade_truth, "fixes": _upgrade_fixes}
_DOWNGRADES = {"truth": _downgrade_truth, "fixes": _downgrade_fixes}
