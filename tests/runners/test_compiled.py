"""Compiled PyTorch: the weights are really frozen in, and every shape gives right answers."""

from __future__ import annotations

import pytest
import torch
import torch._dynamo.config as dynamo
import torch._inductor.config as inductor

import workbench as wb
from tests.variants import largest_gap, run_on
from workbench.models.samples import resize_feed


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("bf16", 0.2)])
def test_weights_are_frozen_and_other_shapes_compiled_anew(precision, tolerance, recwarn):
    source = wb.load_model("random/tiny-bert")
    feeds = [
        resize_feed(sample, batch=batch, length=length)
        for sample, (batch, length) in zip(source.samples, ((1, 16), (3, 21)), strict=False)
    ]
    eager = run_on(source.as_variant(precision), feeds)
    freezing = inductor.freezing
    with wb.open_runner(source.as_variant(precision, compiled=True), threads=1) as runner:
        compiled = [runner.run(feed) for feed in feeds]
        heads = source.task_row.outputs
        assert largest_gap(eager, [outputs[head] for outputs in compiled for head in heads]) < tolerance
        with torch.no_grad():  # a frozen weight was packed when it was compiled, and is not looked at again
            runner._plain.qa_outputs.weight.mul_(3)
            runner._plain.bert.encoder.layer[0].intermediate.dense.weight.zero_()
        for feed, before in zip(feeds, compiled, strict=True):
            after = runner.run(feed)
            assert all((after[head] == before[head]).all() for head in heads)
    assert inductor.freezing == freezing
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.slow
def test_shapes_past_what_pytorch_compiles_for_are_right_and_said(caplog):
    source = wb.load_model("random/tiny-bert")
    feeds = [resize_feed(source.samples[0], batch=1, length=length) for length in (9, 10, 11)]
    reference = run_on(source, feeds)
    with dynamo.patch(recompile_limit=1):
        found = run_on(source.as_variant(compiled=True), feeds)
    assert largest_gap(reference, found) < 1e-4
    assert [record.getMessage() for record in caplog.records if record.name.startswith("workbench")] == [
        "torch-fp32-compiled is compiled for 1 shape now, and PyTorch compiles for no more: at others it runs as "
        "slowly as it would uncompiled. Give inputs of fewer shapes, such as lengths padded to a few."
    ]
