"""Where gradient descent on the penalty ends, against the minimum derived; how it runs away, against a solved case."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attention_atlas.training.locater import SCALES, frobenius_square, trace, trace_square
from attention_atlas.training.locater_flow import Flow, descend, kept_trace, start


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def run(seed=0, **settings):
    flow = Flow(**settings)
    return descend(flow, *start(flow, seeded(seed)))


@pytest.mark.parametrize("correlation", [-1.0, 0.5, 1.0])
def test_starts_are_correlated_as_asked(correlation):
    query, key = start(Flow(d_model=101, d_head=53, correlation=correlation), seeded())
    assert query.shape == key.shape == (53, 101) and query.dtype == torch.float64
    assert query.var().item() == pytest.approx(1 / 101, rel=0.1)
    error = 1 / math.sqrt(53 * 101)
    assert abs((query * key).sum() * 101 / query.numel() - correlation).item() < 5 * error


@pytest.mark.parametrize("d_head", [1, 2, 5, 13])
def test_the_frobenius_flow_ends_in_a_multiple_of_a_projection_of_full_rank(d_head):
    found = run(d_model=13, d_head=d_head, scale_weight=0.7, mean_weight=1.3, steps=10_000, every=1000)
    assert found.outcome != "ran away"
    total = kept_trace(found.target, d_head, 0.7, 1.3)
    weights = found.query.T @ found.key
    projection = weights * d_head / total
    torch.testing.assert_close(projection, projection.T, rtol=0, atol=1e-5)
    torch.testing.assert_close(projection @ projection, projection, rtol=0, atol=1e-5)
    last = found.table.iloc[-1]
    assert last["trace"] == pytest.approx(total, rel=1e-9)
    assert last["frobenius"] == pytest.approx(total**2 / d_head, rel=1e-9)
    sizes = torch.linalg.eigvals(weights).abs().sort().values
    expected = torch.tensor([0.0] * (13 - d_head) + [abs(total) / d_head] * d_head, dtype=torch.float64)
    torch.testing.assert_close(sizes, expected, rtol=0, atol=1e-5)


def test_no_weights_of_that_rank_have_a_lower_penalty():
    """The value at the minimum derived, against random weights and against projections of lower rank."""
    a, b, target, d_head = 0.7, 1.3, 3.0, 4
    least = a * b * target**2 / (a + b * d_head)

    def penalty(query, key):
        return a * frobenius_square(query, key) + b * (trace(query, key) - target) ** 2

    total = kept_trace(target, d_head, a, b)
    rows = torch.eye(d_head, 7, dtype=torch.float64)
    assert penalty(rows, total / d_head * rows).item() == pytest.approx(least)
    for seed in range(50):
        query, key = torch.randn(2, d_head, 7, generator=seeded(seed), dtype=torch.float64)
        assert penalty(query, key) > least
    for rank in (1, 2, 3):
        assert penalty(rows[:rank], kept_trace(target, rank, a, b) / rank * rows[:rank]) > least * 1.05


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**31),
    d_head=st.integers(1, 5),
    correlation=st.floats(-1, 1),
    scale=st.sampled_from(sorted(SCALES)),
)
def test_a_step_never_raises_the_penalty(seed, d_head, correlation, scale):
    penalties = run(seed, d_model=5, d_head=d_head, correlation=correlation, scale=scale, steps=40, every=1).table[
        "penalty"
    ]
    assert (penalties.diff().dropna() <= 1e-12 * penalties.abs().max()).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("d_head", [2, 11])
def test_the_square_s_flow_runs_away_from_random_weights_and_keeps_its_trace(seed, d_head):
    found = run(seed, d_model=11, d_head=d_head, scale="trace_square", every=1)
    first, last = found.table.iloc[0], found.table.iloc[-1]
    assert found.outcome == "ran away"
    assert last["frobenius"] > 100 * first["frobenius"] and last["trace_square"] < 0 and last["penalty"] < 0
    assert last["antisymmetric_share"] > 0.9
    assert abs(last["trace"] - found.target) < abs(found.target) + 1


@pytest.mark.parametrize("seed", range(3))
def test_negative_control_a_head_of_one_dimension_cannot_run_away(seed):
    """Rank one has tr(W^2) = (tr W)^2, and no room to rotate."""
    found = run(seed, d_model=11, d_head=1, scale="trace_square")
    assert found.outcome == "settled"
    assert found.table["trace_square"].iloc[-1] == pytest.approx(kept_trace(found.target, 1, 1.0, 1.0) ** 2)


def test_a_quarter_turn_runs_away_at_the_time_derived():
    """W = q^2 J, J a quarter turn: q^2(t) = q0^2 / (1 - 4 a q0^2 t), infinite at t = 1 / (4 a q0^2)."""
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    ends, errors = 1 / (4 * 0.5 * 0.3**2), []
    for pace in (0.1, 0.05):
        flow = Flow(d_model=2, d_head=2, scale="trace_square", scale_weight=0.5, pace=pace, steps=9000, runaway=1e8)
        found = descend(flow, 0.3 * torch.eye(2).double(), 0.3 * turn)
        assert found.outcome == "ran away"
        last = found.table.iloc[-1]
        rest = 1 / (2 * math.sqrt(last["frobenius"] / 2))  # of the time, at the size where it was stopped
        errors.append(abs(last["time"] + rest - ends) / ends)
    assert errors[0] < 0.03 and errors[1] < 0.55 * errors[0]  # Euler's error goes as the step


@pytest.mark.parametrize(("scale", "sign"), [("trace_square", 1), ("frobenius", -1)])
def test_an_antisymmetric_disturbance_of_the_minimum_grows_or_fades_at_the_rate_derived(scale, sign):
    """W = c I + A: A goes as exp(4 a c t) under tr(W^2) and as exp(-4 a c t) under ||W||_F^2."""
    a, b, size = 0.5, 2.0, 7
    noise = 1e-4 * torch.randn(size, size, generator=seeded(), dtype=torch.float64)
    flow = Flow(d_model=size, d_head=size, scale=scale, scale_weight=a, mean_weight=b, pace=0.1, steps=1500)
    root = 0.8 * torch.eye(size).double()
    found = descend(flow, root, root + noise - noise.T)
    c = kept_trace(found.target, size, a, b) / size  # where it rests, a little below the start
    table = found.table[(found.table["time"] > 0.5) & found.table["antisymmetric_share"].between(1e-13, 1e-3)]
    ends = table.iloc[[0, -1]]
    (growth,) = ends["antisymmetric_share"].map(math.log).diff().dropna() / ends["time"].diff().dropna()
    assert len(table) > 20
    assert growth == pytest.approx(sign * 8 * a * c, rel=0.02)  # of the square of A


def test_what_the_factors_differ_by_is_conserved():
    """W_Q W_Q^T - W_K W_K^T along the gradient flow; steps change it by their length squared."""
    for scale in SCALES:
        drifts = []
        for pace in (0.2, 0.1):
            flow = Flow(d_model=7, d_head=3, scale=scale, steps=round(20 / pace), pace=pace, runaway=1e9)
            query, key = start(flow, seeded())
            found = descend(flow, query, key)
            before, after = (q @ q.mT - k @ k.mT for q, k in ((query, key), (found.query, found.key)))
            drifts.append((after - before).norm() / before.norm())
        assert drifts[1] < 0.6 * drifts[0] < 0.6 * 0.2


def test_rows_and_spectra_belong_to_the_steps_that_they_name():
    found = run(d_model=7, d_head=3, steps=25, every=10)
    assert found.table["step"].tolist() == [0, 10, 20, 25] and found.spectra.shape == (4, 3)
    assert found.outcome == "out of steps"
    torch.testing.assert_close(
        torch.tensor(found.table["trace"].to_list(), dtype=torch.float64), found.spectra.real.sum(-1)
    )
    last = found.table.iloc[-1]
    assert last["trace"] == pytest.approx(trace(found.query, found.key).item())
    assert last["trace_square"] == pytest.approx(trace_square(found.query, found.key).item())
    spread = (found.spectra[-1].real - last["eigenvalue_mean"]).square().mean().item()
    assert last["real_variance"] == pytest.approx(spread)
    weights = found.query.T @ found.key
    share = ((weights - weights.T) / 2).square().sum() / weights.square().sum()
    assert last["antisymmetric_share"] == pytest.approx(share.item())


def test_starts_are_not_changed_and_runs_repeat():
    flow = Flow(d_model=7, d_head=3, steps=5)
    query, key = start(flow, seeded())
    kept = query.clone(), key.clone()
    first, second = (descend(flow, query, key) for _ in range(2))
    assert torch.equal(query, kept[0]) and torch.equal(key, kept[1])
    assert first.table.equals(second.table)


def test_weights_of_zero_rest():
    found = descend(Flow(), torch.zeros(2, 3).double(), torch.zeros(2, 3).double())
    assert found.outcome == "settled" and len(found.table) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"d_head": 33}, "d_head must be between 1 and d_model = 32, got 33"),
        ({"correlation": 1.5}, "correlation must lie between -1 and 1, got 1.5"),
        ({"steps": 0}, "steps and every must be at least 1, got 0 and 10"),
        ({"scale": "nuclear"}, "unknown scale 'nuclear'; allowed: frobenius, trace_square"),
        (
            {"pace": 2.0},
            "both weights must be above 0, pace in (0, 1] and runaway above 1, got 1.0, 1.0, 2.0 and 100.0",
        ),
        (
            {"mean_weight": 0.0},
            "both weights must be above 0, pace in (0, 1] and runaway above 1, got 1.0, 0.0, 1.0 and 100.0",
        ),
    ],
)
def test_impossible_flows_are_refused(wrong, message):
    with pytest.raises(ValueError) as refusal:
        Flow(**wrong)
    assert str(refusal.value) == message
