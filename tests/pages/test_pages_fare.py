"""The fare in a real browser: fetched again while it may change, and a receipt that a phone shows with its own token."""

import msgspec
import pytest
from playwright.sync_api import expect
from starlette.applications import Starlette

from realtime.http_fare_pages import FarePages
from realtime.http_pages import Pages, PageSettings
from tests.doubles.fake_fare_pages import TOKEN, FakeFares, driving, settled
from tests.doubles.fake_hub_pages import LINK, FakeHub
from tests.doubles.fare_ports import VISIT
from tests.doubles.threaded_server import threaded_server


class PricedHub(FakeHub):
    """A cardboard hub whose customer's page has a fare."""

    def __init__(self) -> None:
        super().__init__()
        self.fares = FakeFares(LINK)
        self.fares.sight = driving()

    async def customer_page(self, link_token, now_ms):
        page = await super().customer_page(link_token, now_ms)
        return None if page is None else msgspec.structs.replace(page, fare=self.fares.sight)


@pytest.fixture
def priced():
    hub = PricedHub()

    def app_at(url):
        pages = Pages(hub, hub.clock, PageSettings(public_origin=url))
        return Starlette(routes=[*FarePages(hub.fares, pages, hub.clock).routes(), *pages.routes()])

    with threaded_server(app_at) as hub.url:
        yield hub


def test_the_fare_is_there_without_script(priced, window):
    page = window.open(f"{priced.url}/t/{LINK}", java_script_enabled=False)

    expect(page.locator("#fare .fare-tag")).to_have_text("provisional")
    expect(page.locator("#fare")).to_contain_text("so far, by the meter")


def test_the_fare_follows_while_the_page_is_open(priced, window):
    page = window.open(f"{priced.url}/t/{LINK}")
    expect(page.locator("#fare .fare-tag")).to_have_text("provisional")
    page.locator("#fare summary").click()

    priced.fares.sight = msgspec.structs.replace(driving(), has_arrived=True)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator("#fare .fare-part")).to_have_attribute("data-phase", "arrived")
    expect(page.locator("#fare details")).to_have_attribute("open", "")
    expect(page.locator("#fare summary")).to_be_focused()
    priced.fares.sight = settled()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_role("link", name="Receipt, line by line").click()
    expect(page.get_by_role("heading", name="Receipt for the way")).to_be_visible()
    expect(page.get_by_role("button", name="Print")).to_be_visible()


def test_a_technician_reads_her_receipt_with_her_phones_token_only(priced, window):
    priced.fares.sight = settled(is_hers=True)
    page = window.open(f"{priced.url}/technician/receipt/{VISIT}")
    expect(page.locator("#receipt-none")).to_contain_text("There is no such receipt of yours")

    store = """async (token) => {
      const entry = document.querySelector('script[type=module]').src;
      const { setKey } = await import(entry.replace('receipt.js', 'idb.js'));
      await setKey('device_token', token);
    }"""
    page.evaluate(store, TOKEN)
    page.reload()

    expect(page.locator(".fare-sum")).to_contain_text("you are paid for the way")
