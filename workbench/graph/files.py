"""The ONNX files behind what a caller gave, read without their weights, every node with a name of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from workbench.graph.names import walk_graphs
from workbench.models.onnx_nodes import name_nodes, walk_nodes
from workbench.models.slim import slim_copy
from workbench.models.variant import Variant, resolve_variant

if TYPE_CHECKING:
    from workbench.models.source import Source

Given = Variant | str | Path


@dataclasses.dataclass(frozen=True)
class GraphFile:
    """One ONNX file, without its weights.

    Attributes:
        name: Its name, such as `model.onnx`.
        path: Where it lies.
        model: What `slim_copy` made of it, with a name on every node.
        bytes: The file's size.
    """

    name: str
    path: Path
    model: onnx.ModelProto = dataclasses.field(repr=False)
    bytes: int


@dataclasses.dataclass(frozen=True)
class Graphs:
    """What a caller gave to look into: a title, the variant if it is one, and its files."""

    title: str
    variant: Variant | None
    paths: tuple[Path, ...]

    def __iter__(self) -> Iterator[GraphFile]:
        """Reads the files one after the other."""
        for path in self.paths:
            model = slim_copy(path)
            name_all_nodes(model)
            yield GraphFile(path.name, path, model, path.stat().st_size)


def open_graphs(value: Given | Source) -> Graphs:
    """Finds the ONNX files of a variant, of a variant's folder, or of a plain `.onnx` file.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: It is PyTorch, or has no ONNX file.
        TypeError: It is something else.
    """
    if isinstance(value, str | Path) and Path(value).suffix == ".onnx" and not Path(value).is_dir():
        path = Path(value).absolute()
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist. Give an .onnx file, or a variant.")
        return Graphs(path.name, None, (path,))
    variant = resolve_variant(value)
    if not variant.onnx_files and variant.runtime == "openvino":
        raise ValueError(
            f"The graph of {variant.name} of {variant.origin.source} is in OpenVINO's own format, which is not read "
            "here. Look into the variant that it was made from: variant.parent."
        )
    if not variant.onnx_files:
        raise ValueError(
            f"{variant.name} of {variant.origin.source} has no ONNX graph to look into. "
            "Export it first: wb.export_onnx(source)."
        )
    return Graphs(f"{variant.name} of {variant.origin.source}", variant, variant.onnx_files)


def name_all_nodes(model: onnx.ModelProto) -> None:
    """Gives every node a name of its own, the same each time: viewers and results speak of nodes by name.

    Nodes that have a unique name keep it; one without gets one from its operator and its place in its graph.
    """
    for graph in walk_graphs(model.graph):
        name_nodes(graph)
    taken: set[str] = set()
    for index, node in enumerate(walk_nodes(model.graph)):
        if node.name in taken:
            node.name = f"{node.name}#{index}"
        taken.add(node.name)


def pick_file(files: Mapping[str, object] | tuple[str, ...], name: str | None) -> str:
    """The file that a caller means: the one named, or the only one.

    Raises:
        ValueError: There are several and none was named, or there is none of that name.
    """
    names = tuple(files)
    if name is None and len(names) == 1:
        return names[0]
    if name not in names:
        raise ValueError(
            f"There are {len(names)} files: {', '.join(names)}. Name one of them: file={names[0]!r}"
            + (f" (got {name!r})." if name is not None else ".")
        )
    return name
