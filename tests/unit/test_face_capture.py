"""Recorded faces read from files: Live Link Face, MediaPipe, other tables, and files that are none; idle motion made up."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from likeness.core.animation import capture_file, capture_table
from likeness.core.animation.capture import MAX_FRAMES, FaceCapture, flip_head, mirror_capture, resample_capture, smooth_capture
from likeness.core.animation.idle import make_idle
from likeness.core.animation.take import load_take
from likeness.core.errors import CaptureError
from likeness.core.story import run
from likeness.core.types import ARKIT_NAMES
from likeness.worker.wire import Decoder, encode_message


def read_capture(*given) -> FaceCapture:
    return run(capture_file.read_capture(*given))


JAW, BLINK_LEFT, BLINK_RIGHT = (ARKIT_NAMES.index(unit) for unit in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight"))
HEAD = (
    "HeadYaw",
    "HeadPitch",
    "HeadRoll",
    "LeftEyeYaw",
    "LeftEyePitch",
    "LeftEyeRoll",
    "RightEyeYaw",
    "RightEyePitch",
    "RightEyeRoll",
)


def performance(num: int, fps: float) -> np.ndarray:
    """Values [num, 52 + 9] of a face that opens and closes everything at its own pace, and turns."""
    times = np.arange(num)[:, None] / fps
    faces = 0.5 - 0.5 * np.cos(2 * np.pi * times * np.linspace(0.3, 1.2, 52))
    angles = np.sin(times * np.linspace(0.5, 1.0, 9)) * 0.3
    return np.round(np.hstack([faces, angles]), 6)


def write_live_link(path: Path, rows: np.ndarray, fps: int = 60, start_s: int = 36_000, delimiter: str = ",") -> Path:
    names = ["Timecode", "BlendShapeCount", *(unit[0].upper() + unit[1:] for unit in ARKIT_NAMES), *HEAD]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(names)
        for i, row in enumerate(rows):
            seconds, frame = divmod(i, fps)
            s = (start_s + seconds) % 86_400
            writer.writerow([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}:{frame:02d}.000", 61, *row])
    return path


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_a_live_link_file_is_read_at_its_own_rate(tmp_path, fps):
    rows = performance(3 * fps + 5, fps)
    capture = read_capture(write_live_link(tmp_path / "take.csv", rows, fps))
    assert np.allclose(capture.times_s, np.arange(len(rows)) / fps)
    assert np.allclose(capture.values, rows[:, :52])
    assert np.allclose(capture.head_rad, rows[:, 52:55])
    assert capture.num_bridged == 0


def test_columns_are_known_by_name_whatever_their_order_and_case(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text("note,JAWOPEN,Time,eyeBlink_L,_neutral\nx,0.25,0,0.5,9\ny,0.75,0.5,1,9\n")
    capture = read_capture(path)
    assert capture.values[:, JAW].tolist() == [0.25, 0.75]
    assert capture.values[:, BLINK_LEFT].tolist() == [0.5, 1.0]
    assert capture.times_s.tolist() == [0.0, 0.5]
    assert capture.head_rad is None


@pytest.mark.parametrize(
    "name, clocks",
    [
        ("seconds", (10.0, 10.04, 10.08)), ("timestamp", (10.0, 10.04, 10.08)), ("timestamp_ms", (0, 40, 80)),
        ("time", (1000, 1040, 1080)), ("timestamp", (5_000_000, 5_040_000, 5_080_000)), ("timestamp", (0, 4e7, 8e7)),
        ("frame", (7, 8, 9)), ("Timecode", ("00:00:01.960", "00:00:02.000", "00:00:02.040")),
    ],
)  # fmt: skip
def test_time_is_told_in_any_unit(tmp_path, name, clocks):
    path = tmp_path / "take.csv"
    path.write_text(f"{name},jawOpen\n" + "".join(f"{clock},0.5\n" for clock in clocks))
    assert read_capture(path, 25.0).times_s == pytest.approx([0, 0.04, 0.08])


def test_without_a_clock_rows_follow_each_other_at_the_rate_that_was_told(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text("jawOpen\n0\n1\n0\n")
    assert read_capture(path, 30.0).times_s == pytest.approx([0, 1 / 30, 2 / 30])


def test_a_take_goes_on_after_midnight(tmp_path):
    path = write_live_link(tmp_path / "take.csv", performance(240, 60), start_s=86_398)
    assert np.allclose(np.diff(read_capture(path).times_s), 1 / 60)


def test_angles_beyond_a_full_turn_are_degrees(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text("jawOpen,HeadYaw,HeadPitch,HeadRoll\n0,30,-10,5\n0,0,0,0\n")
    assert np.allclose(read_capture(path).head_rad[0], np.radians([30, -10, 5]))


def test_semicolons_and_decimal_commas_are_read(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text("time;jawOpen\n0,0;0,25\n0,5;0,75\n")
    assert read_capture(path).values[:, JAW].tolist() == [0.25, 0.75]


def test_unreadable_rows_are_bridged_and_counted(tmp_path):
    rows = performance(120, 60)
    path = write_live_link(tmp_path / "take.csv", rows)
    lines = path.read_text().splitlines()
    lines[11] = ",".join(lines[11].split(",")[:2])
    lines[12] = lines[12].rsplit(",", 30)[0]
    lines[13] = lines[13].replace(",61,", ",61,nan,", 1)
    lines[14] = lines[14].replace(",61,", ",61,inf,", 1)
    lines[15] = lines[15].replace(",61,", ",61,face,", 1)
    path.write_text("\n".join(lines))
    capture = read_capture(path)
    assert capture.num_bridged == 5
    whole = resample_capture(capture, 60.0)
    assert np.isfinite(whole.values).all() and len(whole.values) == 120
    assert np.abs(whole.values - rows[:, :52]).max() < 0.02


def test_values_outside_a_units_range_are_cut(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text("time,jawOpen\n0,-0.2\n1,1.7\n")
    assert read_capture(path).values[:, JAW].tolist() == [0.0, 1.0]


MEDIAPIPE = [
    {"timestamp_ms": 0, "blendshapes": {"_neutral": 0.1, "jawOpen": 0.25}},
    {"timestamp_ms": 40, "blendshapes": {"_neutral": 0.1, "jawOpen": 0.75}},
]
CATEGORIES = [
    {"time": i * 0.04, "faceBlendshapes": [{"categories": [{"index": 1, "score": value, "categoryName": "jawOpen"}]},
                                          {"categories": [{"index": 1, "score": 0.9, "categoryName": "jawOpen"}]}]}
    for i, value in enumerate((0.25, 0.75))
]  # fmt: skip
MATRIX = {"exportFps": 25.0, "facsNames": ["jawOpen", "eyeBlinkLeft"], "weightMat": [[0.25, 0], [0.75, 1]], "numPoses": 2}


@pytest.mark.parametrize("content", [MEDIAPIPE, {"fps": 25, "frames": MEDIAPIPE}, CATEGORIES, MATRIX])
def test_json_is_read_however_it_nests(tmp_path, content):
    path = tmp_path / "take.json"
    path.write_text(json.dumps(content))
    capture = read_capture(path)
    assert capture.values[:, JAW].tolist() == [0.25, 0.75]
    assert capture.times_s == pytest.approx([0, 0.04])


def test_a_frame_in_which_no_face_was_found_is_bridged(tmp_path):
    path = tmp_path / "take.json"
    path.write_text(json.dumps([[{"category_name": "jawOpen", "score": 0.2}], [], [{"category_name": "jawOpen", "score": 0.4}]]))
    capture = read_capture(path, 10.0)
    assert capture.num_bridged == 1
    assert resample_capture(capture, 10.0).values[:, JAW] == pytest.approx([0.2, 0.3, 0.4])


HOSTILE = {
    "empty.csv": (b"", "names none of ARKit's 52 units"),
    "other.csv": (b"name,price\nchair,10\n", "names none of ARKit's 52 units"),
    "header.csv": (b"time,jawOpen\n", "has 0 rows"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n\x00\xff\xfe" * 50, "not a table of text"),
    "wide.csv": (b"time,jawOpen\n0," + b"x" * 200_000 + b"\n", "not a table of text"),
    "words.csv": (b"time,jawOpen\n0,wide\n1,open\n2,0.5\n", "has 3 rows, 1 of which are readable"),
    "nan.csv": (b"time,jawOpen\n0,nan\n1,inf\n", "has 2 rows, 0 of which"),
    "still.csv": (b"time,jawOpen\n5,0.1\n5,0.2\n5,0.3\n", "do not rise"),
    "back.csv": (b"time,jawOpen\n9,0.1\n8,0.2\n7,0.3\n", "do not rise"),
    "cut.json": (b'[{"jawOpen": 0.5', "damaged"),
    "deep.json": (b"[" * 100_000, "damaged"),
    "digits.json": (b'[{"jawOpen": ' + b"9" * 5000 + b"}]", "damaged"),
    "large.json": (b'[{"jawOpen": ' + b"9" * 400 + b"}]", "names none"),
    "text.json": (b'"jawOpen"', "names none"),
    "number.json": (b"7", "names none"),
    "matrix.json": (b'{"names": ["jawOpen"], "rows": [[1' + b"0" * 400 + b"], [null], [[1]]]}", "0 of which are readable"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_capture_is_one_sentence(tmp_path, name):
    content, sentence = HOSTILE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CaptureError, match=sentence) as raised:
        read_capture(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_folder_are_one_sentence(tmp_path):
    with pytest.raises(CaptureError, match="There is no file"):
        read_capture(tmp_path / "none.csv")
    with pytest.raises(CaptureError, match="cannot be read"):
        read_capture(tmp_path)


def test_files_beyond_the_limits_are_refused_before_they_fill_memory(tmp_path, monkeypatch):
    path = write_live_link(tmp_path / "take.csv", performance(30, 60))
    monkeypatch.setattr(capture_table, "MAX_ROWS", 29)
    with pytest.raises(CaptureError, match="more than 29 rows"):
        read_capture(path)
    monkeypatch.setattr(capture_table, "MAX_CSV_BYTES", 10)
    with pytest.raises(CaptureError, match="larger than"):
        read_capture(path)


def test_a_capture_of_days_is_refused(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text("seconds,jawOpen\n0,0\n300000,1\n")
    with pytest.raises(CaptureError, match=f"at most {MAX_FRAMES} frames"):
        resample_capture(read_capture(path), 24.0)


def test_a_single_row_is_a_pose(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text("Timecode,jawOpen\n01:02:03:04.000,0.5\n")
    whole = resample_capture(read_capture(path), 24.0)
    assert whole.values[:, JAW].tolist() == [0.5]
    assert smooth_capture(whole, 3.0).values[:, JAW].tolist() == [0.5]


@pytest.mark.parametrize("fps", [24.0, 29.97, 60.0])
def test_what_was_recorded_is_seen_at_its_time_at_any_frame_rate(tmp_path, fps):
    rows = performance(301, 60)
    whole = resample_capture(read_capture(write_live_link(tmp_path / "take.csv", rows)), fps)
    expected = np.stack([np.interp(whole.times_s, np.arange(301) / 60, c) for c in rows.T], 1)
    assert len(whole.times_s) == round(5 * fps) + 1
    assert np.abs(whole.values - expected[:, :52]).max() < 1e-9


def test_mirroring_exchanges_sides_and_twice_changes_nothing():
    rows = performance(50, 25)
    capture = FaceCapture(np.arange(50) / 25, rows[:, :52], rows[:, 52:55])
    mirrored = mirror_capture(capture)
    assert np.array_equal(mirrored.values[:, BLINK_LEFT], capture.values[:, BLINK_RIGHT])
    assert np.array_equal(mirrored.values[:, JAW], capture.values[:, JAW])
    assert np.array_equal(mirrored.head_rad, capture.head_rad * [-1, 1, -1])
    assert np.array_equal(mirror_capture(mirrored).values, capture.values)
    assert np.array_equal(flip_head(capture, False, True, False).head_rad, capture.head_rad * [1, -1, 1])


def test_smoothing_calms_noise_and_keeps_the_mean():
    noise = np.random.default_rng(0).random((400, 52))
    capture = FaceCapture(np.arange(400) / 60, noise, noise[:, :3])
    smooth = smooth_capture(capture, 2.0)
    assert smooth.values.shape == noise.shape
    assert smooth.values.std(0).max() < 0.6 * noise.std(0).min()
    assert np.allclose(smooth.values.mean(0), noise.mean(0), atol=0.01)
    assert smooth_capture(capture, 0.0) is capture


def test_every_column_that_tells_the_time_is_named_in_plain_letters():
    names = [*capture_file.SECONDS, *capture_file.TIMES, *capture_file.FRAMES, *capture_file.HEAD_COLUMNS]
    assert [name for name in names if name != capture_table.plain_name(name)] == []


def test_blinks_are_as_many_and_as_long_as_peoples():
    starts, down, up = [], [], []
    for seed in range(40):
        keys = make_idle(60 * 60, 60.0, seed).lids
        shut = keys.values[:, 0]
        begin = np.flatnonzero((shut[:-1] == 0) & (shut[1:] > 0))
        end = np.flatnonzero((shut[:-1] > 0) & (shut[1:] == 0))
        starts.append(len(begin))
        down += list((keys.frames[begin + 1] - keys.frames[begin]) / 60)
        up += list((keys.frames[end + 1] - keys.frames[end]) / 60)
    assert 15 < np.mean(starts) < 20
    assert np.std(starts) > 1
    assert min(down) > 0.08 and max(down) < 0.17 and min(up) > 0.13 and max(up) < 0.27
    assert np.mean(up) > 1.4 * np.mean(down)


@pytest.mark.parametrize("fps", [12.0, 24.0, 60.0])
@pytest.mark.parametrize("is_loop", [False, True])
def test_keys_of_idle_motion_rise_begin_at_zero_and_end_with_the_range(fps, is_loop):
    for seed in range(30):
        motion = make_idle(200, fps, seed, is_loop=is_loop)
        for keys in (motion.lids, motion.gaze, motion.head):
            assert (np.diff(keys.frames) > 0).all() and keys.frames[0] == 0 and not keys.values[0].any()
            assert keys.frames[-1] <= (200 if is_loop else 199)
            if is_loop:
                assert not keys.values[-1].any()
        assert np.abs(motion.gaze.values).max(initial=0) <= 8.0
        assert np.degrees(np.abs(motion.head.values)).max() < 8.0
        assert motion.head.frames[-1] == (200 if is_loop else 199)


def test_the_seed_decides_and_blinks_can_be_left_out():
    one, same, other = (make_idle(400, 24.0, seed) for seed in (3, 3, 4))
    assert np.array_equal(one.head.values, same.head.values) and not np.array_equal(one.head.frames, other.head.frames)
    assert len(make_idle(400, 24.0, 3, blinks_a_minute=0.0).lids.frames) == 1


@pytest.mark.parametrize("num_frames", [2, 3, 5, 10])
def test_the_shortest_scenes_have_idle_motion_too(num_frames):
    for seed in range(20):
        for is_loop in (False, True):
            motion = make_idle(num_frames, 24.0, seed, blinks_a_minute=60.0, is_loop=is_loop)
            assert max(keys.frames[-1] for keys in (motion.lids, motion.gaze, motion.head)) <= num_frames


def test_a_take_is_read_with_rising_progress_and_comes_through_the_pipe(tmp_path):
    path = write_live_link(tmp_path / "take.csv", performance(9000, 60))
    told = []
    take = run(
        load_take(str(path), frames_per_second=24.0, flips=(True, False, False), is_mirrored=True, smoothing=2.0), told.append
    )
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions) and len({round(fraction, 3) for fraction in fractions}) > 4
    assert fractions[-1] <= 1 and 0.2 < fractions[len(fractions) // 2] < 0.8
    by_hand = flip_head(resample_capture(read_capture(path), 24.0), True, False, False)
    by_hand = smooth_capture(mirror_capture(by_hand), 2.0)
    assert np.allclose(take.values, by_hand.values, atol=1e-6) and np.allclose(take.head_rad, by_hand.head_rad, atol=1e-6)
    (received,) = Decoder().feed(b"".join(bytes(chunk) for chunk in encode_message(take)))
    assert np.array_equal(received.values, take.values) and received.num_bridged == take.num_bridged


def test_a_story_that_is_closed_closes_its_file(tmp_path):
    reading = load_take(str(write_live_link(tmp_path / "take.csv", performance(9000, 60))), frames_per_second=24.0)
    for _ in range(3):
        next(reading)
    reading.close()
    with pytest.raises(StopIteration):
        next(reading)
