"""Train the digits demo from nothing: model, image processor and model card.

Run as ``python -m workbench.demo.digits.train``; it needs scikit-learn, whose digits it learns from. A run repeats
from ``Recipe.seed`` on the same versions, number of threads and kind of processor.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

from workbench.demo import digits_dataset
from workbench.demo.digits.card import write_card
from workbench.demo.digits.draw import draw_digit
from workbench.demo.training import make_repeatable, name_versions, rate_at, replace_folder, save_half

MODEL_FOLDER = Path(__file__).parent / "model"
DRAWN_HANDS = 20


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a run; the model card repeats it."""

    seed: int = 20
    steps: int = 1_500
    batch: int = 64
    rate: float = 2e-3
    warmup: int = 150
    threads: int = 1  # so that a run repeats on any machine, and shares a busy one without stalling
    side: int = 32
    patch: int = 8
    layers: int = 4
    hidden: int = 96
    heads: int = 4
    smoothing: float = 0.05


def new_model(recipe: Recipe) -> ViTForImageClassification:
    """Make the untrained model.

    Args:
        recipe: Its measures.
    """
    names = {number: str(number) for number in range(10)}
    config = ViTConfig(
        image_size=recipe.side,
        patch_size=recipe.patch,
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=2 * recipe.hidden,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        id2label=names,
        label2id={name: number for number, name in names.items()},
        problem_type="single_label_classification",
        attn_implementation="eager",
    )
    return ViTForImageClassification(config)


def new_processor(recipe: Recipe) -> ViTImageProcessor:
    """Make the image processor: up to the model's size, and from -1 to 1. It needs no torchvision.

    Args:
        recipe: The size.
    """
    square = {"height": recipe.side, "width": recipe.side}
    return ViTImageProcessor(size=square, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def prepare(processor: ViTImageProcessor, images: list[Any]) -> torch.Tensor:
    """Turn pictures into the model's input.

    Args:
        processor: What prepares them.
        images: The pictures.
    """
    return processor(images=images, return_tensors="pt")["pixel_values"]


def disturb(pixels: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    """Turn, stretch, slant and shift pictures a little, each in its own way, as another hand would have.

    Args:
        pixels: A batch of pictures.
        dice: Where chance comes from.
    """

    def draw(width: float) -> torch.Tensor:
        return (2 * torch.rand(len(pixels), generator=dice) - 1) * width

    turn, slant = draw(0.2), draw(0.2)
    wide, high = 1 + draw(0.12), 1 + draw(0.12)
    rows = [
        torch.stack([turn.cos() * wide, -turn.sin() + slant, draw(0.15)], dim=1),
        torch.stack([turn.sin(), turn.cos() * high, draw(0.15)], dim=1),
    ]
    grid = torch.nn.functional.affine_grid(torch.stack(rows, dim=1), list(pixels.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    return moved + 0.1 * torch.randn(moved.shape, generator=dice)


def train(recipe: Recipe) -> tuple[ViTForImageClassification, ViTImageProcessor]:
    """Train the model on the train split alone, printing the loss.

    Args:
        recipe: How.

    Returns:
        The model and its image processor.
    """
    make_repeatable(recipe.seed, recipe.threads)
    processor = new_processor(recipe)
    model = new_model(recipe)
    print(f"{model.num_parameters():,} parameters", flush=True)
    records = digits_dataset("train")
    pixels = prepare(processor, [record["image"] for record in records])
    labels = torch.tensor([record["label"] for record in records])
    dice = torch.Generator().manual_seed(recipe.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=0.05, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: rate_at(step, recipe.steps, recipe.warmup)
    )
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)
    model.train()
    order, total = torch.empty(0, dtype=torch.long), 0.0
    for step in range(1, recipe.steps + 1):
        if len(order) < recipe.batch:
            order = torch.cat([order, torch.randperm(len(labels), generator=dice)])
        chosen, order = order[: recipe.batch], order[recipe.batch :]
        loss = loss_of(model(disturb(pixels[chosen], dice)).logits, labels[chosen])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.item()
        if step % 100 == 0:
            print(f"step {step} loss {total / 100:.3f}", flush=True)
            total = 0.0
    return model, processor


def score(
    model: ViTForImageClassification, processor: ViTImageProcessor, images: list[Any], labels: list[int]
) -> float:
    """Give the percentage of pictures that the model reads right.

    Args:
        model: The model.
        processor: Its image processor.
        images: The pictures.
        labels: What is on them.
    """
    model.eval()
    with torch.inference_mode():
        found = model(prepare(processor, images)).logits.argmax(1)
    return 100 * (found == torch.tensor(labels)).float().mean().item()


def publish(
    model: ViTForImageClassification,
    processor: ViTImageProcessor,
    recipe: Recipe,
    minutes: float,
    folder: Path = MODEL_FOLDER,
) -> dict[str, float]:
    """Write the model folder, with a card that holds the scores of what was written.

    Args:
        model: The trained model; its weights become float16.
        processor: Its image processor.
        recipe: How it was trained.
        minutes: The processor time that took.
        folder: Where to write; what is there is replaced once everything is ready.

    Returns:
        The scores of the stored weights in float32.
    """
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / "model"
        save_half(model, processor, made)
        stored = ViTForImageClassification.from_pretrained(made, dtype=torch.float32)
        held_out, seen = digits_dataset("validation"), digits_dataset("train")
        drawn = [(draw_digit(digit, hand), digit) for hand in range(DRAWN_HANDS) for digit in range(10)]
        scores = {
            name: score(stored, processor, [image for image, _ in pairs], [label for _, label in pairs])
            for name, pairs in {
                "accuracy": [(r["image"], r["label"]) for r in held_out],
                "seen_accuracy": [(r["image"], r["label"]) for r in seen],
                "drawn_accuracy": drawn,
            }.items()
        }
        facts = {
            **asdict(recipe),
            **scores,
            "minutes": minutes,
            "n": len(held_out),
            "seen_n": len(seen),
            "drawn_n": len(drawn),
            "parameters": stored.num_parameters(),
            "megabytes": (made / "model.safetensors").stat().st_size / 1e6,
            "versions": name_versions("torch", "transformers", "scikit-learn", "pillow"),
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
    model, processor = train(recipe)
    minutes = (time.process_time() - began) / 60
    scores = publish(model, processor, recipe, minutes, options.out)
    print(f"{minutes:.1f} minutes", *(f"{name} {value:.1f}" for name, value in scores.items()))


if __name__ == "__main__":
    main()
