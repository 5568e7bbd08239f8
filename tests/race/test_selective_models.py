"""The search for modules to leave in fp32 on real models: one that plain int8 spoils, and what stays on the disk."""

from __future__ import annotations

import pytest

import workbench as wb
from tests.race.hard_model import make_hard_model
from tests.race.sensitivities import make_sensitivity
from tests.variants import largest_gap, run_on
from workbench.compare.quality import evaluate_quality
from workbench.models.variant import Variant
from workbench.models.workspace import Workspace
from workbench.race.selective import find_selective
from workbench.race.selective_rows import Judged
from workbench.race.sensitivity import measure_sensitivity

QUESTIONS = 100


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    """The hard model and its export."""
    folder = tmp_path_factory.mktemp("hard")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(folder / "workspace"))
        model = make_hard_model(folder / "model")
        yield model, wb.export_onnx(model.source)


@pytest.mark.parametrize("wider", [1, 2])
def test_the_hard_model_is_the_same_function(tmp_path, wider):
    plain = wb.load_model("demo/qa")
    model = make_hard_model(tmp_path, wider=wider)
    assert model.source.parameters > wider * plain.parameters
    feeds = plain.samples[:4]
    assert largest_gap(run_on(plain, feeds), run_on(model.source, feeds)) < 1e-4


def test_sensitivity_points_at_the_modules_that_were_made_hard(hard):
    model, parent = hard
    found = measure_sensitivity(model.source, parent, threads=1)
    assert set(found.modules[: len(model.modules)]) == set(model.modules)
    drifts = [row.drift for row in found.rows]
    assert drifts[len(model.modules) - 1] > 5 * drifts[len(model.modules)]


@pytest.fixture
def tried(bench, workspace):
    """A parent with the modules of its first layer, and one of the sets to be tried, made by the caller before."""
    parent = wb.export_onnx(bench.source())
    modules = measure_sensitivity(bench.source(), parent, threads=1).modules[:4]
    return parent, modules, wb.quantize_dynamic(parent, exclude=list(modules[:3]))


def judge_by_modules(*needed: str):
    def judge(variant: Variant) -> Judged:
        left = set(variant.steps[-1].arguments.get("exclude", ()))
        return Judged(1.0 if set(needed) <= left else 0.9, 0.9, 1.0, 100)

    return judge


def test_of_the_sets_that_were_tried_only_the_curve_stays_on_the_disk(tried, one_thread):
    parent, modules, own = tried
    found = find_selective(
        parent,
        judge_by_modules(modules[1], modules[3]),
        sensitivity=make_sensitivity(modules),
        keep=0.99,
        most=4,
    )
    assert set(found.excluded) == {modules[1], modules[3]}
    curve = {point.variant.path for point in found.curve}
    assert own.path not in curve, "Another set of three is better."
    assert set(Workspace().folders()) == {parent.path, own.path, *curve}
    assert found.tried > len(curve) + 1
    assert all(Variant.load(path) for path in curve)


def test_what_is_made_on_the_way_does_not_stay(tried, one_thread):
    parent, modules, _ = tried

    def convert(parent: Variant, excluded: tuple[str, ...]) -> Variant:
        wb.convert_openvino(parent, precision="bf16")  # somebody else's, made meanwhile
        exclude = list(excluded) or None
        return wb.convert_openvino(parent, precision="int8-bf16", exclude=exclude)

    found = find_selective(
        parent,
        judge_by_modules(modules[0]),
        sensitivity=make_sensitivity(modules),
        keep=0.99,
        quantize=convert,
        most=1,
    )
    names = sorted(Variant.load(path).name for path in Workspace().folders() if "openvino" in path.name)
    assert names == ["openvino-bf16", "openvino-int8-bf16", "openvino-int8-bf16-selective"]
    assert found.excluded == (modules[0],)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_search_that_is_left_takes_what_it_made_with_it(tried, one_thread, error):
    parent, modules, own = tried
    before = set(Workspace().folders())

    def judge(variant: Variant) -> Judged:
        if variant.path == own.path:
            raise error
        return judge_by_modules(*modules)(variant)

    with pytest.raises(error):
        find_selective(parent, judge, sensitivity=make_sensitivity(modules), keep=0.99, most=3)
    assert set(Workspace().folders()) == before


@pytest.mark.slow
def test_leaving_the_hard_modules_in_fp32_brings_the_quality_back(hard):
    model, exported = hard
    parent = wb.optimize_onnx(exported)
    options = {"limit": QUESTIONS, "threads": 1}
    base = evaluate_quality(model.source, "demo/qa", **options)

    def judge(variant: Variant) -> Judged:
        found = evaluate_quality(variant, "demo/qa", baseline=base, **options)
        ends = [1 + end / base.value for end in (found.difference.low, found.difference.high)]
        return Judged(found.difference.kept / 100, *ends, found.n)

    found = find_selective(
        parent,
        judge,
        sensitivity=measure_sensitivity(model.source, parent, threads=1),
        keep=0.98,  # on so few questions a single one is worth a percent
    )
    assert found.curve[0].excluded == ()
    assert found.curve[0].kept < 0.97
    assert found.point.kept >= 0.98
    assert set(found.excluded) == set(model.modules)
    assert found.minimal
    assert found.variant.name == "onnx-int8-dynamic-selective"
    assert f"exclude={list(found.excluded)!r}" in found.variant.as_code()
    again = wb.quantize_dynamic(parent, exclude=list(found.excluded))
    assert again.path == found.variant.path
