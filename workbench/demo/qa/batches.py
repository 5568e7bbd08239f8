"""Turn records into batches for the question-answering demo, and a model's scores back into answers."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Encoding
from transformers import BertForQuestionAnswering, BertTokenizerFast

from workbench.demo.qa.score import score_answers

Record = dict[str, Any]
# As many as transformers' question-answering pipeline allows.
LONGEST_ANSWER = 15


def _span(encoding: Encoding, record: Record) -> tuple[int, int]:
    if not record["answers"]["text"]:
        return 0, 0
    start = record["answers"]["answer_start"][0]
    last = start + len(record["answers"]["text"][0]) - 1
    first_token = encoding.char_to_token(start, 1)
    last_token = encoding.char_to_token(last, 1)
    if first_token is None or last_token is None:
        raise ValueError(f"The answer of record {record['id']} does not stand at its answer_start.")
    return first_token, last_token


def encode(tokenizer: BertTokenizerFast, records: list[Record]) -> list[tuple[Encoding, int, int]]:
    """Encode records, with the tokens where each answer starts and ends (0, 0 when there is none)."""
    pairs = [(r["question"], r["context"]) for r in records]
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    encodings = tokenizer.backend_tokenizer.encode_batch(pairs)
    return [(e, *_span(e, r)) for e, r in zip(encodings, records, strict=True)]


def collate(items: list[tuple[Encoding, int, int]]) -> dict[str, torch.Tensor]:
    """Pad a batch to its longest member."""
    longest = max(len(e.ids) for e, _, _ in items)

    def padded(field: str) -> torch.Tensor:
        rows = (list(getattr(e, field)) for e, _, _ in items)
        return torch.tensor([row + [0] * (longest - len(row)) for row in rows])

    return {
        "input_ids": padded("ids"),
        "token_type_ids": padded("type_ids"),
        "attention_mask": padded("attention_mask"),
        "start_positions": torch.tensor([start for _, start, _ in items]),
        "end_positions": torch.tensor([end for _, _, end in items]),
    }


def predict(
    model: BertForQuestionAnswering, tokenizer: BertTokenizerFast, records: list[Record]
) -> list[str]:
    """Answer records: the best span, or nothing where "no answer" scores higher."""
    answers = []
    model.eval()
    for first in range(0, len(records), 64):
        part = records[first : first + 64]
        items = encode(tokenizer, part)
        batch = collate(items)
        with torch.inference_mode():
            out = model(**{k: v for k, v in batch.items() if not k.endswith("positions")})
        width = out.start_logits.shape[1]
        inside = torch.zeros_like(out.start_logits, dtype=torch.bool)
        for row, (encoding, _, _) in enumerate(items):
            inside[row, : len(encoding.ids)] = torch.tensor([i == 1 for i in encoding.sequence_ids])
        allowed = torch.ones(width, width).triu().tril(LONGEST_ANSWER - 1).bool()
        pairs = out.start_logits[:, :, None] + out.end_logits[:, None, :]
        allowed = allowed & inside[:, :, None] & inside[:, None, :]
        best, where = pairs.masked_fill(~allowed, -torch.inf).flatten(1).max(1)
        nothing = out.start_logits[:, 0] + out.end_logits[:, 0]
        for row, (encoding, _, _) in enumerate(items):
            a, b = divmod(int(where[row]), width)
            text = part[row]["context"][encoding.offsets[a][0] : encoding.offsets[b][1]]
            answers.append("" if nothing[row] > best[row] else text)
    model.train()
    return answers


def evaluate(
    model: BertForQuestionAnswering, tokenizer: BertTokenizerFast, records: list[Record]
) -> dict[str, float]:
    """Score the model on records, rounded for printing."""
    return {k: round(v, 2) for k, v in score_answers(predict(model, tokenizer, records), records).items()}
