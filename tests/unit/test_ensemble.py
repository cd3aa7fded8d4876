"""Training side by side: the steps of torch's own AdamW, no model feels another, and what is kept goes on."""

import ctypes
import io
import math

import pytest
import torch

from attention_atlas.models.attention_only import AttentionOnly, Network, cross_entropy
from attention_atlas.training import ensemble
from attention_atlas.training.ensemble import EAGER_STEPS, Ensemble, keep_freed_memory
from plain_retrieval import PlainNetwork

MODELS, BATCH, TOKENS, D_MODEL, LABELS = 3, 5, 7, 11, 2
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def made(device="cpu", dtype=torch.float64, learning_rate=0.01, weight_decay=0.1):
    """An ensemble of networks of two layers."""
    network = Network([AttentionOnly(d_model=D_MODEL, labels=LABELS, residual=True)] * MODELS, TOKENS, device, dtype)
    parameters = network.initial([torch.Generator().manual_seed(seed) for seed in range(MODELS)])
    return Ensemble(
        parameters, lambda p, x, y: cross_entropy(network.logits(p, x), y), learning_rate, weight_decay
    )  # fmt: skip


def batches(steps, device="cpu", dtype=torch.float64):
    generator = torch.Generator().manual_seed(17)
    for _ in range(steps):
        x = torch.randn(MODELS, BATCH, TOKENS, D_MODEL, generator=generator, dtype=torch.float64)
        yield x.to(device, dtype), torch.randint(LABELS, (MODELS, BATCH), generator=generator).to(device)


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    return torch.load(io.BytesIO(file.getvalue()), map_location="cpu", weights_only=True)


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def numbers(targets, learning_rate=0.1, weight_decay=0.0):
    """One number for each model, on its way to its own target."""
    start = torch.zeros(len(targets), dtype=torch.float64)
    return Ensemble({"x": start}, lambda p, target: (p["x"] - target) ** 2, learning_rate, weight_decay)


def test_the_first_step_by_hand():
    """AdamW's first step: x (1 - rate decay), then rate against the sign of the gradient, whatever its size."""
    start = {"x": torch.tensor([2.0, -3.0, 0.5], dtype=torch.float64)}
    trained = Ensemble(start, lambda p, target: 100 * (p["x"] - target) ** 2, learning_rate=0.1, weight_decay=0.5)
    trained.step(torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    assert trained.parameters["x"].tolist() == pytest.approx([1.9 - 0.1, -2.85 + 0.1, 0.475 + 0.1], abs=1e-9)
    assert trained.mean_loss().tolist() == [400.0, 900.0, 25.0]
    assert start["x"].tolist() == [2.0, -3.0, 0.5]  # copied


def test_steps_are_those_of_adamw_by_the_plain_loop():
    """Loshchilov & Hutter 2019, Algorithm 2, with torch's defaults, one number."""
    rate, decay, beta1, beta2, x, m, v = 0.1, 0.3, 0.9, 0.999, 0.0, 0.0, 0.0
    trained = numbers([1.5], rate, decay)
    for step in range(1, 30):
        gradient = 2 * (x - 1.5)
        m, v = beta1 * m + (1 - beta1) * gradient, beta2 * v + (1 - beta2) * gradient**2
        x = x * (1 - rate * decay)
        x -= rate * (m / (1 - beta1**step)) / (math.sqrt(v / (1 - beta2**step)) + 1e-8)
        trained.step(torch.tensor([1.5], dtype=torch.float64))
        assert trained.parameters["x"].item() == pytest.approx(x, rel=1e-12)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_networks_become_those_of_torch_trained_one_by_one(weight_decay):
    trained = made(weight_decay=weight_decay)
    modules = [PlainNetwork(D_MODEL, LABELS, residual=True).double() for _ in range(MODELS)]
    for model, module in enumerate(modules):
        module.load(trained.parameters, model)
    optimizers = [torch.optim.AdamW(m.parameters(), 0.01, weight_decay=weight_decay, foreach=False) for m in modules]
    losses = torch.zeros(MODELS, dtype=torch.float64)
    for x, y in batches(10):
        trained.step(x, y)
        for model, (module, optimizer) in enumerate(zip(modules, optimizers, strict=True)):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(x[model]), y[model])
            loss.backward()
            optimizer.step()
            losses[model] += loss.detach() / 10
    torch.testing.assert_close(trained.mean_loss(), losses, rtol=1e-9, atol=0)
    for model, module in enumerate(modules):
        for name, index, own, transposed in module.places():
            found = trained.parameters[name][(model, *index)]
            # an entry with a gradient near rounding keeps its sign only roughly, so the bound is on the step's scale
            torch.testing.assert_close(found.T if transposed else found, own.detach(), rtol=0, atol=1e-6 * 0.01)


def test_every_parameter_has_its_own_gradient_and_none_is_left_from_the_step_before():
    """One vector holds them all: shapes, order and sums of gradients by hand, for a loss linear in the parameters."""
    start = {"a": torch.zeros(1, 2, 3), "b": torch.zeros(1), "unused": torch.ones(1, 4)}
    slopes = torch.arange(1.0, 7.0).view(1, 2, 3)
    trained = Ensemble(start, lambda p: (p["a"] * slopes).sum((1, 2)) - 7 * p["b"], learning_rate=0.5, weight_decay=0.1)
    for _ in range(2):
        trained.step()
        leaves = trained._leaves
        assert torch.equal(leaves["a"].grad, slopes) and leaves["b"].grad.tolist() == [-7.0]
        assert trained._all.grad.tolist() == [*range(1, 7), -7, 0, 0, 0, 0]
    ends = trained.parameters
    assert (ends["a"] < 0).all() and ends["b"] > 0  # each against its own sign
    assert ends["unused"][0].tolist() == pytest.approx([0.95**2] * 4)


def test_another_rate_or_decay_is_noticed():
    """Negative control of the comparison above."""
    ends = []
    for learning_rate, weight_decay in ((0.01, 0.1), (0.011, 0.1), (0.01, 0.11)):
        trained = made(learning_rate=learning_rate, weight_decay=weight_decay)
        for batch in batches(10):
            trained.step(*batch)
        ends.append(trained.parameters["query"])
    assert all((end - ends[0]).abs().max() > 1e-6 for end in ends[1:])


@pytest.mark.parametrize("harm", [math.nan, math.inf, 1e300])
def test_a_model_that_breaks_leaves_the_others_as_they_are(harm):
    healthy, broken = made(), made()
    for step, (x, y) in enumerate(batches(6)):
        healthy.step(x, y)
        if step == 3:
            x = x.clone()
            x[1] *= harm
        broken.step(x, y)
    losses = healthy.mean_loss(), broken.mean_loss()
    for model, untouched in ((0, True), (1, False), (2, True)):
        one, other = ({name: value[model] for name, value in e.parameters.items()} for e in (healthy, broken))
        assert same(one, other) == untouched
        assert torch.equal(losses[0][model], losses[1][model]) == untouched


def test_a_huge_loss_scales_no_other_gradient():
    small, large = numbers([1.0, 2.0]), numbers([1.0, 1e12])
    for _ in range(5):
        small.step(torch.tensor([1.0, 2.0], dtype=torch.float64))
        large.step(torch.tensor([1.0, 1e12], dtype=torch.float64))
    assert small.parameters["x"][0] == large.parameters["x"][0]
    assert small.parameters["x"][1] != large.parameters["x"][1]


def test_the_mean_loss_counts_from_the_last_time():
    trained = numbers([0.0], learning_rate=1e-12)  # stays where it is
    for target in (1.0, 2.0, 4.0):
        trained.step(torch.tensor([target], dtype=torch.float64))
    assert trained.mean_loss().item() == pytest.approx((1 + 4 + 16) / 3, rel=1e-9)
    assert trained.mean_loss().tolist() == [0.0]  # no step since
    trained.step(torch.tensor([3.0], dtype=torch.float64))
    mean = trained.mean_loss()
    trained.step(torch.tensor([5.0], dtype=torch.float64))
    assert mean.item() == pytest.approx(9, rel=1e-9)  # what was returned does not change later


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kept_after", [0, 1, 4])
def test_a_kept_state_goes_on_to_the_same_bits(dtype, kept_after):
    unbroken, first = made(dtype=dtype), made(dtype=dtype)
    steps = list(batches(9, dtype=dtype))
    for batch in steps:
        unbroken.step(*batch)
    for batch in steps[:kept_after]:
        first.step(*batch)
    state = through_a_file(first.state())
    second = made(dtype=dtype, learning_rate=0.01)
    for leaf in second.parameters.values():
        leaf.zero_()  # whatever it was before
    second.load(state)
    for batch in steps[kept_after:]:
        second.step(*batch)
    assert same(unbroken.parameters, second.parameters)
    forgetful = made(dtype=dtype)  # negative control: parameters alone, without the optimizer's moments
    for name, value in forgetful.parameters.items():
        value.copy_(state["parameters"][name])
    for batch in steps[kept_after:]:
        forgetful.step(*batch)
    assert same(unbroken.parameters, forgetful.parameters) == (kept_after == 0)


def test_a_load_forgets_the_losses_before_it():
    trained = numbers([0.0])
    state = through_a_file(trained.state())
    trained.step(torch.tensor([3.0], dtype=torch.float64))
    trained.load(state)
    trained.step(torch.tensor([2.0], dtype=torch.float64))
    assert trained.mean_loss().tolist() == [4.0]


def test_keeping_freed_memory_does_no_harm(monkeypatch):
    for _ in range(3):
        keep_freed_memory()
    assert torch.ones(1 << 20).sum() == 1 << 20
    asked = []

    class Library:
        def mallopt(self, option, size):
            asked.append((option, size))

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    keep_freed_memory()
    assert asked == [(-3, 1 << 30), (-1, 1 << 30), (-2, 1 << 26)]  # malloc.h: M_MMAP_THRESHOLD, M_TRIM_..., M_TOP_PAD
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())  # a library without mallopt
    keep_freed_memory()

    def refuses(name):
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", refuses)
    keep_freed_memory()
    assert ensemble.ctypes is ctypes


@needs_cuda
def test_on_cuda_the_recorded_step_is_the_eager_one(monkeypatch):
    recorded, eager = made("cuda"), made("cuda")
    steps = list(batches(EAGER_STEPS + 9, "cuda"))
    for batch in steps:
        recorded.step(*batch)
    monkeypatch.setattr(ensemble, "EAGER_STEPS", len(steps))
    for batch in steps:
        eager.step(*batch)
    assert recorded._graph is not None and eager._graph is None
    for name, value in eager.parameters.items():
        torch.testing.assert_close(recorded.parameters[name], value, rtol=0, atol=1e-6 * 0.01)
    torch.testing.assert_close(recorded.mean_loss(), eager.mean_loss(), rtol=1e-9, atol=0)


@needs_cuda
def test_on_cuda_training_is_that_of_the_cpu_and_goes_on_from_a_state():
    here, there, resumed = made(), made("cuda"), made("cuda")
    steps = EAGER_STEPS + 9
    for number, (on_cpu, on_cuda) in enumerate(zip(batches(steps), batches(steps, "cuda"), strict=True)):
        here.step(*on_cpu)
        there.step(*on_cuda)
        if number >= EAGER_STEPS + 2:
            resumed.step(*on_cuda)
        elif number == EAGER_STEPS + 1:
            resumed.load(through_a_file(there.state()))
    for name, value in here.parameters.items():
        torch.testing.assert_close(there.parameters[name].cpu(), value, rtol=0, atol=1e-6 * 0.01)
        torch.testing.assert_close(resumed.parameters[name].cpu(), value, rtol=0, atol=1e-6 * 0.01)
