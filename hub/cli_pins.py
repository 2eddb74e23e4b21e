"""`porchlight technician forget-pins`: what a phone alone cannot do, for whoever holds it would do it, too."""

from core.caller import Caller
from core.ids import TechnicianId
from hub.cli_desk import run_desk
from hub.cli_people import technician_app
from hub.cli_tell import err
from hub.local_people import Local
from safety.pin_reset_flow import PinResetFlow
from safety.sql_incidents import SqlIncidents
from safety.sql_pins import SqlPins


@technician_app.command("forget-pins")
def forget_pins(id: str) -> None:
    """Drop the PINs that a technician has forgotten; she chooses new ones on her phone. Make sure first that it is she who asks."""

    async def story(local: Local, caller: Caller) -> bool:
        she = await local.people.people.get(caller, TechnicianId(id))
        return await PinResetFlow(local.floor.truth, SqlIncidents(local.floor.keys), SqlPins()).forget(she.id)

    err.print("Her PINs are dropped." if run_desk(story) else "She has no PINs.")
