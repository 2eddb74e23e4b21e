"""Can everyone use the pages? Contrast, target sizes, names, languages and order, measured in a real browser on every page."""

import pytest
from playwright.sync_api import expect

from tests.doubles.fake_phone_pages import CODE

SMALL_TARGETS = """() => [...document.querySelectorAll('a[href], button, input, summary')]
  .filter((each) => each.offsetParent !== null && !each.closest('.leaflet-control-attribution, .maplibregl-ctrl-attrib, .sr'))
  .filter((each) => !(each.matches('.skip')))
  .map((each) => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (Math.round(box.width) < 44 || Math.round(box.height) < 44))
  .map(([html, box]) => `${html} ${Math.round(box.width)}x${Math.round(box.height)}`)"""

NAMELESS = """() => [...document.querySelectorAll('a[href], button, input')]
  .filter((each) => each.offsetParent !== null)
  .filter((each) => !(each.getAttribute('aria-label') || each.getAttribute('aria-labelledby') || each.textContent.trim()
    || each.labels?.length))
  .map((each) => each.outerHTML.slice(0, 120))"""

# Text against the nearest opaque ground, by WCAG 2.2, 1.4.3 (4.5:1; large text 3:1).
FAINT = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const f = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const ground = (each) => { for (let at = each; at; at = at.parentElement) { const c = rgba(getComputedStyle(at).backgroundColor); if (c[3] > 250) return c; } return rgba(getComputedStyle(document.body).backgroundColor); };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const each = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !each.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (each.closest('.sr, script, style, noscript, .skip, :disabled, .leaflet-control-attribution, .maplibregl-ctrl-attrib')) continue;
    const style = getComputedStyle(each);
    const [a, b] = [light(rgba(style.color)), light(ground(each))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${each.className} ${walker.currentNode.textContent.trim().slice(0, 40)}`);
  }
  return found;
}"""  # noqa: E501

PAGES = ("front", "customer", "over", "technician", "login", "console")
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


def opened(name, served, window, **options):
    """Open one of the pages in a state with much on it."""
    paths = {"front": "/", "customer": "/t/pl_lnk_demo", "over": "/t/none", "technician": f"/technician#enrol={CODE}"}
    if name == "console":
        served.hub.desk.signed_in = True
        served.hub.desk.raise_examples()
    page = window.open(served.url + paths.get(name, "/console"), permissions=["geolocation"], **options)
    if name == "customer":
        expect(page.locator(".her")).to_be_visible()
    if name == "login":
        expect(page.locator("#login")).to_be_visible()
    if name == "console":
        expect(page.locator("#technicians .row")).to_have_count(12)
        page.locator("#technicians .row").nth(4).click()
        expect(page.locator("#detail")).to_be_visible()
    if name == "technician":
        page.locator("#enrol button").click()
        page.locator("#shift-open button").click()
        expect(page.locator(".visit")).to_have_count(2)
    return page


@pytest.mark.parametrize("name", PAGES)
def test_text_stands_out_from_its_ground_by_day_and_night(served, window, name):
    page = opened(name, served, window, viewport=WIDE if name == "console" else PHONE, reduced_motion="reduce")

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)

        assert page.evaluate(FAINT) == [], scheme


@pytest.mark.parametrize("name", PAGES)
def test_every_target_is_44_pixels_and_has_a_name(served, window, name):
    page = opened(name, served, window, viewport=PHONE)

    for size in (PHONE, WIDE):
        page.set_viewport_size(size)

        assert page.evaluate(SMALL_TARGETS) == [], size
        assert page.evaluate(NAMELESS) == [], size


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_nothing_overflows_on_a_small_phone(served, window, name, locale):
    page = opened(name, served, window, viewport={"width": 320, "height": 640}, locale=locale)

    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize(("accept", "lang"), [("zh-CN", "zh-CN"), ("zh-TW", "zh-CN"), ("en-GB", "en"), ("fr-FR", "en")])
def test_the_page_speaks_the_readers_language(served, window, accept, lang):
    page = window.open(f"{served.url}/technician", locale=accept)

    expect(page.locator("html")).to_have_attribute("lang", lang)


@pytest.mark.parametrize("name", PAGES)
def test_the_first_tab_skips_to_the_content(served, window, name):
    page = window.open(served.url + {"customer": "/t/pl_lnk_demo", "over": "/t/none", "technician": "/technician"}.get(name, "/"))

    page.keyboard.press("Tab")

    expect(page.locator(".skip")).to_be_focused()
