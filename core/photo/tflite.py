"""Runs a .tflite network with NumPy alone: the operators of the landmark networks and no others.

Rule of this file: a file is checked when it is loaded, so that `run` can only fail on a wrong input shape.
4-D tensors (1, H, W, C in the file) are held as [C, H, W]; all others as in the file.
Source: the TensorFlow Lite schema (schema.fbs, version 3) for the field numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from . import operators
from .flatbuffer import Table, read_flex_map, read_root

_BUILTIN_NAMES = {
    0: "ADD", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE", 17: "MAX_POOL_2D",
    18: "MUL", 19: "RELU", 22: "RESHAPE", 32: "CUSTOM", 34: "PAD", 45: "STRIDED_SLICE", 54: "PRELU",
}  # fmt: skip
_DTYPES = {0: "<f4", 1: "<f2", 2: "<i4"}
_DAMAGE = (struct.error, IndexError, KeyError, ValueError, OverflowError, TypeError, AttributeError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Step:
    """One operator: inputs and outputs are tensor numbers; apply maps the inputs that are not constant to the output."""

    name: str
    inputs: tuple[int, ...]
    output: int
    options: dict[str, Any]
    apply: Callable[..., np.ndarray]


@dataclass(frozen=True)
class Network:
    """A loaded network. input_shape (height, width, channels); output_names, tensor_names -> tensor number; last_use: tensor ->
    step number."""

    input_shape: tuple[int, int, int]
    input_tensor: int
    output_names: dict[str, int]
    tensor_names: dict[str, int]
    steps: tuple[Step, ...]
    last_use: dict[int, int]

    def run(self, image: np.ndarray, also: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """image [H, W, C] float32 of input_shape -> name -> array ([C, H, W] or as in the file) of the outputs and of the inner
        tensors named in `also`."""
        if image.shape != self.input_shape:
            raise ValueError(f"the network reads images of shape {self.input_shape}, not {image.shape}")
        wanted = self.output_names | {name: self.tensor_names[name] for name in also}
        kept = set(wanted.values())
        values = {self.input_tensor: np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)}
        for number, step in enumerate(self.steps):
            values[step.output] = step.apply(*(values[i] for i in step.inputs))
            for used in step.inputs:
                if self.last_use[used] == number and used not in kept:
                    del values[used]
        return {name: values[tensor] for name, tensor in wanted.items()}


def load_network(path: Path) -> Network:
    """Read a .tflite file. Raises ModelError when it is missing, damaged or uses an operator that is not known here."""
    try:
        return parse_network(path.read_bytes())
    except OSError as error:
        raise ModelError(
            f"The network {path} is missing ({error.strerror}): run `make assets`, or reinstall the extension."
        ) from error
    except ModelError as error:
        raise ModelError(f"The network {path} is damaged ({error}): run `make assets`, or reinstall the extension.") from error


def parse_network(data: bytes) -> Network:
    """A .tflite file's bytes -> Network; ModelError says what is wrong with them."""
    try:
        return _Parser(read_root(data, b"TFL3")).network()
    except _DAMAGE as error:
        raise ModelError(str(error) or type(error).__name__) from error


class _Parser:
    """The tables of one file, and the constants found on the way (weights are stored as float16 behind DEQUANTIZE)."""

    def __init__(self, model: Table) -> None:
        if model.scalar(0, "<I") != 3:
            raise ValueError(f"schema version {model.scalar(0, '<I')} is not 3")
        (self.graph,) = model.tables(2)
        self.codes = [(max(c.scalar(0, "<b"), c.scalar(3, "<i")), c.text(1)) for c in model.tables(1)]
        self.buffers = model.tables(4)
        self.tensors = self.graph.tables(0)
        self.shapes = [tuple(int(n) for n in t.array(0, "<i4")) for t in self.tensors]
        self.constants: dict[int, np.ndarray] = {}

    def network(self) -> Network:
        (input_tensor,) = (int(i) for i in self.graph.array(1, "<i4"))
        outputs = {self.tensors[i].text(3): int(i) for i in self.graph.array(2, "<i4")}
        steps = tuple(step for op in self.graph.tables(3) if (step := self.step(op)) is not None)
        known = {input_tensor}
        last_use: dict[int, int] = {}
        for number, step in enumerate(steps):
            if not known.issuperset(step.inputs):
                raise ValueError(f"operator {number} ({step.name}) reads a tensor that nothing has written")
            known.add(step.output)
            last_use |= dict.fromkeys(step.inputs, number)
        if not known.issuperset(outputs.values()):
            raise ValueError("an output is never written")
        last_use |= dict.fromkeys(outputs.values(), len(steps))
        batch, height, width, channels = self.shapes[input_tensor]
        if batch != 1:
            raise ValueError(f"the batch size is {batch}, not 1")
        names = {self.tensors[step.output].text(3): step.output for step in steps}
        return Network((height, width, channels), input_tensor, outputs, names, steps, last_use)

    def step(self, op: Table) -> Step | None:
        """An operator's Step, or None for one that was carried out now because it only unpacks a constant."""
        code, custom_name = self.codes[op.scalar(0, "<I")]
        if code not in _BUILTIN_NAMES:
            raise ValueError(f"operator {code} is not supported")
        name = custom_name if code == 32 else _BUILTIN_NAMES[code]
        inputs = [int(i) for i in op.array(1, "<i4")]
        (output,) = (int(i) for i in op.array(2, "<i4"))
        if name == "DEQUANTIZE":
            self.constants[output] = self.constant(inputs[0]).astype(np.float32)
            return None
        flexible = read_flex_map(op.raw(5)) if code == 32 else {}
        used, apply = self.compile(name, inputs, output, op.table(4), flexible)
        return Step(name, tuple(used), output, flexible, apply)

    def constant(self, tensor: int) -> np.ndarray:
        """A constant tensor in the file's own order."""
        if tensor in self.constants:
            return self.constants[tensor]
        table = self.tensors[tensor]
        values = np.frombuffer(self.buffers[table.scalar(2, "<I")].array(0, "u1").tobytes(), _DTYPES[table.scalar(1, "<b")])
        return values.reshape(self.shapes[tensor])

    def is_constant(self, tensor: int) -> bool:
        return tensor in self.constants or self.buffers[self.tensors[tensor].scalar(2, "<I")].array(0, "u1").size > 0

    def compile(
        self, name: str, inputs: list[int], output: int, options: Table | None, flexible: dict[str, Any]
    ) -> tuple[list[int], Callable[..., np.ndarray]]:
        """Bind an operator to its constants -> the inputs it reads at run time, and the function of them."""
        first, shape = inputs[0], self.shapes[output]
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            return [first], self.convolution(name, inputs, options)
        if name == "MAX_POOL_2D":
            return [first], self.pooling(options)
        if name == "PRELU":
            slope = self.constant(inputs[1]).reshape(-1)
            prelu = operators.prelu if np.all(slope <= 1) else operators.prelu_steep
            return [first], lambda x: prelu(x, slope)
        if name == "RELU":
            return [first], operators.relu
        if name == "PAD":
            batch, rows, columns, channels = self.constant(inputs[1]).tolist()
            if any(batch) or min(rows + columns + channels) < 0:
                raise ValueError("this padding is not supported")
            before, after = zip(channels, rows, columns, strict=True)
            return [first], lambda x: operators.pad_planes(x, before, after)
        if name in ("ADD", "MUL"):
            return self.binary(name, inputs, options)
        if name == "RESHAPE":
            is_image, to_image = len(self.shapes[first]) == 4, len(shape) == 4
            return [first], lambda x: _to_internal(_to_file_order(x, is_image).reshape(shape), to_image)
        if name == "CONCATENATION":
            axis = options.scalar(0, "<i") if options else 0
            if len(shape) == 4 or (options and options.scalar(1, "<b")):
                raise ValueError("this concatenation is not supported")
            return inputs, lambda *parts: np.concatenate(parts, axis)
        if name == "STRIDED_SLICE":
            begin, end, strides = (self.constant(i).tolist() for i in inputs[1:4])
            if begin != [0] * 4 or end != list(self.shapes[first]) or strides != [1] * 4:
                raise ValueError("only a slice of the whole tensor is supported")
            return [first], lambda x: x
        if name == "Landmarks2TransformMatrix":
            return [first], lambda points: operators.landmarks_to_matrix(points, flexible)
        if name == "TransformTensorBilinear":
            size = (flexible["output_height"], flexible["output_width"])
            return inputs, lambda x, matrix: operators.transform_image(x, matrix, size)
        if name == "TransformLandmarks":
            return inputs, operators.transform_points
        raise ValueError(f"operator {name} is not supported")

    def convolution(self, name: str, inputs: list[int], options: Table | None) -> Callable[..., np.ndarray]:
        """Options: 0 padding (0 same, 1 valid), 1 stride_w, 2 stride_h, 3 activation (4 if depthwise), then dilation w, h."""
        is_depthwise = name == "DEPTHWISE_CONV_2D"
        weights = np.ascontiguousarray(self.constant(inputs[1]), np.float32)
        bias = self.constant(inputs[2])
        if options is None or weights.ndim != 4 or bias.shape != weights.shape[3 if is_depthwise else 0 :][:1]:
            raise ValueError("a convolution's weights and bias do not fit")
        activation = options.scalar(4 if is_depthwise else 3, "<b")
        dilation = (options.scalar(5 if is_depthwise else 4, "<i", 1), options.scalar(6 if is_depthwise else 5, "<i", 1))
        if activation or dilation != (1, 1):
            raise ValueError("fused activations and dilation are not supported")
        stride, same = (options.scalar(2, "<i"), options.scalar(1, "<i")), options.scalar(0, "<b") == 0
        if min(stride) < 1:
            raise ValueError("a stride is not positive")
        function = operators.depthwise_conv2d if is_depthwise else operators.conv2d
        return lambda x: function(x, weights, bias, stride, same)

    def pooling(self, options: Table | None) -> Callable[..., np.ndarray]:
        """Options: 0 padding, 1 stride_w, 2 stride_h, 3 filter_width, 4 filter_height, 5 activation."""
        if options is None or options.scalar(5, "<b"):
            raise ValueError("this pooling is not supported")
        kernel, stride = (options.scalar(4, "<i"), options.scalar(3, "<i")), (options.scalar(2, "<i"), options.scalar(1, "<i"))
        same = options.scalar(0, "<b") == 0
        if min(*kernel, *stride) < 1:
            raise ValueError("a pooling window is empty")
        return lambda x: operators.max_pool(x, kernel, stride, same)

    def binary(self, name: str, inputs: list[int], options: Table | None) -> tuple[list[int], Callable[..., np.ndarray]]:
        if options is not None and options.scalar(0, "<b"):
            raise ValueError("fused activations are not supported")
        function = np.add if name == "ADD" else np.multiply
        if not self.is_constant(inputs[1]):
            return inputs, function
        factor = self.constant(inputs[1])
        if len(self.shapes[inputs[0]]) == 4:
            raise ValueError("a constant operand of an image is not supported")
        return inputs[:1], lambda x: function(x, factor)


def _to_file_order(x: np.ndarray, is_image: bool) -> np.ndarray:
    return x.transpose(1, 2, 0) if is_image else x


def _to_internal(x: np.ndarray, is_image: bool) -> np.ndarray:
    return np.ascontiguousarray(x[0].transpose(2, 0, 1)) if is_image else x
