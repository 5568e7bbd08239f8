"""The page that shows a graph: Netron's own modules and our host, in one HTML document that needs nothing else.

Netron is taken from the installed package when a page is built; none of its files lies here. The page's policy
forbids every connection, so it works offline, from a file, and in a sandboxed frame without an origin.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import gzip
import html
import importlib.metadata
import importlib.util
import json
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from workbench.graph.names import tidy_graph
from workbench.graph.overlay import shorten_overlay
from workbench.models.onnx_nodes import walk_nodes

STATIC = Path(__file__).parent / "static"
TESTED = "9.3"  # the versions of Netron, to the second number, whose internals the page is known to fit
NETRON_MODULES = (
    "view base browser grapher dagre zip tar protobuf text json flatbuffers flexbuffers xml onnx onnx-proto onnx-schema"
).split()
OUR_MODULES = ("main", "host", "paint", "theme")
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' blob:; worker-src blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'none'; form-action 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types default"
)


@dataclasses.dataclass(frozen=True)
class PageGraph:
    """A graph as the page takes it.

    Attributes:
        name: What stands in the page's title and in the names of exported pictures.
        model: The slim model, serialized.
        docs: Netron's documentation of the operators that occur, as JSON.
        full_names: Name in the page -> name in the model, where the page shows a shorter one.
        title: What it is called in a list of several.
        overlay: Colours for its nodes, as `make_overlay` gives them.
    """

    name: str
    model: bytes = dataclasses.field(repr=False)
    docs: str = dataclasses.field(repr=False)
    full_names: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    title: str = ""
    overlay: Mapping[str, Any] | None = dataclasses.field(default=None, repr=False)

    def pack(self, key: int = 0) -> bytes:
        """The graph for a page that is open already: gzipped, a JSON head and the model; `key` comes back."""
        head = json.dumps({"name": self.name, "docs": self.docs, "key": key}).encode()
        return gzip.compress(len(head).to_bytes(4, "little") + head + self.model, mtime=0)


def prepare_graph(
    model: onnx.ModelProto, *, name: str, title: str = "", overlay: Mapping[str, Any] | None = None
) -> PageGraph:
    """Makes a slim model ready for the page.

    Args:
        model: A model without its weights, as `slim_copy` gives it. It is tidied in place.
        name: What to call it.
        title: What to call it in a list of several.
        overlay: Colours for its nodes, as `make_overlay` gives them.

    Example:
        >>> from workbench.models.slim import slim_copy
        >>> file = export_onnx(load_model("random/tiny-bert")).onnx_files[0]
        >>> prepare_graph(slim_copy(file), name="tiny").name
        'tiny'
    """
    full_names = tidy_graph(model)
    docs = _operator_docs(model)
    return PageGraph(
        name[:100], model.SerializeToString(), docs, full_names, title, overlay and shorten_overlay(overlay)
    )


def build_page(*graphs: PageGraph) -> str:
    """Builds the page.

    Args:
        *graphs: The graphs to show, one at a time; without any the page waits for its parent to send it one.

    Returns:
        One HTML document.

    Raises:
        ImportError: Netron is not installed, or not in a version that the page fits.
    """
    folder = find_netron()
    index = (folder / "index.html").read_text(encoding="utf-8")
    body = _take(r"<body.*</body>", index).removesuffix("</body>")
    content = {"modules": _module_sources(folder), "graphs": [_as_json(graph) for graph in graphs]}
    nonce = secrets.token_urlsafe(16)
    return "".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(nonce=nonce)}">',
            f"<title>{html.escape(graphs[0].name if graphs else 'Graph')}</title>",
            *(f"<style>{style}</style>" for style in re.findall(r"<style>(.*?)</style>", index, re.S)),
            f'<style id="netron-grapher">{(folder / "grapher.css").read_text(encoding="utf-8")}</style>',
            f'<style id="workbench-paint"></style><style>{_read_static("page.css")}</style></head>{body}',
            '<div id="workbench-legend" role="note" aria-label="Legend" hidden></div>',
            '<select id="workbench-picker" aria-label="Graph" hidden></select>',
            '<div id="workbench-note" role="status"></div>',
            f'<script type="application/json" id="workbench-page">{embed_json(content)}</script>',
            f'<script nonce="{nonce}">{_read_static("boot.js")}</script></body></html>',
        ]
    )


@functools.cache
def pack_page() -> bytes:
    """The page without a graph, gzipped: built once a process."""
    return gzip.compress(build_page().encode(), mtime=0)


def embed_json(content: Any) -> str:
    """JSON that can stand inside a script element, whatever strings it holds.

    Example:
        >>> embed_json("</script>")
        '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(content)  # plain ASCII: the line separators that JavaScript minds are escaped already
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def find_netron() -> Path:
    """The folder of the installed Netron.

    Raises:
        ImportError: It is missing, or of a version that the page was not tried with.
    """
    spec = importlib.util.find_spec("netron")
    install = f"Install it: pip install 'netron=={TESTED}.*'"
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"The graph view needs Netron, which is not installed. {install}")
    version = importlib.metadata.version("netron")
    if not version.startswith(f"{TESTED}."):
        raise ImportError(f"The graph view fits Netron {TESTED}, and {version} is installed. {install}")
    return Path(spec.submodule_search_locations[0])


def _as_json(graph: PageGraph) -> dict[str, Any]:
    return {
        "title": graph.title or graph.name,
        "name": graph.name,
        "model": base64.b64encode(graph.model).decode(),
        "docs": graph.docs,
        "overlay": graph.overlay,
    }


def _module_sources(folder: Path) -> dict[str, str]:
    """All modules of the page by the name they are imported by; Netron's relative imports get such names too."""
    relative = re.compile(r"(from\s+|import\()'\./([\w-]+)\.js'")
    sources = {
        f"netron/{name}.js": relative.sub(
            r"\1'netron/\2.js'", (folder / f"{name}.js").read_text(encoding="utf-8")
        )
        for name in NETRON_MODULES
    }
    return sources | {f"workbench/{name}.js": _read_static(f"{name}.js") for name in OUR_MODULES}


def _read_static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _take(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.S)
    if found is None:
        raise ImportError(f"Netron's page has no {pattern!r} any more. Install netron=={TESTED}.*")
    return found[0]


@functools.cache
def _all_operators() -> dict[str, list[dict[str, Any]]]:
    """Netron's documentation of all operators by name, less the examples."""
    operators: dict[str, list[dict[str, Any]]] = {}
    for operator in json.loads((find_netron() / "onnx-metadata.json").read_text(encoding="utf-8")):
        operator.pop("examples", None)
        operators.setdefault(operator["name"], []).append(operator)
    return operators


def _operator_docs(model: onnx.ModelProto) -> str:
    """The documentation of the operators that occur: of each the version that the model's opset means."""
    opsets = {item.domain or "ai.onnx": item.version for item in model.opset_import}
    used = {node.op_type for graph in (model.graph, *model.functions) for node in walk_nodes(graph)}
    chosen: list[dict[str, Any]] = []
    for name in sorted(used):
        by_module: dict[str, dict[str, Any]] = {}
        for operator in _all_operators().get(name, ()):
            module = operator.get("module", "")
            version = operator.get("version", 0)
            best = by_module.get(module, {}).get("version", -1)
            if best < version <= opsets.get(module, version):
                by_module[module] = operator
        chosen += by_module.values()
    return json.dumps(chosen)
