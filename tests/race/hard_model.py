"""A model that plain int8 spoils: the demo with outliers in a few places, and the same function in fp32.

Dynamic quantization gives all activations of a tensor one scale. So a few large values in front of a product take the
precision of all others away. Here they are put in front of some products in two ways that leave the function as it
is, and it is said which products these are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import workbench as wb
from workbench.models.source import Source

HARD_ATTENTION = (0, 1)  # layers whose attention output is made hard
HARD_FEED_FORWARD = (0,)  # layers whose feed-forward output is
CHANNELS = 4  # that are scaled in each head
SCALE = 4096.0  # a power of two: scaling there and back rounds nothing
SPARE = 32  # neurons that every feed-forward part gets, and that say nothing
OUTLIER = 4096.0


@dataclasses.dataclass(frozen=True)
class HardModel:
    """The model, and where it was made hard.

    Attributes:
        source: The model, loaded from its folder.
        modules: The modules before which outliers were put.
    """

    source: Source
    modules: tuple[str, ...]


def make_hard_model(
    folder: Path,
    *,
    wider: int = 1,
    attention: Sequence[int] = HARD_ATTENTION,
    feed_forward: Sequence[int] = HARD_FEED_FORWARD,
) -> HardModel:
    """Writes the hard model into a folder and loads it from there.

    Args:
        folder: Where to put it.
        wider: How many times as wide it is made: the function stays, and matrix products take more of the time.
        attention: The layers whose attention output is made hard.
        feed_forward: The layers whose feed-forward output is made hard.
    """
    plain = wb.load_model("demo/qa")
    model = widen(plain.model, wider)
    names = []
    with torch.no_grad():
        for index in attention:
            _scale_values(model.bert.encoder.layer[index].attention)
            names.append(f"bert.encoder.layer.{index}.attention.output.dense")
        for index in feed_forward:
            model.bert.encoder.layer[index].intermediate.dense.bias[-SPARE:] = OUTLIER
            names.append(f"bert.encoder.layer.{index}.output.dense")
    model.save_pretrained(folder)
    plain.processor.save_pretrained(folder)
    return HardModel(wb.load_model(folder, task="question-answering"), tuple(names))


def widen(model: Any, times: int = 1) -> Any:
    """A BERT of the same function with every hidden unit so many times over, and with spare neurons.

    A layer norm of repeated values is the repeated layer norm, and a product over repeated values with weights that
    are so many times smaller is the same product. Spare neurons are always zero, and nothing listens to them.
    """
    config = type(model.config)(
        **{
            **model.config.to_dict(),
            "hidden_size": model.config.hidden_size * times,
            "num_attention_heads": model.config.num_attention_heads * times,
            "intermediate_size": model.config.intermediate_size * times + SPARE,
        }
    )
    wide = type(model)(config).eval()
    with torch.no_grad():
        for parameter in wide.parameters():
            parameter.zero_()
        known = dict(model.named_parameters())
        for name, parameter in wide.named_parameters():
            old = known[name]
            if name.startswith("qa_outputs"):
                new = old.repeat(1, times) / times if old.ndim > 1 else old
            elif old.ndim == 1:
                new = old.repeat(times)
            elif "embeddings" in name:
                new = old.repeat(1, times)
            else:
                new = old.repeat(times, times) / times
            parameter[tuple(slice(size) for size in new.shape)] = new
    return wide


def _scale_values(attention: Any) -> None:
    """Makes some channels of every head's values large, and what reads them small again: both are linear."""
    value, output = attention.self.value, attention.output.dense
    size = attention.self.attention_head_size
    for start in range(0, value.out_features, size):
        places = slice(start, start + CHANNELS)
        value.weight[places] *= SCALE
        value.bias[places] *= SCALE
        output.weight[:, places] /= SCALE
