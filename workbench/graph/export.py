"""`export_graph`: a graph as a page that opens anywhere, as data for programs, or as a picture."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.graph.files import GraphFile, Graphs, open_graphs, pick_file
from workbench.graph.node_info import NodeIndex
from workbench.graph.overlay import make_overlay
from workbench.graph.page import PageGraph, build_page, prepare_graph
from workbench.graph.parts import extract_part, partition
from workbench.models.variant import Variant

if TYPE_CHECKING:
    from workbench.models.source import Source


def export_graph(
    variant: Variant | Source | str | Path,
    path: str | Path,
    *,
    overlay: Any = None,
    file: str | None = None,
) -> Path:
    """Writes a graph to a file, without its weights.

    Args:
        variant: An ONNX variant, its folder, or any `.onnx` file.
        path: Where to write it; the ending says what: `.html` is a page that needs no server and no network,
            `.json` lists the nodes for programs, `.svg` is a picture.
        overlay: Values for the nodes: a dict from names (of nodes, tensors or PyTorch modules) to numbers, or a
            result with an `overlay()` method, such as a profile.
        file: Which of the variant's ONNX files. None takes all of them; a picture holds one.

    Returns:
        The file that was written.

    Raises:
        ValueError: There is no graph in it, the ending is none of these, or no name of the overlay fits.
        FileNotFoundError: The folder to write into does not exist.

    Example:
        >>> import tempfile
        >>> variant = export_onnx(load_model("random/tiny-bert"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_graph(variant, f"{folder}/graph.json", overlay={"qa_outputs": 1.0}).name
        'graph.json'
    """
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        raise ValueError(f"The ending of {path.name!r} says no format. Use one of {', '.join(WRITERS)}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist. Make it first.")
    graphs = open_graphs(variant)
    if file is not None or path.suffix.lower() == ".svg":
        chosen = pick_file(tuple(each.name for each in graphs.paths), file)
        graphs = dataclasses.replace(
            graphs, paths=tuple(each for each in graphs.paths if each.name == chosen)
        )
    files = list(graphs)
    overlays = _make_overlays(files, overlay)
    text = WRITERS[path.suffix.lower()](graphs, files, overlays)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
    return path


def _make_overlays(files: list[GraphFile], values: Any) -> dict[str, dict[str, Any]]:
    """An overlay for every file that has one of the names; an error when none has."""
    overlays, problem = {}, None
    for file in files if values is not None else ():
        try:
            overlays[file.name] = make_overlay(file, values)
        except ValueError as error:
            problem = problem or error
    if problem is not None and not overlays:
        raise problem
    return overlays


def _write_page(graphs: Graphs, files: list[GraphFile], overlays: Mapping[str, dict[str, Any]]) -> str:
    pages: list[PageGraph] = []
    for file in files:
        parts = partition(file.model)
        for part in parts:
            names = [file.name] if len(files) > 1 else []
            names += [str(part)] if len(parts) > 1 else []
            model = type(file.model)()
            model.CopyFrom(extract_part(file.model, part))
            pages.append(
                prepare_graph(
                    model,
                    name=f"{graphs.title} {file.name}",
                    title=", ".join(names),
                    overlay=overlays.get(file.name),
                )
            )
    return build_page(*pages)


def _write_data(graphs: Graphs, files: list[GraphFile], overlays: Mapping[str, dict[str, Any]]) -> str:
    content = {"title": graphs.title, "files": [_describe(file, overlays.get(file.name)) for file in files]}
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


def _describe(file: GraphFile, overlay: Mapping[str, Any] | None) -> dict[str, Any]:
    index = NodeIndex(file.model)
    values = _all_values(overlay, "infinite") if overlay else {}
    described: dict[str, Any] = {
        "name": file.name,
        "bytes": file.bytes,
        "opsets": {item.domain or "ai.onnx": item.version for item in file.model.opset_import},
        "inputs": [index.tensor(value.name).to_dict() for value in file.model.graph.input],
        "outputs": [index.tensor(value.name).to_dict() for value in file.model.graph.output],
        "parameters": [index.tensor(tensor.name).to_dict() for tensor in file.model.graph.initializer],
        "nodes": [
            index.describe(name).to_dict() | ({"value": values[name]} if name in values else {})
            for name in index.names()
        ],
    }
    return described | ({"overlay": overlay["label"]} if overlay else {})


def _write_picture(graphs: Graphs, files: list[GraphFile], overlays: Mapping[str, dict[str, Any]]) -> str:
    from workbench.graph.picture import draw_svg

    overlay = overlays.get(files[0].name)
    return draw_svg(files[0].path, overlay=_all_values(overlay, math.inf) if overlay else None)


def _all_values(overlay: Mapping[str, Any], infinite: Any) -> dict[str, Any]:
    """Node -> number or status, with something that stands for what is infinite."""
    return {
        **overlay.get("values", overlay.get("statuses", {})),
        **dict.fromkeys(overlay.get("infinite", ()), infinite),
    }


WRITERS = {".html": _write_page, ".json": _write_data, ".svg": _write_picture}
