"""Pictures that somebody brings: upright, of a bearable size, in a mode that models take."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from workbench.models.pictures import LARGEST, keep_picture, read_picture


def pack(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    packed = io.BytesIO()
    picture.save(packed, kind, **options)
    return packed.getvalue()


def test_a_picture_is_kept_once(workspace):
    content = pack(Image.new("RGB", (8, 6), "red"))
    path = keep_picture(content, "../My picture!.png")
    assert path.is_relative_to(workspace)
    assert path.name.startswith("My-picture-")
    assert keep_picture(content, "../My picture!.png") == path
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    with Image.open(path) as kept:
        assert (kept.size, kept.mode) == ((8, 6), "RGB")
        assert kept.getpixel((3, 3)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "I;16", "1", "LA"])
def test_every_mode_becomes_one_that_models_take(mode):
    picture = Image.new(mode, (5, 4))
    content = pack(picture, "TIFF" if mode == "CMYK" else "PNG")
    assert read_picture(content, "x").mode == "RGB"
    assert read_picture(content, "x", "L").mode == "L"


def test_what_is_clear_becomes_white():
    assert read_picture(pack(Image.new("RGBA", (4, 4), (0, 0, 0, 0))), "x").getpixel((1, 1)) == (
        255,
        255,
        255,
    )


def test_a_large_one_shrinks_and_one_on_its_side_is_put_up():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    wide = pack(Image.new("RGB", (3 * LARGEST, LARGEST)), "JPEG", exif=exif)
    assert read_picture(wide, "x").size == (round(LARGEST / 3), LARGEST)


@pytest.mark.parametrize("content", [b"", b"no picture", pack(Image.new("RGB", (90, 90)))[:60]])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(ValueError, match=r"'x\.png' is no picture that can be read"):
        read_picture(content, "x.png")
