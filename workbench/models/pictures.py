"""Pictures that somebody brings: read, brought into the form that models take, and kept where code finds them again."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.models.workspace import Workspace, slug

if TYPE_CHECKING:
    from PIL.Image import Image

FOLDER = "pictures"
LARGEST = 1024  # pixels along a side: models look at a few hundred


def keep_picture(content: bytes, name: str, *, mode: str = "RGB") -> Path:
    """Keeps a picture in the workspace, upright, in a mode that models take, and not larger than need be.

    Args:
        content: The file as it was brought: PNG, JPEG, or whatever Pillow reads.
        name: What it was called.
        mode: "RGB", or "L" for models that look at shades of grey.

    Returns:
        A PNG file; the same one for the same picture.

    Raises:
        ValueError: This is no picture that can be read.
    """
    picture = read_picture(content, name, mode)
    packed = io.BytesIO()
    picture.save(packed, "PNG")
    digest = hashlib.sha256(packed.getvalue()).hexdigest()[:10]
    path = Workspace().root / FOLDER / f"{slug(Path(name).stem)[:40]}-{digest}.png"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        partial.write_bytes(packed.getvalue())
        partial.replace(path)
    return path


def read_picture(content: bytes, name: str, mode: str = "RGB") -> Image:
    """A picture from the bytes of its file, upright and of a bearable size.

    Raises:
        ValueError: This is no picture that can be read.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content)) as opened:
            opened.draft(mode, (LARGEST, LARGEST))  # large JPEGs are read smaller
            picture = ImageOps.exif_transpose(opened)
            if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
                ground = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(ground, picture.convert("RGBA"))
            picture = picture.convert(mode)
    except Exception as error:  # every format fails in its own way
        raise ValueError(
            f"{name!r} is no picture that can be read ({type(error).__name__}). Give a PNG or a JPEG."
        ) from error
    picture.thumbnail((LARGEST, LARGEST))
    return picture
