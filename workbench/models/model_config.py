"""Reads a model's `config.json` as plain data: its sizes, under whatever names its family gives them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from workbench.models.variant import Variant


@dataclasses.dataclass(frozen=True)
class Dimensions:
    """The sizes of a transformer; 0 where the config does not say."""

    heads: int
    hidden: int
    layers: int
    decoder_layers: int
    activation: str


def read_config(variant: Variant) -> dict[str, Any]:
    """The content of a variant's `config.json`; empty where there is none."""
    path = variant.path / "config.json" if variant.path else None
    if path is None or not path.is_file():
        return {}
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return config


def read_dimensions(config: Mapping[str, Any]) -> Dimensions:
    """The sizes that a config gives.

    Example:
        >>> read_dimensions({"n_head": 12, "n_embd": 768, "n_layer": 12}).heads
        12
    """
    text = {**config, **(config.get("text_config") or {})}

    def first(*names: str) -> Any:
        return next((text[name] for name in names if text.get(name)), None)

    return Dimensions(
        heads=int(
            first("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads") or 0
        ),
        hidden=int(first("hidden_size", "n_embd", "dim", "d_model") or 0),
        layers=int(first("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers") or 0),
        decoder_layers=int(first("num_decoder_layers", "decoder_layers") or 0),
        activation=str(first("hidden_act", "activation", "activation_function", "feed_forward_proj") or ""),
    )
