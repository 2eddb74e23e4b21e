"""Each flow of the hub runs in one kind of process, and the recorder's in no worker."""

from hub.part import BESIDE, RECORDING, Part


def test_a_worker_runs_everything_but_what_the_recorder_does():
    assert not any(Part.WORKER.runs(flow) for flow in RECORDING)
    urgent = ("fixes", "timers", "notices_p0", "notices_p1", "notices_urgent_looks", "webhooks")
    assert all(Part.WORKER.runs(flow) for flow in (*urgent, *BESIDE))


def test_the_recorder_runs_its_own_flows_and_what_they_need_beside_them():
    assert all(Part.RECORDER.runs(flow) for flow in RECORDING | BESIDE)
    assert not any(Part.RECORDER.runs(flow) for flow in ("fixes", "timers", "notices_p0", "socket_pulse"))


def test_a_hub_without_a_parent_runs_everything():
    assert all(Part.WHOLE.runs(flow) for flow in (*RECORDING, *BESIDE, "fixes", "timers"))
