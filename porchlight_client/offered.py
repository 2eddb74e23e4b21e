"""How does one list of requests serve both clients? Descriptors that run a request where its group says: awaited, or blocking.

`Offered` gives one answer, `Listed` walks through all pages. Parameters and answers keep their types in both.
"""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from porchlight_client.ask import Ask, Page

P = ParamSpec("P")
T = TypeVar("T")


class AsyncRuns(Protocol):
    """Runs requests in the caller's event loop."""

    def run(self, ask: Ask[T]) -> Awaitable[T]:
        """Send it; the answer is awaited."""
        ...

    def walk(self, ask: Ask[Page[T]]) -> AsyncIterator[T]:
        """Walk through all pages."""
        ...


class BlockingRuns(Protocol):
    """Runs requests and waits for their answers."""

    def run(self, ask: Ask[T]) -> T:
        """Send it and return the answer."""
        ...

    def walk(self, ask: Ask[Page[T]]) -> Iterator[T]:
        """Walk through all pages."""
        ...


class AsyncGroup:
    """Requests about one thing, awaited."""

    def __init__(self, runs: AsyncRuns) -> None:
        self.runs = runs


class BlockingGroup:
    """Requests about one thing, blocking."""

    def __init__(self, runs: BlockingRuns) -> None:
        self.runs = runs


class Offered(Generic[P, T]):
    """A request as a method of a group."""

    def __init__(self, build: Callable[P, Ask[T]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, group: AsyncGroup, owner: type) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, group: BlockingGroup, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, group: None, owner: type) -> "Offered[P, T]": ...
    def __get__(self, group: Any, owner: type) -> Any:
        """Return the method of `group`."""
        return self if group is None else _bound(self._build, group.runs.run)


class Listed(Generic[P, T]):
    """A paged list as a method of a group: iterate over all of it, page by page."""

    def __init__(self, build: Callable[P, Ask[Page[T]]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, group: AsyncGroup, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, group: BlockingGroup, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, group: None, owner: type) -> "Listed[P, T]": ...
    def __get__(self, group: Any, owner: type) -> Any:
        """Return the method of `group`."""
        return self if group is None else _bound(self._build, group.runs.walk)


def _bound(build: Callable[..., Any], run: Callable[[Any], Any]) -> Callable[..., Any]:
    @functools.wraps(build)
    def method(*args: Any, **kwargs: Any) -> Any:
        return run(build(*args, **kwargs))

    return method
