"""Where a runner runs, and on how many threads."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from tests.variants import every_variant, largest_gap, run_on
from workbench.runners.onnxruntime import OnnxRunner


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_threads_that_make_no_sense(bench, threads):
    for variant in every_variant(bench):
        with pytest.raises(ValueError, match="threads must be a whole number from 1 up, or None"):
            wb.open_runner(variant, threads=threads)


def test_torch_runs_on_as_many_threads_as_asked_and_puts_them_back(bench):
    used = []
    source = bench.source()
    hook = source.model.register_forward_pre_hook(lambda *args: used.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    with wb.open_runner(source, threads=3) as runner:
        runner.run(source.samples[0])
        assert torch.get_num_threads() == before
        with pytest.raises(Exception, match="index out of range"):
            runner.run({name: value + 10_000 for name, value in source.samples[0].items()})
        assert torch.get_num_threads() == before, "Also after an error."
    hook.remove()
    assert used == [3, 3]


@pytest.mark.parametrize("name", ["bert", "t5"])
def test_onnx_runs_on_as_many_threads_as_asked(bench, name):
    with wb.open_runner(bench.exported(name), threads=3) as runner:
        runner.run(bench.source(name).samples[0])
        assert isinstance(runner, OnnxRunner)
        for path in bench.exported(name).onnx_files:
            options = runner.session(path.name).get_session_options()
            assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)


def test_threads_are_the_usable_cores_unless_told_otherwise(bench, monkeypatch):
    import workbench.runners

    monkeypatch.setattr(workbench.runners, "usable_cores", lambda: 5)
    for variant in every_variant(bench):
        with wb.open_runner(variant) as runner:
            assert runner.threads == 5


@pytest.mark.parametrize("device", ["gpu", "tpu:0", "cuda:x", "CUDA"])
def test_a_device_that_is_none(bench, device):
    for variant in every_variant(bench):
        with pytest.raises(ValueError, match=rf"'cuda:<number>'.*got (device=)?'{device}'"):
            wb.open_runner(variant, device=device)


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_a_gpu_that_is_not_there_is_said(bench, monkeypatch, device):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="pip uninstall -y onnxruntime && pip install onnxruntime-gpu"):
        wb.open_runner(bench.exported(), device=device)
    with pytest.raises(ValueError, match="device='cuda"):
        wb.open_runner(bench.source(), device=device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu(bench):
    import onnxruntime

    feeds = bench.source().samples[:3]
    reference = run_on(bench.source(), feeds)
    variants = [bench.source().baseline]
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        variants.append(bench.exported())
    for variant in variants:
        with wb.open_runner(variant, device="cuda") as runner:
            found = [
                outputs[head]
                for outputs in map(runner.run, feeds)
                for head in bench.source().task_row.outputs
            ]
        assert runner.device == "cuda"
        assert largest_gap(reference, found) < 1e-2
