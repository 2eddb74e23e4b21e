"""The commands about notices: what a text will look like, and an endpoint's new secret, for people and for programs."""

import asyncio

import pytest
from standardwebhooks.webhooks import Webhook

from core.clock import SystemClock
from core.errors import BadInput, NotFound
from core.ids import RandomIds, SiteId
from core.key_ring import KeyRing
from core.sql import open_engine
from core.unit_of_work import UnitOfWork
from notifications.sql_webhooks import SqlWebhooks
from notifications.templates import load_templates
from notifications.webhook import Endpoint, Family, signing_secrets
from tests.edges.test_hub_people_commands import porchlight, told

__all__ = ["porchlight"]


def test_the_list_of_texts_crops_none_of_them(porchlight):
    shown = porchlight("notices", "preview", "all").stdout.replace("\n", "").replace(" ", "")

    assert "…" not in shown
    assert len(told(porchlight("notices", "preview", "all", "--json"))) == len(load_templates().names())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "plase=5 Elm Road"), "There are: floor, link, name, place"),
        (("--country", "CHN"), "two letters"),
        (("--set", "place"), "no NAME=VALUE"),
        (("--lang", "fr"), "zh, en"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_choices(porchlight, words, said):
    with pytest.raises(BadInput, match=said):
        porchlight("notices", "preview", "sos", *words)


@pytest.mark.parametrize("words", [("deliveries", "nope"), ("replay", "nope", "nope"), ("rotate", "nope")])
def test_an_endpoint_that_is_not_there_is_said_to_be_none(porchlight, words):
    told(porchlight("site", "new", "munich", "--zone", "Europe/Berlin", "--json"))

    with pytest.raises(NotFound, match="no such webhook endpoint"):
        porchlight("notices", *words)


def test_a_new_secret_signs_beside_every_one_that_signed_until_now(porchlight, tmp_path):
    told(porchlight("site", "new", "munich", "--zone", "Europe/Berlin", "--json"))
    store = SqlWebhooks(KeyRing(["a-secret-of-more-than-thirty-two-characters"]), SystemClock(), RandomIds())
    first = "whsec_" + "A" * 32

    async def on_file(act):
        engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/truth.db")
        async with UnitOfWork(engine).begin() as tx:
            found = await act(tx)
        await engine.dispose()
        return found

    endpoint = Endpoint(
        id="hook", site_id=SiteId("munich"), url="https://a.example", families=(Family.VISIT,), secrets=(first,),
        created_at=SystemClock().now(),
    )  # fmt: skip
    asyncio.run(on_file(lambda tx: store.add_endpoint(tx, endpoint)))
    alone = porchlight("notices", "rotate", "hook")
    again = told(porchlight("notices", "rotate", "hook", "--json"))
    kept = asyncio.run(on_file(lambda tx: store.endpoint(tx, "hook")))

    assert signing_secrets(kept, SystemClock().now()) == (again["secret"], alone.stdout.strip(), first)
    assert Webhook(again["secret"]) is not None
    assert again["secret"] not in porchlight("notices", "webhooks", "--json").stdout
    with pytest.raises(NotFound):
        porchlight("notices", "rotate", "no-such")
