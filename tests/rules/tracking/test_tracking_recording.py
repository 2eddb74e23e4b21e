"""Recordings in three formats are read into the same fixes, and a bad line is named with its cure."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.recording import OnBad, RecordingKind, kind_of, read_recording
from tracking.recording_point import BadRecording, RecordedFix

TRACES = Path(__file__).resolve().parents[4] / "shared/data/traces"
AT_MS = 1_777_636_800_000  # 2026-05-01T12:00:00Z

GPX = """<?xml version="1.0"?><gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1"
 xmlns:x="http://www.garmin.com/xmlschemas/TrackPointExtension/v2"><trk><trkseg>
 <trkpt lat="31.2" lon="121.5"><time>2026-05-01T12:00:00Z</time>
  <extensions><x:TrackPointExtension><x:speed>0.0</x:speed><x:course>370</x:course></x:TrackPointExtension></extensions></trkpt>
 </trkseg></trk></gpx>"""
LINE = """{"type":"Feature","properties":{"coordTimes":["2026-05-01T12:00:00Z"]},
 "geometry":{"type":"LineString","coordinates":[[121.5,31.2]]}}"""
POINTS = """{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"time":1777636800000,"accuracy_m":5},
 "geometry":{"type":"Point","coordinates":[121.5,31.2]}}]}"""


def test_a_jsonl_line_is_read_with_every_reading() -> None:
    where = '{"at":"2026-05-01T20:00:00+08:00","lat":31.2,"lon":121.5,'
    text = where + '"received_at":"2026-05-01T12:00:01Z","acc":5,"speed":2.5,"heading":90}\n\n'

    assert read_recording("a.jsonl", text).fixes == (
        RecordedFix(at_ms=AT_MS, received_ms=AT_MS + 1000, lat=31.2, lon=121.5, accuracy_m=5, speed_mps=2.5, heading_deg=90),
    )


def test_a_speed_of_minus_one_is_unknown() -> None:
    text = '{"at":"2026-05-01T12:00:00Z","lat":31.2,"lon":121.5,"speed":-1,"heading":null,"acc":-1}'

    assert read_recording("a.jsonl", text).fixes == (RecordedFix(at_ms=AT_MS, lat=31.2, lon=121.5),)


def test_a_gpx_point_keeps_its_speed_of_zero_and_folds_its_course() -> None:
    assert read_recording("a.gpx", GPX).fixes == (RecordedFix(at_ms=AT_MS, lat=31.2, lon=121.5, speed_mps=0.0, heading_deg=10.0),)


def test_a_geojson_line_takes_its_times_from_coord_times() -> None:
    assert read_recording("a.geojson", LINE).fixes == (RecordedFix(at_ms=AT_MS, lat=31.2, lon=121.5),)


def test_geojson_points_carry_their_own_time() -> None:
    assert read_recording("a.json", POINTS).fixes == (RecordedFix(at_ms=AT_MS, lat=31.2, lon=121.5, accuracy_m=5.0),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"at":"2026-05-01T12:00:00Z","lat":91,"lon":0}', "line 1: Position"),
        ('{"at":"2026-05-01T12:00:00","lat":1,"lon":0}', "has no zone. Append Z"),
        ('{"at":"yesterday","lat":1,"lon":0}', "is no RFC 3339 time"),
        ('{"at":"2026-05-01T12:00:00Z","lat":"x","lon":0}', "line 1: Expected `float`"),
        ('{"at":"1950-05-01T12:00:00Z","lat":1,"lon":0}', "outside the years"),
        ("{", "line 1: "),
    ],
)
def test_a_bad_line_is_named_with_its_cure(text: str, words: str) -> None:
    with pytest.raises(BadRecording) as refused:
        read_recording("a.jsonl", text)

    assert words in refused.value.detail
    assert refused.value.detail.startswith("a.jsonl: ")


def test_bad_lines_are_skipped_and_listed_on_request() -> None:
    text = '{"at":"2026-05-01T12:00:00Z","lat":1,"lon":0}\nnonsense\n{"at":"never","lat":1,"lon":0}\n'

    recording = read_recording("a.jsonl", text, on_bad=OnBad.SKIP)

    assert len(recording.fixes) == 1
    assert [where.split(":")[0] for where in recording.skipped] == ["line 2", "line 3"]


@pytest.mark.parametrize("text", ["<gpx", "<html></html>", '<!DOCTYPE a [<!ENTITY b "c">]><gpx/>'])
def test_what_is_no_gpx_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadRecording):
        read_recording("a.gpx", text)


def test_a_line_needs_as_many_times_as_positions() -> None:
    with pytest.raises(BadRecording, match="need as many times"):
        read_recording("a.geojson", LINE.replace('["2026', '["2026-05-01T11:00:00Z","2026'))


def test_a_track_without_times_is_laid_out_and_says_so() -> None:
    text = '{"type":"LineString","coordinates":[[121.5,31.2],[121.5,31.21]]}'

    recording = read_recording("a.geojson", text)

    assert not recording.is_timed
    assert recording.fixes[0].at_ms == 0
    assert 130_000 < recording.fixes[1].at_ms < 145_000


def test_the_kind_is_told_by_the_content_where_the_name_does_not() -> None:
    assert kind_of("track", GPX) is RecordingKind.GPX
    assert kind_of("track", '{"at":"x"}') is RecordingKind.JSONL
    assert kind_of("track", LINE) is RecordingKind.GEOJSON
    with pytest.raises(BadRecording):
        kind_of("track.txt", "hello")


@given(st.text(max_size=300), st.sampled_from(["a.gpx", "a.jsonl", "a.geojson"]))
def test_no_text_raises_anything_but_bad_recording(text: str, name: str) -> None:
    try:
        read_recording(name, text)
    except BadRecording:
        return


@pytest.mark.skipif(not TRACES.is_dir(), reason="the recordings are not part of a checkout")
def test_every_real_recording_is_read_whole() -> None:
    counts = {path.name: len(read_recording(path.name, path.read_text()).fixes) for path in TRACES.iterdir()}

    assert counts["car_munich_1hz.jsonl"] == 1194
    assert counts["vehicle_kunming_15s.jsonl"] == 5278
    assert counts["car_istria_long_stop.gpx"] == 104
    assert counts["car_andorra.gpx"] == 21
