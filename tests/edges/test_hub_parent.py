"""A hub that does not come up says the true reason."""

import itertools

import pytest

from hub.parent import START_DEADLINE_S, Parent, WorkerDoesNotStart
from hub.settings import ServeSettings, Settings, StoreSettings
from tests.doubles.fake_clock import FakeClock
from tests.doubles.free_port import free_listener

pytestmark = pytest.mark.anyio


class Impatient(FakeClock):
    """A clock that is past the deadline when it is read again."""

    def __init__(self) -> None:
        super().__init__()
        self._reads = itertools.count()

    def monotonic(self) -> float:
        return next(self._reads) * 2 * START_DEADLINE_S


async def test_workers_that_live_but_do_not_answer_are_not_said_to_have_ended(tmp_path):
    with free_listener() as listener:
        port = listener.getsockname()[1]
    settings = Settings(serve=ServeSettings(port=port, workers=0), store=StoreSettings(data_dir=tmp_path))

    with pytest.raises(WorkerDoesNotStart, match="none ended"):
        await Parent(settings, listener, Impatient()).start_workers()
