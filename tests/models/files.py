"""Checkpoints gone wrong, for more than one file of tests: cut short, or with code of their own."""

from __future__ import annotations

from pathlib import Path

OWN_CODE = """
from transformers import BertConfig, BertForQuestionAnswering

class MyConfig(BertConfig):
    model_type = "my-bert"

class MyModel(BertForQuestionAnswering):
    config_class = MyConfig
"""


def cut(file: Path) -> None:
    """Leaves the first half of a file, as a download that broke off does."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
