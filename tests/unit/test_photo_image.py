"""Reading photos: orientation, focal length, colour, depth, alpha, animations, size limits and hostile files."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
from likeness.core.errors import PhotoError
from likeness.core.photo import decode
from likeness.core.photo.exif import FILM_DIAGONAL_MM, focal_length_px
from likeness.core.photo.image import MIN_SIDE, load_photo, photo_from_pixels
from PIL import ExifTags, Image, ImageCms

SIDE = 96


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Smooth, in colour, and unlike itself under every turn and mirroring; 96 wide, 128 high."""
    y, x = np.mgrid[:128, :SIDE] / 128
    return Image.fromarray(np.rint(np.stack([40 + 180 * x, 30 + 200 * y, 60 + 90 * x * y], -1)).astype(np.uint8))


def save(picture: Image.Image, path, **options):
    picture.save(path, **options)
    return path


def exif_bytes(base: dict | None = None, camera: dict | None = None) -> bytes:
    exif = Image.Exif()
    exif.update(base or {})
    exif.get_ifd(ExifTags.IFD.Exif).update(camera or {})
    return exif.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_every_exif_orientation_gives_the_same_upright_photo(tmp_path, picture, orientation, suffix):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = picture.transpose(undo[orientation]) if orientation > 1 else picture
    options = {".jpg": {"quality": 98, "subsampling": 0}, ".webp": {"lossless": True}}.get(suffix, {})
    path = save(stored, tmp_path / f"photo{suffix}", exif=exif_bytes({ExifTags.Base.Orientation: orientation}), **options)
    photo = load_photo(path)
    assert photo.pixels.shape == (128, SIDE, 3)
    np.testing.assert_allclose(photo.pixels.astype(int), np.asarray(picture, int), atol=4 if suffix == ".jpg" else 0)
    if suffix != ".tif":  # Pillow turns a TIFF itself
        assert any("turned upright" in note for note in photo.notes) == (orientation != 1)


def test_the_hash_is_of_the_files_bytes(tmp_path, picture):
    path = save(picture, tmp_path / "photo.png")
    photo = load_photo(str(path))
    assert photo.sha256 == sha256(path.read_bytes()).hexdigest()
    assert photo.source == str(path)
    assert photo.notes == ()
    assert photo.alpha is None
    assert photo.focal_px is None


def test_the_film_equivalent_focal_length_is_by_the_diagonal(tmp_path, picture):
    exif = exif_bytes(camera={ExifTags.Base.FocalLengthIn35mmFilm: 50})
    assert load_photo(save(picture, tmp_path / "a.jpg", exif=exif)).focal_px == pytest.approx(50 * 160 / FILM_DIAGONAL_MM)


@pytest.mark.parametrize("unit,density", [(2, 25.4), (3, 10.0), (4, 1.0)])
def test_focal_length_and_sensor_density_give_pixels_for_the_resized_photo(unit, density):
    tags = {
        ExifTags.Base.FocalLength: 85.0, ExifTags.Base.FocalPlaneXResolution: 100 * density,
        ExifTags.Base.FocalPlaneResolutionUnit: unit, ExifTags.Base.ExifImageWidth: 6000, ExifTags.Base.ExifImageHeight: 4000,
    }  # fmt: skip
    assert focal_length_px(tags, (6000, 4000))[0] == pytest.approx(8500)
    assert focal_length_px(tags, (1500, 1000))[0] == pytest.approx(2125)


def test_a_cropped_photo_has_no_focal_length():
    tags = {ExifTags.Base.FocalLengthIn35mmFilm: 50, ExifTags.Base.ExifImageWidth: 6000, ExifTags.Base.ExifImageHeight: 4000}
    focal_px, notes = focal_length_px(tags, (2000, 2000))
    assert focal_px is None
    assert "cropped" in notes[0]


@pytest.mark.parametrize("value", [0, 1, 65535, float("nan"), "fifty"])
def test_an_implausible_focal_length_is_not_used(value):
    assert focal_length_px({ExifTags.Base.FocalLengthIn35mmFilm: value}, (600, 400))[0] is None


def test_damaged_exif_is_ignored(tmp_path, picture):
    exif = bytearray(exif_bytes({ExifTags.Base.Orientation: 6}, {ExifTags.Base.FocalLengthIn35mmFilm: 50}))
    random = np.random.default_rng(0)
    for _ in range(30):
        exif[random.integers(8, len(exif))] = random.integers(256)
        photo = load_photo(save(picture, tmp_path / "a.jpg", exif=bytes(exif)))
        assert photo.focal_px is None or photo.focal_px > 0


def test_the_focal_length_follows_the_reduction_of_a_large_photo(tmp_path, picture):
    exif = exif_bytes({ExifTags.Base.Orientation: 6}, {ExifTags.Base.FocalLengthIn35mmFilm: 50})
    photo = load_photo(save(picture.resize((6000, 8000)), tmp_path / "large.jpg", exif=exif))
    assert photo.pixels.shape == (3072, 4096, 3)
    assert photo.focal_px == pytest.approx(50 * math.hypot(3072, 4096) / FILM_DIAGONAL_MM)
    assert any("reduced from 6000 x 8000" in note for note in photo.notes)


def test_an_srgb_profile_changes_nothing(tmp_path, picture):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(load_photo(save(picture, tmp_path / "a.png", icc_profile=profile)).pixels, np.asarray(picture))


def matrix_profile(columns: np.ndarray, gamma: float, description: str) -> bytes:
    """A minimal ICC v2 display profile: columns [3, 3] XYZ (D50) of red, green, blue, and one gamma."""
    import struct

    def xyz(values):
        return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    text = description.encode()
    desc = b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    tags = [(b"desc", desc), (b"cprt", b"text" + bytes(4) + b"none\0"), (b"wtpt", xyz((0.9642, 1.0, 0.8249)))]
    tags += [(name, xyz(c)) for name, c in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags:
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content
    header = struct.pack(">I4sI4s4s4s", offset + len(body), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    header += bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


SRGB_COLUMNS = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_an_embedded_profile_is_converted_to_srgb(tmp_path, picture, suffix):
    """Red and green primaries swapped: after conversion the channels must have changed places."""
    swapped = matrix_profile(SRGB_COLUMNS[:, [1, 0, 2]], 2.2, "Swapped")
    options = {"quality": 98, "subsampling": 0} if suffix == ".jpg" else {}
    photo = load_photo(save(picture, tmp_path / f"a{suffix}", icc_profile=swapped, **options))
    np.testing.assert_allclose(photo.pixels.astype(int), np.asarray(picture, int)[..., [1, 0, 2]], atol=9)
    assert any("Swapped" in note for note in photo.notes)


def test_a_damaged_profile_is_ignored_with_a_note(tmp_path, picture):
    photo = load_photo(save(picture, tmp_path / "a.png", icc_profile=b"not a profile" * 20))
    assert np.array_equal(photo.pixels, np.asarray(picture))
    assert any("profile is damaged" in note for note in photo.notes)


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_without_a_profile_is_read_approximately(tmp_path, picture, suffix):
    options = {"quality": 98, "subsampling": 0} if suffix == ".jpg" else {}
    photo = load_photo(save(picture.convert("CMYK"), tmp_path / f"a{suffix}", **options))
    np.testing.assert_allclose(photo.pixels.astype(int), np.asarray(picture, int), atol=6)
    assert any("CMYK" in note for note in photo.notes)


def test_cmyk_with_a_profile_for_rgb_is_read_with_a_note(tmp_path, picture):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = load_photo(save(picture.convert("CMYK"), tmp_path / "a.tif", icc_profile=profile))
    assert any("ignored" in note for note in photo.notes)


def test_lab_is_converted(tmp_path, picture):
    from skimage.color import rgb2lab

    lab = rgb2lab(np.asarray(picture))
    bands = [lab[..., 0] * 2.55, lab[..., 1] + 128, lab[..., 2] + 128]
    stored = Image.merge("LAB", [Image.fromarray(np.rint(band).astype(np.uint8)) for band in bands])
    photo = load_photo(save(stored, tmp_path / "a.tif"))
    difference = np.abs(photo.pixels.astype(int) - np.asarray(picture, int))
    assert difference.mean() < 5, "Lab here is relative to D65, in the file to D50"
    assert np.percentile(difference, 95) < 24


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_keeps_its_tones(tmp_path, suffix):
    tones = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (SIDE, 1))
    photo = load_photo(save(Image.fromarray(tones), tmp_path / f"a{suffix}"))
    np.testing.assert_allclose(photo.pixels[0, :, 1], np.arange(256), atol=1)


@pytest.mark.parametrize("suffix,channels", [(".png", 3), (".png", 4), (".tif", 3)])
def test_16_bit_colour_keeps_its_tones(tmp_path, suffix, channels):
    from skimage.io import imsave

    tones = np.zeros((SIDE, 256, channels), np.uint16)
    tones[..., 0], tones[..., 1] = np.linspace(0, 65535, 256), np.linspace(65535, 0, 256)
    tones[..., 3:] = 65535
    write_16_bit(tmp_path / f"a{suffix}", tones, imsave)
    photo = load_photo(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(photo.pixels[5, :, 0], np.arange(256), atol=1)
    np.testing.assert_allclose(photo.pixels[5, :, 1], np.arange(256)[::-1], atol=1)


def write_16_bit(path, tones: np.ndarray, imsave) -> None:
    """16-bit colour by the formats' own rules (Pillow cannot write it)."""
    import struct
    import zlib

    if path.suffix == ".tif":
        imsave(path, tones, check_contrast=False)
        return
    height, width, channels = tones.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in tones)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.mark.parametrize("scale", [1.0, 255.0, 65535.0, 3.0e6])
def test_float_grey_is_scaled_by_its_largest_value(tmp_path, scale):
    tones = np.tile(np.linspace(0, scale, 256).astype(np.float32), (SIDE, 1))
    photo = load_photo(save(Image.fromarray(tones), tmp_path / "a.tif"))
    np.testing.assert_allclose(photo.pixels[0, :, 2], np.arange(256), atol=1)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA"])
def test_grey_palette_and_bitmap_are_read_as_colour(tmp_path, picture, mode):
    photo = load_photo(save(picture.convert(mode), tmp_path / "a.png"))
    assert photo.pixels.shape == (128, SIDE, 3)
    assert photo.pixels.dtype == np.uint8
    expected = np.asarray(picture.convert("L" if mode == "LA" else mode).convert("RGB"))
    assert np.array_equal(photo.pixels, expected)


def test_alpha_is_kept_and_shown_on_grey(tmp_path, picture):
    alpha = np.zeros((128, SIDE), np.uint8)
    alpha[:40], alpha[40:80] = 255, 128
    path = save(Image.merge("RGBA", [*picture.split(), Image.fromarray(alpha)]), tmp_path / "a.png")
    photo = load_photo(path)
    assert np.array_equal(photo.alpha, alpha)
    assert np.array_equal(photo.pixels[:40], np.asarray(picture)[:40])
    np.testing.assert_allclose(photo.pixels[50].astype(float), (np.asarray(picture)[50].astype(float) + 128) / 2, atol=1)
    assert np.all(photo.pixels[90] == 128)


def test_every_opacity_of_every_value_is_blended_to_the_nearest_level():
    value, opacity = np.mgrid[:256, :256]
    photo = photo_from_pixels(np.stack([value, value, value, opacity], -1).astype(np.uint8))
    expected = np.rint((value * opacity + 128 * (255 - opacity)) / 255)
    assert np.array_equal(photo.pixels[..., 0], expected)


def test_opaque_alpha_counts_as_none(tmp_path, picture):
    assert load_photo(save(picture.convert("RGBA"), tmp_path / "a.png")).alpha is None


def test_a_transparent_palette_colour_is_alpha(tmp_path, picture):
    indexed = picture.quantize(8)
    photo = load_photo(save(indexed, tmp_path / "a.png", transparency=int(np.asarray(indexed)[0, 0])))
    assert photo.alpha is not None
    assert photo.alpha[0, 0] == 0
    assert photo.alpha.max() == 255


def test_a_fully_transparent_picture_is_refused(tmp_path, picture):
    clear = picture.convert("RGBA")
    clear.putalpha(0)
    with pytest.raises(PhotoError, match="transparent"):
        load_photo(save(clear, tmp_path / "a.png"))


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_the_first_frame_of_an_animation_is_used(tmp_path, picture, suffix):
    options = {"lossless": True} if suffix == ".webp" else {}
    frames = [picture.rotate(90, expand=False), picture.rotate(180)]
    photo = load_photo(save(picture, tmp_path / f"a{suffix}", save_all=True, append_images=frames, **options))
    np.testing.assert_allclose(photo.pixels.astype(int), np.asarray(picture, int), atol=40 if suffix == ".gif" else 1)
    assert any("first of its 3 frames" in note for note in photo.notes)


def test_avif_is_read(tmp_path, picture):
    photo = load_photo(save(picture, tmp_path / "a.avif", quality=95))
    np.testing.assert_allclose(photo.pixels.astype(int), np.asarray(picture, int), atol=12)


def test_heic_is_read_upright(tmp_path, picture):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    exif = exif_bytes({ExifTags.Base.Orientation: 6}, {ExifTags.Base.FocalLengthIn35mmFilm: 26})
    stored = picture.transpose(Image.Transpose.ROTATE_90)
    photo = load_photo(save(stored, tmp_path / "a.heic", exif=exif, quality=95))
    assert photo.pixels.shape == (128, SIDE, 3)
    np.testing.assert_allclose(photo.pixels.astype(int), np.asarray(picture, int), atol=14)
    assert photo.focal_px == pytest.approx(26 * 160 / FILM_DIAGONAL_MM)


def test_heic_without_its_reader_says_what_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
    monkeypatch.setattr(decode, "_register_heif", lambda: False)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(PhotoError, match="pillow-heif"):
        load_photo(path)


def refused(path, *words: str) -> None:
    """load_photo raises PhotoError with one sentence that names the file and says what to do."""
    with pytest.raises(PhotoError) as caught:
        load_photo(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_missing_file_is_refused(tmp_path):
    refused(tmp_path / "none.jpg", "does not exist", "check the path")


def test_a_directory_is_refused(tmp_path):
    refused(tmp_path, "is a folder", "choose")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jpg").touch()
    refused(tmp_path / "a.jpg", "is empty", "again")


def test_text_renamed_jpg_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_text("This is not a picture.\n" * 40)
    refused(tmp_path / "a.jpg", "not a photo", "choose a JPEG")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".gif", ".bmp"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_truncated_picture_is_refused(tmp_path, suffix, share):
    random = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    path = save(Image.fromarray(random), tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refused(path, "again")


def test_one_pixel_is_refused(tmp_path):
    refused(save(Image.new("RGB", (1, 1)), tmp_path / "a.png"), "1 x 1", f"{MIN_SIDE} x {MIN_SIDE}")


def test_a_long_thin_picture_is_refused(tmp_path):
    refused(save(Image.new("L", (60_000, 100)), tmp_path / "a.png"), "narrow")


@pytest.mark.skipif(sys.platform == "win32", reason="chmod does not take the right to read here")
def test_an_unreadable_file_is_refused(tmp_path, picture):
    path = save(picture, tmp_path / "a.png")
    path.chmod(0)
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        refused(path, "may not be read")
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    refused(tmp_path / "a.jpg", "choose a photo file")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".tif", ".avif", ".bmp", ".jp2", ".ppm"])
def test_damaged_bytes_give_a_photo_or_a_photo_error(tmp_path, picture, suffix):
    whole = save(picture, tmp_path / f"whole{suffix}").read_bytes()
    random = np.random.default_rng(1)
    for number in range(25):
        data = bytearray(whole)
        for position in random.integers(0, min(len(data), 600 if number % 2 else len(data)), 6):
            data[position] = random.integers(256)
        path = tmp_path / f"a{suffix}"
        path.write_bytes(data)
        try:
            photo = load_photo(path)
        except PhotoError:
            continue
        assert photo.pixels.shape[2] == 3


def test_pillows_own_pixel_limit_is_as_before(tmp_path, picture):
    before = Image.MAX_IMAGE_PIXELS
    load_photo(save(picture, tmp_path / "a.png"))
    refused(tmp_path / "none.png")
    assert before == Image.MAX_IMAGE_PIXELS


def header_only_png(path, width: int, height: int, colour_type: int):
    """A PNG that declares a size and carries next to nothing."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


@pytest.mark.parametrize("size", [(20_000, 20_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_beyond_the_memory_limit_is_refused_before_it_is_decoded(tmp_path, size):
    refused(header_only_png(tmp_path / "bomb.png", *size, 2), "too large", "at most")


MEASURE = """
import sys
from likeness.core.photo.image import load_photo
photo = load_photo(sys.argv[1])
assert photo.pixels.shape == (4096, 4096, 3), photo.pixels.shape
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own account of a process")
def test_a_20000_pixel_jpeg_is_read_within_a_gigabyte(tmp_path):
    path = save(Image.new("L", (20_000, 20_000), 90), tmp_path / "huge.jpg", quality=50)
    result = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    assert int(result.stdout) < 1_000_000


def test_reducing_by_strips_equals_reducing_at_once(monkeypatch):
    random = np.random.default_rng(3).integers(0, 256, (413, 301, 3), np.uint8)
    image = Image.fromarray(random)
    monkeypatch.setattr(decode, "_STRIP_PIXELS", 301 * 12)
    assert np.array_equal(np.asarray(decode._reduce_strips(image, 4, 255.0)), np.asarray(image.reduce(4)))


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("dtype,white", [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1.0), (np.float64, 1.0)])
def test_pixels_in_memory_become_a_photo(channels, dtype, white):
    shape = (80, 100) if channels is None else (80, 100, channels)
    photo = photo_from_pixels(np.full(shape, white, dtype), source="a render", focal_px=120.0)
    assert photo.pixels.shape == (80, 100, 3)
    assert np.all(photo.pixels == 255)
    assert photo.source == "a render"
    assert photo.focal_px == 120.0
    assert len(photo.sha256) == 64


def test_large_pixels_in_memory_are_reduced_with_their_focal_length():
    photo = photo_from_pixels(np.zeros((5000, 1000, 3), np.uint8), focal_px=5000.0)
    assert photo.pixels.shape == (4096, 819, 3)
    assert photo.focal_px == pytest.approx(4096)


@pytest.mark.parametrize(
    "array",
    [np.zeros((80,)), np.zeros((80, 80, 5)), np.zeros((0, 80, 3)), np.zeros((80, 80, 3), np.int64), np.zeros((80, 80), complex)],
)
def test_pixels_of_another_kind_are_refused(array):
    with pytest.raises(PhotoError, match="give"):
        photo_from_pixels(array)
