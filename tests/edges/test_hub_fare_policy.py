"""`porchlight fare policy`: how a site bills its ways, shown, changed and given back at a terminal."""

import re

import msgspec
import pytest

from core.errors import BadInput
from hub.cli_fare_site import site_tariffs
from hub.cli_tell import run_local
from tests.doubles.terminal import terminal, told
from tracking.fares.policy import FarePolicy


@pytest.fixture
def porchlight(tmp_path, monkeypatch):
    run = terminal(tmp_path, monkeypatch)
    run("site", "new", "munich", "--zone", "Europe/Berlin")
    return run


def test_a_fare_policy_is_shown_changed_and_given_back(porchlight, tmp_path):
    words = ("billing=capped", "cap_bps=11000", "shows_live_fare=no", "no_show=50%,fee=300", "cancelled_on_way/platform=12.5%,ways=both")

    shown = porchlight("fare", "policy", *words)
    kept = porchlight("fare", "policy", "--json").stdout
    file = tmp_path / "policy.json"
    file.write_text(kept)

    assert "at most 110 % of the agreed price" in shown.stdout
    assert re.search(r"no_show +any +50 % of the fare \+ €3.00 +the fare", shown.stdout)
    assert re.search(r"cancelled_on_way +platform +12.5 % of the fare +both ways", shown.stdout)
    assert "from now on" in shown.stderr
    assert run_local(lambda local: site_tariffs(local).policy("munich")) == msgspec.json.decode(kept, type=FarePolicy)
    assert told(porchlight("fare", "policy", "billing=quoted", "no_show=", "--json"))["billing"] == "quoted"
    assert re.search(r"no_show +any +the fare", porchlight("fare", "policy").stdout)
    assert re.search(r"no_show +technician +40 % of the fare", porchlight("fare", "policy", "no_show/customer=40%").stdout)
    assert porchlight("fare", "policy", "--file", str(file), "--json").stdout == kept
    assert "from now on" not in porchlight("fare", "policy", "--file", str(file)).stderr


@pytest.mark.parametrize(
    "change",
    [
        *("billing=free", "cap_bps=1", "cap_bps=x", "quote_ttl_s=0", "shows_live_fare=maybe", "clauses=1", "nope=1", "billing"),
        *("no_show=120%", "no_show=5", "no_show=5.555%", "no_show=50%,ways=all", "no_show/god=10%", "aborted_unsafe=0%"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused_and_changes_nothing(porchlight, change):
    with pytest.raises(BadInput):
        porchlight("fare", "policy", "max_way_km=100", change)
    assert run_local(lambda local: site_tariffs(local).policy("munich")) == FarePolicy()


def test_a_file_that_holds_no_policy_is_refused(porchlight, tmp_path):
    (tmp_path / "policy.json").write_text('{"billing": 1}')

    for name in ("policy.json", "absent.json"):
        with pytest.raises(BadInput, match="fare policy --json"):
            porchlight("fare", "policy", "--file", str(tmp_path / name))


def test_its_help_is_readable(porchlight):
    assert "cancelled_on_way/platform=0%" in porchlight("fare", "policy", "--help").stdout
