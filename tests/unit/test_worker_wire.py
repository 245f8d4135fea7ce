"""What passes between Blender and its worker."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from likeness.core.image_files import PackedPhoto, encode_photo, pack_head, unpack_photo
from likeness.core.types import FittedPhoto, HeadCode, Progress
from likeness.worker.wire import Decoder, Request, Result, Step, encode_message

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "blender"))
from synthetic import make_asset


def send(value, chunk=None):
    data = b"".join(bytes(part) for part in encode_message(value))
    decoder = Decoder()
    chunk = chunk or len(data)
    messages = [m for start in range(0, len(data), chunk) for m in decoder.feed(data[start : start + chunk])]
    assert not decoder.is_inside_message
    return messages


def assert_same(first, second):
    assert type(first) is type(second)
    if isinstance(first, np.ndarray):
        assert first.dtype == second.dtype
        assert np.array_equal(first, second)
    elif isinstance(first, dict):
        assert list(first) == list(second)
        for key in first:
            assert_same(first[key], second[key])
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    elif hasattr(first, "__dataclass_fields__"):
        for field in fields(first):
            assert_same(getattr(first, field.name), getattr(second, field.name))
    else:
        assert first == second


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 2.5, "words in Русский", b"\x00\xff", [1, [2.0]], (1, ("a", None)), {"a": (1,), "$a": {"b": []}},
        np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::2], np.zeros((0, 3)), np.array(4.0), np.array([True, False]),
        {"nested": [np.eye(3, dtype=np.uint16)]},
    ],
)  # fmt: skip
def test_values_arrive_as_they_were_sent(value):
    ((received),) = send(Result(3, value))
    assert_same(received, Result(3, value))


def test_a_whole_head_arrives_as_it_was_sent():
    packed = pack_head(make_asset(seed=1))
    ((received),) = send(Result(1, [packed]))
    assert_same(received.value, [packed])


def test_received_arrays_can_be_written():
    ((received),) = send(Result(1, np.zeros(3)))
    received.value[1] = 5
    assert received.value.tolist() == [0, 5, 0]


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_messages_in_pieces_arrive_whole_and_in_order(chunk):
    first, second = Step(1, Progress("Fitting", 0.5)), Result(1, np.arange(300))
    data = b"".join(bytes(part) for message in (first, second) for part in encode_message(message))
    decoder = Decoder()
    received = [m for start in range(0, len(data), chunk) for m in decoder.feed(data[start : start + chunk])]
    assert_same(received, [first, second])


def test_what_is_of_no_known_class_does_not_pass():
    with pytest.raises(TypeError, match="does not pass"):
        encode_message(Request(1, "echo", {"value": object()}))


def test_a_message_of_no_known_class_is_refused():
    data = b"".join(bytes(part) for part in encode_message(Request(1, "echo")))
    with pytest.raises(KeyError):
        list(Decoder().feed(data.replace(b"Request", b"Quarrel")))


@pytest.mark.parametrize("value", [np.array([object()]), np.array(["words"])])
def test_arrays_of_objects_or_words_do_not_pass(value):
    with pytest.raises(TypeError, match="do not pass"):
        encode_message(Result(1, value))
    data = b"".join(bytes(part) for part in encode_message(Result(1, np.zeros(1))))
    with pytest.raises(ValueError, match="do not pass"):
        list(Decoder().feed(data.replace(b'"<f8"', b'"|O8"')))


def test_noise_is_no_message():
    with pytest.raises(ValueError, match="no message"):
        list(Decoder().feed(b"Blender 5.2.0\n"))


def test_a_further_photo_arrives_with_its_fit_and_its_pixels():
    asset = make_asset()
    code = HeadCode(asset.identity, np.array(list(asset.expression.values())), asset.pose)
    fitted = FittedPhoto(asset.photo, code, asset.camera)
    (packed,) = pack_head(replace(asset, further=(fitted,))).asset.further
    assert not packed.photo.pixels.size
    ((received),) = send(Request(1, "repaint", {"further": [PackedPhoto(encode_photo(asset.photo), packed)]}))
    assert_same(unpack_photo(received.arguments["further"][0]), fitted)
