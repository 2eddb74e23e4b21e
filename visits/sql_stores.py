"""All stores of visits on SQL, in one bundle for the wiring."""

from core.ids import IdSource
from core.key_ring import KeyRing
from visits.ports import Stores
from visits.sql_credentials import SqlApiKeys, SqlAttempts, SqlTickets
from visits.sql_customer_notes import SqlCustomerNotes
from visits.sql_devices import SqlDevices
from visits.sql_dispatchers import SqlDispatchers
from visits.sql_links import SqlLinks, SqlLooks
from visits.sql_shifts import SqlShifts
from visits.sql_sites import SqlSites
from visits.sql_technicians import SqlTechnicians
from visits.sql_visits import SqlVisits


def sql_stores(keys: KeyRing, ids: IdSource) -> Stores:
    """Return the stores; `keys` seals personal fields."""
    return Stores(
        sites=SqlSites(),
        technicians=SqlTechnicians(keys),
        devices=SqlDevices(keys),
        dispatchers=SqlDispatchers(keys),
        attempts=SqlAttempts(keys, ids),
        api_keys=SqlApiKeys(),
        tickets=SqlTickets(),
        shifts=SqlShifts(),
        visits=SqlVisits(keys),
        links=SqlLinks(),
        looks=SqlLooks(),
        notes=SqlCustomerNotes(keys),
    )
