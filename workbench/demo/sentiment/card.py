"""Write the model card of the sentiment demo from what a training run measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CARD = """\
---
license: apache-2.0
language: en
pipeline_tag: text-classification
---

# Demo: sentiment, from nothing

A very small text classifier that comes with `workbench`, so that every tutorial runs with no network. It says whether
a text praises (`positive`), blames (`negative`) or does neither (`neutral`). It was trained from random weights on
invented texts; nothing in it comes from another model or data set.

| | |
|---|---|
| architecture | `BertForSequenceClassification`: {layers} layers, width {hidden}, {heads} heads, \
{parameters:,} parameters |
| tokenizer | lower-case WordPiece, {vocabulary:,} entries, trained on the train split |
| stored as | float16 safetensors, {megabytes:.1f} MB; loads as float32 |
| licence | Apache-2.0 |

## Use

```python
from transformers import pipeline
from workbench.demo import model_folder

folder = str(model_folder("sentiment"))
judge = pipeline("text-classification", model=folder, tokenizer=folder)
judge("Although the soup was not bad, the waiter was dreadful.", top_k=None)
```

The scores are probabilities: the softmax of the three logits.

## Data

`workbench.demo.sentiment_dataset` writes it: short texts about hotels, restaurants, films, books, phones, trains,
courses and museums. The words of praise and blame alone do not give the label: they are negated, outweighed by a second
opinion, said by somebody else, or part of a question. No wording of the validation split (no frame of a sentence or of
a clause, and no plain fact) occurs in training; most single words do.

## Figures

Validation split, float32 with the weights as stored:

| texts | n | accuracy |
|---|---|---|
{rows}

Guessing would score 33 %.
The wordings of training, the mix of kinds and the number of steps were settled with a look at such figures, so they
flatter a little.

## What it cannot do

It knows the wordings of its generator and little else: on real reviews, irony, other topics or other languages, its
answers mean little. No text in training was longer than about {longest} tokens; it runs up to {positions}, with more
mistakes the longer the text. Use it to study exporting, quantizing and measuring, not to judge opinions.

## How it was made

```
python -m workbench.demo.sentiment.train
```

{steps:,} steps of {batch} examples, each seen once; AdamW, highest learning rate {rate:g}, warm-up {warmup} steps,
cosine decay, dropout {dropout:g}, {threads} thread(s), seed {seed}; {minutes:.1f} minutes of processor time. The run
repeats from its seed with the same versions, number of threads and kind of processor; otherwise sums are rounded in
another order and the figures move a little.
Versions: {versions}.
"""
_KINDS = {
    "all": "all",
    "plain": "one opinion",
    "negated": "one opinion, negated",
    "contrast": "two opposite opinions, of which one counts",
    "voices": "the writer's opinion and another voice",
    "open": "words of praise or blame, and no opinion",
    "facts": "plain facts",
}


def write_card(facts: Mapping[str, Any]) -> str:
    """Fill in the model card.

    Args:
        facts: The recipe, the scores and the circumstances of a run; a missing one is an error.

    Returns:
        The card as Markdown.

    Example:
        >>> write_card({"scores": {}})
        Traceback (most recent call last):
        KeyError: 'layers'
    """
    scores = facts["scores"]
    rows = "\n".join(
        f"| {name} | {scores[kind][0]:,} | {scores[kind][1]:.1f} % |"
        for kind, name in _KINDS.items()
        if kind in scores
    )
    return _CARD.format_map({**facts, "rows": rows})
