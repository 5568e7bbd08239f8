"""The exercises of the notebook 04_look_inside."""

from __future__ import annotations

from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError


def judge_heaviest(answer: Any) -> str | None:
    """Checks a module's name against where the exported demo keeps most of its parameters."""
    if not isinstance(answer, str):
        raise UnfitAnswerError
    modules = {row.module: row for row in _summarize().modules}
    heaviest = max(modules.values(), key=lambda row: row.parameters)
    if answer == heaviest.module:
        return None
    inner = [name for name in modules if name.startswith(f"{answer}.")]
    if inner:
        return f"{answer} has parts of its own, such as {inner[0]}. Which single one is the heaviest?"
    if answer not in modules:
        return (
            "No module has this name. The rows of summarize_graph(variant).files[0].modules have the names."
        )
    share = modules[answer].parameters / heaviest.parameters
    return f"{answer} has {share:.0%} of the parameters that the heaviest has. Compare row.parameters of all rows."


def judge_maker(answer: Any) -> str | None:
    """Checks the name of the node that makes the start scores."""
    if not isinstance(answer, str):
        raise UnfitAnswerError
    import onnx

    graph = onnx.load(_export().onnx_files[0], load_external_data=False).graph
    nodes = {node.name: node for node in graph.node}
    makers = {output: node.name for node in graph.node for output in node.output}
    right = makers["start_logits"]
    if answer == right:
        return None
    if answer == "start_logits":
        return (
            "That is the tensor. Asked for is the node whose output it is: view.select(…) takes both names."
        )
    if answer == makers["end_logits"]:
        return "That node makes the end scores. Its sister makes the start scores."
    if answer not in nodes:
        return "No node has this name. Select the tensor in the view: view.selected says which node makes it."
    if set(nodes[answer].output) & set(nodes[right].input):
        return "Close: what this node makes goes into the one that is asked for."
    return f"That node makes {nodes[answer].output[0]}. Look at the end of the graph, where start_logits leaves it."


def _export() -> Any:
    from workbench.convert.export import export_onnx
    from workbench.models.source import load_model

    return export_onnx(load_model("demo/qa"))


def _summarize() -> Any:
    from workbench.graph.summary import summarize_graph

    return summarize_graph(_export()).files[0]


EXERCISES = (
    Exercise(
        name="04-a",
        title="Where the parameters are",
        expects="the name of a module, as text",
        judge=judge_heaviest,
        why=(
            "In small models the table of words is often the largest part. It costs no time to speak of, since a run "
            "reads a few of its rows, and yet it decides how small a quantized file can get."
        ),
        solution="""
import workbench as wb
from workbench import exercises

summary = wb.summarize_graph(wb.export_onnx(wb.load_model("demo/qa")))
heaviest = max(summary.files[0].modules, key=lambda row: row.parameters)
exercises.check("04-a", heaviest.module)
""",
    ),
    Exercise(
        name="04-b",
        title="Who makes the start scores",
        expects="the name of a node, as text",
        judge=judge_maker,
        why=(
            "Tensors have names, too, and each is made by exactly one node: so a name leads from a result to its "
            "cause."
        ),
        solution="""
import workbench as wb
from workbench import exercises, widgets

view = widgets.GraphView(wb.export_onnx(wb.load_model("demo/qa")))
view.select("start_logits")
exercises.check("04-b", view.selected["name"])
""",
    ),
)
