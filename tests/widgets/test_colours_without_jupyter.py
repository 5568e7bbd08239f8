"""What the widgets say can be read where a host names no colours of its own, on light ground and on dark."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.widgets.contrast import find_faint_texts
from tests.widgets.stand_in import open_page, start
from workbench.widgets.code_block import CodeBlock
from workbench.widgets.module_tree import ModuleTree
from workbench.widgets.node_panel import NodePanel
from workbench.widgets.status_line import StatusLine
from workbench.widgets.step_bar import StepBar
from workbench.widgets.variant_list import VariantList

pytestmark = pytest.mark.browser

ROW = {
    "name": "onnx-fp32",
    "model": "random/tiny-bert",
    "runtime": "onnxruntime",
    "precision": "fp32",
    "size": "1.2 MB",
    "made_from": "torch-fp32, export_onnx",
    "made": "today",
    "folder": "/x",
    "children": 0,
}
TENSOR = {"name": "w", "kind": "parameter", "type": "float32 3", "nodes": ["/Add"]}
NODE = {
    "name": "A",
    "operator": "Add",
    "module": "bert",
    "attributes": [["axis", "1"]],
    "inputs": [TENSOR],
    "outputs": [],
    "inner": False,
}
BRANCH = {"glob": "bert", "label": "bert", "depth": 0, "taken": 1, "total": 2}
STATES: dict[str, tuple[Any, dict[str, Any]]] = {
    "code_block": (CodeBlock, {"code": "print(1)", "title": "As code", "shown": True}),
    "module_tree": (
        ModuleTree,
        {"_branches": [BRANCH, {**BRANCH, "depth": 1}], "_title": "1 of 2", "disabled": False},
    ),
    "node_panel": (
        NodePanel,
        {
            "_samples": ["Sample 1"],
            "_fields": [["text", "Text"]],
            "_answer": {},
            "_node": NODE,
            "_tensor": None,
            "height": 500,
        },
    ),
    "status_line": (StatusLine, {"_heard": "exporting", "_counted": ", 1 of 2"}),
    "step_bar": (
        StepBar,
        {
            "_steps": [{"name": name, "title": name} for name in ("load", "export", "race")],
            "states": {"load": "done", "export": "open", "race": "running"},
            "current": "export",
        },
    ),
    "variant_list": (
        VariantList,
        {
            "_rows": [{**ROW, "key": "a"}, {**ROW, "key": "b"}],
            "_ticked": ["a"],
            "_chosen": "a",
            "_broken": ["It is broken."],
            "_said": {"text": "", "failed": False, "deleted": "onnx-int8", "serial": 1},
        },
    ),
}


@pytest.mark.parametrize(
    "ground", ["background: #1e1e1e; color: #d4d4d4", "background: #fff; color: #1f1f1f"]
)
@pytest.mark.parametrize("script", STATES)
def test_every_text_stands_out(chromium: Browser, script: str, ground: str) -> None:
    widget, state = STATES[script]
    with open_page(chromium) as page:
        page.add_style_tag(content=f"body {{ {ground} }} {widget._css}")
        start(page, script, state)
        assert find_faint_texts(page.locator("#cell")) == []
        for button in page.get_by_role("button").all()[:3]:
            button.hover()
            assert find_faint_texts(page.locator("#cell")) == []
