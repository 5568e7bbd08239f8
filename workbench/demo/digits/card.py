"""Write the model card of the digits demo from what a training run measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CARD = """\
---
license: apache-2.0
pipeline_tag: image-classification
---

# Demo: handwritten digits, from nothing

A very small vision transformer that comes with `workbench`, so that every tutorial runs with no network. It reads one
handwritten digit. It was trained from random weights; nothing in it comes from another model.

| | |
|---|---|
| architecture | `ViTForImageClassification`: {layers} layers, width {hidden}, {heads} heads, \
{parameters:,} parameters |
| input | pictures of 8 by 8 pixels, light on dark, enlarged to {side} by {side}, in patches of {patch} by {patch} |
| stored as | float16 safetensors, {megabytes:.1f} MB; loads as float32 |
| licence | Apache-2.0 |

## Use

```python
from transformers import pipeline
from workbench.demo import draw_digit, model_folder

folder = str(model_folder("digits"))
read = pipeline("image-classification", model=folder, image_processor=folder)
read(draw_digit(3))
```

## Data

It learnt from the digits that come with scikit-learn (`sklearn.datasets.load_digits`: 1,797 pictures from the UCI
"Optical Recognition of Handwritten Digits" data set by E. Alpaydin and C. Kaynak, CC BY 4.0). They are read from the
installed scikit-learn; none of them is part of this package. `workbench.demo.digits_dataset` splits them by a seed:
{seen_n:,} for training, {n:,} for validation. The sample inputs are others, drawn by `workbench.demo.draw_digit`; the
model never saw such a one in training.

## Figures

float32 with the weights as stored:

| pictures | n | accuracy |
|---|---|---|
| validation split | {n:,} | {accuracy:.1f} % |
| train split | {seen_n:,} | {seen_accuracy:.1f} % |
| drawn by `draw_digit` | {drawn_n:,} | {drawn_accuracy:.1f} % |

The same people wrote the digits of both splits, so on other people's digits it will do worse.
The drawings were made thicker where it misread them at first, so the last figure says that the sample inputs suit the
model, and no more.

## What it cannot do

It knows ten signs, upright, alone, filling the picture, light on dark. To anything else it gives one of ten digits all
the same. Use it to study exporting, quantizing and measuring, not to read.

## How it was made

```
python -m workbench.demo.digits.train
```

{steps:,} steps of {batch} pictures, each turned, slanted, stretched and shifted a little; AdamW, highest learning rate
{rate:g}, warm-up {warmup} steps, cosine decay, label smoothing {smoothing:g}, {threads} thread(s), seed {seed};
{minutes:.1f} minutes of processor time. The run repeats from its seed with the same versions, number of threads and
kind of processor; otherwise sums are rounded in another order and the figures move a little.
Versions: {versions}.
"""


def write_card(facts: Mapping[str, Any]) -> str:
    """Fill in the model card.

    Args:
        facts: The recipe, the scores and the circumstances of a run; a missing one is an error.

    Returns:
        The card as Markdown.

    Example:
        >>> write_card({})
        Traceback (most recent call last):
        KeyError: 'layers'
    """
    return _CARD.format_map(facts)
