"""The models that a bench has in the kernel: the one in hand, and those that cannot be loaded again."""

from __future__ import annotations

import gc
import weakref

import torch

import workbench as wb
from tests.widgets.held_desk import HeldDesk
from workbench import widgets
from workbench.models.variant import torch_variant


def test_the_model_of_another_variant_takes_the_place_of_the_one_before(workspace, capsys):
    names = ("random/tiny-bert", "random/tiny-vit", "random/tiny-gpt2")
    origins = [wb.load_model(name).origin for name in names]
    table = widgets.Workbench(torch_variant(origins[0]), desk=HeldDesk())
    first = weakref.ref(table.source.model)
    assert table.source.model is first()
    table.variant = torch_variant(origins[1])
    second = table.source
    gc.collect()
    assert first() is None
    with torch.no_grad():
        second.model.classifier.bias.add_(3)
    table.variant = torch_variant(origins[2])
    assert table.source.task == "text-generation"
    table.variant = wb.export_onnx(second)
    assert table.source is second, "it cannot be loaded again as it is now"
    assert capsys.readouterr().out.count("Loading") == 3
