"""The exercises of the notebook 02_export_to_onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError, judge_number

INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("start_logits", "end_logits")
SHAPES = ((1, 11), (3, 27), (2, 60))


def judge_export(answer: Any) -> str | None:
    """Reads an exported file, and runs it at other shapes beside the PyTorch model."""
    if not isinstance(answer, str | Path):
        raise UnfitAnswerError
    path = Path(answer)
    if path.is_dir():
        return f"{path} is a folder. Give the path of the .onnx file in it."
    if not path.is_file():
        return f"There is no file {path}. Give the path that you exported to."
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    weights = {weight.name for weight in graph.initializer}
    inputs = {value.name: value for value in graph.input if value.name not in weights}
    for kind, wanted, found in (
        ("input", INPUTS, list(inputs)),
        ("output", OUTPUTS, [value.name for value in graph.output]),
    ):
        if missing := [name for name in wanted if name not in found]:
            return f"No {kind} is named {missing[0]}; the file has {', '.join(found)}. Give {kind}_names."
    if more := [name for name in inputs if name not in INPUTS]:
        return (
            f"The file also takes {', '.join(more)}. Asked for are two inputs only: {' and '.join(INPUTS)}."
        )
    for name in INPUTS:
        for place, axis in enumerate(inputs[name].type.tensor_type.shape.dim):
            if not axis.dim_param:
                what = ("batch", "length")[place] if place < 2 else "size"
                return (
                    f"Axis {place} of {name}, the {what}, is fixed at {axis.dim_value}: the file would take nothing "
                    "else. Name it in dynamic_axes; with dynamo=True, in dynamic_shapes."
                )
    return _compare_runs(path)


def _compare_runs(path: Path) -> str | None:
    import numpy as np
    import onnxruntime

    from workbench.errors import first_line
    from workbench.models.source import load_model
    from workbench.runners import open_runner

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    source = load_model("demo/qa")
    with open_runner(source) as runner:
        for batch, length in SHAPES:
            where = f"batch {batch}, length {length}"
            ids = np.arange(batch * length, dtype=np.int64).reshape(batch, length) % 900 + 5
            for padding in (0, length // 3):
                feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
                feed["attention_mask"][:, length - padding :] = 0
                try:
                    got = session.run(list(OUTPUTS), feed)
                except Exception as error:  # ONNX Runtime has a class for each kind of failure
                    return (
                        f"The axes have names, yet it fails at {where}: {first_line(error)} "
                        "Something inside was fixed while tracing."
                    )
                want = runner.run({name: feed.get(name, np.zeros_like(ids)) for name in runner.input_names})
                if all(np.abs(a - want[name]).max() <= 1e-2 for name, a in zip(OUTPUTS, got, strict=True)):
                    continue
                if padding:
                    return (
                        f"At {where} it is right without padding, and says something else than PyTorch does with it. "
                        "Does attention_mask reach the model?"
                    )
                return (
                    f"It runs at {where}, and says something else than PyTorch does. Is the model in eval mode, and "
                    "are the names in the order in which forward takes and gives them?"
                )
    return None


EXERCISES = (
    Exercise(
        name="02-a",
        title="An export by hand that takes any shape",
        expects="the path of an ONNX file",
        judge=judge_export,
        why=(
            "Names and free axes are up to you when you export by hand, and only a run at other shapes shows whether "
            "they hold. export_onnx does both."
        ),
        solution="""
import tempfile
from pathlib import Path

import torch

import workbench as wb
from workbench import exercises
from workbench.quiet import quiet

source = wb.load_model("demo/qa")
model, feed = source.model, source.samples[0]
names = ["input_ids", "attention_mask"]
path = Path(tempfile.mkdtemp()) / "any-shape.onnx"
free = {0: "batch", 1: "length"}
with quiet():
    torch.onnx.export(
        model,
        tuple(torch.from_numpy(feed[name]) for name in names),
        path,
        input_names=names,
        output_names=["start_logits", "end_logits"],
        dynamic_axes={name: free for name in [*names, "start_logits", "end_logits"]},
        dynamo=False,
    )
exercises.check("02-a", path)
""",
    ),
    Exercise(
        name="02-b",
        title="What fits into one file",
        expects="a number, in millions of parameters",
        judge=judge_number(
            520,
            {
                2000: "That would be one byte for each. How many bytes has an fp32 parameter?",
                1000: "That would be two bytes for each, as in fp16. How many bytes has an fp32 parameter?",
                250: "That would be eight bytes for each. How many bytes has an fp32 parameter?",
                520e6: "That is the number itself. Asked for is millions.",
            },
            otherwise="Two billion bytes, divided by the bytes of one parameter; then in millions.",
            tolerance=0.06,
        ),
        why=(
            "About 500 million fp32 parameters. Larger models keep their weights in files beside the graph, and all of "
            "those files have to travel together."
        ),
        solution="""
from workbench import exercises

answer = 2e9 / 4 / 1e6
exercises.check("02-b", answer)
""",
    ),
)
