"""Which positions of an output or of a layer's tensor count: padding is left out of every comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.models.samples import Feed

MASK, DECODER_MASK = "attention_mask", "decoder_attention_mask"
SOUND = ("input_values", "input_features")


def check_masks(feeds: Sequence[Feed]) -> None:
    """Refuses samples that are nothing but padding: all of their outputs would be left out.

    Raises:
        ValueError: There is one.
    """
    for index, feed in enumerate(feeds):
        for name in (MASK, DECODER_MASK):
            if name in feed and not (feed[name] > 0).any():
                raise ValueError(
                    f"Sample {index} is nothing but padding: its {name} has no 1. There is nothing to compare; "
                    "give the mask that the tokenizer made."
                )


def token_mask(
    feed: Mapping[str, np.ndarray],
    shape: tuple[int, ...],
    *,
    decoder: bool = False,
    hop: float | None = None,
) -> np.ndarray | None:
    """Which positions of a tensor of this shape stand for real tokens; None where there is no padding to leave out.

    A speech model's mask counts samples of sound and its tensors count frames. A frame is real where the mask is 1
    at the frame's middle, all frames being equally long: that is the model's own count of frames, give or take one.

    Args:
        feed: The inputs, with their masks.
        shape: The tensor's sizes: rows, positions, …
        decoder: Whether it belongs to a decoder, which has a mask of its own.
        hop: How many steps of the mask make a frame, for speech, from `find_hop`.

    Example:
        >>> token_mask({"attention_mask": np.array([[1, 1, 0]])}, (1, 3, 64)).tolist()
        [[True, True, False]]
        >>> token_mask({"attention_mask": np.array([[1] * 500 + [0] * 300])}, (1, 8, 64), hop=100.0).sum()
        np.int64(5)
    """
    mask = feed.get(DECODER_MASK if decoder else MASK)
    if mask is None or mask.ndim != 2 or len(shape) < 2 or shape[0] != mask.shape[0]:
        return None
    steps, frames = mask.shape[1], shape[1]
    if frames != steps:
        if decoder or hop is None or abs(steps / hop - frames) > 1:
            return None
        mask = mask[:, ((np.arange(frames) + 0.5) * steps / frames).astype(int)]
    real = np.asarray(mask > 0)
    return None if bool(real.all()) else real


def find_hop(feed: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> float | None:
    """How many steps of the mask a position of a speech model's output stands for; None for all other models.

    Args:
        feed: The inputs.
        shape: The output's sizes: rows, frames, …

    Example:
        >>> sound = {"input_values": np.zeros((1, 800)), "attention_mask": np.ones((1, 800))}
        >>> find_hop(sound, (1, 8, 64)), find_hop({"attention_mask": np.ones((1, 8))}, (1, 8, 64))
        (100.0, None)
    """
    mask = feed.get(MASK)
    if mask is None or mask.ndim != 2 or len(shape) < 3 or not any(name in feed for name in SOUND):
        return None
    steps, frames = mask.shape[1], shape[1]
    return steps / frames if 0 < frames < steps else None
