"""Can this number be called? What a person typed, held to the number plans of the world, with a cure for what is wrong.

Source: libphonenumber's plans, by `notifications.recipient.numbered`: a number that no network has would be found out only when somebody
must be reached.
"""

from core.errors import BadInput
from notifications.recipient import numbered


def phone_fault(number: str | None) -> str | None:
    """Return what is wrong with `number` and how to mend it, in a sentence; None for none at all and for a number in E.164 that can exist.

    Land lines are fine: they are called. A number that is kept is compared as text, so it has to be written in one way only.
    """
    if number is None:
        return None
    try:
        found = numbered(number)
    except BadInput as error:
        return error.detail
    return None if found.e164 == number else "Write the phone as a plus and digits alone, such as +491701234567."
