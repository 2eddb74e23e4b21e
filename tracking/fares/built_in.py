"""Which tariffs come with the hub? The packaged TOML files, read and checked once.

Used by the demo, `porchlight fare check` and sites that begin with one of them. Each names its source and how far it is trusted: fares
change, so a site's owner looks before she uses one.
"""

from functools import lru_cache
from importlib.resources import files

from tracking.fares.tariff import Tariff
from tracking.fares.tariff_file import read_tariff


@lru_cache(maxsize=1)
def built_in_texts() -> dict[str, str]:
    """Return the text of every packaged tariff by its id."""
    folder = files("tracking.fares") / "tariffs"
    return {each.name.removesuffix(".toml"): each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith(".toml")}


@lru_cache(maxsize=1)
def built_in_tariffs() -> dict[str, Tariff]:
    """Return every packaged tariff by its id."""
    return {name: read_tariff(text) for name, text in sorted(built_in_texts().items())}
