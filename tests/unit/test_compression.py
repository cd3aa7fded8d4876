"""Low rank, few entries and sums of both: by hand, beside plain loops, the best among many, and in models."""

import itertools

import hypothesis
import pytest
import torch
from hypothesis import strategies

from attention_atlas.compression import (
    Inputs,
    low_rank_plus_sparse,
    pruned,
    singular_values,
    stored_numbers,
    truncated,
)
from attention_atlas.models.averager import Averager, forward, initial
from attention_atlas.models.products import in_basis, inputs_of, products, through_readout, with_products
from attention_atlas.tasks.averaging import Averaging, draw
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release

TASK = Averaging(7)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def met(rows, columns, batch=(), seed=1):
    """Moments of random inputs."""
    left, right = normal(*batch, 11, rows, seed=seed), normal(*batch, 13, columns, seed=seed + 1)
    return Inputs(left.mT @ left, right.mT @ right)


def seen(change, inputs):
    """The same by a trace: ||rows^(1/2) D columns^(1/2)||_F^2 = tr(rows D columns D^T)."""
    return (inputs.rows @ change @ inputs.columns * change).sum((-2, -1))


def models(seeds=3, **changes):
    averager = Averager(**changes)
    parameters = initial(averager, [torch.Generator().manual_seed(seed) for seed in range(seeds)])
    return averager, {name: value.double() for name, value in parameters.items()}


def answers(averager, parameters, edit=None):
    batch = draw(TASK, 5, torch.Generator().manual_seed(9))
    return forward(averager, parameters, batch.features[None], edit).output


# matrices


def test_nothing_kept_is_zero_and_everything_kept_is_the_matrix():
    matrix, inputs = normal(2, 5, 3), met(5, 3)
    for smaller in (truncated, pruned):
        assert smaller(matrix, 0).count_nonzero() == smaller(matrix, 0, inputs).count_nonzero() == 0
    assert pruned(matrix, 15).equal(matrix) and pruned(matrix, 15, inputs).equal(matrix)
    torch.testing.assert_close(truncated(matrix, 3), matrix)
    torch.testing.assert_close(truncated(matrix, 3, inputs), matrix)


def test_the_largest_entries_are_kept_and_of_equal_ones_the_first():
    assert pruned(torch.tensor([[1.0, -4], [3, 2]]).double(), 2).tolist() == [[0, -4], [3, 0]]
    assert pruned(torch.ones(2, 3).double(), 4).tolist() == [[1, 1, 1], [1, 0, 0]]


def test_wanda_keeps_equally_many_of_every_column_by_the_norm_of_its_input():
    matrix, tokens = normal(5, 3), normal(17, 5, seed=4) * torch.tensor([1.0, 10, 1, 1, 0.1]).double()
    expected = torch.zeros(5, 3).double()
    for column in range(3):
        scores = [abs(matrix[row, column]) * torch.linalg.vector_norm(tokens[:, row]) for row in range(5)]
        for row in sorted(range(5), key=lambda row: -scores[row])[:2]:
            expected[row, column] = matrix[row, column]
    inputs = Inputs(tokens.mT @ tokens / 17, torch.eye(3).double())
    assert pruned(matrix, 6, inputs).equal(expected)
    assert not pruned(matrix, 6).equal(expected)  # and the weights decide


def test_no_choice_of_entries_is_nearer_than_the_largest():
    matrix = normal(2, 3)
    best = (matrix - pruned(matrix, 4)).square().sum()
    for kept in itertools.combinations(range(6), 4):
        mask = torch.zeros(6).double()
        mask[list(kept)] = 1
        assert (matrix * (1 - mask.unflatten(0, (2, 3)))).square().sum() >= best


@pytest.mark.parametrize("weighted", [False, True])
def test_truncation_loses_the_small_singular_values_and_nothing_else(weighted):
    matrix, inputs = normal(2, 7, 5), met(7, 5, batch=(2,)) if weighted else None
    sizes = singular_values(matrix, inputs)
    for rank in range(6):
        change = matrix - truncated(matrix, rank, inputs)
        lost = seen(change, inputs) if weighted else change.square().sum((-2, -1))
        torch.testing.assert_close(lost, sizes[:, rank:].square().sum(-1), atol=1e-9, rtol=1e-9)
        assert (torch.linalg.matrix_rank(truncated(matrix, rank, inputs)) == rank).all()


@hypothesis.given(seed=strategies.integers(0, 10_000), rank=strategies.integers(1, 3), size=strategies.floats(1e-4, 1))
def test_no_matrix_of_that_rank_is_nearer(seed, rank, size):
    matrix, inputs = normal(5, 4, seed=seed), met(5, 4, seed=seed + 1)
    best = truncated(matrix, rank, inputs)
    left, values, right = torch.linalg.svd(best, full_matrices=False)
    one, other = left[:, :rank] * values[:rank], right[:rank]
    rival = (one + size * normal(5, rank, seed=seed + 2)) @ (other + size * normal(rank, 4, seed=seed + 3))
    assert seen(matrix - rival, inputs) >= seen(matrix - best, inputs) - 1e-9


def test_what_inputs_never_use_is_dropped_and_costs_nothing():
    tokens = normal(50, 2) @ normal(2, 7, seed=1)  # two directions of seven
    inputs, matrix = Inputs(tokens.mT @ tokens / 50, torch.eye(5).double()), normal(7, 5, seed=2)
    torch.testing.assert_close(tokens @ truncated(matrix, 2, inputs), tokens @ matrix)
    assert (tokens @ truncated(matrix, 2) - tokens @ matrix).norm() > 0.1 * (tokens @ matrix).norm()
    assert singular_values(matrix, inputs)[2:].max() < 1e-9


def test_a_sum_of_both_is_found_where_one_kind_alone_fails():
    spikes = torch.zeros(11, 11).double()
    spikes[range(6), [3, 1, 7, 0, 10, 5]] = torch.tensor([2.0, -2, 2, 2, -2, 2]).double()
    matrix = normal(11, 1) @ normal(1, 11, seed=1) + spikes
    numbers = stored_numbers(11, 11, 1, 6)
    both = (matrix - low_rank_plus_sparse(matrix, 1, 6, rounds=100)).norm()
    assert both < 1e-6 * matrix.norm()
    assert min((matrix - pruned(matrix, numbers)).norm(), (matrix - truncated(matrix, 1)).norm()) > 0.1 * matrix.norm()


@hypothesis.given(
    seed=strategies.integers(0, 10_000), rank=strategies.integers(1, 4), entries=strategies.integers(1, 9)
)
def test_more_rounds_never_lead_away(seed, rank, entries):
    matrix = normal(5, 7, seed=seed)
    far = [(matrix - low_rank_plus_sparse(matrix, rank, entries, rounds=n)).norm().item() for n in (1, 2, 3, 10)]
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(far))


@pytest.mark.parametrize("weighted", [False, True])
def test_with_one_part_missing_it_is_the_other(weighted):
    matrix, inputs = normal(2, 7, 5), met(7, 5) if weighted else None
    assert low_rank_plus_sparse(matrix, 3, 0, inputs).equal(truncated(matrix, 3, inputs))
    assert low_rank_plus_sparse(matrix, 0, 10, inputs).equal(pruned(matrix, 10, inputs))


def test_one_round_by_its_two_steps():
    matrix, inputs = normal(7, 5), met(7, 5)
    sparse = pruned(matrix - truncated(matrix, 2, inputs), 10, inputs)
    expected = sparse + truncated(matrix - sparse, 2, inputs)
    torch.testing.assert_close(low_rank_plus_sparse(matrix, 2, 10, inputs, rounds=1), expected)


def test_the_low_rank_part_mends_what_entries_disturb():
    tokens = normal(50, 2) @ normal(2, 7, seed=1)
    inputs, matrix = Inputs(tokens.mT @ tokens / 50, torch.eye(5).double()), normal(7, 5, seed=2)
    left = seen(matrix - low_rank_plus_sparse(matrix, 2, 10, inputs), inputs)
    sparse = pruned(matrix - truncated(matrix, 2, inputs), 10, inputs)
    assert left < 0.5 * seen(matrix - truncated(matrix, 2, inputs) - sparse, inputs)


@pytest.mark.parametrize("smaller", [lambda m, i: truncated(m, 2, i), lambda m, i: low_rank_plus_sparse(m, 1, 6, i)])
def test_company_changes_nothing(smaller):
    matrices, inputs = normal(2, 5, 7, 3), met(7, 3, batch=(2, 5))
    together = smaller(matrices, inputs)
    for place in itertools.product(range(2), range(5)):
        alone = smaller(matrices[place], Inputs(inputs.rows[place], inputs.columns[place]))
        torch.testing.assert_close(together[place], alone)


def test_rank_is_the_same_in_every_basis_and_zeros_are_not():
    sparse = torch.zeros(7, 7).double()
    sparse[2, 5] = 3
    turn = torch.linalg.qr(normal(7, 7)).Q
    turned = turn.mT @ sparse @ turn
    torch.testing.assert_close(truncated(turned, 1), turned)
    assert pruned(sparse, 1).equal(sparse) and (turned - pruned(turned, 14)).norm() > 0.1 * turned.norm()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: truncated(m, 4), "rank must be between 0 and 3, got 4"),
        (lambda m: truncated(m, -1, met(5, 3)), "rank must be between 0 and 3, got -1"),
        (lambda m: pruned(m, 16), "between 0 and 15 entries can be kept, got 16"),
        (lambda m: pruned(m, -1), "between 0 and 15 entries can be kept, got -1"),
        (lambda m: pruned(m, 5, met(5, 3)), "Wanda keeps equally many of 3 columns, got 5 entries"),
        (lambda m: low_rank_plus_sparse(m, 1, 3, rounds=0), "at least 1 round is needed, got 0"),
    ],
)
def test_refused_in_one_line(call, message):
    with pytest.raises(ValueError) as refusal:
        call(normal(5, 3))
    assert str(refusal.value) == message


# models


def test_products_by_loops():
    _, parameters = models(d_model=6, heads=2, d_head=5, layers=3)
    found = products(parameters)
    assert found.shape == (3, 3, 2, 2, 6, 6)
    for seed, layer, head in itertools.product(range(3), range(3), range(2)):
        query, key, value, output = (
            parameters[name][seed, layer, head] for name in ("query", "key", "value", "output")
        )
        torch.testing.assert_close(found[seed, layer, 0, head], query @ key.T)
        torch.testing.assert_close(found[seed, layer, 1, head], value @ output)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"heads": 2},
        {"d_head": 3},
        {"scaled": True, "d_head": 3},
        {"mlp": True},
        {"layernorm": True},
        {"attention": "relu"},
    ],
)
def test_a_model_depends_on_its_products_only(changes):
    averager, parameters = models(**changes)
    wide, same = with_products(averager, parameters, products(parameters))
    torch.testing.assert_close(answers(wide, same), answers(averager, parameters))
    assert {name: value.shape[1:] for name, value in same.items()} == wide.shapes
    other = with_products(averager, parameters, 1.1 * products(parameters))
    assert (answers(*other) - answers(averager, parameters)).abs().max() > 1e-3


@pytest.mark.parametrize("layernorm", [False, True])
def test_inputs_by_loops(layernorm):
    averager, parameters = models(seeds=2, layernorm=layernorm)
    batch = draw(TASK, 5, torch.Generator().manual_seed(9))
    streams = forward(averager, parameters, batch.features[None]).streams
    found = inputs_of(averager, parameters, batch.features[None])
    assert found.rows.shape == found.columns.shape == (2, 2, 2, 1, 8, 8)
    for seed, layer in itertools.product(range(2), range(2)):
        tokens = [token for sequence in streams[layer][seed] for token in sequence]
        if layernorm:
            tokens = [(x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt() for x in tokens]
        mean = sum(tokens) / len(tokens)
        moment = sum(torch.outer(x, x) for x in tokens) / len(tokens)
        spread = sum(torch.outer(x - mean, x - mean) for x in tokens) / len(tokens)
        for kind in range(2):
            torch.testing.assert_close(found.rows[seed, layer, kind, 0], moment)
        torch.testing.assert_close(found.columns[seed, layer, 0, 0], spread)
        assert found.columns[seed, layer, 1, 0].equal(torch.eye(8).double())


def seen_ranks(averager, parameters):
    batch = draw(TASK, 200, torch.Generator().manual_seed(8))
    sizes = singular_values(products(parameters), inputs_of(averager, parameters, batch.features[None]))
    return (sizes > 1e-6 * sizes.amax(-1, keepdim=True)).sum(-1)[..., 0]


def test_three_features_leave_two_three_four_and_five_directions_of_sixteen():
    assert (seen_ranks(*models(d_model=16)) == torch.tensor([[2, 3], [4, 5]])).all()


@pytest.mark.parametrize(("attention", "exact"), [("softmax", True), ("relu", False)])
def test_these_ranks_are_enough_since_softmax_ignores_the_mean_key_and_relu_does_not(attention, exact):
    averager, parameters = models(d_model=16, attention=attention)
    batch = draw(TASK, 200, torch.Generator().manual_seed(8))
    inputs, matrices = inputs_of(averager, parameters, batch.features[None]), products(parameters)
    smaller = matrices.clone()
    for layer, kind, rank in ((0, 0, 2), (0, 1, 3), (1, 0, 4), (1, 1, 5)):
        part = Inputs(inputs.rows[:, layer, kind], inputs.columns[:, layer, kind])
        smaller[:, layer, kind] = truncated(matrices[:, layer, kind], rank, part)
    change = (answers(*with_products(averager, parameters, smaller)) - answers(averager, parameters)).abs().max()
    assert change < 1e-6 if exact else change > 1e-3


def test_a_readout_reads_one_direction_of_the_last_values_only():
    averager, parameters = models(heads=2)
    matrices = products(parameters)
    last, first = matrices.clone(), matrices.clone()
    last[:, 1, 1] = through_readout(matrices[:, 1, 1], parameters["readout"])
    first[:, 0, 1] = through_readout(matrices[:, 0, 1], parameters["readout"])
    assert (torch.linalg.matrix_rank(last[:, 1, 1]) == 1).all()
    as_before = answers(averager, parameters)
    torch.testing.assert_close(answers(*with_products(averager, parameters, last)), as_before)
    assert (answers(*with_products(averager, parameters, first)) - as_before).abs().max() > 1e-2


def test_in_another_basis_models_are_the_same():
    averager, parameters = models(d_model=6, heads=2, d_head=5)
    basis = torch.linalg.qr(normal(3, 9, 9)).Q[:, :6]
    wider, same = in_basis(averager, parameters, basis)
    assert {name: value.shape[1:] for name, value in same.items()} == wider.shapes
    torch.testing.assert_close(answers(wider, same), answers(averager, parameters))
    turn = basis[:, None, None, None]
    torch.testing.assert_close(products(same), turn.mT @ products(parameters) @ turn)


def test_the_construction_is_of_rank_one_and_of_few_entries_in_its_own_basis_only():
    averager, parameters = catch_tag_release(40.0, 20.0)
    turn = torch.linalg.qr(normal(1, 8, 8)).Q[:, :5]
    for basis, survives in ((torch.eye(5, 8).double()[None], True), (turn, False)):
        wide, same = in_basis(averager, parameters, basis)
        matrices, right = products(same), answers(averager, parameters)[..., -1]
        smaller = (truncated(matrices, 1), pruned(matrices, 16))
        low, few = (answers(*with_products(wide, same, changed))[..., -1] for changed in smaller)
        torch.testing.assert_close(low, right, atol=1e-9, rtol=1e-9)
        assert ((few - right).abs().max() < 1e-9) == survives


@pytest.mark.parametrize(
    ("changes", "length", "message"),
    [
        ({"layernorm": True}, 1, "models in other coordinates may have neither layernorm nor mlp, got layernorm"),
        ({"mlp": True}, 1, "models in other coordinates may have neither layernorm nor mlp, got mlp"),
        ({}, 2, "a basis needs orthonormal rows, got products that are off by up to 3"),
    ],
)
def test_a_basis_that_changes_the_model_is_refused(changes, length, message):
    averager, parameters = models(**changes)
    with pytest.raises(ValueError) as refusal:
        in_basis(averager, parameters, length * torch.eye(8).double()[None])
    assert str(refusal.value) == message
