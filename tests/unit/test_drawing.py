"""What a reader counts in a drawing is what the mask or the map holds."""

import re

import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from attention_atlas.drawing.attention import attention_map, mask_graph, mask_matrix
from attention_atlas.figures import PALETTE
from attention_atlas.masks import Mask, causal, none, prefix, sliding_window

MASKS = {
    "causal": (causal, lambda i, j: j <= i, [1]),
    "window": (sliding_window(3), lambda i, j: i - 3 < j <= i, [1]),
    "prefix": (prefix(2), lambda i, j: j <= i or j < 2, [1, 2]),
    "none": (none, lambda i, j: True, [1, 2, 3, 4, 5, 6, 7]),
    "one's own": (Mask("even", lambda q, k: (k == q) | (k == 4)), lambda i, j: j in (i, 4), [5]),
}


@pytest.fixture
def axes():
    return Figure().subplots()


def arcs(axes):
    """(source, target, lies above the line) of every arc, tokens from 0, read off the drawn path."""
    for patch in axes.patches:
        if isinstance(patch, FancyArrowPatch):
            vertices = patch._path_original.vertices
            yield round(vertices[0, 0]) - 1, round(vertices[-1, 0]) - 1, bool(vertices[3, 1] > 0)


@pytest.mark.parametrize(("mask", "rule", "centers"), MASKS.values(), ids=MASKS)
def test_the_graph_has_one_arc_for_each_allowed_pair_and_marks_the_center_nodes(axes, mask, rule, centers):
    mask_graph(axes, mask, tokens=7)
    assert sorted(arcs(axes)) == [(j, i, i > j) for j in range(7) for i in range(7) if i != j and rule(i, j)]
    nodes = [patch for patch in axes.patches if isinstance(patch, Circle)]
    heavy = [round(node.center[0]) for node in nodes if node.get_linewidth() > 1]
    assert (len(nodes), heavy) == (7, centers)
    assert [text.get_text() for text in axes.texts] == list("1234567")


@pytest.mark.parametrize(("mask", "rule", "centers"), MASKS.values(), ids=MASKS)
def test_nothing_of_the_graph_is_cut_off(axes, mask, rule, centers):
    mask_graph(axes, mask, tokens=7)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for patch in axes.patches:
        if isinstance(patch, FancyArrowPatch):
            vertices = patch._path_original.vertices
            assert ((vertices >= (left, bottom)) & (vertices <= (right, top))).all()
    assert left < 1 - 0.36 and right > 7 + 0.36  # half a node
    assert bottom < -0.36 and top > 0.36  # half a node


@pytest.mark.parametrize(("mask", "rule", "centers"), MASKS.values(), ids=MASKS)
def test_the_matrix_fills_the_allowed_cells(axes, mask, rule, centers):
    mask_matrix(axes, mask, tokens=7)
    cells = {
        collection.get_label(): [
            tuple(round(c) for c in path.get_extents().get_points().mean(0)) for path in collection.get_paths()
        ]
        for collection in axes.collections
    }
    allowed = [(j + 1, i + 1) for i in range(7) for j in range(7) if rule(i, j)]
    assert sorted(cells["blue"] + cells["orange"]) == sorted(allowed)
    assert {key for key, query in cells["orange"]} == set(centers)
    assert len(cells["line"]) == 49 - len(allowed)
    low, high = axes.get_ylim()
    assert low > high, "queries run downwards"


def test_negative_control_the_transposed_mask_turns_every_arc_around(axes):
    mask_graph(axes, Mask("transposed", lambda query, key: query <= key), tokens=5)
    assert {above for _, _, above in arcs(axes)} == {False}


def test_a_map_is_drawn_as_it_is_with_exact_zeros_empty(axes):
    weights = torch.arange(15.0).reshape(3, 5) / 100
    image = attention_map(axes, weights)
    assert image.get_array().mask.tolist() == (weights == 0).tolist()
    assert image.get_array().filled(0) == pytest.approx(weights.numpy())
    assert image.get_extent() == [0.5, 5.5, 3.5, 0.5]  # token 1 is centred on 1, queries run downwards
    assert image.get_clim() == (0, 1)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("key", "query")


def test_inner_panels_of_a_grid_have_no_names(axes):
    attention_map(axes, torch.eye(3), labels=False)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("", "")


def test_a_prefix_longer_than_the_sequence_is_refused(axes):
    for draw in (mask_graph, mask_matrix):
        with pytest.raises(ValueError, match=re.escape("prefix(5) needs at least 5 tokens, got 3")):
            draw(axes, prefix(5), 3)


def test_every_color_is_one_that_follows_dark_mode(axes):
    mask_graph(axes, prefix(2), tokens=5)
    known = {torch.tensor([int(code[n : n + 2], 16) / 255 for n in (1, 3, 5)]) for code in PALETTE.values()}
    for patch in axes.patches:
        edge = torch.tensor(patch.get_edgecolor()[:3])
        assert any(torch.allclose(edge, color.to(edge)) for color in known)
