"""The rules inside the pages' scripts, run in the browser that they are for."""

import math

import pytest


@pytest.fixture
def script(served, window):
    """Run an expression with a module of the pages as `it`."""
    page = window.open(f"{served.url}/technician")
    base = page.locator("script[type=module]").get_attribute("src").rsplit("/", 1)[0]

    def run(module, expression):
        return page.evaluate(f"async () => {{ const it = await import('{base}/{module}'); return ({expression}); }}")

    return run


SPOT = "{at_ms: %d, lat: %f, lon: 11.5}"


@pytest.mark.parametrize(
    ("to_ms", "to_lat", "gap_s", "expected"),
    [
        (103_000, 48.1003, "null", "glide"),  # 33 m in 3 s
        (99_000, 48.1003, "null", "old"),  # a late fix never moves the marker back
        (130_000, 48.1003, "null", "gap"),  # half a minute without a word
        (103_000, 48.1003, "40", "gap"),  # the hub itself says that something is missing
        (103_000, 48.2, "null", "gap"),  # 11 km in 3 s: nobody drives so
    ],
)
def test_a_marker_glides_only_between_fixes_that_belong_together(script, to_ms, to_lat, gap_s, expected):
    start = SPOT % (100_000, 48.1)
    end = f"{{at_ms: {to_ms}, lat: {to_lat}, lon: 11.5, gap_s: {gap_s}}}"

    assert script("marker_motion.js", f"it.move({start}, {end}).kind") == expected


def test_a_marker_is_never_beyond_either_fix(script):
    a, b = SPOT % (0, 48.0), SPOT % (1, 49.0)

    assert script("marker_motion.js", f"[-1, 0, 0.5, 1, 2].map((t) => it.between({a}, {b}, t)[0])") == [48, 48, 48.5, 49, 49]


def test_close_codes_say_whether_to_come_back(script):
    codes = [1000, 1001, 1006, 1008, 1009, 1012, 4000, 4004, 4100, 4104, 4199, 4200]

    assert script("socket.js", f"{codes}.filter(it.mayReturn)") == [1000, 1001, 1006, 1012, 4000, 4004, 4200]


def test_waits_grow_are_random_and_are_bounded(script):
    waits = script("socket.js", "[0, 1, 2, 9, 50].map((tries) => [it.waitMs(tries, () => 0), it.waitMs(tries, () => 1)])")

    assert waits == [[50, 500], [100, 1000], [200, 2000], [2000, 20000], [2000, 20000]]


def test_a_topic_is_the_snapshot_and_its_deltas_and_stops_at_a_hole(script):
    told = """(() => {
      const topic = {items: new Map(), epoch: -1, sequence: 0, isKnown: false, isHoled: false};
      const put = (frame) => it.putFrame(topic, frame) ? [...topic.items.keys()].join() : topic.isHoled ? 'hole' : 'ignored';
      return [
        put({type: 'snapshot', view_epoch: 7, sequence: 0, items: [{id: 'a'}, {id: 'b'}]}),
        put({type: 'delta', view_epoch: 7, sequence: 1, put: [{id: 'c'}], drop: ['a']}),
        put({type: 'delta', view_epoch: 6, sequence: 2, put: [{id: 'x'}]}),
        put({type: 'delta', view_epoch: 7, sequence: 3, put: [{id: 'x'}]}),
        put({type: 'delta', view_epoch: 7, sequence: 2, put: [{id: 'x'}]}),
        put({type: 'snapshot', view_epoch: 8, sequence: 0, items: [{id: 'z'}]}),
      ];
    })()"""

    assert script("console_feed.js", told) == ["a,b", "b,c", "ignored", "hole", "hole", "z"]


def test_the_hubs_clock_is_learned_from_its_fastest_answer(script):
    told = """(() => {
      const clock = new it.HubClock();
      const real = Date.now;
      try {
        Date.now = () => 1000000;
        clock.learn(4600000); clock.learn(4599000); clock.learn(null);
        return clock.now();
      } finally { Date.now = real; }
    })()"""

    assert script("clock.js", told) == 4_600_000


def test_the_outbox_gives_the_newest_first_and_forgets_only_what_is_named(script):
    told = """await (async () => {
      const outbox = await new it.FixOutbox().open();
      const fix = (at_ms) => ({at_ms, lat: 1, lon: 2, accuracy_m: 3, speed_mps: null, heading_deg: null});
      for (const at of [10, 20, 30, 40]) await outbox.put(fix(Date.now() + at));
      const first = (await outbox.newest(2, new Set([4]))).map((each) => each.seq);
      await outbox.forget([[2, 3]]);
      const reopened = await new it.FixOutbox().open();
      const next = await reopened.put(fix(Date.now()));
      return [first, (await reopened.newest(9, new Set())).map((each) => each.seq), next, reopened.epoch === outbox.epoch];
    })()"""

    assert script("fix_outbox.js", told) == [[3, 2], [5, 4, 1], 5, True]


def sides(script, *spots):
    given = ", ".join(f"{{x: {x}, y: {y}, width: 60{more}}}" for x, y, more in spots)
    return script("label_room.js", f"it.labelSides([{given}], {{width: 400, height: 400}})")


def test_names_on_the_map_go_where_they_cover_nobody_and_are_not_cut_off(script):
    assert sides(script, (100, 100, ""), (300, 300, "")) == ["below", "below"]
    assert sides(script, (100, 100, ""), (100, 135, "")) == ["above", "below"]  # her neighbour stands where the name would be
    assert sides(script, (100, 100, ""), (140, 100, "")) == ["below", "above"]  # two names side by side are too wide
    assert sides(script, (395, 200, ""), (200, 395, ""), (5, 385, "")) == ["left", "above", "right"]


def test_where_many_stand_at_one_place_each_side_is_used_once_and_the_rest_waits_to_be_pointed_at(script):
    assert sides(script, *[(100, 100, "")] * 6) == ["below", "above", "right", "left", "none", "none"]


def test_a_name_stays_where_it_is_while_there_is_room_and_who_calls_for_help_is_always_named(script):
    assert sides(script, (100, 100, ", side: 'above-left'")) == ["above-left"]
    ring = [(100 + dx, 100 + dy, "") for dx in (-40, 0, 40) for dy in (-40, 0, 40) if dx or dy]
    assert sides(script, (100, 100, ""), *ring)[0] == "none"
    assert sides(script, (100, 100, ", isMust: true"), *ring)[0] == "below"


def test_markers_at_one_place_are_shown_beside_one_another_and_others_where_they_are(script):
    places = "[{x: 100, y: 100}, {x: 100, y: 100}, {x: 104, y: 100}, {x: 300, y: 300}]"
    moved = script("label_room.js", f"it.apart({places}).map(([dx, dy], at) => [{places}[at].x + dx, {places}[at].y + dy])")
    gaps = [math.dist(moved[a], moved[b]) for a in range(3) for b in range(a)]

    assert moved[3] == [300, 300]
    assert min(gaps) >= 25
    assert max(math.dist(spot, (100, 100)) for spot in moved[:3]) <= 30
