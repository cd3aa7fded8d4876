"""Both variants of every verified discrepancy of Kim et al. 2026, and the numbers that the ledger states."""

import math

import torch
from agreement import agrees

from attention_atlas.simulation.model import Model
from attention_atlas.simulation.stream import simulate
from attention_atlas.theory.recency.closed_form import effective_residual, h


def test_raw_residual():
    def rise(residual: float) -> float:
        lengths = h(10, 64, 0.5, residual)
        return 100 * float(lengths[-1] / lengths[0] - 1)

    def layer_two(residual: str) -> float:
        table = simulate(Model(16, 0.5, residual=residual, layers=2), 20_000).table()
        return table.query("quantity == 'recency_probability' and layer == 2")["mean"].item()

    strength = effective_residual(64, 0.5)
    assert agrees(
        "kim2026-raw-residual",
        {
            "strength": strength,
            "rise_text": rise(1.0),
            "rise_code": rise(strength),
            "recency_text": layer_two("normalized"),
            "recency_code": layer_two("raw"),
        },
    )


def test_worked_example():
    tokens = torch.eye(3, dtype=torch.float64)
    scores = tokens @ tokens.T  # 1 with itself, 0 with others: norms of 1 and no division by sqrt(d)
    weights = scores.masked_fill(torch.ones(3, 3).triu(1).bool(), -math.inf).softmax(-1)
    states = weights @ tokens + tokens
    unit = states / states.norm(dim=1, keepdim=True)
    found = unit @ unit.T
    # the third state is (1, 1, 2 + 2e) up to its length; the misprint squares e alone
    misprint = found[2] * math.sqrt(1 + 1 + (2 + 2 * math.e) ** 2) / math.sqrt(1 + 1 + (2 + 2 * math.e**2))
    assert agrees(
        "kim2026-worked-example",
        {
            "score_21": found[1, 0].item(),
            "score_31": found[2, 0].item(),
            "score_32": found[2, 1].item(),
            "misprint_31": misprint[0].item(),
            "misprint_32": misprint[1].item(),
        },
    )
