"""The demo's phones: a page where every text and call of the hub lies on a small phone that can be answered. No real number is reached."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from realtime.http_pages import Pages


class PhonesPage:
    """The page's route; its facts come from `/v1/demo/phones`."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self) -> list[BaseRoute]:
        """Return the route; give it to the hub only where the demo carries the notices."""
        return [Route("/phones", self.show, name="phones_page")]

    async def show(self, request: Request) -> Response:
        """Answer `/phones`."""
        return self._pages.render(request, "phones.html", entry="js/phones.js", state={})
