"""Masks against the definitions of the paper, and their graphs against networkx."""

from math import ceil

import networkx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas import masks
from attention_atlas.masks import (
    Mask,
    causal,
    center_nodes,
    dense,
    edges,
    named,
    none,
    prefix,
    sliding_window,
    steps_from,
)

some_mask = st.one_of(
    st.sampled_from([causal, none]),
    st.integers(2, 13).map(sliding_window),
    st.integers(1, 5).map(prefix),
    # Random graphs, most of them with no center node or an odd one, and not all with loops.
    st.integers(0, 10**6).map(
        lambda seed: Mask(f"random {seed}", lambda q, k: (q * 7919 + k * 104729 + q * k * seed) % 5 == 0)
    ),
)


@pytest.mark.parametrize(
    ("mask", "rule"),
    [
        pytest.param(none, lambda i, j: True, id="none"),
        pytest.param(causal, lambda i, j: j <= i, id="causal"),
        pytest.param(sliding_window(3), lambda i, j: i - 3 < j <= i, id="sliding window"),
        pytest.param(prefix(3), lambda i, j: j <= i or (i < 3 and j < 3), id="prefix"),
        pytest.param(causal & prefix(3), lambda i, j: j <= i, id="and"),
        pytest.param(
            sliding_window(2) | Mask("first", lambda q, k: k < 2) & causal,
            lambda i, j: i - 2 < j <= i or (j < 2 and j <= i),
            id="or",
        ),
    ],
)
def test_equals_the_plain_loop(mask, rule):
    assert dense(mask, 7).tolist() == [[rule(i, j) for j in range(7)] for i in range(7)]


def test_a_mask_takes_any_index_tensors_that_broadcast():
    query, key = torch.arange(5)[:, None, None], torch.arange(3)
    for mask in (none, causal, sliding_window(2), prefix(2), causal & none, causal | none):
        assert mask(query, key).shape == (5, 1, 3)
        assert mask(query, key).dtype == torch.bool


def test_a_wide_window_and_a_prefix_of_one_are_the_causal_mask():
    assert torch.equal(dense(sliding_window(7), 7), dense(causal, 7))
    assert torch.equal(dense(prefix(1), 7), dense(causal, 7))
    assert not torch.equal(dense(sliding_window(6), 7), dense(causal, 7))
    assert not torch.equal(dense(prefix(2), 7), dense(causal, 7))
    assert torch.equal(dense(prefix(7), 7), dense(none, 7))


def test_named_masks_are_the_masks():
    for name, parameter, mask in [
        ("none", None, none),
        ("causal", None, causal),
        ("sliding_window", 3, sliding_window(3)),
        ("prefix", 5, prefix(5)),
    ]:
        assert named(name, parameter, tokens=7).name == mask.name
        assert torch.equal(dense(named(name, parameter, tokens=7), 7), dense(mask, 7))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("windowed", 3, 7), "unknown mask 'windowed'; allowed: none, causal, sliding_window, prefix"),
        (("causal", 3, 7), "'causal' takes no parameter, got 3"),
        (("prefix", None, 7), "'prefix' takes one whole number as its parameter, got None"),
        (("sliding_window", 1, 7), "width of at least 2, got 1"),
        (("prefix", 0, 7), "length of at least 1, got 0"),
        (("prefix", 8, 7), r"prefix\(8\) needs at least 8 tokens, got 7"),
        (("causal", None, 0), "causal needs at least 1 tokens, got 0"),
    ],
)
def test_impossible_names_are_refused_in_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as refusal:
        named(*arguments)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("function", [dense, edges, center_nodes, lambda m, t: steps_from(m, t, 0)])
def test_a_prefix_longer_than_the_sequence_is_refused_everywhere(function):
    with pytest.raises(ValueError, match="needs at least 5 tokens, got 3"):
        function(prefix(5) & causal, 3)
    function(prefix(5) & causal, 5)


def test_other_impossible_values_are_refused():
    with pytest.raises(ValueError, match="least_tokens must be at least 1, got 0"):
        Mask("mine", causal.predicate, least_tokens=0)
    with pytest.raises(ValueError, match=r"one of 0\.\.4, got 5"):
        steps_from(causal, 5, source=5)
    with pytest.raises(ValueError, match="got -1"):
        steps_from(causal, 5, source=-1)


@given(mask=some_mask, tokens=st.integers(5, 13))
def test_graph_matches_networkx(mask, tokens):
    graph = networkx.DiGraph(edges(mask, tokens).tolist())
    graph.add_nodes_from(range(tokens))
    assert networkx.to_numpy_array(graph, nodelist=range(tokens)).T.tolist() == dense(mask, tokens).tolist()
    assert center_nodes(mask, tokens) == [
        node for node in range(tokens) if len(networkx.descendants(graph, node) | {node}) == tokens
    ]
    for source in (0, 3):
        distance = networkx.single_source_shortest_path_length(graph, source)
        assert steps_from(mask, tokens, source).tolist() == [distance.get(node, -1) for node in range(tokens)]


@given(tokens=st.integers(5, 40), width=st.integers(2, 11), length=st.integers(1, 5))
def test_center_nodes_are_those_of_the_paper(tokens, width, length):
    assert center_nodes(causal, tokens) == center_nodes(sliding_window(width), tokens) == [0]
    assert center_nodes(prefix(length), tokens) == list(range(length))
    assert center_nodes(none, tokens) == list(range(tokens))
    # r of Theorem 4.2, how many layers the first token needs to reach the last through the window
    assert steps_from(sliding_window(width), tokens, 0).max() == ceil((tokens - 1) / (width - 1))


def test_negative_control_a_graph_in_two_parts_has_no_center():
    halves = Mask("halves", lambda query, key: (query < 3) == (key < 3))
    assert center_nodes(halves, 7) == []
    assert center_nodes(halves | causal, 7) == [0, 1, 2]


def test_negative_control_the_mask_against_time_turns_the_graph_around():
    anticausal = Mask("anticausal", lambda query, key: key >= query)
    assert center_nodes(anticausal, 5) == [4]
    assert steps_from(anticausal, 5, source=3).tolist() == [1, 1, 1, 0, -1]


def test_masks_say_who_they_are():
    assert (
        repr(masks.named("sliding_window", 5, 17) & causal)
        == "Mask(name='(sliding_window(5) & causal)', least_tokens=1)"
    )
