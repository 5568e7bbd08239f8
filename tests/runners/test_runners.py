"""Every runner: the same three members, the same feed, the same answers, the same way to say no."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import workbench as wb
from tests.variants import cosine, every_variant, largest_gap, run_on
from workbench.models.samples import resize_feed
from workbench.runners.onnxruntime import open_session
from workbench.runners.protocol import Runner

ENCODER_DECODERS = ("t5", "bart", "whisper")
RUNTIMES = ("onnxruntime", "openvino")


def on_runtime(bench, runtime, name):
    """The exported model, in fp32 on one of the runtimes that run graphs."""
    return bench.openvino(name) if runtime == "openvino" else bench.exported(name)


def test_the_same_members_and_the_same_feed(bench):
    feed = bench.source().samples[0]
    for variant in every_variant(bench):
        with wb.open_runner(variant) as runner:
            assert set(runner.input_names) == set(feed)
            assert set(runner.output_names) == {"start_logits", "end_logits"}
            outputs = runner.run(feed)
            assert set(outputs) == set(runner.output_names)
            for value in outputs.values():
                assert type(value) is np.ndarray
                assert value.dtype == np.float32
                assert value.shape == feed["input_ids"].shape
            assert (runner.variant, runner.threads, runner.device) == (variant, 1, "cpu")


def test_their_answers_agree(bench):
    feeds = [*bench.source().samples[:4], resize_feed(bench.source().samples[0], batch=3, length=24)]
    reference, half, exported, small, openvino, openvino_small = (
        run_on(variant, feeds) for variant in every_variant(bench)
    )
    assert largest_gap(reference, exported) <= 1e-4
    assert largest_gap(reference, openvino) <= 1e-4
    # bf16 keeps eight bits of each number, a few of which are lost again on the way.
    assert 1e-4 < largest_gap(reference, half) < 0.2
    assert cosine(reference, half) > 0.999
    assert cosine(reference, small) > 0.99
    assert cosine(reference, openvino_small) > 0.99


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", ["gpt2", "t5", "whisper", "vit", "wav2vec2", "clip"])
def test_one_feed_fits_every_runtime(bench, name, runtime):
    source = bench.source(name)
    with wb.open_runner(source) as eager, wb.open_runner(on_runtime(bench, runtime, name)) as exported:
        for runner in (eager, exported):
            assert set(runner.input_names) <= set(source.samples[0])
            assert set(source.task_row.outputs) <= set(runner.output_names)
        needed = {key: source.samples[0][key] for key in exported.input_names}
        left, right = eager.run(source.samples[0]), exported.run(needed)
        head = source.task_row.outputs[0]
        assert np.abs(left[head] - right[head]).max() < 1e-3


def test_what_a_model_does_not_take_is_left_aside(bench):
    feed = bench.source().samples[0]
    extra = {**feed, "labels": np.ones((1, 1)), "pixel_values": np.ones((1, 3, 8, 8), np.float32)}
    for variant in every_variant(bench):
        with wb.open_runner(variant) as runner:
            plain, more = runner.run(feed), runner.run(extra)
            assert all((plain[name] == more[name]).all() for name in plain)


def test_a_missing_input_is_named(bench):
    feed = {name: value for name, value in bench.source().samples[0].items() if name != "attention_mask"}
    for variant in every_variant(bench):
        with (
            wb.open_runner(variant) as runner,
            pytest.raises(
                ValueError, match=r"needs the input 'attention_mask'; the feed has input_ids, token_type"
            ),
        ):
            runner.run(feed)


def test_feeds_of_other_number_types_are_taken(bench):
    feed = {name: value.astype(np.int32) for name, value in bench.source().samples[0].items()}
    for variant in every_variant(bench):
        with wb.open_runner(variant) as runner:
            expected = runner.run(bench.source().samples[0])
            assert all((runner.run(feed)[name] == expected[name]).all() for name in expected)


def test_the_feed_is_not_changed(bench):
    feed = bench.source().samples[0]
    before = {name: value.copy() for name, value in feed.items()}
    for variant in every_variant(bench):
        run_on(variant, [feed])
    assert all((feed[name] == before[name]).all() for name in before)
    assert feed.keys() == before.keys()


def test_an_unknown_runtime_is_refused(bench):
    import dataclasses

    with pytest.raises(ValueError, match="No runner for the runtime 'abacus'"):
        wb.open_runner(dataclasses.replace(bench.exported(), runtime="abacus"))


def test_a_closed_runner_runs_no_more(bench):
    for variant in every_variant(bench):
        with wb.open_runner(variant) as runner:
            pass
        with pytest.raises(RuntimeError, match="is closed"):
            runner.run(bench.source().samples[0])
    assert bench.source().model is not None


def test_the_source_keeps_its_model(bench):
    """Another precision is a copy; the source's own weights stay what they are."""
    before = bench.source().fingerprint()
    run_on(bench.source().as_variant("bf16"), bench.source().samples[:1])
    assert bench.source().model.dtype == torch.float32
    assert bench.source().fingerprint() == before


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", ENCODER_DECODERS)
def test_a_step_of_generation_walks_through_every_file(bench, name, runtime):
    variant = on_runtime(bench, runtime, name)
    with wb.open_runner(variant) as runner:
        steps = list(runner.calls(bench.source(name).samples[0]))
        assert sorted(file for file, _, _ in steps) == [path.name for path in variant.onnx_files]
        for file, feed, _ in steps:
            assert set(feed) == {port.name for port in runner.opened(file).inputs}
        whole, last = (outputs["logits"][:, -1] for _, _, outputs in steps[1:])
        np.testing.assert_allclose(whole, last, atol=1e-3)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_decoder_is_stepped_with_its_past(bench, runtime):
    with wb.open_runner(on_runtime(bench, runtime, "gpt2")) as runner:
        (_, _, whole), (_, feed, last) = runner.calls(bench.source("gpt2").samples[0])
        assert feed["input_ids"].shape[1] == 1
        np.testing.assert_allclose(whole["logits"][:, -1], last["logits"][:, -1], atol=1e-3)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_left_padding_does_not_change_what_a_decoder_says(bench, runtime):
    feed = bench.source("gpt2").samples[0]
    padded = {name: np.pad(value, ((0, 0), (3, 0))) for name, value in feed.items()}
    with wb.open_runner(on_runtime(bench, runtime, "gpt2")) as runner:
        plain, behind = runner.run(feed)["logits"], runner.run(padded)["logits"]
    np.testing.assert_allclose(plain, behind[:, 3:], atol=1e-3)


def test_answers_stay_what_they_are_while_the_runner_runs_on(bench):
    """A runtime may hand out its own memory, which its next run writes into."""
    first, second = bench.source().samples[:2]
    for variant in every_variant(bench):
        with wb.open_runner(variant) as runner:
            outputs = runner.run(first)
            before = {name: value.copy() for name, value in outputs.items()}
            runner.run(second)
            assert all((outputs[name] == before[name]).all() for name in before)


@pytest.mark.parametrize("layout", ["sliced", "transposed", "read only"])
def test_arrays_of_every_layout_are_taken(bench, layout):
    """Also ones of which a copy has to be made, and one that nobody else holds on to."""
    feed = {name: value.repeat(2, axis=0) for name, value in bench.source().samples[0].items()}
    for variant in every_variant(bench):
        with wb.open_runner(variant) as runner:
            expected = runner.run(feed)
            found = runner.run({name: lay_out(value, layout) for name, value in feed.items()})
        assert all((found[name] == expected[name]).all() for name in expected), variant.name


def lay_out(value, layout):
    if layout == "sliced":
        return value.repeat(2, axis=1)[:, ::2]
    if layout == "transposed":
        return np.asfortranarray(value)
    frozen = value.copy()
    frozen.flags.writeable = False
    return frozen


def test_one_runner_serves_several_threads(bench):
    feeds = bench.source().samples[:4]
    for variant in every_variant(bench)[2:]:
        with wb.open_runner(variant) as runner, ThreadPoolExecutor(4) as pool:
            expected = list(map(runner.run, feeds))
            found = list(pool.map(runner.run, feeds * 5))
        for index, outputs in enumerate(found):
            assert all((outputs[name] == value).all() for name, value in expected[index % 4].items())


def test_a_runner_fits_the_protocol(bench):
    members = [name for name in dir(Runner) if not name.startswith("_")]
    assert {"input_names", "output_names", "run", "close"} <= set(members)
    for variant in every_variant(bench):
        with wb.open_runner(variant) as runner:
            assert all(hasattr(runner, name) for name in (*members, "variant", "threads", "device"))


def test_a_session_of_a_file_that_is_not_there(tmp_path):
    with pytest.raises(wb.VariantError, match=r"ONNX Runtime cannot open .*gone\.onnx"):
        open_session(tmp_path / "gone.onnx", threads=1)


@pytest.mark.slow
def test_compiled(bench):
    """Compiling takes a while; the settings of the compiler are its own and not the process's."""
    import torch._inductor.config as inductor

    freezing = inductor.freezing
    source = bench.source()
    feeds = source.samples[:1]
    compiled = source.as_variant(compiled=True)
    assert compiled.name == "torch-fp32-compiled"
    with wb.open_runner(compiled) as runner:
        assert set(runner.input_names) == set(feeds[0])
        outputs = runner.run(feeds[0])
    reference = run_on(source, feeds)
    assert largest_gap(reference, [outputs[name] for name in source.task_row.outputs]) < 1e-4
    assert inductor.freezing == freezing
