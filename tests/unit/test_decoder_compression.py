"""Decoders with smaller matrices: beside plain loops, at equal numbers stored, and where truncated keys are exact."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.compression import low_rank_plus_sparse
from attention_atlas.decoders.compression import (
    JOINED,
    MATRICES,
    compressed,
    inputs_of,
    matrices_of,
    shape,
    with_matrices,
)
from attention_atlas.decoders.keys import key_inputs, with_keys_of_rank, without_second
from attention_atlas.models.decoder import Decoder, forward, initial

TEXT = torch.randint(13, (3, 7), generator=torch.Generator().manual_seed(1))


def model(**changes):
    """A decoder with axes of different lengths; gains that are not all one."""
    decoder = Decoder(**({"vocabulary": 13, "tokens": 7, "layers": 2, "heads": 3, "d_model": 12} | changes))
    generator = torch.Generator().manual_seed(0)
    weights = {name: value.double() for name, value in initial(decoder, [generator]).items()}
    for name in weights:
        if name.endswith("gain"):
            weights[name] = weights[name] + 0.3 * torch.randn(weights[name].shape, generator=generator).double()
    return decoder, weights


def seen(decoder, weights, name, text=TEXT):
    """All tensors of one name on the way, by layer."""
    found = []
    forward(decoder, weights, text[None], lambda _, what, tensor: found.append(tensor[0]) if what == name else None)
    return found


def test_heads_side_by_side_make_one_matrix():
    _, weights = model()
    found = matrices_of(weights)
    assert {name: tuple(matrix.shape) for name, matrix in found.items()} == {
        "query": (2, 12, 12), "key": (2, 12, 12), "value": (2, 12, 12), "output": (2, 12, 12),
        "mlp_in": (2, 12, 48), "mlp_out": (2, 48, 12),
    }  # fmt: skip
    for layer, head, row, column in itertools.product(range(2), range(3), range(12), range(4)):
        for name in JOINED:
            assert found[name][layer, row, 4 * head + column] == weights[name][0, layer, head, row, column]
        assert found["output"][layer, 4 * head + column, row] == weights["output"][0, layer, head, column, row]


def test_matrices_go_back_where_they_were_and_nothing_else_changes():
    _, weights = model()
    same = with_matrices(weights, matrices_of(weights))
    assert all(same[name].equal(weights[name]) for name in weights)
    for name in MATRICES:
        other = with_matrices(weights, {name: 2 * matrices_of(weights)[name]})
        assert other[name].equal(2 * weights[name])
        assert all(other[rest].equal(weights[rest]) for rest in weights if rest != name)


@pytest.mark.parametrize("changes", [{}, {"place": "post"}, {"norm": "none", "positions": "none"}, {"qk_norm": True}])
def test_what_matrices_meet_by_loops(changes):
    decoder, weights = model(**changes)
    found = inputs_of(decoder, weights, TEXT)
    read, pooled, inside = (seen(decoder, weights, name) for name in ("read", "pooled", "mlp_read"))
    for layer in range(2):
        tokens = {name: list(read[layer].flatten(0, 1)) for name in JOINED}
        tokens["output"] = [
            torch.cat([pooled[layer][window, head, token] for head in range(3)])
            for window, token in itertools.product(range(3), range(7))
        ]
        tokens["mlp_in"] = list(inside[layer].flatten(0, 1))
        tokens["mlp_out"] = [torch.nn.functional.gelu(x @ weights["mlp_in"][0, layer]) for x in tokens["mlp_in"]]
        for name in MATRICES:
            moment = sum(torch.outer(x, x) for x in tokens[name]) / 21
            torch.testing.assert_close(found[name].rows[layer], moment)
            assert found[name].columns[layer].equal(torch.eye(matrices_of(weights)[name].shape[2]).double())


def test_what_matrices_meet_is_what_they_multiply():
    """The mean square of what a layer writes follows from the moments of what its output matrix meets."""
    decoder, weights = model()
    moments, matrix = inputs_of(decoder, weights, TEXT)["output"].rows, matrices_of(weights)["output"]
    for layer, written in enumerate(seen(decoder, weights, "written")):
        expected = torch.trace(matrix[layer].T @ moments[layer] @ matrix[layer])
        assert written.square().sum(-1).mean().item() == pytest.approx(expected.item())


@given(
    rows=st.integers(2, 40), columns=st.integers(2, 40), stored=st.floats(0, 1), low=st.sampled_from([0, 0.25, 0.5, 1])
)
def test_never_more_is_stored_than_allowed_and_not_much_less(rows, columns, stored, low):
    rank, entries = shape(rows, columns, stored, low)
    numbers, budget = rank * (rows + columns) + entries, stored * rows * columns
    assert numbers <= budget + 1e-5 and entries % columns == 0 and rank <= min(rows, columns)
    assert rank * (rows + columns) <= low * budget + 1e-5
    assert numbers > budget - (rows + columns if low == 1 else columns) - 1e-5
    assert low or not rank


@pytest.mark.parametrize("low", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_matrix_is_compressed_by_itself(low, weighted):
    decoder, weights = model()
    inputs = inputs_of(decoder, weights, TEXT) if weighted else None
    smaller, stored = compressed(weights, 0.5, low, inputs)
    numbers = 0
    for name, matrix in matrices_of(weights).items():
        form = shape(*matrix.shape[1:], 0.5, low)
        numbers += form[0] * sum(matrix.shape[1:]) + form[1]
        for layer in range(2):
            met = None if inputs is None else type(inputs[name])(*(part[layer] for part in inputs[name]))
            expected = low_rank_plus_sparse(matrix[layer], *form, met)
            torch.testing.assert_close(matrices_of(smaller)[name][layer], expected)
    assert stored == numbers / sum(matrix[0].numel() for matrix in matrices_of(weights).values()) <= 0.5
    assert all(smaller[name].equal(weights[name]) for name in weights if name not in MATRICES)


def test_all_numbers_stored_change_nothing_and_none_leave_the_embedding():
    decoder, weights = model()
    inputs, before = inputs_of(decoder, weights, TEXT), forward(decoder, weights, TEXT[None])
    for met in (None, inputs):
        torch.testing.assert_close(forward(decoder, compressed(weights, 1.0, 0.0, met)[0], TEXT[None]), before)
        empty, stored = compressed(weights, 0.0, 0.0, met)
        assert stored == 0 and all(empty[name].count_nonzero() == 0 for name in MATRICES)


def test_inputs_decide_if_they_are_given():
    """Where a direction is never met, the weighted choice spends nothing on it; the plain one does."""
    decoder, weights = model()
    met = inputs_of(decoder, weights, TEXT[:1, :2])  # two tokens: at most two directions
    read = seen(decoder, weights, "read", TEXT[:1, :2])[0][0]
    query = matrices_of(weights)["query"][0]
    by_inputs, plain = (compressed(weights, 1 / 3, 1.0, inputs)[0] for inputs in (met, None))
    assert shape(12, 12, 1 / 3, 1.0) == (2, 0)
    torch.testing.assert_close(read @ matrices_of(by_inputs)["query"][0], read @ query)
    assert (read @ matrices_of(plain)["query"][0] - read @ query).norm() > 0.1 * (read @ query).norm()


def scores_at(decoder, weights, x, y, head, distance):
    """Of a query x on a key y, at a distance, in layer 0; the rotation as complex numbers."""
    query, key = (z @ weights[name][0, 0, head] for z, name in ((x, "query"), (y, "key")))
    if decoder.positions != "rope":
        return query @ key
    angles = distance * 10000.0 ** (-torch.arange(0, decoder.d_head, 2).double() / decoder.d_head)
    turned = torch.view_as_complex(query.reshape(-1, 2)) * torch.polar(torch.ones_like(angles), angles)
    return (turned * torch.view_as_complex(key.reshape(-1, 2)).conj()).real.sum()


@pytest.mark.parametrize("positions", ["rope", "none"])
def test_the_norm_of_a_change_of_keys_is_the_mean_square_change_of_scores(positions):
    """Over independent pairs of a query and a key, at distances as often as a window has them."""
    decoder, weights = model(positions=positions, layers=1)
    inputs, read = key_inputs(decoder, weights, TEXT), seen(decoder, weights, "read")[0].flatten(0, 1)
    changed = with_keys_of_rank(weights, 1, inputs, removed=True)  # its keys are the change
    keys = read if positions == "rope" else read - read.mean(0)
    for head in range(3):
        change = changed["key"][0, 0, head]
        rows, columns = inputs.rows[0, head], inputs.columns[0, head]
        norm = torch.trace(change.T @ rows @ change @ columns)
        total = 0.0
        for distance in range(7) if positions == "rope" else [0]:
            often = (7 - distance) / 28 if positions == "rope" else 1
            squares = [scores_at(decoder, changed, x, y, head, distance) ** 2 for x in read for y in keys]
            total += often * sum(squares) / len(squares)
        assert norm.item() == pytest.approx(float(total), rel=1e-9)


@pytest.mark.parametrize("positions", ["rope", "none"])
def test_no_other_keys_of_that_rank_change_scores_less(positions):
    decoder, weights = model(positions=positions)
    inputs = key_inputs(decoder, weights, TEXT)
    generator = torch.Generator().manual_seed(3)

    def far(key):
        change = weights["key"][0] - key
        return (inputs.rows @ change @ inputs.columns * change).sum((-2, -1))

    best = with_keys_of_rank(weights, 2, inputs)["key"][0]
    assert (torch.linalg.matrix_rank(best, rtol=1e-9) == 2).all()
    for size in (1e-3, 1e-1, 1.0):
        left, sizes, right = torch.linalg.svd(best, full_matrices=False)
        left = left[..., :2] * sizes[..., None, :2] + size * torch.randn(2, 3, 12, 2, generator=generator).double()
        right = right[..., :2, :] + size * torch.randn(2, 3, 2, 4, generator=generator).double()
        assert (far(left @ right) > far(best)).all()


def test_without_positions_it_is_the_nearest_product():
    decoder, weights = model(positions="none")
    smaller = with_keys_of_rank(weights, 2, key_inputs(decoder, weights))
    for layer, head in itertools.product(range(2), range(3)):
        product, found = (w["query"][0, layer, head] @ w["key"][0, layer, head].T for w in (weights, smaller))
        left, sizes, right = torch.linalg.svd(product)
        torch.testing.assert_close(found, (left[:, :2] * sizes[:2]) @ right[:2])
        naive = weights["query"][0, layer, head] @ truncated_alone(weights["key"][0, layer, head]).T
        assert (product - naive).norm() > 1.001 * (product - found).norm()  # W_K alone is not the product


def truncated_alone(matrix):
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    return (left[:, :2] * sizes[:2]) @ right[:2]


def test_without_the_second_direction_the_others_stay():
    decoder, weights = model(positions="none")
    other = without_second(weights, key_inputs(decoder, weights))
    for layer, head in itertools.product(range(2), range(3)):
        product, found = (w["query"][0, layer, head] @ w["key"][0, layer, head].T for w in (weights, other))
        left, sizes, right = torch.linalg.svd(product)
        sizes[1] = 0
        torch.testing.assert_close(found, (left * sizes) @ right)
    assert all(other[name].equal(weights[name]) for name in weights if name != "key")


NO_POSITIONS = {"positions": "none"}


@pytest.mark.parametrize(
    ("changes", "exact"), [(NO_POSITIONS, True), ({}, False), (NO_POSITIONS | {"attention": "relu"}, False)]
)
def test_what_all_keys_share_is_dropped_where_softmax_does_not_see_it(changes, exact):
    """Keys that differ in one direction need rank 1, if all of them have something else in common."""
    decoder, weights = model(layers=1, norm="none", place="post", d_model=6, heads=1, **changes)
    shared, apart = torch.randn(2, 6, generator=torch.Generator().manual_seed(5)).double()
    weights["embedding"] = (shared + torch.linspace(-2, 2, 13).double()[:, None] * apart)[None]
    smaller = with_keys_of_rank(weights, 1, key_inputs(decoder, weights, TEXT))
    change = (seen(decoder, weights, "weights")[0] - seen(decoder, smaller, "weights")[0]).abs().max()
    assert change < 1e-9 if exact else change > 1e-3


@pytest.mark.parametrize("changes", [{}, {"positions": "decay"}, {"positions": "learned"}])
def test_all_of_a_key_changes_nothing_and_nothing_of_it_asks_nothing(changes):
    decoder, weights = model(**changes)
    inputs = key_inputs(decoder, weights, TEXT)
    before = forward(decoder, weights, TEXT[None])
    torch.testing.assert_close(forward(decoder, with_keys_of_rank(weights, 4, inputs), TEXT[None]), before)
    parts = [with_keys_of_rank(weights, 1, inputs, removed)["key"] for removed in (False, True)]
    torch.testing.assert_close(sum(parts), weights["key"])
    nothing, without = (with_keys_of_rank(weights, rank, inputs, removed) for rank, removed in ((0, False), (4, True)))
    assert nothing["key"].count_nonzero() == 0
    for even in (seen(decoder, smaller, "weights")[0] for smaller in (nothing, without)):
        if decoder.positions == "decay":
            assert (even[:, 0] - even[0, 0]).abs().max() < 1e-9  # the bias alone decides, in every window
        else:
            torch.testing.assert_close(even[..., -1, :], torch.full((3, 3, 7), 1 / 7, dtype=torch.float64))


def test_precision_is_kept():
    decoder, weights = model()
    single = {name: value.float() for name, value in weights.items()}
    smaller = [compressed(single, 0.5, 0.25)[0], with_keys_of_rank(single, 1, key_inputs(decoder, single))]
    assert {value.dtype for found in smaller for value in found.values()} == {torch.float32}


WHERE = "are truncated where scores are products of matrices, got a decoder"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shape(3, 5, 1.1, 0.0), "stored must lie in [0, 1], got 1.1"),
        (lambda: shape(3, 5, math.nan, 0.0), "stored must lie in [0, 1], got nan"),
        (lambda: compressed(model()[1], 0.5, -0.5), "low must lie in [0, 1], got -0.5"),
        (lambda: key_inputs(*model(qk_norm=True)), f"keys {WHERE} with qk_norm"),
        (lambda: with_keys_of_rank(model()[1], 5, key_inputs(*model())), "rank must be between 0 and 4, got 5"),
    ],
)
def test_refused_in_one_line(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message
