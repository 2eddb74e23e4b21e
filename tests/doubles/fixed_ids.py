"""Ids, tokens and chance that repeat from test to test."""

import itertools


class FixedIds:
    """Meets `core.ids.IdSource`: counts upwards."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def new_id(self) -> str:
        return f"00000000-0000-7000-8000-{next(self._count):012d}"

    def new_token(self, kind: str) -> str:
        return f"{kind}test-token-{next(self._count):032d}"

    def new_digits(self, count: int) -> str:
        return f"{next(self._count):0{count}d}"[-count:]

    def new_epoch(self) -> int:
        return next(self._count)

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2
