"""Models that no exporter would write: names that try to be markup or script, and graphs without end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MARK = "harmed"  # what the names would set on the page, were they let
NAMES = (
    f"</script><script>parent.postMessage('{MARK}', '*'); window.{MARK} = 1</script>",
    f"\"><img src=x onerror=\"parent.postMessage('{MARK}', '*')\">",
    "<meta http-equiv='refresh' content='0; url=http://192.0.2.1/'>",
    "'; -- <b>bold</b> &amp; &lt;i&gt;",
    "<!-- <script>",
    "🐙 émoji \u2028 \u2029 \u202e right to left",
    "__proto__",
    "x" * 10_000,
    "a/" * 3_000 + "<svg onload=alert(1)>",
)


def write_hostile_model(path: Path) -> list[str]:
    """A chain of nodes with hostile names everywhere that a name can stand; returns the nodes' names."""
    nodes, tensor = [], NAMES[0] + "in"
    weights = [numpy_helper.from_array(np.ones((2, 200), np.float32), name) for name in NAMES]
    for number, name in enumerate(NAMES):
        output = f"{name}out{number}"
        node = helper.make_node("Add", [tensor, name], [output], name=name, doc_string=name)
        nodes.append(node)
        tensor = output
    strange = helper.make_node(NAMES[1], [tensor], ["end"], name="strange", domain="evil<b>", note=NAMES[0])
    nodes.append(strange)
    shape = [NAMES[1], 200]
    graph = helper.make_graph(
        nodes,
        NAMES[0],
        [helper.make_tensor_value_info(NAMES[0] + "in", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("end", TensorProto.FLOAT, None)],
        weights,
        doc_string=NAMES[1],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("evil<b>", 1)],
        producer_name=NAMES[0] + "🐙",
        doc_string=NAMES[1],
    )
    model.metadata_props.add(key=NAMES[0], value=NAMES[1])
    onnx.save(model, path)
    return [*NAMES, "strange"]


def write_large_model(path: Path, *, layers: int = 100, nodes: int = 200) -> int:
    """A graph of `layers` × `nodes` nodes, named as an exporter names the nodes of a model; returns their number."""
    made, tensor = [], "x"
    for layer in range(layers):
        first = tensor
        for number in range(nodes - 1):
            module = f"/model/layers.{layer}/{'attention' if number < nodes // 2 else 'mlp'}"
            output = f"{module}/Relu_{number}_output_0"
            made.append(helper.make_node("Relu", [tensor], [output], name=f"{module}/Relu_{number}"))
            tensor = output
        output = f"/model/layers.{layer}/Add_output_0"
        made.append(helper.make_node("Add", [tensor, first], [output], name=f"/model/layers.{layer}/Add"))
        tensor = output
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("x", tensor)]
    onnx.save(helper.make_model(helper.make_graph(made, "large", value[:1], value[1:])), path)
    return len(made)
