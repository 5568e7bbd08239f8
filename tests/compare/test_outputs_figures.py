"""Figures of two streams of arrays, and which of their positions count."""

from __future__ import annotations

import functools
import math
import types

import numpy as np
import pytest
import torch

from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare.masks import find_hop, token_mask
from workbench.compare.outputs import compare_outputs
from workbench.compare.similarity import Similarity, kl_divergences, round_up


def test_streaming_statistics():
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(2, 4000)).astype(np.float32)
    whole, pieces = Similarity(), Similarity()
    whole.add(left, right)
    for start in range(0, 4000, 700):
        pieces.add(left[start : start + 700], right[start : start + 700])
    for name in ("values", "max_abs", "mean_abs", "relative", "cosine", "snr_db"):
        assert getattr(pieces, name) == pytest.approx(getattr(whole, name))
    silent = Similarity()
    silent.add(np.zeros(3), np.ones(3))
    assert silent.relative == math.inf
    large = Similarity()
    large.add(np.full(4, 1e30, np.float32), np.full(4, 1.1e30, np.float32))
    assert large.relative == pytest.approx(0.1, rel=1e-5)
    with pytest.raises(ValueError, match="shapes differ"):
        Similarity().add(np.zeros(2), np.zeros(3))
    assert round_up(0.0) == 0.0
    assert [round_up(value) for value in (0.001, 0.0021, 0.0051, 7)] == [0.001, 0.005, 0.01, 10.0]
    assert kl_divergences(np.array([[0.0, math.inf]]), np.zeros((1, 2)), None) == []


def test_a_number_against_none_is_no_small_difference():
    lost = Similarity()
    lost.add(np.ones(3), np.ones(3), sample=4)
    lost.add(np.ones(3), np.full(3, math.nan), sample=7)
    assert (lost.max_abs, lost.mean_abs, lost.relative, lost.worst_sample) == (math.inf,) * 3 + (7,)
    assert math.isnan(lost.cosine)
    assert lost.snr_db == -math.inf
    assert (lost.values, lost.not_finite) == (3, {"reference": 0, "candidate": 3})
    mixed = Similarity()
    mixed.add(np.array([-math.inf, 1.0, 2.0, math.nan]), np.array([-math.inf, 1.0, math.inf, 3.0]))
    assert mixed.not_finite == {"reference": 1, "candidate": 1}
    assert (mixed.values, mixed.relative) == (1, math.inf)
    for left, right in ((math.inf, -math.inf), (math.inf, math.nan), (math.nan, 1.0), (1.0, -math.inf)):
        apart = Similarity()
        apart.add(np.array([1.0, left]), np.array([1.0, right]))
        assert apart.relative == apart.max_abs == math.inf


def test_what_both_sides_lack_is_no_difference():
    same = Similarity()
    same.add(np.array([1.0, math.nan, math.inf]), np.array([1.1, math.nan, math.inf]))
    assert same.relative == pytest.approx(0.1)
    assert (same.both_nan, same.not_finite) == (1, {"reference": 0, "candidate": 0})
    for empty in (Similarity(), Similarity()):
        assert not empty.compared
        assert all(
            math.isnan(value) for value in (empty.relative, empty.cosine, empty.mean_abs, empty.snr_db)
        )
        empty.add(np.full(2, math.nan), np.full(2, math.nan))
        assert not empty.compared


def test_a_distribution_against_none_is_infinitely_far():
    found = kl_divergences(np.zeros((3, 2)), np.array([[0.0, 0.0], [0.0, math.nan], [-math.inf, 0.0]]), None)
    assert found == [0.0, math.inf, math.inf]


def test_padding_of_sound_is_left_out_frame_by_frame():
    """By the count of frames that wav2vec2's own convolutions give, on either side."""
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    config = Wav2Vec2Config()
    count = functools.partial(
        Wav2Vec2Model._get_feat_extract_output_lengths, types.SimpleNamespace(config=config)
    )
    longest = 16_000
    lengths = np.array([longest, 12_345, 8_000, 4_111, 900])
    mask = (np.arange(longest) < lengths[:, None]).astype(np.int64)
    feed = {"input_values": np.zeros(mask.shape), "attention_mask": mask}
    frames = [int(count(torch.tensor(length), add_adapter=False)) for length in lengths]
    shape = (5, frames[0], 32)
    real = token_mask(feed, shape, hop=find_hop(feed, shape))
    assert np.abs(real.sum(axis=1) - frames).max() <= 1
    assert (np.diff(real.astype(int), axis=1) <= 0).all()
    flipped = {**feed, "attention_mask": mask[:, ::-1]}
    left = token_mask(flipped, shape, hop=find_hop(flipped, shape))
    assert (np.diff(left.astype(int), axis=1) >= 0).all()
    assert np.abs(left.sum(axis=1) - frames).max() <= 1
    # Channels are no frames, and a text's tensors have none.
    assert token_mask(feed, (5, 512, 3199), hop=find_hop(feed, shape)) is None
    text = {"input_ids": mask, "attention_mask": mask}
    assert token_mask(text, shape, hop=find_hop(text, shape)) is None


def test_padded_sound_is_compared_without_its_padding(bench, one_thread):  # noqa: F811
    source = bench.source("wav2vec2")
    (values,) = source.samples[0].values()
    rows, half = np.concatenate([values, values]), values.shape[1] // 2
    mask = np.ones(rows.shape, np.int64)
    mask[1, half:] = 0
    feed = {"input_values": rows, "attention_mask": mask}
    whole = compare_outputs(source, source, samples=[{"input_values": rows}])
    padded = compare_outputs(source, source, samples=[feed])
    frames, letters = 24, 32
    assert whole.rows[0].values == 2 * frames * letters
    assert padded.rows[0].values == (frames + frames // 2) * letters
    assert padded.agreements[0].count == frames + frames // 2
