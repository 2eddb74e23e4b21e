"""How does the demo come up? Keys and town first, then Valkey and schema, then people and their past, then the hub, then the play."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from core.clock import SystemClock
from core.ids import RandomIds, VisitId
from hub.basemaps import basemap_path
from hub.demo_cast import Part, cast
from hub.demo_flow import CodeOf, NewVisit, Player, play_all
from hub.demo_map import basemap_of
from hub.demo_seed_flow import SITE, Accounts, Begun, DemoSeedFlow
from hub.demo_town import Town, build_town
from hub.hub_api import HubApi, hub_api
from hub.local_people import Local, local_people
from hub.local_site import DemoDoor, DemoLogin, DemoSite, DemoVisit, LocalSite, remember, remembered
from hub.parent import Parent, running_hub
from hub.past_clock import PastClock
from hub.settings import LogFormat, ServeSettings, Settings, StoreSettings, load, make_data_folder
from hub.settings_check import SECRET_FILE
from hub.settings_read import BadSettings

SEED = 7
Say = Callable[[str], None]


def demo_settings(port: int, data: Path, workers: int) -> Settings:
    """Return the settings of a demo: everything in one folder, keys of its own; other `PORCHLIGHT_*` variables still count."""
    make_data_folder(data)
    _make_keys(data / SECRET_FILE)
    given = {
        "PORCHLIGHT_LOG_LEVEL": "warning",
        "PORCHLIGHT_LOG_FORMAT": LogFormat.CONSOLE.value,
        "PORCHLIGHT_NOTICES_PHONES": "true",
        **os.environ,
        "PORCHLIGHT_PORT": str(port),
        "PORCHLIGHT_DATA_DIR": str(data.absolute()),
        "PORCHLIGHT_WORKERS": str(workers),
        "PORCHLIGHT_DEMO": "true",
        "PORCHLIGHT_SAFETY_PREFLIGHT": os.environ.get("PORCHLIGHT_SAFETY_PREFLIGHT", "warn"),
        "PORCHLIGHT_SAFETY_JOURNAL_DIR": os.environ.get("PORCHLIGHT_SAFETY_JOURNAL_DIR", str(data.absolute() / "journal")),
        "PORCHLIGHT_DRAIN_S": os.environ.get("PORCHLIGHT_DRAIN_S", "3"),
    }
    return load(given)


@asynccontextmanager
async def running_demo(settings: Settings, say: Say) -> AsyncIterator[tuple[Parent, LocalSite]]:
    """Run hub and play while the block runs; yields the parent and what was printed."""
    town = build_town(SEED)
    _write_basemap(settings, town)
    async with contextlib.AsyncExitStack() as stack:
        stage = _Stage(town, say)
        hub = await stack.enter_async_context(running_hub(settings, say, before_workers=stage.set_up))
        play = asyncio.create_task(stage.play(hub))
        stack.push_async_callback(_end, play)
        yield hub, stage.site()


class _Stage:
    """What is made before the workers start and needed while the play runs."""

    def __init__(self, town: Town, say: Say) -> None:
        self._town, self._say = town, say
        self._settings = Settings(serve=ServeSettings(), store=StoreSettings())
        self._begun: list[Begun] = []
        self._accounts: Accounts | None = None
        self._site: LocalSite | None = None
        self._code = ""

    def site(self) -> LocalSite:
        """Return what the demo's scripts are told."""
        if self._site is None:
            raise BadSettings(["The demo's site was not set up."])
        return self._site

    async def set_up(self, settings: Settings) -> None:
        """Make people and past; called by the parent when the databases are ready and nobody serves yet."""
        self._settings = settings
        self._say("setting the scene: a town, twelve technicians, visits in all stages")
        clock = PastClock(SystemClock())
        async with local_people(settings, clock) as local:
            seed = DemoSeedFlow(local, clock)
            self._accounts = await seed.accounts(remembered(settings.store.data_dir))
            self._begun = await seed.begin(self._accounts, cast(self._town, SEED))
            self._code = await seed.enrolment_code(self._accounts)
            first = self._begun[0].visit
            if first is None:
                raise BadSettings(["The first part of the cast needs a visit."])
            self._note(await seed.customer_token(first), first.id)

    async def play(self, hub: Parent) -> None:
        """Let everybody play until cancelled."""
        clock, ids = SystemClock(), RandomIds()
        async with hub_api(hub.local_url) as api, local_people(self._settings, PastClock(clock)) as local:
            players = [
                Player(begun, self._town, hub.local_url, api, self._key(), _codes_of(local), clock, ids) for begun in self._begun
            ]
            await play_all(players, self._on_visit(api))

    def _key(self) -> str:
        return self._accounts.api_key if self._accounts else ""

    def _on_visit(self, api: HubApi) -> NewVisit:
        async def told(part: Part, visit_id: str) -> None:
            made = await api.post(f"/v1/visits/{visit_id}/links", {"holder": "customer"}, self._key())
            self._note(made["token"], VisitId(visit_id))
            self._say(f"{part.name.split()[0]}'s next visit: {self.site().shown.customer_url}")

        return told

    def _note(self, link_token: str, visit_id: VisitId) -> None:
        accounts, url = self._accounts, self._settings.public_url
        if accounts is None:
            return
        shown = DemoSite(
            url=url,
            customer_url=f"{url}/t/{link_token}",
            console_url=f"{url}/console",
            technician_url=f"{url}/technician#enrol={self._code}",
            dispatcher=DemoLogin(user=accounts.user, password=accounts.password),
            technician=DemoDoor(id=accounts.technicians[0][0], device_token=accounts.technicians[0][1]),
            visit=DemoVisit(id=visit_id),
            api_key=accounts.api_key,
        )
        self._site = LocalSite(site_id=SITE, shown=shown, phones=dict(accounts.technicians))
        remember(self._settings.store.data_dir, self._site)


def _codes_of(local: Local) -> CodeOf:
    async def code_of(visit_id: str) -> str:
        visit = await local.people.looks.get(VisitId(visit_id))
        return visit.door_code if visit else ""

    return code_of


def _make_keys(path: Path) -> None:
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(RandomIds().new_token("") + "\n")


def _write_basemap(settings: Settings, town: Town) -> None:
    path = basemap_path(settings.store.data_dir, SITE)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(basemap_of(town))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def as_json(site: LocalSite) -> str:
    """Return the one line that scripts read."""
    return msgspec.json.encode(site.shown).decode()
