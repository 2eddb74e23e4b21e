"""The pages as HTTP answers them: headers, languages, caching, and the same page for every dead link."""

import json
import re
import subprocess

import httpx2
import pytest
from fluent.syntax import FluentParser
from fluent.syntax.ast import Message, VariableReference
from fluent.syntax.visitor import Visitor
from starlette.applications import Starlette

from notifications.notice import Channel, NoticeState
from realtime.http_page_words import LOCALES, choose_locale, load_words
from realtime.http_pages import PAGES, DemoLinks, MapSettings, Pages, PageSettings
from safety.console_view import Contact
from safety.evidence import EventKind
from safety.incident import Flag, Resolution, State
from safety.pin import PairFault
from tests.doubles.fake_hub_pages import LINK, FakeHub
from visits.customer_note import RiskKind
from visits.stage import Stage

pytestmark = pytest.mark.anyio
ORIGIN = "https://hub.example"


@pytest.fixture
def hub():
    return FakeHub()


def client_of(hub, **settings):
    pages = Pages(hub, hub.clock, PageSettings(public_origin=ORIGIN, **settings))
    transport = httpx2.ASGITransport(app=Starlette(routes=pages.routes()))
    return httpx2.AsyncClient(transport=transport, base_url=ORIGIN)


@pytest.mark.parametrize("path", [f"/t/{LINK}", "/t/guessed", "/technician", "/console", "/"])
async def test_every_page_carries_the_same_guard(hub, path):
    async with client_of(hub) as client:
        headers = (await client.get(path)).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))

    assert policy["default-src"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert policy["connect-src"] == "'self' wss://hub.example"
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
    assert "noindex" in headers["x-robots-tag"]
    assert ("geolocation=(self)" in headers["permissions-policy"]) == (path == "/technician")


@pytest.mark.parametrize("path", [f"/t/{LINK}", "/t/guessed", "/technician", "/console", "/"])
async def test_no_page_holds_inline_script_or_style(hub, path):
    async with client_of(hub) as client:
        html = (await client.get(path)).text
    scripts = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", html)

    assert [tag for tag in scripts if "importmap" not in tag and "application/json" not in tag] == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", html) == []


async def test_a_link_that_ended_is_byte_for_byte_a_guessed_one(hub):
    async with client_of(hub) as client:
        alive = await client.get(f"/t/{LINK}")
        hub.link_alive = False
        ended, guessed, huge = [await client.get(f"/t/{token}") for token in (LINK, "pl_lnk_never", "x" * 5000)]

    assert alive.status_code == 200
    assert {(answer.status_code, answer.content, str(answer.headers)) for answer in (ended, guessed, huge)} == {
        (404, guessed.content, str(guessed.headers))
    }


async def test_names_cannot_break_out_of_the_page(hub):
    face = hub.face
    hub.face = lambda: type(face())(**{**as_dict(face()), "technician_name": "</script><script>alert(1)</script>"})
    async with client_of(hub) as client:
        html = (await client.get(f"/t/{LINK}")).text

    assert "<script>alert" not in html
    state = re.search(r'id="page-state">(.*?)</script>', html, re.DOTALL)
    assert state is not None
    assert json.loads(state[1])["page"]["visit"]["technician_name"] == "</script><script>alert(1)</script>"


def as_dict(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


async def test_a_configured_map_opens_the_policy_for_its_origins_only(hub):
    where = MapSettings(style_url="https://maps.example/style.json", tiles_url="https://tiles.example/{z}/{x}/{y}.png")
    async with client_of(hub, map=where) as client:
        policy = (await client.get("/console")).headers["content-security-policy"]

    assert "img-src 'self' data: blob: https://maps.example https://tiles.example;" in policy
    assert "script-src 'self' 'sha256-" in policy


async def test_assets_are_kept_for_ever_under_their_build_and_checked_under_another(hub):
    async with client_of(hub) as client:
        html = (await client.get("/technician")).text
        url = re.search(r'src="(/assets/[^"]+/js/technician\.js)"', html)
        assert url is not None
        now = await client.get(url[1])
        again = await client.get(url[1], headers={"If-None-Match": now.headers["etag"]})
        other = await client.get(re.sub(r"/assets/[^/]+/", "/assets/yesterday/", url[1]))
        missing = await client.get("/assets/x/js%2F..%2F..%2Fhttp_pages.py")

    assert now.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert now.headers["content-encoding"] == "gzip"
    assert (again.status_code, other.headers["cache-control"]) == (304, "no-cache")
    assert missing.status_code == 404


async def test_a_page_preloads_exactly_the_modules_it_imports(hub):
    pages = Pages(hub, hub.clock, PageSettings(public_origin=ORIGIN))
    loaded = {url.split("/", 3)[3] for url in pages.assets.preloads("js/customer.js")}

    assert {"js/customer.js", "js/socket.js", "js/words.js"} <= loaded
    assert not any("leaflet" in url or "console" in url for url in loaded)


async def test_a_sites_streets_are_given_as_geojson_and_others_are_not_found(hub):
    async with client_of(hub) as client:
        found, missing = await client.get("/assets/basemap/lantern-hill"), await client.get("/assets/basemap/elsewhere")

    assert found.headers["content-type"].startswith("application/geo+json")
    assert found.json()["type"] == "FeatureCollection"
    assert missing.status_code == 404


async def test_the_front_page_shows_doors_only_in_a_demo(hub):
    demo = DemoLinks(customer_url="/t/x", console_url="/console", technician_url="/technician", user="demo", password="lantern-1870")
    async with client_of(hub) as bare, client_of(hub, demo=demo) as shown:
        plain, doors = (await bare.get("/")).text, (await shown.get("/")).text

    assert "/console" not in plain
    assert "lantern-1870" in doors


@pytest.mark.parametrize(
    ("header", "asked", "expected"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", None, "zh-CN"), ("en;q=0.5, zh;q=0.9", None, "zh-CN"), ("de, fr", None, "en"), ("", None, "en"),
        ("zh", "en", "en"), ("zh;q=0, en", None, "en"), ("*", None, "en"), (";;;q=x,,", None, "en"), ("zh-Hant-TW", "klingon", "zh-CN"),
    ],
)  # fmt: skip
def test_the_language_follows_switch_then_browser_then_site(header, asked, expected):
    assert choose_locale(header, asked) == expected


def messages(lang):
    """Return every message's key with the names of its arguments."""

    class Arguments(Visitor):
        def __init__(self):
            self.names = set()

        def visit_VariableReference(self, node):
            self.names.add(node.id.name)

    found = {}
    for entry in FluentParser().parse((PAGES / "locales" / f"{lang}.ftl").read_text()).body:
        if isinstance(entry, Message):
            arguments = Arguments()
            arguments.visit(entry)
            found[entry.id.name] = arguments.names
    return found


def test_both_languages_say_the_same_things_with_the_same_arguments():
    assert VariableReference is not None
    assert messages(LOCALES[0]) == messages(LOCALES[1])


def test_every_sentence_that_templates_and_scripts_name_exists():
    known = load_words(PAGES / "locales")["en"]
    sources = [*(PAGES / "templates").glob("*.html"), *(PAGES / "js").glob("*.js")]
    named = {key for path in sources for key in re.findall(r'(?:words\.say|(?<![#.\w])say)\("([a-z0-9_-]+)"[,)]', path.read_text())}

    assert sorted(key for key in named if not known.has(key)) == []
    assert len(named) > 80


def test_the_lock_file_names_no_registry():
    lock = json.loads((PAGES / "package-lock.json").read_text())

    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_the_libraries_are_what_the_manifest_says():
    manifest = PAGES / "vendor" / "manifest.json"
    if not manifest.exists():
        pytest.skip("The pages' libraries are not there: run `make setup`.")
    sums = {path: digest for library in json.loads(manifest.read_text())["libraries"] for path, digest in library["files"].items()}
    checked = subprocess.run(["sha256sum", *sums], cwd=PAGES / "vendor", capture_output=True, text=True, check=True)

    assert {line.split("  ", 1)[1]: line.split("  ", 1)[0] for line in checked.stdout.splitlines()} == sums


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("channel", Channel), ("notice", NoticeState), ("stage", Stage), ("incident-state", State), ("resolution", Resolution),
        ("flag", [flag for flag in Flag if flag is not Flag.DURESS]), ("event", EventKind), ("contact", Contact), ("risk", RiskKind),
        ("pins-fault", PairFault),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_whatever_the_hub_may_name_has_words_on_the_pages(kind, names):
    """A page shows a name that it has no word for as the hub spells it: a person would read "ambiguous" in the midst of Chinese."""
    known = load_words(PAGES / "locales")["en"]

    assert [name.value for name in names if not known.has(f"{kind}-{name.value}")] == []
