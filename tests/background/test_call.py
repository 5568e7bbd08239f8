"""Calls: what they print can be run as it stands, and does what they say."""

from __future__ import annotations

import pytest

import workbench as wb
from tests.variants import Bench, bench  # noqa: F401
from workbench.background import Call, Written
from workbench.models.origin import Origin
from workbench.models.variant import torch_variant


def run_code(code: str, name: str):
    space: dict[str, object] = {}
    exec(code, space)
    return space[name]


def test_a_source_is_loaded_and_exported(bench, workspace):  # noqa: F811
    call = Call("export_onnx", (bench.source().baseline,), {"opset": 17, "out_dir": None})
    assert "None" not in call.as_code()
    assert call.subjects[0].source is None  # models do not travel
    made = run_code(call.as_code(), "variant")
    assert made.steps[-1].arguments["opset"] == 17


def test_a_variant_comes_with_the_steps_that_made_it(bench, workspace):  # noqa: F811
    call = Call("quantize_dynamic", (bench.exported(),), {"per_channel": False})
    code = call.as_code()
    assert code.splitlines()[-1] == "variant = wb.quantize_dynamic(variant, per_channel=False)"
    assert run_code(code, "variant").precision == "int8"


def test_several_variants_are_brought_back(bench):  # noqa: F811
    source = bench.source()
    sides = (source.baseline, bench.exported())
    diff = run_code(Call("compare_outputs", sides).as_code(), "diff")
    assert diff.agrees
    call = Call("measure_latency", (*sides, source.as_variant("bf16")), {"seconds": 0.1, "threads": 1})
    assert call.as_code().count("load_model") == 1
    latency = run_code(call.as_code().replace("seconds=0.1", "seconds=0.1, isolate=False"), "latency")
    assert [row.name for row in latency.rows] == ["torch-fp32", bench.exported().name, "torch-bf16"]


def test_an_argument_can_be_more_than_its_repr(bench):  # noqa: F811
    value = Written([1], "[x]", ("from math import pi as x", "y = 2"))
    call = Call("compare_scores", (bench.source().baseline,) * 2, {"example": value})
    lines = call.as_code().splitlines()
    assert lines[:3] == ["from math import pi as x", "import workbench as wb", ""]
    assert lines[-2:] == ["y = 2", "scores = wb.compare_scores(reference, candidate, example=[x])"]
    assert call.values() == {"example": [1]}


def test_two_sources_have_two_names():
    origins = [Origin(name, "question-answering") for name in ("demo/qa", "random/tiny-bert")]
    code = Call("compare_scores", (*map(torch_variant, origins),), {"example": "x"}).as_code()
    assert "source_2 = wb.load_model('random/tiny-bert', task='question-answering')" in code
    assert "reference = source.baseline\ncandidate = source_2.baseline" in code


@pytest.mark.parametrize("verb", ["load_model", "export_onnx", "compare_variants", "compare_layers"])
def test_verbs_are_public(verb):
    assert callable(getattr(wb, verb))
