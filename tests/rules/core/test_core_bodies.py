"""A body that does not fit is refused with what would."""

from enum import StrEnum
from typing import Annotated

import msgspec
import pytest

from core.errors import BadInput
from core.http_endpoint import decode_body


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wheel(msgspec.Struct):
    colour: Colour | None = None


class Cart(msgspec.Struct, rename="camel"):
    paint: Annotated[Colour | None, msgspec.Meta(description="its paint")] = None
    front_wheels: tuple[Wheel, ...] = ()
    others: dict[str, Colour] = {}


@pytest.mark.parametrize("body", ['{"paint": "green"}', '{"frontWheels": [{"colour": "red"}, {"colour": "green"}]}'])
def test_a_value_that_is_no_choice_is_answered_with_the_choices(body: str):
    with pytest.raises(BadInput, match=r"'green'.*Choose one of red, blue\. Correct"):
        decode_body(body.encode(), Cart)


@pytest.mark.parametrize("body", ['{"others": {"left": "green"}}', '{"paint": 7}', "[]", "{"])
def test_everything_else_is_answered_with_its_place(body: str):
    with pytest.raises(BadInput, match="Correct that field"):
        decode_body(body.encode(), Cart)
