"""What a verb would quantize is told before it does it, and it is what the verb then does."""

from __future__ import annotations

import fnmatch

import pytest

import workbench as wb
from workbench.convert.effect import describe_effect
from workbench.convert.hits import OPERATORS, count_hits
from workbench.convert.module_tree import Weight, cover, grow_tree

PRODUCTS = 13  # six in each of two layers, and the head


@pytest.mark.parametrize("stage", ["exported", "optimized"])
@pytest.mark.parametrize("verb", OPERATORS)
def test_what_is_told_is_what_is_done(bench, workspace, verb, stage):
    variant = getattr(bench, stage)()
    globs = {"include": ["*.layer.*", "qa_outputs"], "exclude": "*.layer.1.output"}
    options = {"precision": "int8"} if verb == "convert_openvino" else {}
    hits = count_hits(variant, verb, **globs)
    made = getattr(wb, verb)(variant, **globs, **options)
    assert made.report["quantized"] == hits.taken > 0
    assert made.report["left_in_fp32"] == [item.node for item in hits.weights if not item.taken]
    assert hits.problem == ""


@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_several_files_and_other_wirings(bench, workspace, name):
    variant = bench.exported(name)
    hits = count_hits(variant, "quantize_dynamic", exclude="lm_head", embeddings=False)
    made = wb.quantize_dynamic(variant, exclude="lm_head", embeddings=False)
    assert made.report["quantized"] == hits.taken
    assert made.report["left_in_fp32"] == [item.node for item in hits.weights if not item.taken]


def test_each_glob_is_counted(bench):
    hits = count_hits(
        bench.exported(), "quantize_dynamic", include="*.layer.*", exclude=["*.layer.0", "*.query"]
    )
    assert [(item.argument, item.hits) for item in hits.globs] == [
        ("include", 12),
        ("exclude", 6),
        ("exclude", 2),
    ]
    assert hits.taken == 5
    assert hits.lines("exclude")[0] == "exclude '*.layer.0': 6 of 16 weights"
    assert str(hits).splitlines()[0] == "quantize_dynamic: 5 of 16 weights of onnx-fp32"
    without = count_hits(bench.exported(), "quantize_dynamic", embeddings=False)
    assert (without.taken, without.noun) == (PRODUCTS, "products")


@pytest.mark.parametrize(
    "globs",
    [
        {"exclude": "encoder.layer.0"},
        {"include": ["*.query", "no.such"]},
        {"include": "*.query", "exclude": "*.layer.*"},
        {"include": []},
    ],
)
def test_what_the_verb_refuses_is_told_in_its_words(bench, workspace, globs):
    hits = count_hits(bench.exported(), "quantize_static", **globs)
    with pytest.raises(ValueError, match=r"matches nothing|leave nothing") as refused:
        wb.quantize_static(bench.exported(), **globs)
    assert hits.problem == str(refused.value)
    assert str(hits).startswith(hits.problem)


def test_the_weights_are_not_read(bench, monkeypatch):
    import onnx

    monkeypatch.setattr(onnx, "load", lambda *_, **__: pytest.fail("The file is read as a whole."))
    assert count_hits(bench.exported(), "quantize_weights").taken == PRODUCTS


def test_the_tree_holds_every_weight_once(bench):
    hits = count_hits(bench.exported(), "quantize_dynamic", exclude="*.layer.0.attention")
    tree = hits.tree()
    assert {
        branch.glob: (branch.label, branch.depth, branch.taken, branch.total) for branch in tree
    }.items() >= {
        "bert": ("bert", 0, 11, 15),
        "bert.encoder": ("encoder", 1, 8, 12),
        "bert.encoder.layer.0": ("layer.0", 2, 2, 6),
        "bert.encoder.layer.0.intermediate.dense": ("intermediate.dense", 3, 1, 1),
        "qa_outputs": ("qa_outputs", 0, 1, 1),
    }.items()
    assert sum(branch.total for branch in tree if branch.depth == 0) == len(hits.weights)
    for branch in tree:  # what stands in the tree can be given as a glob, and means the same
        found = count_hits(bench.exported(), "quantize_dynamic", include=branch.glob)
        assert (found.taken, found.problem) == (branch.total, "")


def choice(hits) -> dict[str, bool]:
    return {item.node: item.taken for item in hits.weights}


@pytest.mark.parametrize(
    "globs",
    [
        {},
        {"exclude": ["*.layer.0", "*.query"]},
        {"include": ["*.layer.1"]},
        {"exclude": ["/bert/encoder/layer.1/attention/self/key/MatMul"]},
    ],
)
def test_a_tick_changes_one_module_and_nothing_else(bench, globs):
    def count(include=None, exclude=None):
        return count_hits(
            bench.exported(), "quantize_dynamic", include=include or None, exclude=exclude or None
        )

    before = count(**globs)
    for branch in before.tree():
        for take in (True, False):
            after = choice(count(*before.toggle(branch.glob, take=take)))
            inside = {
                item.node
                for item in before.weights
                if item.module == branch.glob or item.module.startswith(f"{branch.glob}.")
            }
            assert after == {node: take if node in inside else was for node, was in choice(before).items()}


def test_ticks_keep_what_was_typed_where_they_can(bench):
    hits = count_hits(bench.exported(), "quantize_dynamic", exclude=["*.key", "bert.encoder.layer.0.output"])
    assert hits.toggle("bert.encoder.layer.0", take=False) == ([], ["*.key", "bert.encoder.layer.0"])


def test_of_a_module_with_two_weights_one_can_be_left_out():
    query = Weight("/block/Attention_0", "block", "MatMul", True)
    other = Weight("/block/MatMul_1", "block", "MatMul", False)
    assert cover([query, other]) == ["/block/MatMul_1"]


def test_strange_names_can_be_meant():
    weight = Weight("a, [b] c", "", "MatMul", False)
    (branch,) = grow_tree([weight])
    assert fnmatch.fnmatchcase("a, [b] c", branch.glob)
    assert not set(branch.glob) & set(", ")
    assert cover([weight]) == [branch.glob]


def test_what_cannot_be_quantized_is_refused(bench):
    with pytest.raises(ValueError, match="quantized already"):
        count_hits(bench.int8(), "quantize_dynamic")
    with pytest.raises(ValueError, match="Export it first"):
        count_hits(bench.source().baseline, "quantize_dynamic")
    with pytest.raises(ValueError, match="verb must be one of"):
        count_hits(bench.exported(), "optimize_onnx")
    with pytest.raises(TypeError, match="exclude takes a glob"):
        count_hits(bench.exported(), "quantize_dynamic", exclude=7)


def test_the_effect_of_quantizing(bench):
    before, after = bench.exported(), bench.small()
    effect = describe_effect(before, after)
    assert effect.ratio == before.size_bytes / after.size_bytes > 1
    assert effect.quantized == after.report["quantized"]
    assert effect.max_difference == after.report["max_difference"]
    assert "times smaller" in str(effect)
    assert "none left out" in str(effect)
    assert effect.to_dict()["bytes_after"] == after.size_bytes
