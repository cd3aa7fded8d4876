"""Every known kind of layer gives back the scores that its own weights make; what cannot be told is refused."""

import types

import pytest
import torch
from torch import nn

from attention_atlas.training.query_key_weights import query_key_weights


class Layer(nn.Module):
    """Children under given names, and a number of heads under a given one."""

    def __init__(self, children, **attributes):
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)
        for name, value in attributes.items():
            setattr(self, name, value)


class Transposed(nn.Module):
    """GPT-2's Conv1D: a linear layer whose weight is (in, out)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


def only(module, **options):
    (pair,) = query_key_weights(module, **options).values()
    return pair


NAMED = [
    pytest.param(names, heads, id=f"{names[0]}, {heads}")
    for names, heads in [
        (("q_proj", "k_proj"), "num_heads"),
        (("query", "key"), "num_attention_heads"),
        (("q_lin", "k_lin"), "n_heads"),
        (("query", "key"), "n_head"),
    ]
]


@pytest.mark.parametrize(("names", "attribute"), NAMED)
@pytest.mark.parametrize("in_config", [False, True])
def test_linear_children_give_the_scores_of_their_outputs(names, attribute, in_config):
    query, key = linear(15, 6), linear(15, 6)
    numbers = {attribute: 3}
    attributes = {"config": types.SimpleNamespace(**numbers)} if in_config else numbers
    q, k = only(Layer(dict(zip(names, (query, key), strict=True)), **attributes))
    tokens = torch.randn(7, 15)
    outputs = [layer(tokens).unflatten(-1, (3, 2)) for layer in (query, key)]
    expected = torch.einsum("ihc,jhc->hij", *outputs)  # (head, query, key)
    torch.testing.assert_close(tokens @ q.mT @ k @ tokens.T, expected)


@pytest.mark.parametrize("packed", [True, False])
def test_multihead_attention_attends_by_these_weights(packed):
    layer = nn.MultiheadAttention(6, 3, bias=False, batch_first=True, vdim=None if packed else 5)
    assert (layer.in_proj_weight is not None) == packed
    query, key = only(layer)
    tokens, values = torch.randn(1, 7, 6), torch.randn(1, 7, 6 if packed else 5)
    _, maps = layer(tokens, tokens, values, average_attn_weights=False)
    scores = tokens @ query.mT @ key @ tokens.mT / 2**0.5
    torch.testing.assert_close(scores.softmax(-1), maps[0])
    swapped = (tokens @ key.mT @ query @ tokens.mT / 2**0.5).softmax(-1)
    assert not torch.allclose(swapped, maps[0])  # negative control: query and key the other way around


@pytest.mark.parametrize("transposed", [True, False])
def test_packed_weights_are_queries_then_keys(transposed):
    packed = Transposed(6, 18) if transposed else linear(6, 18)
    query, key = only(Layer({"c_attn": packed}, n_head=3))
    rows = packed.weight.mT if transposed else packed.weight
    assert torch.equal(query.flatten(0, 1), rows[:6]) and torch.equal(key.flatten(0, 1), rows[6:12])


def test_a_key_head_serves_a_group_of_neighboring_query_heads():
    layer = Layer({"q_proj": linear(7, 12), "k_proj": linear(7, 4)}, num_heads=6)
    query, key = only(layer)
    assert query.shape == key.shape == (6, 2, 7)
    weight = layer.k_proj.weight
    assert all(torch.equal(key[head], weight[2 * (head // 3) :][:2]) for head in range(6))


def test_layers_are_named_and_a_layer_used_twice_counts_once():
    twice = nn.MultiheadAttention(6, 2)
    model = nn.ModuleDict({"first": twice, "again": twice, "other": nn.ModuleList([nn.MultiheadAttention(6, 3)])})
    assert {name: len(query) for name, (query, _) in query_key_weights(model).items()} == {"first": 2, "other.0": 3}


def test_gradients_reach_the_parameters():
    layer = Layer({"c_attn": Transposed(6, 18)}, n_head=3)
    sum(weights.square().sum() for weights in only(layer)).backward()
    gradient = layer.c_attn.weight.grad
    assert (gradient[:, :12] != 0).all() and (gradient[:, 12:] == 0).all()


def test_heads_can_be_given_where_the_layer_has_none():
    layer = Layer({"query": linear(6, 6), "key": linear(6, 6)})
    assert only(layer, heads=3)[0].shape == (3, 2, 6)


REFUSED = [
    (
        nn.Sequential(nn.Linear(3, 3)),
        "Sequential has no query and key weights under a known name: torch.nn.MultiheadAttention, linear children "
        "q_proj/k_proj, query/key, q_lin/k_lin, c_attn",
    ),
    (
        Layer({"query": linear(6, 6), "key": linear(6, 6)}),
        "layer '' has no num_heads, num_attention_heads, n_head, n_heads or config with one: say heads=...",
    ),
    (
        Layer({"c_attn": linear(6, 10)}, n_head=3),
        "c_attn of layer '' must be d x 3 d or 3 d x d, got 10 x 6",
    ),
    (
        Layer({"query": nn.Identity(), "key": linear(6, 6)}, num_heads=2),
        "query of layer '' must be a torch.nn.Linear, got Identity",
    ),
    (
        nn.MultiheadAttention(6, 3, kdim=5),
        "queries and keys of layer '' must read the same width, got 6 and 5",
    ),
    (
        Layer({"query": linear(6, 6), "key": linear(6, 6)}, num_heads=4),
        "the 6 query rows of layer '' do not make 4 heads",
    ),
    (
        Layer({"q_proj": linear(5, 6), "k_proj": linear(5, 4)}, num_heads=3),
        "the 4 key rows of layer '' do not serve 3 heads of 2",
    ),
]


@pytest.mark.parametrize(("module", "message"), REFUSED)
def test_what_cannot_be_told_is_refused_in_one_line(module, message):
    with pytest.raises(ValueError) as refusal:
        query_key_weights(module)
    assert str(refusal.value) == message


def transformer(name):
    """A real model of the transformers library, tiny and random, and the query and key rows of its first layer."""
    library = pytest.importorskip("transformers")
    common = {"vocab_size": 11, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    if name == "GPT2":
        model = library.GPT2Model(library.GPT2Config(n_embd=12, n_layer=2, n_head=3, n_positions=7, **common))
        return model, *model.h[0].attn.c_attn.weight.mT.chunk(3)[:2], 3
    if name == "DistilBert":
        config = library.DistilBertConfig(dim=12, n_layers=2, n_heads=3, hidden_dim=5, vocab_size=11)
        model = library.DistilBertModel(config)
        layer = model.transformer.layer[0].attention
        return model, layer.q_lin.weight, layer.k_lin.weight, 3
    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 6}
    if name == "Llama":
        config = library.LlamaConfig(num_key_value_heads=2, intermediate_size=5, **sizes, **common)
        model = library.LlamaModel(config)
        layer = model.layers[0].self_attn
        return model, layer.q_proj.weight, layer.k_proj.weight, 6
    model = library.BertModel(library.BertConfig(intermediate_size=5, **sizes, vocab_size=11))
    layer = model.encoder.layer[0].attention.self
    return model, layer.query.weight, layer.key.weight, 6


@pytest.mark.parametrize("name", ["GPT2", "DistilBert", "Llama", "Bert"])
def test_models_of_the_transformers_library(name):
    model, rows, key_rows, heads = transformer(name)
    found = query_key_weights(model)
    query, key = next(iter(found.values()))
    assert len(found) == 2 and len(query) == heads
    assert torch.equal(query.flatten(0, 1), rows)
    groups = key.unflatten(0, (len(key_rows) * heads // len(rows), -1))  # (key head, query head of its group, ...)
    assert torch.equal(groups[:, 0].flatten(0, 1), key_rows) and torch.equal(groups[:, 0], groups[:, -1])
