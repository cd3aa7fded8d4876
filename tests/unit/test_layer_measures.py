"""Every measure of a layer against plain loops over sequences, heads and tokens, with what must not change broken."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from attention_atlas.attention import attention_weights
from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.decoders.layer_measures import explained_by_rows, layer_measures, recency
from attention_atlas.masks import causal, dense, sliding_window
from attention_atlas.metrics import recency_probability
from attention_atlas.sink_tags import explained_by

BATCH, HEADS, TOKENS, D_HEAD, D_MODEL = 2, 3, 7, 5, 11
PER_HEAD = [
    "entropy", "normalised_entropy", "received_first", "sinks", "sink_first_gu", "sink_first_wu", "sinks_elsewhere",
    "recency", "lasting_sinks", "explained", "explained_sequences_with_sinks", "explained_centered",
    "explained_by_others", "explained_by_lasting", "tags",
]  # fmt: skip
WHOLE = ["outlier_ratio", "outlier_at_first", "rank_residual", "stream_norm_first", "stream_norm_rest"]


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(mask=causal, scale=2.0, seed=0, relu=False):
    scores = scale * randn(BATCH, HEADS, TOKENS, TOKENS, seed=seed)
    allowed = dense(mask, TOKENS)
    weights = scores.relu() * allowed if relu else attention_weights(scores, allowed)
    return AttentionRecord(
        layer=3,
        stream=randn(BATCH, TOKENS, D_MODEL, seed=seed + 1),
        scores=scores,
        weights=weights,
        values=randn(BATCH, HEADS, TOKENS, D_HEAD, seed=seed + 2),
        output=randn(HEADS, D_HEAD, D_MODEL, seed=seed + 3),
        mask=None if mask is causal else allowed,
    )


def measured(record, seed=0):
    table = layer_measures(record, torch.Generator().manual_seed(seed))
    return table.set_index(["head", "quantity"])["value"]


def mean(numbers):
    numbers = [x for x in numbers if not math.isnan(x)]
    return sum(numbers) / len(numbers) if numbers else math.nan


def share(written, tags):
    """Of the squares of what is written, by least squares on the tags."""
    if not len(tags):
        return 0.0
    rest = written.T - tags.T @ torch.linalg.lstsq(tags.T, written.T, driver="gelsd").solution
    return 1 - (rest.square().sum() / written.square().sum()).item()


def plain(record, head):
    """The measures of one head by loops, the control left out."""
    allowed, threshold = record.allowed().tolist(), 0.2
    found = {name: [] for name in PER_HEAD}
    for b in range(BATCH):
        map, scores = record.weights[b, head].tolist(), record.scores[b, head].tolist()
        for i in range(1, TOKENS):
            row = [w / sum(map[i]) if sum(map[i]) else math.nan for w in map[i]]
            nats = -sum(w * math.log(w) for w in row if w > 0) if not math.isnan(row[0]) else math.nan
            found["entropy"].append(nats)
            found["normalised_entropy"].append(nats / math.log(sum(allowed[i])))
        seen = [i for i in range(TOKENS) if allowed[i][0]]
        first = sum(map[i][0] for i in seen) / len(seen)
        sinks = [j for j in range(TOKENS) if sum(map[i][j] for i in range(j, TOKENS)) / (TOKENS - j) > threshold]
        found["received_first"].append(first)
        found["sinks"].append(len(sinks))
        found["sink_first_gu"].append(float(first > 0.3))
        found["sink_first_wu"].append(sum(map[i][0] > threshold for i in seen) / len(seen))
        found["sinks_elsewhere"].append(len([j for j in sinks if j]))
        visible = [(i, k, j) for i in range(TOKENS) for k in range(i) for j in range(k) if allowed[i][k]]
        found["recency"] += [float(scores[i][k] > scores[i][j]) for i, k, j in visible if allowed[i][j]]
        vectors = record.values[b, head] @ record.output[head]
        written = record.weights[b, head] @ vectors
        found["explained"].append(share(written, vectors[sinks]))
        found["explained_sequences_with_sinks"].append(share(written, vectors[sinks]) if sinks else math.nan)
        centered = [x - x.mean(0) for x in (written, vectors)]
        found["explained_centered"].append(share(centered[0], centered[1][sinks]))
        lasting = [j for j in sinks if sum(allowed[i][j] for i in range(TOKENS)) >= TOKENS / 2]
        found["lasting_sinks"].append(len(lasting))
        found["explained_by_lasting"].append(share(written, vectors[lasting]))
        found["tags"].append(min(len(sinks), D_HEAD))
    return {name: mean(numbers) for name, numbers in found.items() if name != "explained_by_others"}


@pytest.mark.parametrize("mask", [causal, sliding_window(3)], ids=lambda mask: mask.name)
@pytest.mark.parametrize("seed", [0, 5])
def test_a_head_is_what_plain_loops_say(mask, seed):
    record = drawn(mask, seed=seed)
    table = measured(record)
    for head in range(HEADS):
        for quantity, expected in plain(record, head).items():
            assert table[head, quantity] == pytest.approx(expected, abs=1e-9, nan_ok=True), (head, quantity)


def test_the_whole_layer_is_what_plain_loops_say():
    record = drawn()
    record.stream[1, 4, 2] = -90
    ratios, firsts, residuals = [], [], []
    for b in range(BATCH):
        sizes = sorted(abs(x) for row in record.stream[b].tolist() for x in row)
        largest = [max(abs(x) for x in row) for row in record.stream[b].tolist()]
        ratios.append(max(largest) / sizes[(len(sizes) - 1) // 2])
        firsts.append(float(largest.index(max(largest)) == 0))
        written = sum(record.weights[b, h] @ record.values[b, h] @ record.output[h] for h in range(HEADS))
        after, before = (torch.linalg.norm(x - x.mean(0)) for x in (written, record.stream[b]))
        residuals.append((after / before).item())
    table = measured(record)[-1]
    assert table["outlier_ratio"] == pytest.approx(mean(ratios)) and max(ratios) > 50
    assert table["outlier_at_first"] == mean(firsts)
    assert table["rank_residual"] == pytest.approx(mean(residuals))
    lengths = record.stream.norm(dim=-1)
    assert table["stream_norm_first"] == pytest.approx(lengths[:, 0].mean().item())
    assert table["stream_norm_rest"] == pytest.approx(lengths[:, 1:].mean().item())


def test_the_table_names_every_quantity_once_for_every_head():
    table = layer_measures(drawn(), torch.Generator().manual_seed(0))
    assert table.columns.tolist() == ["head", "quantity", "value"] and table["value"].dtype == float
    for head in range(HEADS):
        assert table[table["head"] == head]["quantity"].tolist() == PER_HEAD
    assert table[table["head"] == -1]["quantity"].tolist() == WHOLE and len(table) == HEADS * len(PER_HEAD) + len(WHOLE)


def test_float32_says_the_same():
    record = drawn()
    single = AttentionRecord(3, *(x.float() for x in record[1:6]))
    difference = (measured(record) - measured(single)).abs()
    assert difference.max() < 1e-4  # control and shares of the same sinks: nothing is drawn or decided anew


# --- dumb cases ---


def test_all_attention_on_the_first_token_is_one_sink_that_explains_everything():
    record = drawn()
    weights = torch.zeros_like(record.weights)
    weights[..., 0] = 1
    table = measured(record._replace(weights=weights))
    for head in range(HEADS):
        row = table[head]
        assert row["entropy"] == 0 and row["received_first"] == 1 and row["sinks"] == 1 and row["sinks_elsewhere"] == 0
        assert row["sink_first_gu"] == 1 and row["sink_first_wu"] == 1 and row["tags"] == 1
        assert row["explained"] == pytest.approx(1) and row["explained_by_others"] < 0.99
        assert math.isnan(row["explained_centered"])  # every token gets the same: nothing is left to explain


def test_uniform_attention_has_all_entropy_and_a_harmonic_first_token():
    scores = torch.zeros(1, 1, 17, 17, dtype=torch.float64)
    record = AttentionRecord(
        0, randn(1, 17, 3), scores, attention_weights(scores, dense(causal, 17)), randn(1, 1, 17, 2), randn(1, 2, 3)
    )
    row = measured(record)[0]
    assert row["normalised_entropy"] == pytest.approx(1) and row["recency"] == 0  # ties
    assert row["received_first"] == pytest.approx(sum(1 / i for i in range(1, 18)) / 17)
    assert row["sinks"] == 1 and row["sink_first_gu"] == 0  # .202 is above 0.2, below 0.3
    assert row["sink_first_wu"] == pytest.approx(4 / 17)  # 1, 1/2, 1/3, 1/4


def test_without_sinks_nothing_is_explained_and_the_share_given_a_sink_is_unknown():
    tokens = 31
    scores = torch.zeros(1, 1, tokens, tokens, dtype=torch.float64)
    weights = attention_weights(scores, dense(causal, tokens))
    record = AttentionRecord(0, randn(1, tokens, 3), scores, weights, randn(1, 1, tokens, 2), randn(1, 2, 3))
    row = measured(record)[0]
    assert row["sinks"] == row["explained"] == row["explained_by_others"] == row["tags"] == 0
    assert math.isnan(row["explained_sequences_with_sinks"])


def test_relu_attention_leaves_empty_rows_out():
    record = drawn(relu=True)
    assert (record.weights.sum(-1) == 0).any()  # the case is there
    table = measured(record)
    for head in range(HEADS):
        for quantity in ("entropy", "normalised_entropy", "received_first", "sinks", "explained"):
            assert table[head, quantity] == pytest.approx(plain(record, head)[quantity], abs=1e-9)
    silent = measured(record._replace(weights=torch.zeros_like(record.weights)))[0]
    assert math.isnan(silent["entropy"]) and math.isnan(silent["explained"]) and silent["sinks"] == 0


def test_equal_tokens_have_no_rank_residual_and_half_zeros_no_outlier_ratio():
    record = drawn()
    equal = record.stream[:, :1].expand(-1, TOKENS, -1)
    assert math.isnan(measured(record._replace(stream=equal))[-1]["rank_residual"])
    sparse = torch.zeros_like(record.stream)
    sparse[:, 0, 0] = 1
    assert math.isnan(measured(record._replace(stream=sparse))[-1]["outlier_ratio"])


# --- what must not change, and what must ---


@given(seed=st.integers(0, 2**31))
def test_tags_do_not_depend_on_the_basis_of_the_stream_nor_on_how_a_head_splits_its_matrices(seed):
    record = drawn(seed=seed % 1000)
    rotation = torch.linalg.qr(randn(D_MODEL, D_MODEL, seed=seed)).Q
    mix = randn(D_HEAD, D_HEAD, seed=seed + 1) + 3 * torch.eye(D_HEAD)
    other = record._replace(values=record.values @ mix, output=torch.linalg.inv(mix) @ record.output @ rotation)
    one, two = measured(record), measured(other)
    for quantity in ("explained", "explained_centered", "explained_by_others", "tags"):
        assert one[:, quantity].tolist() == pytest.approx(two[:, quantity].tolist(), abs=1e-6)


def test_negative_control_another_output_matrix_changes_what_tags_explain():
    record = drawn()
    first = torch.zeros(TOKENS).index_fill(0, torch.tensor(0), 1.0).double()
    even = attention_weights(torch.zeros_like(record.scores), record.allowed())
    record = record._replace(weights=first / 2 + even / 2)  # one sink: several would explain all
    assert (measured(record)[:, "sinks"] == 1).all()
    stretched = record.output * torch.logspace(-3, 3, D_MODEL, dtype=torch.float64)
    one, two = measured(record)[:, "explained"], measured(record._replace(output=stretched))[:, "explained"]
    assert (one - two).abs().min() > 0.01


def test_the_control_is_drawn_by_the_generator_and_nothing_else_is():
    record = drawn(scale=3.0)
    same, again, other = measured(record), measured(record), measured(record, seed=1)
    assert same.equals(again)
    changed = (same != other) & ~(same.isna() & other.isna())
    assert set(same.index[changed].get_level_values("quantity")) == {"explained_by_others"}


@given(seed=st.integers(0, 2**31), most=st.integers(0, TOKENS))
def test_few_rows_explain_what_all_tokens_with_zeros_between_explain(seed, most):
    written, vectors = randn(BATCH, TOKENS, D_HEAD, seed=seed), randn(BATCH, TOKENS, D_HEAD, seed=seed + 1)
    chosen = randn(BATCH, TOKENS, seed=seed + 2).argsort(-1).argsort(-1) < torch.tensor([[most], [most // 2]])
    shares, dimensions = explained_by_rows(written, vectors, chosen)
    torch.testing.assert_close(shares, explained_by(written, vectors, chosen), rtol=0, atol=1e-9)
    assert dimensions.tolist() == [min(most, D_HEAD), min(most // 2, D_HEAD)]


def test_a_head_larger_than_the_stream_is_measured_too():
    record = drawn()
    wide = record._replace(values=randn(BATCH, HEADS, TOKENS, 13), output=randn(HEADS, 13, D_MODEL))
    assert measured(wide)[:, "tags"].max() <= D_MODEL


# --- recency ---


@given(seed=st.integers(0, 2**31), size=st.integers(3, 11))
def test_recency_is_the_papers_under_a_causal_mask(seed, size):
    scores = randn(3, size, size, seed=seed).mul(2).round()  # with ties
    expected = recency_probability(scores).item()
    assert recency(scores, dense(causal, size)) == pytest.approx(expected, abs=1e-12)
    hidden = scores.masked_fill(~dense(causal, size), -torch.inf)
    assert recency(hidden, dense(causal, size)) == pytest.approx(expected, abs=1e-12)


def test_keys_outside_a_window_say_nothing_about_recency():
    mask = dense(sliding_window(3), TOKENS)
    rising = torch.arange(float(TOKENS)).expand(1, TOKENS, TOKENS)
    assert recency(rising, mask) == 1 and recency(-rising, mask) == 0
    # Control: as causal maps, in which what the window hides is -inf, falling scores would look recent.
    assert recency((-rising).masked_fill(~mask, -torch.inf), dense(causal, TOKENS)) > 0.4
    assert math.isnan(recency(rising[:, :2, :2], dense(causal, 2)))


# --- refusals and memory ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stream": torch.zeros(2, 7, 5)}, r"stream of layer 3 must have shape \(2, 7, 11\) .* got \(2, 7, 5\)"),
        ({"scores": torch.zeros(2, 3, 7, 5)}, r"scores of layer 3 must have shape \(2, 3, 7, 7\)"),
        ({"values": torch.zeros(2, 1, 7, 5)}, r"values of layer 3 must have shape \(2, 3, 7, 5\) .* \(2, 1, 7, 5\)"),
        ({"output": torch.zeros(1, 5, 11)}, r"output of layer 3 must have shape \(3, 5, 11\)"),
        ({"mask": torch.eye(7).bool()}, "weights must be 0 where the mask is False"),
        ({"weights": torch.ones(2, 3, 1, 1)}, "at least 2 tokens, got 1"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(change, message):
    with pytest.raises(ValueError, match=message) as refusal:
        measured(drawn()._replace(**change))
    assert "\n" not in str(refusal.value)


def test_no_tensor_of_all_heads_tokens_and_dimensions_is_made():
    class Largest(TorchDispatchMode):
        size = 0

        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            made = function(*arguments, **(keywords or {}))
            tensors = [made] if isinstance(made, torch.Tensor) else made if isinstance(made, tuple | list) else []
            self.size = max([self.size, *(x.numel() for x in tensors if isinstance(x, torch.Tensor))])
            return made

    heads, tokens, d_model = 13, 5, 503
    scores = randn(1, heads, tokens, tokens)
    weights = attention_weights(scores, dense(causal, tokens))
    record = AttentionRecord(
        0, randn(1, tokens, d_model), scores, weights, randn(1, heads, tokens, 2), randn(heads, 2, d_model)
    )
    with Largest() as largest:
        measured(record)
    assert tokens * d_model <= largest.size < heads * tokens * d_model
