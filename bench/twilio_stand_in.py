"""The tests' fake Twilio in a process of its own: it must not take the time of what is measured. Prints its URL, ends with its stdin."""

import asyncio
import sys

from tests.doubles.fake_twilio.server import FakeTwilio


async def main() -> None:
    """Answer until nobody listens any more."""
    fake = FakeTwilio()
    await fake.start()
    sys.stdout.write(f"{fake.url}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await fake.stop()


if __name__ == "__main__":
    asyncio.run(main())
