"""Train the sentiment demo from nothing: tokenizer, model and model card.

Run as ``python -m workbench.demo.sentiment.train``. A run repeats from ``Recipe.seed`` on the same versions, number of
threads and kind of processor; elsewhere sums are rounded in another order and the weights end slightly different.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from workbench.demo import sentiment_dataset
from workbench.demo.sentiment.card import write_card
from workbench.demo.sentiment.generate import LABELS, iter_examples
from workbench.demo.training import make_repeatable, name_versions, rate_at, replace_folder, save_half

MODEL_FOLDER = Path(__file__).parent / "model"
Record = dict[str, str]


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a run; the model card repeats it."""

    seed: int = 20
    steps: int = 2_600
    batch: int = 64
    rate: float = 1e-3
    warmup: int = 100
    threads: int = 1  # so that a run repeats on any machine, and shares a busy one without stalling
    vocabulary: int = 1_000
    positions: int = 256
    layers: int = 3
    hidden: int = 128
    heads: int = 4
    dropout: float = 0.1


def train_tokenizer(recipe: Recipe, texts: int = 12_000) -> BertTokenizerFast:
    """Train a lower-case WordPiece tokenizer on the train split alone.

    Args:
        recipe: Its size.
        texts: How many texts it learns from.
    """
    lines = [record["text"] for record in itertools.islice(iter_examples("train"), texts)]
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789"]
    learner = BertWordPieceTokenizer(lowercase=True)
    # The trainer numbers the inner letters in the order of a hash table, another one on each run, and breaks ties
    # by number; handed over as special tokens they keep our order. All letters, so that any word can be spelt.
    learner.train_from_iterator(
        lines,
        vocab_size=recipe.vocabulary,
        min_frequency=2,
        show_progress=False,
        special_tokens=[
            *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
            *letters,
            *(f"##{letter}" for letter in letters),
        ],
    )
    # Made anew from the vocabulary, or nothing would put [CLS] and [SEP] around the texts.
    words = BertWordPieceTokenizer(learner.get_vocab(), lowercase=True)
    return BertTokenizerFast(
        tokenizer_object=words._tokenizer, do_lower_case=True, model_max_length=recipe.positions
    )


def new_model(recipe: Recipe, vocabulary: int) -> BertForSequenceClassification:
    """Make the untrained model.

    Args:
        recipe: Its measures.
        vocabulary: How many entries its tokenizer has.
    """
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=2 * recipe.hidden,
        max_position_embeddings=recipe.positions,
        initializer_range=0.04,  # BERT's 0.02 suits a width of 768
        hidden_dropout_prob=recipe.dropout,
        attention_probs_dropout_prob=0.0,
        id2label=dict(enumerate(LABELS)),
        label2id={label: number for number, label in enumerate(LABELS)},
        problem_type="single_label_classification",
        attn_implementation="eager",
    )
    return BertForSequenceClassification(config)


def collate(tokenizer: BertTokenizerFast, records: list[Record]) -> dict[str, torch.Tensor]:
    """Encode records and pad them to their longest.

    Args:
        tokenizer: The tokenizer.
        records: What to encode.
    """
    encoded = tokenizer([record["text"] for record in records], padding=True, return_tensors="pt")
    return {**encoded, "labels": torch.tensor([LABELS.index(record["label"]) for record in records])}


def iter_batches(tokenizer: BertTokenizerFast, recipe: Recipe) -> Iterator[dict[str, torch.Tensor]]:
    """Yield batches of fresh examples, of similar length within a batch.

    Args:
        tokenizer: The tokenizer.
        recipe: The size of a batch.
    """
    rng = random.Random(recipe.seed)
    stream = iter_examples("train")
    while True:
        records = sorted(itertools.islice(stream, 16 * recipe.batch), key=lambda record: len(record["text"]))
        starts = list(range(0, len(records), recipe.batch))
        rng.shuffle(starts)
        for start in starts:
            yield collate(tokenizer, records[start : start + recipe.batch])


def train(recipe: Recipe) -> tuple[BertForSequenceClassification, BertTokenizerFast]:
    """Train tokenizer and model, printing the loss.

    Args:
        recipe: How.

    Returns:
        The model and its tokenizer.
    """
    make_repeatable(recipe.seed, recipe.threads)
    tokenizer = train_tokenizer(recipe)
    model = new_model(recipe, len(tokenizer))
    print(f"{model.num_parameters():,} parameters, vocabulary {len(tokenizer):,}", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: rate_at(step, recipe.steps, recipe.warmup)
    )
    model.train()
    total = 0.0
    for step, batch in enumerate(itertools.islice(iter_batches(tokenizer, recipe), recipe.steps), start=1):
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.item()
        if step % 100 == 0:
            print(f"step {step} loss {total / 100:.3f}", flush=True)
            total = 0.0
    return model, tokenizer


def score(
    model: BertForSequenceClassification, tokenizer: BertTokenizerFast, records: list[Record]
) -> dict[str, tuple[int, float]]:
    """Give how many records there are and the percentage that the model labels right: of all, and of each kind.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        records: Labelled records.
    """
    model.eval()
    right: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for start in range(0, len(records), 64):
        part = records[start : start + 64]
        batch = collate(tokenizer, part)
        with torch.inference_mode():
            found = model(**batch).logits.argmax(1)
        for record, is_right in zip(part, (found == batch["labels"]).tolist(), strict=True):
            for name in ("all", record["kind"]):
                there[name] += 1
                right[name] += is_right
    return {name: (count, 100 * right[name] / count) for name, count in there.items()}


def publish(
    model: BertForSequenceClassification,
    tokenizer: BertTokenizerFast,
    recipe: Recipe,
    minutes: float,
    folder: Path = MODEL_FOLDER,
) -> dict[str, tuple[int, float]]:
    """Write the model folder, with a card that holds the scores of what was written.

    Args:
        model: The trained model; its weights become float16.
        tokenizer: Its tokenizer.
        recipe: How it was trained.
        minutes: The processor time that took.
        folder: Where to write; what is there is replaced once everything is ready.

    Returns:
        The scores on the validation split, of the stored weights in float32.
    """
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / "model"
        save_half(model, tokenizer, made)
        stored = BertForSequenceClassification.from_pretrained(made, dtype=torch.float32)
        scores = score(stored, tokenizer, sentiment_dataset("validation"))
        facts = {
            **asdict(recipe),
            "scores": scores,
            "vocabulary": len(tokenizer),
            "minutes": minutes,
            "parameters": stored.num_parameters(),
            "megabytes": (made / "model.safetensors").stat().st_size / 1e6,
            "longest": max(len(tokenizer(r["text"])["input_ids"]) for r in sentiment_dataset("train", 4_000)),
            "versions": name_versions("torch", "transformers", "tokenizers"),
        }
        (made / "README.md").write_text(write_card(facts), encoding="utf-8")
        replace_folder(made, folder)
    return scores


def main() -> None:
    """Train the bundled model anew, in place of the one that is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--steps", type=int, default=Recipe.steps, help="fewer for a trial (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=MODEL_FOLDER, help="the folder to write")
    options = parser.parse_args()
    recipe = Recipe(steps=options.steps)
    # Processor time, not the clock's, so that the card says the same on a busy machine.
    began = time.process_time()
    model, tokenizer = train(recipe)
    minutes = (time.process_time() - began) / 60
    scores = publish(model, tokenizer, recipe, minutes, options.out)
    print(f"{minutes:.1f} minutes", *(f"{name} {value:.1f}" for name, (_, value) in scores.items()))


if __name__ == "__main__":
    main()
