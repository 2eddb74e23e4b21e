"""What the demo prints works as it stands."""

from pathlib import Path

from hub.cli_demo import replay_line
from hub.local_site import DEFAULT_FOLDER


def test_the_replay_that_is_printed_finds_programme_and_data_folder(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("PORCHLIGHT_DATA_DIR", raising=False)
    program = str(Path.cwd() / ".venv/bin/porchlight")

    plain = ".venv/bin/porchlight replay FILE --technician her --speed 20 --to-visit"
    assert replay_line(program, DEFAULT_FOLDER.absolute(), "her") == plain
    assert replay_line(program, tmp_path / "a b", "her").endswith(f" --speed 20 --to-visit --data '{tmp_path}/a b'")
