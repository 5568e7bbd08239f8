"""Write the model card of the question-answering demo from what a training run measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CARD = """\
---
license: apache-2.0
language: en
pipeline_tag: question-answering
---

# Demo: question answering, from nothing

A very small extractive question-answering model that comes with `workbench`, so that every tutorial runs with no
network. It was trained from random weights on invented texts; nothing in it comes from another model or data set.

| | |
|---|---|
| architecture | `BertForQuestionAnswering`: {layers} layers, width {hidden}, {heads} heads, {parameters:,} parameters |
| tokenizer | lower-case WordPiece, {vocabulary:,} entries, trained on the train split |
| stored as | float16 safetensors, {megabytes:.1f} MB; loads as float32 |
| licence | Apache-2.0 |

## Use

```python
from transformers import pipeline
from workbench.demo import model_folder

folder = str(model_folder("qa"))
answer = pipeline("question-answering", model=folder, tokenizer=folder)
answer(
    question="Where was Alda Morvane born?",
    context="Alda Morvane was born in Tormere. Beno Kelsar is a native of Port Halby.",
    handle_impossible_answer=True,
)
```

## Data

`workbench.demo.qa_dataset` writes it: short texts about invented people, towns, companies, museums, rivers,
bridges, ships and festivals, with the same sort of thing said of several of them, and three questions on each
text. About {unanswerable:.0%} of the questions have no answer: they ask for what is not said, about a stranger, or
for a value that belongs to something else. No invented name of the validation split occurs in training.

## Figures

Validation split, {n:,} questions, float32 with the weights as stored, SQuAD 2.0 rules:

| questions | n | exact match | F1 |
|---|---|---|---|
| all | {n:,} | {exact:.1f} | {f1:.1f} |
| with an answer | {answerable_n:,} | {answerable_exact:.1f} | {answerable_f1:.1f} |
| without one | {unanswerable_n:,} | {unanswerable_exact:.1f} | {unanswerable_f1:.1f} |

The number of steps was chosen with these figures in view (1,400 steps gave F1 84.9, and 85 to 95 was wanted), so
they flatter a little. "No answer" to everything would score {unanswerable:.0%}.
Three questions share a text, so they are not independent: an interval worked out from {n:,} independent
questions is too narrow.

## What it cannot do

It knows the wordings of its generator and little else. On real text, in other languages, and on questions that
need arithmetic or general knowledge, its answers mean nothing. No text in training was longer than about
{longest} tokens; it runs up to 512, with more mistakes the longer the text. Use it to study exporting, quantizing
and measuring, not to answer questions.

## How it was made

```
python -m workbench.demo.qa.train
```

{steps:,} steps of {batch} examples, each seen once; AdamW, highest learning rate {rate:g}, warm-up {warmup} steps,
cosine decay, bfloat16 autocast on {threads} thread(s), seed {seed}; {minutes:.0f} minutes of processor time. The first
layer starts from heads that compare words (see `train.py`). The run repeats from its seed with the same versions,
number of threads and kind of processor; otherwise sums are rounded in another order and the figures move a little.
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
