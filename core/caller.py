"""Who is asking? The result of checking a credential, and the questions an edge may ask of it."""

from enum import StrEnum

import msgspec

from core.errors import NotAllowed, NotSignedIn
from core.ids import DeviceId, DispatcherId, LinkId, SiteId, TechnicianId, VisitId


class CallerKind(StrEnum):
    """What sort of credential was shown."""

    DEVICE = "device"
    """A technician's phone or page, by its device token."""
    DISPATCHER = "dispatcher"
    """A person at the desk, by a server-side session."""
    API = "api"
    """An integrator's program, by an API key with scopes."""
    LINK = "link"
    """A customer, by the token of her link."""
    NOBODY = "nobody"
    """No credential at all."""


class Role(StrEnum):
    """What a dispatcher may do."""

    DISPATCHER = "dispatcher"
    """Watches, claims, acts."""
    SUPERVISOR = "supervisor"
    """Also reviews, releases evidence, approves disclosures."""
    OWNER = "owner"
    """Also manages people, keys and settings of the site."""


class Scope(StrEnum):
    """What an API key may do."""

    VISITS_READ = "visits:read"
    VISITS_WRITE = "visits:write"
    POSITIONS_READ = "positions:read"
    PEOPLE_WRITE = "people:write"
    FARES_READ = "fares:read"
    FARES_WRITE = "fares:write"
    WEBHOOKS_WRITE = "webhooks:write"
    INCIDENTS_READ = "incidents:read"
    SOS_WRITE = "sos:write"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A checked credential: `id` of its holder, the `sites` it reaches, and what its kind adds. Never holds the token itself."""

    kind: CallerKind
    id: str = ""
    sites: frozenset[SiteId] = frozenset()
    technician_id: TechnicianId | None = None
    device_id: DeviceId | None = None
    dispatcher_id: DispatcherId | None = None
    link_id: LinkId | None = None
    visit_id: VisitId | None = None
    session_id: str | None = None
    """The dispatcher's session, so that ending it closes her sockets."""
    scopes: frozenset[Scope] = frozenset()
    roles: frozenset[Role] = frozenset()
    by_cookie: bool = False
    """True where a browser sent the credential by itself: then writing also needs a same-origin request."""

    def must_reach(self, site: SiteId) -> None:
        """Raise `NotAllowed` unless this caller may touch things of `site`."""
        if site not in self.sites:
            raise NotAllowed("That belongs to a site which this credential does not reach.")

    def must_have(self, scope: Scope) -> None:
        """Raise `NotAllowed` for an API key without `scope`; other kinds are judged by kind and role."""
        if self.kind is CallerKind.API and scope not in self.scopes:
            raise NotAllowed(f"This API key lacks the scope {scope.value}. Ask the site's owner for a key that has it.", scope=scope.value)

    def must_be(self, role: Role) -> None:
        """Raise `NotAllowed` for a dispatcher without `role`; an owner has every role, a supervisor that of dispatcher."""
        ranks = list(Role)
        if not any(ranks.index(held) >= ranks.index(role) for held in self.roles):
            raise NotAllowed(f"That takes the role {role.value}. Ask a colleague who has it.", role=role.value)


NOBODY = Caller(kind=CallerKind.NOBODY)


def must_be_signed_in(caller: Caller) -> None:
    """Raise `NotSignedIn` when no credential was shown."""
    if caller.kind is CallerKind.NOBODY:
        raise NotSignedIn
