"""How is a hub run for good? `porchlight serve`: read the settings or refuse them whole, run parent and workers until told to end."""

import asyncio
import gc
import sys

from hub.logs import start_logging
from hub.parent import running_hub
from hub.settings import Settings, load
from hub.settings_read import BadSettings


def settings_or_exit() -> Settings:
    """Return the settings of the environment; leave with code 2 and the whole list of what is wrong otherwise."""
    try:
        return load()
    except BadSettings as error:
        lines = "\n".join(f"  - {problem}" for problem in error.problems)
        sys.stderr.write(f"The hub does not start with these settings:\n{lines}\n")
        sys.exit(2)


def serve(settings: Settings) -> None:
    """Run the hub until SIGTERM, SIGINT or SIGHUP."""
    start_logging(settings.serve.log_level, settings.serve.log_format)
    asyncio.run(_serve(settings))
    gc.freeze()  # everything is closed; the kernel frees memory faster


async def _serve(settings: Settings) -> None:
    async with running_hub(settings, _say) as hub:
        _say(f"ready at {hub.url}")
        await hub.stopped()
        _say("ending: sockets are told to reconnect, open requests finish")


def _say(text: str) -> None:
    sys.stderr.write(f"porchlight: {text}\n")
    sys.stderr.flush()
