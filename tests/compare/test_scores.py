"""The same input into two variants: their scores side by side."""

from __future__ import annotations

import pytest

import workbench as wb
from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare.scores import compare_scores


def test_the_same_input_into_two_variants(bench, one_thread):  # noqa: F811
    demo = wb.load_model("demo/qa")
    pair = compare_scores(demo, demo.as_variant("bf16"), threads=1)
    ask = wb.make_pipeline(demo)
    assert pair.rows[0].label == (
        ask(**demo.examples[0], handle_impossible_answer=True)["answer"] or "(no answer)"
    )
    assert pair.agrees
    assert 0 < max(abs(row.difference) for row in pair.rows) < 1
    source = bench.source("bert", "text-classification")
    same = compare_scores(source, bench.exported("bert", "text-classification"), example="Fine.", threads=1)
    assert sum(row.reference for row in same.rows) == pytest.approx(1)
    assert max(abs(row.difference) for row in same.rows) < 1e-5
    from_disk = wb.Variant.load(bench.exported("bert", "text-classification").path)
    assert compare_scores(source, from_disk, example="Fine.", threads=1) == same, (
        "its classes have the same names"
    )
    for name, task in (("bert", "fill-mask"), ("gpt2", "text-generation"), ("bert", "token-classification")):
        shown = compare_scores(bench.source(name, task), bench.source(name, task), threads=1)
        assert shown.agrees
        assert {row.difference for row in shown.rows} == {0.0}
    with pytest.raises(ValueError, match="no common scores"):
        compare_scores(demo, source)
    with pytest.raises(ValueError, match="no scores to show for 'feature-extraction'"):
        compare_scores(*[bench.source("bert", "feature-extraction")] * 2)
