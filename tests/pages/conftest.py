"""A real browser on the cardboard hub. Skipped in words where no Chromium is; red where CI says that it must be there."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from realtime.http_pages import PAGES, MapSettings
from tests.doubles.fake_hub_pages import LINK, FakeHub, app
from tests.doubles.threaded_server import threaded_server

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
PATIENCE_S = 25
"""Longer than a page waits for an acknowledgement before it sends a fix again."""
expect.set_options(timeout=15_000)
FLAGS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-gpu-compositing",
]  # fmt: skip
"""The maps have WebGL from the processor; the pages around them are put together without it, for half the price."""


def _missing(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{why} In CI the pages must be tried.")
    pytest.skip(why)


@pytest.fixture(scope="session")
def browsers() -> Iterator["Browsers"]:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        _missing("No Chromium is installed: apt-get install chromium.")
    if not (PAGES / "vendor" / "manifest.json").exists():
        _missing("The pages' libraries are not there: run `make setup`.")
    with sync_playwright() as playwright:
        browsers = Browsers(lambda: playwright.chromium.launch(executable_path=found, args=FLAGS))
        yield browsers
        browsers.close()


class Browsers:
    """One browser for all tests, and another one after it hung in one of them."""

    def __init__(self, launch: Callable[[], Browser]) -> None:
        self._launch = launch
        self._running: Browser | None = None

    def new_context(self, **wishes: object) -> BrowserContext:
        if self._running is None:
            self._running = self._launch()
        return self._running.new_context(**wishes)

    def give_up(self) -> None:
        """Ask nothing more of a browser that does not answer; it ends with Playwright."""
        self._running = None

    def close(self) -> None:
        if self._running is not None:
            self._running.close()


@dataclass
class Served:
    """A cardboard hub that answers at `url`."""

    hub: FakeHub
    url: str

    @property
    def customer_url(self) -> str:
        return f"{self.url}/t/{LINK}"


@pytest.fixture
def map_settings() -> MapSettings:
    """No map but the site's own streets; a test module may say otherwise."""
    return MapSettings()


@pytest.fixture
def served(map_settings: MapSettings) -> Iterator[Served]:
    hub = FakeHub()
    with threaded_server(lambda url: app(hub, url, map_settings)) as url:
        yield Served(hub, url)


class Window:
    """Opens pages and remembers what went wrong in them and what they asked for."""

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers
        self.contexts: list[BrowserContext] = []
        self.faults: list[str] = []
        self.asked: list[str] = []

    def open(self, url: str, **options: object) -> Page:
        # What glides is drawn sixty times a second, and without a graphics card that is most of the processor: who looks at it asks for it.
        wishes = {"viewport": PHONE, "locale": "en-GB", "reduced_motion": "reduce", **options}
        context = self._browsers.new_context(**wishes)
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.faults.append(message.text))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(url)
        return page

    def listen(self, ms: int) -> None:
        """Wait while the browser is heard: what it asks of a test, such as an answer to a request, is done only meanwhile."""
        if self.contexts and self.contexts[-1].pages:
            self.contexts[-1].pages[-1].wait_for_timeout(ms)
        else:
            time.sleep(ms / 1000)


@pytest.fixture
def window(browsers: Browsers) -> Iterator[Window]:
    window = Window(browsers)
    yield window
    try:
        for context in window.contexts:
            context.close()
    except BaseException:
        browsers.give_up()
        raise


@pytest.fixture
def patient(window: Window) -> Callable[[Callable[[], bool]], None]:
    """Wait for something that happens in the cardboard hub's own thread, which tells nobody."""

    def wait(holds: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < until, f"It did not happen within {PATIENCE_S} seconds."
            window.listen(20)

    return wait
