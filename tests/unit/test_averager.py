"""The small transformers against a plain loop over tokens, in every option; what changes them and what does not."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.models.averager import MLP_WIDTH, Averager, forward, initial

BATCH, TOKENS, FEATURES = 2, 5, 3
SETTINGS = [
    {"attention": attention, "scaled": scaled, "layernorm": layernorm, "mlp": mlp, "heads": heads, "layers": layers}
    for attention, scaled, layernorm, mlp in itertools.product(("softmax", "relu"), *[(False, True)] * 3)
    for heads, layers in ((1, 2), (2, 3))
]


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def drawn(averager, seeds=(0, 1), scale=1.5, tokens=TOKENS):
    """Parameters large enough for attention that is far from uniform, and features of one set for all models."""
    parameters = {name: scale * value.double() for name, value in initial(averager, generators(*seeds)).items()}
    features = torch.randn(1, BATCH, tokens, averager.features, generator=generators(17)[0], dtype=torch.float64)
    return parameters, features


def dot(row, matrix):
    return [sum(x * matrix[i][j] for i, x in enumerate(row)) for j in range(len(matrix[0]))]


def added(one, other):
    return [a + b for a, b in zip(one, other, strict=True)]


def normalized(row, on):
    if not on:
        return row
    mean = sum(row) / len(row)
    size = math.sqrt(sum((x - mean) ** 2 for x in row) / len(row) + 1e-5)
    return [(x - mean) / size for x in row]


def plain(averager, parameters, tokens):
    """One sequence through one model: outputs, weights, what heads write, streams; lists and loops only."""
    p = {name: value.tolist() for name, value in parameters.items()}
    stream = [dot(token, p["embedding"]) for token in tokens]
    streams, maps, written = [stream], [], []
    for layer in range(averager.layers):
        seen = [normalized(x, averager.layernorm) for x in stream]
        maps.append([])
        written.append([])
        new = [list(x) for x in stream]
        for head in range(averager.heads):
            q, k, v = ([dot(x, p[name][layer][head]) for x in seen] for name in ("query", "key", "value"))
            rows, wrote = [], []
            for i in range(len(tokens)):
                logits = [sum(a * b for a, b in zip(q[i], k[j], strict=True)) for j in range(i + 1)]
                if averager.scaled:
                    logits = [x / math.sqrt(averager.width) for x in logits]
                if averager.attention == "softmax":
                    powers = [math.exp(x - max(logits)) for x in logits]
                    row = [power / sum(powers) for power in powers]
                else:
                    row = [max(0.0, x) / (i + 1) for x in logits]
                pooled = [sum(w * v[j][c] for j, w in enumerate(row)) for c in range(averager.width)]
                wrote.append(dot(pooled, p["output"][layer][head]))
                new[i] = added(new[i], wrote[-1])
                rows.append(row + [0.0] * (len(tokens) - i - 1))
            maps[-1].append(rows)
            written[-1].append(wrote)
        if averager.mlp:
            for i, x in enumerate(new):
                hidden = [max(0.0, y) for y in dot(normalized(x, averager.layernorm), p["mlp_in"][layer])]
                new[i] = added(x, dot(hidden, p["mlp_out"][layer]))
        stream = new
        streams.append(stream)
    return [dot(x, p["readout"])[0] for x in stream], maps, written, streams


def close(found, expected):
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: "-".join(map(str, setting.values())))
def test_the_whole_forward_pass_is_the_plain_loop(setting):
    averager = Averager(features=FEATURES, d_model=6, **setting)
    parameters, features = drawn(averager)
    found = forward(averager, parameters, features)
    for seed, sequence in itertools.product(range(2), range(BATCH)):
        one = {name: value[seed] for name, value in parameters.items()}
        output, maps, written, streams = plain(averager, one, features[0, sequence].tolist())
        close(found.output[seed, sequence], output)
        for layer in range(averager.layers):
            close(found.weights[layer][seed, sequence], maps[layer])
            close(found.written[layer][seed, sequence], written[layer])
        for stream, expected in zip(found.streams, streams, strict=True):
            close(stream[seed, sequence], expected)


@pytest.mark.parametrize("d_head", [1, 7])
def test_a_head_of_any_width_is_the_plain_loop(d_head):
    averager = Averager(d_model=5, heads=3, d_head=d_head, scaled=True)
    parameters, features = drawn(averager)
    output, *_ = plain(averager, {name: value[1] for name, value in parameters.items()}, features[0, 0].tolist())
    close(forward(averager, parameters, features).output[1, 0], output)


@pytest.mark.parametrize("setting", SETTINGS[::3], ids=lambda setting: "-".join(map(str, setting.values())))
def test_the_last_query_alone_is_the_last_row_of_all(setting):
    averager = Averager(d_model=6, **setting)
    parameters, features = drawn(averager)
    found, short = (forward(averager, parameters, features, last_only=only) for only in (False, True))
    assert short.output.shape == (2, BATCH, 1) and short.weights[-1].shape[-2:] == (1, TOKENS)
    torch.testing.assert_close(short.output[..., -1], found.output[..., -1], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(short.weights[-1], found.weights[-1][..., -1:, :], rtol=1e-12, atol=1e-12)
    for one, other in zip(short.weights[:-1], found.weights[:-1], strict=True):
        assert torch.equal(one, other)


@given(seed=st.integers(0, 2**31), tokens=st.integers(1, 7), attention=st.sampled_from(("softmax", "relu")))
def test_weights_are_causal_and_of_softmax_sum_to_one(seed, tokens, attention):
    averager = Averager(attention=attention, heads=2)
    parameters, features = drawn(averager, seeds=(seed,), scale=3.0, tokens=tokens)
    for weights in forward(averager, parameters, features).weights:
        assert (weights >= 0).all() and torch.equal(weights, weights.tril())
        if attention == "softmax":
            torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))


@given(seed=st.integers(0, 2**31), changed=st.integers(0, TOKENS - 1))
def test_a_token_changes_no_earlier_output(seed, changed):
    averager = Averager(mlp=True, layernorm=True)
    parameters, features = drawn(averager, seeds=(seed,))
    other = features.clone()
    other[:, :, changed] += 1
    one, two = (forward(averager, parameters, x).output for x in (features, other))
    assert torch.equal(one[..., :changed], two[..., :changed])
    assert not torch.equal(one[..., changed:], two[..., changed:])  # negative control


@given(order=st.permutations(range(TOKENS - 1)), layers=st.integers(1, 1))
def test_one_layer_knows_no_order_of_what_comes_before(order, layers):
    averager = Averager(layers=layers)
    parameters, features = drawn(averager)
    mixed = features[:, :, [*order, TOKENS - 1]]
    one, two = (forward(averager, parameters, x, last_only=True).output for x in (features, mixed))
    torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


def test_two_layers_know_it_by_the_mask_alone():
    averager = Averager()
    parameters, features = drawn(averager)
    one, two = (forward(averager, parameters, x).output[..., -1] for x in (features, features[:, :, [1, 0, 2, 3, 4]]))
    assert (one - two).abs().amax(1).min() > 0.1  # in both models


def test_no_token_is_one_token_that_sees_itself():
    averager = Averager(d_model=2, layers=1, heads=1)
    parameters, features = drawn(averager, tokens=1)
    found = forward(averager, parameters, features)
    assert torch.equal(found.weights[0], torch.ones(2, BATCH, 1, 1, 1).double())
    through = found.streams[0] @ parameters["value"][:, 0] @ parameters["output"][:, 0]
    torch.testing.assert_close(found.written[0][:, :, 0], through)


def test_without_value_nothing_is_written():
    averager = Averager()
    parameters, features = drawn(averager)
    parameters["value"] = torch.zeros_like(parameters["value"])
    found = forward(averager, parameters, features)
    assert not any(written.any() for written in found.written)
    assert torch.equal(found.streams[0], found.streams[-1])


def test_softmax_with_huge_logits_stays_finite():
    averager = Averager()
    parameters, features = drawn(averager, scale=100.0)
    assert forward(averager, parameters, features).output.isfinite().all()


@pytest.mark.parametrize("layernorm", [False, True])
def test_normalization_takes_the_scale_of_the_stream_away(layernorm):
    averager = Averager(layernorm=layernorm)
    parameters, features = drawn(averager, scale=1.0)
    parameters["query"] /= 1000
    maps = []
    for scale in (30, 60):
        larger = {**parameters, "embedding": scale * parameters["embedding"]}
        maps.append(forward(averager, larger, features).weights[0])
    assert torch.allclose(*maps, rtol=0, atol=1e-4) == layernorm


@pytest.mark.parametrize("setting", SETTINGS[::5], ids=lambda setting: "-".join(map(str, setting.values())))
def test_a_model_feels_no_other(setting):
    """Its first parameters exactly; its outputs up to rounding, since products are batched."""
    averager = Averager(d_model=6, **setting)
    together, alone, other = (initial(averager, generators(*seeds)) for seeds in ((5, 3, 8), (3,), (8,)))
    assert set(together) == set(averager.shapes)
    features = drawn(averager)[1].float()
    for name, value in alone.items():
        assert torch.equal(value[0], together[name][1])
        assert not torch.equal(other[name], value)
    outputs = [forward(averager, parameters, features).output for parameters in (together, alone, other)]
    torch.testing.assert_close(outputs[0][1], outputs[1][0], rtol=1e-4, atol=1e-5)
    assert (outputs[0][1] - outputs[2][0]).abs().max() > 1e-2  # negative control


def test_features_of_each_model_or_the_same_for_all():
    averager = Averager()
    parameters, features = drawn(averager)
    own = torch.cat((features, features + 1))
    one, same = forward(averager, parameters, own).output, forward(averager, parameters, features).output
    torch.testing.assert_close(one[0], same[0], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(one[1], same[1])


@pytest.mark.parametrize("setting", [{}, {"heads": 2}, {"d_head": 3}, {"mlp": True, "features": 7}], ids=str)
def test_first_parameters_keep_the_size_of_what_they_multiply(setting):
    averager = Averager(d_model=32, **setting)
    parameters = initial(averager, generators(*range(40)))
    for name, value in parameters.items():
        assert value.shape == (40, *averager.shapes[name]) and value.dtype == torch.float32
        summed = {"embedding": averager.features, "output": averager.width * averager.heads}
        summed |= {"mlp_out": MLP_WIDTH * 32}
        assert value.square().mean().item() * summed.get(name, 32) == pytest.approx(1, abs=0.1)


def test_edits_are_asked_for_every_role_and_change_what_they_name():
    averager = Averager(mlp=True)
    parameters, features = drawn(averager)
    asked = []

    def watch(layer, role, stream):
        asked.append((layer, role))
        return stream

    untouched = forward(averager, parameters, features)
    watched = forward(averager, parameters, features, edit=watch)
    assert asked == [(layer, role) for layer in (0, 1) for role in ("query", "key", "value", "stream")]
    assert torch.equal(watched.output, untouched.output)


def changed(where, last_only=False):
    averager = Averager()
    parameters, features = drawn(averager)
    shift = torch.randn(1, BATCH, TOKENS, 8, generator=generators(3)[0], dtype=torch.float64)

    def edit(layer, role, stream):
        return stream + shift if (layer, role) == where else stream

    return (forward(averager, parameters, features, edit=which, last_only=last_only) for which in (None, edit))


@pytest.mark.parametrize(
    ("where", "weights", "written", "streams"),
    [
        ((1, "query"), [False, True], [False, True], [False, False, True]),
        ((1, "key"), [False, True], [False, True], [False, False, True]),
        ((1, "value"), [False, False], [False, True], [False, False, True]),
        ((0, "value"), [False, True], [True, True], [False, True, True]),
        ((0, "stream"), [False, True], [False, True], [False, True, True]),
        ((1, "stream"), [False, False], [False, False], [False, False, True]),
    ],
    ids=str,
)
def test_edits_by_hand(where, weights, written, streams):
    one, two = changed(where)
    for name, expected in (("weights", weights), ("written", written), ("streams", streams)):
        found = [not torch.equal(a, b) for a, b in zip(getattr(one, name), getattr(two, name), strict=True)]
        assert found == expected, name
    assert not torch.equal(one.output, two.output)


@pytest.mark.parametrize("where", list(itertools.product((0, 1), ("query", "key", "value"))), ids=str)
def test_an_edit_for_the_last_query_alone_is_that_of_all(where):
    whole, short = list(changed(where))[1], list(changed(where, last_only=True))[1]
    torch.testing.assert_close(short.output[..., -1], whole.output[..., -1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("setting", "got"),
    [
        ({"features": 0}, "features must be at least 1, got 0"),
        ({"d_model": 0}, "d_model must be at least 1, got 0"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"heads": 0}, "heads must be at least 1, got 0"),
        ({"heads": 3}, "heads must divide d_model, got 3 and 8"),
        ({"d_head": 0}, "d_head must be at least 1, got 0"),
        ({"attention": "linear"}, "unknown attention 'linear'; allowed: softmax, relu"),
    ],
    ids=str,
)
def test_impossible_shapes_are_refused_in_one_line(setting, got):
    with pytest.raises(ValueError, match=got) as refusal:
        Averager(**setting)
    assert "\n" not in str(refusal.value)
    assert Averager(heads=3, d_head=2).width == 2
