"""The fake Twilio in somebody else's project: its folder alone, under the name that the wheel gives it, as a pytest plugin."""

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "doubles" / "fake_twilio"
CONFTEST = """
import pytest
pytest_plugins = ["porchlight_fake_twilio.plugin"]

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
TESTS = """
import aiohttp, pytest
from porchlight_fake_twilio.server import ACCOUNT_SID, TOKEN

pytestmark = pytest.mark.anyio
BODY = {"To": "+4915112345678", "From": "+14155550100", "Body": "hello"}

async def send(fake):
    async with aiohttp.ClientSession(auth=aiohttp.BasicAuth(ACCOUNT_SID, TOKEN)) as session:
        async with session.post(f"{fake.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json", data=BODY) as answer:
            return answer.status

async def test_an_expected_text_is_taken(fake_twilio):
    assert await send(fake_twilio) == 201
    assert (await fake_twilio.expect_sms(BODY["To"])).body == "hello"

async def test_a_text_that_nobody_expected_fails_the_test(fake_twilio):
    await send(fake_twilio)
"""


def test_the_folder_of_the_fake_twilio_is_a_pytest_plugin_of_its_own(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "porchlight_fake_twilio")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_texts.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "test_texts.py"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    # The text that nobody expected fails its test when the fixture ends.
    assert "2 passed, 1 error" in found.stdout, found.stdout
