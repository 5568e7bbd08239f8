"""A variant with the same model files as another one: linked on the disk where that can be, so that they take no room.

A hard link is a second name of one file. Each folder stays whole when the other is deleted, and a file is never
changed once its variant is made, so nobody can tell the two from copies.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from workbench.convert.build import copy_companions
from workbench.models.manifest import is_model_file
from workbench.models.variant import Variant

# Not the files in which an ONNX graph keeps its weights: onnx refuses to read one that has two names, wherever it
# is opened from, since a link can smuggle in a file from elsewhere.
LINKED = {"onnxruntime": (".onnx",), "openvino": (".onnx", ".xml", ".bin")}


def link_files(parent: Variant, work: Path) -> None:
    """Puts the files of a variant into another folder: those of the model linked, config and samples copied.

    Args:
        parent: A variant on disk.
        work: The folder of the variant that is being made.

    Raises:
        OSError: A file could neither be linked nor copied.
    """
    assert parent.path is not None
    copy_companions(parent, work)
    for name in filter(is_model_file, parent.files):
        target = work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(LINKED[parent.runtime]):
            link_file(parent.path / name, target)
        else:
            shutil.copyfile(parent.path / name, target)


def link_file(source: Path, target: Path) -> None:
    """Gives a file a second name; where the file system has no hard links, or it is another one, copies it.

    Raises:
        OSError: It could not be copied either.
    """
    try:
        os.link(source.resolve(), target)  # resolved: the second name of a symbolic link would lead astray
    except OSError:
        shutil.copyfile(source, target)
