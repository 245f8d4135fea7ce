"""The meshes and landmarks that benchmarks bring: read in every form, refused in one sentence where they are broken."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from likeness.core.errors import EvaluationError
from likeness.core.evaluation.landmark_files import find_landmarks, read_landmarks
from likeness.core.evaluation.meshes import describe_obj, read_mesh

VERTICES = np.array([[0.0, 0, 0], [1, 0, 0], [1, 2, 0], [0, 2, 0.5]])
TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]])
LANDMARKS = np.arange(21.0).reshape(7, 3) / 8
OBJ = b"# a quad\nv 0 0 0 .1 .2 .3\nv 1 0 0\nvn 0 0 1\nv 1 2 0\nv 0 2 .5\nvt 0 0\nf 1/1/1 2/1/1 3/1/1 4/1/1\n"


def binary_ply(order: str, faces: bytes, extra: str = "", count: int = 2) -> bytes:
    name = {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    header = (
        f"ply\nformat {name} 1.0\ncomment made by hand\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    )
    header += f"property uchar red\nelement face {count}\nproperty list uchar int vertex_indices\n{extra}end_header\n"
    body = b"".join(struct.pack(order + "fffB", *v, 200) for v in VERTICES)
    return header.encode() + body + faces


def packed_faces(order: str, tail: bytes = b"") -> bytes:
    return b"".join(struct.pack(order + "Biii", 3, *t) + tail for t in TRIANGLES)


ASCII_PLY = (
    b"ply\nformat ascii 1.0\nelement vertex 4\nproperty double x\nproperty double y\nproperty double z\nproperty uchar red\n"
    b"element face 1\nproperty list uchar int vertex_index\nend_header\n"
    b"0 0 0 9\n1 0 0 9\n1 2 0 9\n0 2 0.5 9\n4 0 1 2 3\n"
)
WHOLE = {
    "quad.obj": OBJ,
    "from_the_end.obj": OBJ.replace(b"f 1/1/1 2/1/1 3/1/1 4/1/1", b"f -4 -3 -2\nf -4 -2 -1"),
    "dos.obj": OBJ.replace(b"\n", b"\r\n"),
    "ascii.ply": ASCII_PLY,
    "little.ply": binary_ply("<", packed_faces("<")),
    "big.PLY": binary_ply(">", packed_faces(">")),
    "flags.ply": binary_ply("<", packed_faces("<", b"\x07"), "property uchar flags\n"),
    "quad.ply": binary_ply("<", struct.pack("<Biiii", 4, 0, 1, 2, 3), count=1),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_mesh_is_read_whatever_its_form(name, tmp_path):
    (tmp_path / name).write_bytes(WHOLE[name])
    mesh = read_mesh(tmp_path / name)
    assert np.array_equal(mesh.vertices, VERTICES)
    assert np.array_equal(mesh.triangles, TRIANGLES)


def test_a_mesh_comes_back_as_it_was_written(tmp_path):
    (tmp_path / "a.obj").write_text(describe_obj(VERTICES + 1 / 3, TRIANGLES))
    mesh = read_mesh(tmp_path / "a.obj")
    assert np.abs(mesh.vertices - VERTICES - 1 / 3).max() < 1e-6
    assert np.array_equal(mesh.triangles, TRIANGLES)
    assert all(len(line.split()) == 4 for line in describe_obj(VERTICES, TRIANGLES).splitlines())


def test_points_alone_are_a_scan_but_no_prediction(tmp_path):
    (tmp_path / "scan.obj").write_bytes(OBJ.partition(b"vt")[0])
    assert len(read_mesh(tmp_path / "scan.obj", needs_faces=False).vertices) == 4
    with pytest.raises(EvaluationError, match="no faces"):
        read_mesh(tmp_path / "scan.obj")


LITTLE = WHOLE["little.ply"]
BROKEN = {
    "missing.obj": None,
    "empty.obj": b"",
    "words.obj": b"v one two three\nf 1 1 1\n",
    "short.obj": b"v 0 0\nf 1 1 1\n",
    "nan.obj": OBJ.replace(b"v 1 2 0", b"v nan 2 0"),
    "far.obj": OBJ.replace(b"4/1/1", b"5/1/1"),
    "zero.obj": OBJ.replace(b"f 1/1/1", b"f 0/1/1"),
    "line.obj": OBJ.replace(b" 3/1/1 4/1/1", b""),
    "corner.obj": OBJ.replace(b"f 1/1/1", b"f x/1/1"),
    "huge.obj": OBJ.replace(b"f 1/1/1", b"f 99999999999999999999999"),
    "mesh.stl": OBJ,
    "empty.ply": b"",
    "headless.ply": b"ply\nformat ascii 1.0\nelement vertex 4\n",
    "unknown.ply": ASCII_PLY.replace(b"ascii", b"binary_middle"),
    "lies.ply": ASCII_PLY.replace(b"vertex 4", b"vertex 99999999999"),
    "negative.ply": ASCII_PLY.replace(b"vertex 4", b"vertex -4"),
    "cut.ply": LITTLE[:-5],
    "cut_vertices.ply": LITTLE[: LITTLE.index(b"end_header") + 20],
    "more_faces.ply": LITTLE.replace(b"face 2", b"face 200"),
    "many_corners.ply": binary_ply("<", b"\xff" + b"\x00" * 1200, count=1),
    "flat.ply": ASCII_PLY.replace(b"property double z", b"property double w"),
    "type.ply": ASCII_PLY.replace(b"double x", b"quad x"),
    "far.ply": ASCII_PLY.replace(b"4 0 1 2 3", b"4 0 1 2 9"),
    "long.ply": ASCII_PLY.replace(b"4 0 1 2 3", b"99 0 1 2 3"),
    "listed.ply": ASCII_PLY.replace(b"property double x", b"property list uchar double x"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_mesh_is_one_sentence(name, tmp_path):
    if BROKEN[name] is not None:
        (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(EvaluationError) as caught:
        read_mesh(tmp_path / name)
    assert str(caught.value).startswith(f"The mesh {tmp_path / name} cannot be read (")
    assert "\n" not in str(caught.value)


PICKED = "".join(f'<point x="{x}" active="1" z="{z}" y="{y}" name="{i}"/>\n' for i, (x, y, z) in enumerate(LANDMARKS))


def write_landmarks(path) -> None:
    if path.suffix == ".npy":
        np.save(path, LANDMARKS)
    elif path.suffix == ".txt":
        path.write_text("\n".join(",".join(map(str, row)) for row in LANDMARKS))
    else:
        path.write_text(f"<!DOCTYPE PickedPoints>\n<PickedPoints>\n{PICKED}</PickedPoints>\n")


@pytest.mark.parametrize("name", ["IMG_1.npy", "IMG_1.txt", "IMG_1.pp", "IMG_1_picked_points.pp"])
def test_landmarks_are_found_and_read_whatever_their_form(name, tmp_path):
    write_landmarks(tmp_path / name)
    assert find_landmarks(tmp_path, "IMG_1") == tmp_path / name
    assert np.array_equal(read_landmarks(tmp_path / name), LANDMARKS)


def test_landmarks_that_would_run_code_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"left": 1}], object), allow_pickle=True)
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_landmarks(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "name, content",
    [("a.npy", b"\x93NUMPY"), ("a.npy", b""), ("a.txt", b"1,2,3"), ("a.txt", b"\xff\xfe"), ("a.txt", b"a,b,c"),
     ("a.txt", b"nan " * 21), ("a.pp", b"<PickedPoints></PickedPoints>"), ("a.pp", b'<point x="1" y="2"/>' * 7), ("a.dat", b"")],
)  # fmt: skip
def test_broken_landmarks_are_one_sentence(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EvaluationError) as caught:
        read_landmarks(tmp_path / name)
    assert "give 7 points" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_of_landmarks_that_claims_more_than_the_file_has_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", LANDMARKS)
    data = (tmp_path / "a.npy").read_bytes().replace(b"(7, 3), }         ", b"(7000000000, 3), }")
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_landmarks(tmp_path / "a.npy")
