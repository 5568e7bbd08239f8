"""The recipe on the small demos: exported, optimized and int8, they answer as well as before."""

from __future__ import annotations

from typing import Any

import pytest

import workbench as wb
from workbench.demo import demo_names, model_folder
from workbench.errors import LoadError

DEMOS = ("demo/sentiment", "demo/digits")
CHECKED = 200


@pytest.fixture(scope="module", params=DEMOS)
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("workspace")))
        source = wb.load_model(request.param)
        exported = wb.export_onnx(source)
        optimized = wb.optimize_onnx(exported)
        yield source, exported, optimized, wb.quantize_dynamic(optimized)


def test_every_step_keeps_the_quality(chain: Any):
    source, exported, optimized, int8 = chain
    before = wb.evaluate_quality(source, limit=CHECKED)
    assert wb.evaluate_quality(exported, limit=CHECKED).value == before.value
    assert wb.evaluate_quality(optimized, limit=CHECKED).value == before.value
    assert wb.evaluate_quality(int8, limit=CHECKED).value >= before.value - 2


def test_every_step_gives_the_same_answers(chain: Any):
    source, exported, optimized, _ = chain
    assert wb.compare_outputs(source, exported).agrees
    assert wb.compare_outputs(source, optimized).agrees


def test_int8_is_smaller(chain: Any):
    _, exported, _, int8 = chain
    assert int8.size_bytes < 0.55 * exported.size_bytes


def test_pipelines_answer_alike_on_every_runtime(chain: Any):
    source, _, _, int8 = chain
    reference, quantized = wb.make_pipeline(source), wb.make_pipeline(int8)
    for example in source.examples[:4]:
        first, second = reference(example)[0], quantized(example)[0]
        assert second["label"] == first["label"]
        assert second["score"] == pytest.approx(first["score"], abs=0.1)


def test_an_unknown_demo_is_told_all_there_are():
    every = "demo/qa.*demo/sentiment.*demo/digits"
    with pytest.raises(LoadError, match=every):
        wb.load_model("demo/none")
    with pytest.raises(ValueError, match=every):
        wb.evaluate_quality(wb.load_model("demo/digits"), "demo/none")
    assert all((model_folder(name) / "config.json").is_file() for name in demo_names())
