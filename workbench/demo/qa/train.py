"""Train the question-answering demo from nothing: tokenizer, model and model card.

Run as ``python -m workbench.demo.qa.train``. A run repeats from ``Recipe.seed`` on the same versions, number of
threads and kind of processor; elsewhere sums are rounded in another order and the weights end slightly different.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForQuestionAnswering, BertTokenizerFast

from workbench.demo import qa_dataset
from workbench.demo.qa.batches import collate, encode, evaluate
from workbench.demo.qa.card import write_card
from workbench.demo.qa.generate import iter_examples
from workbench.demo.training import make_repeatable, name_versions, rate_at, replace_folder, save_half

MODEL_FOLDER = Path(__file__).parent / "model"


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a run; the model card repeats it."""

    seed: int = 20
    steps: int = 1_900
    batch: int = 64
    rate: float = 1e-3
    warmup: int = 200
    threads: int = 1  # so that a run repeats on any machine, and shares a busy one without stalling
    vocabulary: int = 4_000
    layers: int = 4
    hidden: int = 256
    heads: int = 4


def train_tokenizer(recipe: Recipe, texts: int = 12_000) -> BertTokenizerFast:
    """Train a lower-case WordPiece tokenizer on the train split alone."""
    lines = [f"{r['question']} {r['context']}" for r in itertools.islice(iter_examples("train"), texts)]
    letters = sorted({c for line in lines for c in line.lower() if c.isalnum()})
    learner = BertWordPieceTokenizer(lowercase=True)
    # The trainer numbers the inner letters in the order of a hash table, another one on each run, and breaks ties
    # by number; handed over as special tokens they keep our order.
    learner.train_from_iterator(
        lines,
        vocab_size=recipe.vocabulary,
        min_frequency=2,
        show_progress=False,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"##{letter}" for letter in letters)],
    )
    # Made anew from the vocabulary, or nothing would put [CLS] and [SEP] around the texts.
    words = BertWordPieceTokenizer(learner.get_vocab(), lowercase=True)
    return BertTokenizerFast(tokenizer_object=words._tokenizer, do_lower_case=True, model_max_length=512)


def new_model(recipe: Recipe, vocabulary: int) -> BertForQuestionAnswering:
    """Make the untrained model."""
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=4 * recipe.hidden,
        max_position_embeddings=512,
        initializer_range=0.04,  # BERT's 0.02 suits a width of 768
        # Every example is seen once, so there is nothing to overfit; dropout would cost a third of the time.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    model = BertForQuestionAnswering(config)
    with torch.no_grad():
        _start_with_matching(model, recipe.hidden // recipe.heads)
    return model


def _start_with_matching(model: BertForQuestionAnswering, width: int) -> None:
    """Let the first layer begin with heads that look at equal words, and at the words just before and around.

    A small transformer needs thousands of steps to discover that a name in the question and the same name in the
    text belong together, and that names come in several pieces. Starting from heads that do so saves most of
    them; training is free to change everything.
    """
    places = model.bert.embeddings.position_embeddings.weight
    rates = 300.0 ** -torch.linspace(0, 1, width // 2)
    angles = torch.arange(len(places))[:, None] * rates
    places.zero_()
    places[:, :width] = 0.08 * torch.cat([angles.sin(), angles.cos()], dim=1)
    for number, layer in enumerate(model.bert.encoder.layer):
        query, key = layer.attention.self.query.weight, layer.attention.self.key.weight
        sine, cosine = rates.sin().diag(), rates.cos().diag()
        one_back = torch.cat([torch.cat([cosine, -sine], 1), torch.cat([sine, cosine], 1)])
        if number == 0:
            for head, turn in ((0, one_back), (1, torch.eye(width))):
                rows = slice(head * width, (head + 1) * width)
                query[rows, :width] += turn
                key[rows, :width] += torch.eye(width)
        equal = slice(2 * width, 4 * width)
        query[equal, :width] = 0
        query[equal, width:] = torch.randn(2 * width, query.shape[1] - width) * 0.1
        key[equal] = query[equal]


def iter_batches(tokenizer: BertTokenizerFast, recipe: Recipe) -> Iterator[dict[str, torch.Tensor]]:
    """Yield batches of fresh examples, of similar length within a batch."""
    rng = random.Random(recipe.seed)
    stream = iter_examples("train")
    while True:
        items = encode(tokenizer, list(itertools.islice(stream, 32 * recipe.batch)))
        items.sort(key=lambda item: len(item[0].ids))
        starts = list(range(0, len(items), recipe.batch))
        rng.shuffle(starts)
        for start in starts:
            yield collate(items[start : start + recipe.batch])


def train(recipe: Recipe) -> tuple[BertForQuestionAnswering, BertTokenizerFast]:
    """Train tokenizer and model, printing the loss and a score on texts that are not in the validation split."""
    make_repeatable(recipe.seed, recipe.threads)
    tokenizer = train_tokenizer(recipe)
    model = new_model(recipe, len(tokenizer))
    print(
        f"{sum(p.numel() for p in model.parameters()):,} parameters, vocabulary {len(tokenizer):,}",
        flush=True,
    )
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: rate_at(step, recipe.steps, recipe.warmup)
    )
    # Another seed than the validation split's, so that a run can be watched without looking at that.
    watched = list(itertools.islice(iter_examples("validation", seed=recipe.seed + 1), 600))
    model.train()
    began, total, tokens = time.perf_counter(), 0.0, 0
    for step, batch in enumerate(itertools.islice(iter_batches(tokenizer, recipe), recipe.steps), start=1):
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.item()
        tokens += batch["input_ids"].numel()
        if step % 50 == 0:
            seconds = time.perf_counter() - began
            line = f"step {step} loss {total / 50:.3f} {seconds:.0f} s {tokens / seconds:,.0f} tokens/s"
            if step % 250 == 0:
                scores = evaluate(model, tokenizer, watched)
                line += "".join(f" {k} {v:.1f}" for k, v in scores.items() if k.endswith("f1"))
            print(line, flush=True)
            total = 0.0
    return model, tokenizer


def publish(
    model: BertForQuestionAnswering,
    tokenizer: BertTokenizerFast,
    recipe: Recipe,
    minutes: float,
    folder: Path = MODEL_FOLDER,
) -> dict[str, float]:
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
        stored = BertForQuestionAnswering.from_pretrained(made, dtype=torch.float32)
        scores = evaluate(stored, tokenizer, qa_dataset("validation"))
        facts = {
            **asdict(recipe),
            **scores,
            "minutes": minutes,
            "parameters": stored.num_parameters(),
            "megabytes": (made / "model.safetensors").stat().st_size / 1e6,
            "unanswerable": scores["unanswerable_n"] / scores["n"],
            "longest": max(len(e.ids) for e, _, _ in encode(tokenizer, qa_dataset("train"))),
            "versions": name_versions("torch", "transformers", "tokenizers"),
        }
        (made / "README.md").write_text(write_card(facts))
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
    print(f"{minutes:.1f} minutes", *(f"{k} {v}" for k, v in scores.items()))


if __name__ == "__main__":
    main()
