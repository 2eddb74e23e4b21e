"""How do the pages reach a browser? The customer's, the technician's, the console and the demo's front door, words first.

Called by Starlette; asks `PageData` for facts, `page_model` for what to say, and answers HTML that is useful without script or map. A
link that
ended, was revoked or never was gets the same page, byte for byte. Nothing is loaded from elsewhere unless the operator configured a map.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core.clock import Clock, to_ms
from realtime.fare_sight import FareSpeech, unit_of
from realtime.http_page_assets import Asset, Assets, answer
from realtime.http_page_words import LOCALES, Words, choose_locale, load_words
from realtime.page_model import FRESH_S, STALE_S, CustomerPage, clock_text, customer_words

PAGES = Path(__file__).parent / "pages"
LANGUAGE_COOKIE = "pl_lang"
MAX_TOKEN_CHARACTERS = 200
OWN_TILES = "/assets/map.pmtiles"


class MapSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which map lies under the dots; by default none but the site's own streets, so that no stranger learns where customers live.

    `style_url`: a MapLibre style for the console. `tiles_url`: raster tiles with {z}/{x}/{y} for the two small pages. `pmtiles`: a PMTiles
    file that the hub serves itself (raster: all pages; vector: console only). `attribution`: text shown on the map. `origins`: further
    origins that the style itself names (tiles, glyphs, sprites), such as https://tiles.example.
    """

    style_url: str | None = None
    tiles_url: str | None = None
    pmtiles: Path | None = None
    attribution: str = ""
    origins: tuple[str, ...] = ()


class DemoLinks(msgspec.Struct, frozen=True, kw_only=True):
    """The demo's doors and its log-in, shown on the front page. Handed in by the demo only; `phones_url` null without demo phones."""

    customer_url: str
    console_url: str
    technician_url: str
    user: str
    password: str
    phones_url: str | None = None


class PageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages need to know of the installation. `public_origin`: such as https://hub.example."""

    public_origin: str
    map: MapSettings = MapSettings()
    demo: DemoLinks | None = None
    default_locale: str = "en"


class PageData(Protocol):
    """Where the pages' facts come from. Met in `hub/wiring.py`."""

    async def customer_page(self, link_token: str, now_ms: int) -> CustomerPage | None:
        """Return what the holder of the link may see now; None for a link that ended, was revoked or never was, at the same cost."""
        ...

    async def basemap(self, site_id: str) -> bytes | None:
        """Return the site's streets, water and parks as a GeoJSON FeatureCollection, None where there are none."""
        ...


class Pages:
    """The pages' routes. Templates, words and assets are read once, at construction."""

    def __init__(self, data: PageData, clock: Clock, settings: PageSettings, folder: Path = PAGES) -> None:
        self._data, self._clock, self._settings = data, clock, settings
        self.assets = Assets(folder)
        self._words = load_words(folder / "locales")
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder / "templates"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._import_map = _script_json({"imports": self.assets.imports()})
        self._basemaps: dict[str, Asset] = {}
        self.has_fares = False
        """Set by `http_fare_pages` where the hub prices ways."""

    def routes(self) -> list[BaseRoute]:
        """Return the routes of all pages and their assets."""
        return [
            Route("/", self.front, name="front_page"),
            Route("/t/{link_token}", self.customer, name="customer_page"),
            Route("/technician", self.technician, name="technician_page"),
            Route("/console", self.console, name="console_page"),
            Route(OWN_TILES, self.own_tiles, name="own_tiles"),
            Route("/assets/basemap/{site_id}", self.basemap, name="basemap"),
            Route("/assets/{build}/{path:path}", self.assets.serve, name="assets"),
            Route("/favicon.ico", self.favicon, name="favicon"),
            Route("/robots.txt", robots, name="robots"),
        ]

    async def customer(self, request: Request) -> Response:
        """Answer `/t/{link_token}`."""
        token, now_ms = request.path_params["link_token"], to_ms(self._clock.now())
        page = await self._data.customer_page(token, now_ms) if len(token) <= MAX_TOKEN_CHARACTERS else None
        if page is None:
            return self._render(request, "link_over.html", status=404)
        words, fare = customer_words(page, now_ms), page.fare
        state = {"now_ms": now_ms, "page": msgspec.structs.replace(page, fare=None), "basemap_url": f"/assets/basemap/{page.site_id}"}
        speech = None if fare is None else lambda lang: FareSpeech(lang, fare.time_zone, unit_of(fare))
        return self._render(
            request, "customer.html", entry="js/customer.js", fallback=page.visit.locale, state=state, page=page, visit=page.visit,
            words=words, clock_text=clock_text, fare=fare, speech=speech, receipt_url=f"/t/{token}/receipt",
        )  # fmt: skip

    async def technician(self, request: Request) -> Response:
        """Answer `/technician`: the same page for everyone; who she is, the page learns with her device's token."""
        return self._render(request, "technician.html", entry="js/technician.js", state={}, may_locate=True)

    async def console(self, request: Request) -> Response:
        """Answer `/console`: the same page for everyone; the log-in is asked by the page."""
        return self._render(request, "console.html", entry="js/console.js", state={}, has_worker=True)

    async def front(self, request: Request) -> Response:
        """Answer `/`: the demo's doors; without a demo, one line saying what this is."""
        return self._render(request, "front.html", demo=self._settings.demo)

    async def basemap(self, request: Request) -> Response:
        """Answer `/assets/basemap/{site_id}`: the streets under the dots where no map is configured. Public, as streets are."""
        site_id = request.path_params["site_id"]
        if (body := await self._data.basemap(site_id)) is None:
            return Response("This site has no streets of its own.", 404, {"Cache-Control": "no-store"}, "text/plain")
        if site_id not in self._basemaps or self._basemaps[site_id].body != body:
            self._basemaps[site_id] = Asset(f"{site_id}.geojson", body)
            self._basemaps[site_id].media_type = "application/geo+json"
        return answer(request, self._basemaps[site_id], is_forever=False)

    async def own_tiles(self, request: Request) -> Response:
        """Answer `/assets/map.pmtiles`, piece by piece as the browser asks (RFC 9110, section 14)."""
        if self._settings.map.pmtiles is None:
            return Response("No map file is configured.", 404, {"Cache-Control": "no-store"}, "text/plain")
        return FileResponse(self._settings.map.pmtiles, media_type="application/octet-stream", headers={"Cache-Control": "no-cache"})

    async def favicon(self, request: Request) -> Response:
        """Answer `/favicon.ico` with the drawn icon, for browsers that ask without reading the page."""
        return answer(request, self.assets.files["img/icon.svg"], is_forever=False)

    def part(self, request: Request, template: str, fallback: str | None, **facts: Any) -> Response:
        """Return a part of a page, in the page's language, to be put into it by a script."""
        words = self._words_for(request, fallback or self._settings.default_locale)
        html = self._templates.get_template(template).render(**self._frame(words), **facts)
        return Response(html, 200, security_headers(self._settings, self._import_map, may_locate=False, has_worker=False), "text/html")

    def render(self, request: Request, template: str, *, status: int = 200, fallback: str | None = None, **facts: Any) -> Response:
        """Return a whole page; `entry`, a script, wants `state`, its facts."""
        return self._render(request, template, status=status, fallback=fallback, **facts)

    def _render(self, request: Request, template: str, *, status: int = 200, fallback: str | None = None, **facts: Any) -> Response:
        if (asked := request.query_params.get("lang")) in LOCALES:
            return _switched(request, str(asked))
        words = self._words_for(request, fallback or self._settings.default_locale)
        html = self._templates.get_template(template).render(**self._frame(words), **_page_facts(self, words, facts))
        headers = security_headers(
            self._settings, self._import_map, may_locate=facts.get("may_locate", False), has_worker=facts.get("has_worker", False)
        )
        return Response(html, status, headers, "text/html")

    def _words_for(self, request: Request, fallback: str) -> Words:
        asked = request.cookies.get(LANGUAGE_COOKIE)
        return self._words[choose_locale(request.headers.get("accept-language", ""), asked, fallback)]

    def _frame(self, words: Words) -> dict[str, Any]:
        others = [(lang, self._words[lang].say("language-name")) for lang in LOCALES if lang != words.lang]
        return {
            "w": words, "say": words.say, "lang": words.lang, "other_languages": others, "asset": self.assets.url,
            "import_map": self._import_map, "has_fares": self.has_fares,
        }  # fmt: skip

    def state_of(self, facts: dict[str, Any]) -> str:
        """Return the page's facts for its scripts, as JSON that is safe inside a script element."""
        where = self._settings.map
        common = {
            "fresh_s": FRESH_S, "stale_s": STALE_S,
            "map": {
                "style_url": where.style_url, "tiles_url": where.tiles_url, "attribution": where.attribution,
                "pmtiles_url": OWN_TILES if where.pmtiles else None,
            },
        }  # fmt: skip
        return _script_json({**common, **facts})


def _page_facts(pages: Pages, words: Words, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a template needs beside the frame: with an `entry` script its preloads and state."""
    if "entry" not in facts:
        return {"entry": None, **facts}
    preloads = [*pages.assets.preloads(facts["entry"])]
    return {**facts, "preloads": preloads, "ftl": pages.assets.url(f"locales/{words.lang}.ftl"), "state": pages.state_of(facts["state"])}


def security_headers(settings: PageSettings, import_map: str, *, may_locate: bool, has_worker: bool) -> dict[str, str]:
    """Return the headers of every page: nothing from elsewhere, nothing inline, nothing kept, no referrer, not to be found.

    The import map is the one inline script; it is allowed by its digest (CSP level 3, section 2.3.1). `may_locate`: the page asks for the
    position. `has_worker`: the page draws with WebGL, whose tiles are cut in a worker.
    """
    where = settings.map
    origins = sorted({origin for url in (where.style_url, where.tiles_url) if url and (origin := _origin(url))} | set(where.origins))
    socket = settings.public_origin.replace("http", "ws", 1)
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    policy = {
        "default-src": ["'none'"],
        "script-src": ["'self'", f"'sha256-{digest}'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:", *origins],
        # Older Safari does not count the socket of the same host as 'self'.
        "connect-src": ["'self'", socket, *origins],
        "font-src": ["'self'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'", "blob:"] if has_worker else ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {' '.join(sources)}" for name, sources in policy.items()),
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": f"geolocation=({'self' if may_locate else ''}), camera=(), microphone=()",
        "Vary": "Accept-Language, Cookie",
    }


async def robots(request: Request) -> Response:
    """Answer `/robots.txt`: nothing here is for search engines."""
    return Response("User-agent: *\nDisallow: /\n", 200, {"Cache-Control": "public, max-age=86400"}, "text/plain")


def _switched(request: Request, lang: str) -> Response:
    response = RedirectResponse(request.url.path, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    response.set_cookie(LANGUAGE_COOKIE, lang, max_age=31_536_000, samesite="lax", httponly=True)
    return response


def _origin(url: str) -> str | None:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else None


def _script_json(value: Any) -> str:
    # "</script>" inside a text would end the element: JSON may write "<" as an escape.
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
