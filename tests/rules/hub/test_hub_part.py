"""Each flow of the hub runs in one kind of process, and the recorder's in no worker."""

import pytest

from hub.part import BESIDE, RECORDING, SHARED, Part, Share


def test_a_worker_runs_everything_but_what_the_recorder_does():
    assert not any(Part.WORKER.runs(flow) for flow in RECORDING)
    urgent = ("fixes", "timers", "notices_p0", "notices_p1", "notices_urgent_looks", "webhooks")
    assert all(Part.WORKER.runs(flow) for flow in (*urgent, *BESIDE))


def test_the_recorder_runs_its_own_flows_and_what_they_need_beside_them():
    assert all(Part.RECORDER.runs(flow) for flow in RECORDING | BESIDE)
    assert not any(Part.RECORDER.runs(flow) for flow in ("fixes", "timers", "notices_p0", "socket_pulse"))


def test_of_several_recorders_the_first_alone_does_what_is_to_be_done_once():
    assert [Share(number, 3).part for number in range(3)] == [Part.RECORDER, Part.FURTHER_RECORDER, Part.FURTHER_RECORDER]
    assert all(Part.FURTHER_RECORDER.runs(flow) for flow in SHARED | BESIDE)
    assert not any(Part.FURTHER_RECORDER.runs(flow) for flow in (*(RECORDING - SHARED), "fixes", "timers", "notices_p0"))


@pytest.mark.parametrize(("of", "shards"), [(1, 1), (1, 5), (2, 2), (2, 5), (3, 8), (5, 5)])
def test_the_recorders_of_one_parent_cover_every_shard_once(of: int, shards: int):
    shares = [[shard for shard in range(shards) if Share(number, of).has(shard)] for number in range(of)]

    assert sorted(shard for share in shares for shard in share) == list(range(shards))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_process_that_is_told_nothing_records_every_shard():
    assert all(Share().has(shard) for shard in range(64))


def test_a_hub_without_a_parent_runs_everything():
    assert all(Part.WHOLE.runs(flow) for flow in (*RECORDING, *BESIDE, "fixes", "timers"))
