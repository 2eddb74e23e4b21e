"""pytest fixture `fake_twilio`: a running fake account, verified when the test ends.

In other projects it comes with the wheel as `porchlight_fake_twilio`; put `pytest_plugins = ["porchlight_fake_twilio.plugin"]` into the
root conftest, mark the tests with `pytest.mark.anyio`, and let the code under test speak to `fake_twilio.url` with `ACCOUNT_SID` and
`TOKEN` of `server`. The folder stands alone, too: it needs aiohttp, twilio, anyio and pytest. Here test modules import the fixture.
"""

from collections.abc import AsyncIterator

import pytest

from .server import FakeTwilio


@pytest.fixture
async def fake_twilio() -> AsyncIterator[FakeTwilio]:
    """A Twilio on localhost; the test fails on anything sent that it did not expect."""
    fake = FakeTwilio()
    await fake.start()
    yield fake
    await fake.stop()
    fake.verify()
