"""The playground's JavaScript against the library: the same maps, rollouts, rows and peaks, in a real browser.

Tolerance 1e-12, relative, everywhere: both sides only add and multiply numbers that are not negative, so nothing
cancels and every entry keeps a relative error of at most layers * (tokens + 2) * 1.1e-16, 4.6e-13 or less here.
A logit down to -700 adds at most 700 * 4 * 1.1e-16 = 3.1e-13 through the exponential. Entries below 1e-290 may be
subnormal somewhere on their way and are compared absolutely.
"""

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from attention_atlas.masks import center_nodes, dense, named
from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.decay import decay_peak
from attention_atlas.theory.position_bias.kernels import flat_map, peak_distance
from attention_atlas.theory.position_bias.rope_score import rope_peak
from attention_atlas.theory.position_bias.walk import cumulants, step_kernel, walk_peak

pytestmark = pytest.mark.browser

RELATIVE, UNDERFLOW = 1e-12, 1e-290
BOOK = Path(__file__).parents[2] / "book"
SCRIPTS = [BOOK / "_extra/assets" / name for name in ("drawing.js", "playground.js")]
PAGE = BOOK / "position_bias/playground.md"

MASKS = [("none", None), ("causal", None), *(("sliding_window", width) for width in (2, 5, 13))]
MASKS += [("prefix", length) for length in (1, 4, 13)]
ENCODINGS = [(0.0, 0.0), (0.22, 0.0), (1.0, 0.0), (0.0, 0.05), (0.0, 0.3), (0.11, 0.07)]
GRID = [
    dict(tokens=tokens, mask=mask, parameter=parameter, slope=slope, angle=angle, layers=layers, residual=residual)
    for (mask, parameter), (slope, angle), (tokens, layers, residual) in itertools.product(
        MASKS, ENCODINGS, [(13, 1, 0.0), (13, 7, 0.5), (29, 12, 0.0), (29, 32, 4.0)]
    )
]
LARGEST = dict(tokens=128, mask="causal", parameter=None, slope=0.22, angle=0.0, layers=32, residual=1.0)


def setting(**changes):
    return {**LARGEST, **changes}


@pytest.fixture(scope="module")
def model(browser):
    """Call a function of AttentionAtlas.model in Chromium on a blank page; typed arrays come back as lists."""
    page = browser.new_page()
    for script in SCRIPTS:
        page.add_script_tag(path=script)
    # JSON writes the shortest decimal that reads back as the same double, so the way over loses no digit.
    code = """([name, calls]) => JSON.stringify(calls.map((values) => AttentionAtlas.model[name](...values)),
              (key, value) => value instanceof Float64Array ? Array.from(value) : value)"""

    def call(name, *calls):
        answers = json.loads(page.evaluate(code, [name, [list(values) for values in calls]]))
        return [np.array(answer, dtype=float) if isinstance(answer, list) else answer for answer in answers]

    yield call
    page.close()


def close(ours, theirs):
    return np.allclose(np.asarray(ours), np.asarray(theirs), rtol=RELATIVE, atol=UNDERFLOW)


def mask_of(point):
    return named(point["mask"], point["parameter"], point["tokens"])


def library_rollout(point):
    one_layer = flat_map(point["tokens"], mask_of(point), slope=point["slope"], angle=point["angle"])
    return rollout_power(one_layer, point["layers"], residual=point["residual"])


def test_masks_and_center_nodes_are_the_library_s(model):
    tokens = 17
    for name, parameter in MASKS:
        mask = named(name, parameter, tokens)
        pairs = [(name, parameter, i, j) for i in range(tokens) for j in range(tokens)]
        assert model("maskAllows", *pairs) == dense(mask, tokens).flatten().tolist()
        [centers] = model("centerNodes", [{"tokens": tokens, "mask": name, "parameter": parameter}])
        assert centers == len(center_nodes(mask, tokens))


def test_cells_drawn_as_exactly_zero_are_those_that_no_path_reaches(model):
    tokens, layers = 17, 3
    for name, parameter in MASKS:
        pairs = [(name, parameter, layers, i, j) for i in range(tokens) for j in range(tokens)]
        point = setting(tokens=tokens, mask=name, parameter=parameter, layers=layers)
        assert model("reaches", *pairs) == (library_rollout(point) > 0).flatten().tolist()


def test_one_layer_equals_the_library_on_the_grid(model):
    for point, ours in zip(GRID, model("flatMap", *([point] for point in GRID)), strict=True):
        theirs = flat_map(point["tokens"], mask_of(point), slope=point["slope"], angle=point["angle"])
        assert close(ours, theirs), point


def test_rollout_and_its_last_row_equal_the_library_on_the_grid(model):
    points = [*GRID, LARGEST]
    rollouts = model("rollout", *([point] for point in points))
    rows = model("lastRow", *([point] for point in points))
    for point, ours, row in zip(points, rollouts, rows, strict=True):
        theirs = library_rollout(point)
        assert close(ours, theirs), point
        assert close(row, theirs[-1]), point


def test_negative_control_one_layer_more_or_less_is_told_apart(model):
    for wrong in (LARGEST["layers"] - 1, LARGEST["layers"] + 1):
        [ours] = model("rollout", [setting(layers=wrong)])
        assert not close(ours, library_rollout(LARGEST))


def test_negative_control_a_change_in_the_twelfth_digit_is_told_apart():
    theirs = library_rollout(LARGEST)
    assert close(theirs, theirs) and not close(theirs * (1 + 3e-12), theirs)


# Kernels that have died out before the library's cut at 601 steps: exp(-0.15 * 600) and exp(-(0.05 * 600)^2).
WALKS = [
    {"mask": mask, "parameter": width, "slope": slope, "angle": angle, "residual": residual, "layers": layers}
    for (mask, width), (slope, angle), residual, layers in itertools.product(
        [("causal", None), ("prefix", 4), ("sliding_window", 2), ("sliding_window", 13)],
        [(0.0, 0.0), (0.15, 0.0), (1.0, 0.0), (0.0, 0.05), (0.0, 0.3), (0.15, 0.05)],
        (0.0, 0.7, 4.0),
        (2, 12, 32),
    )
    if mask == "sliding_window" or slope or angle
]


def library_kernel(walk):
    width = walk["parameter"] if walk["mask"] == "sliding_window" else None
    return step_kernel(601, slope=walk["slope"], angle=walk["angle"], width=width, residual=walk["residual"])


def test_the_walk_and_its_peak_equal_the_library(model):
    kernels = model("stepKernel", *([walk] for walk in WALKS))
    peaks = model("walkPeak", *([walk] for walk in WALKS))
    for walk, kernel, peak in zip(WALKS, kernels, peaks, strict=True):
        theirs = library_kernel(walk)
        # Steps beyond JavaScript's cut are rarer than 2e-35; a third moment of 600 steps is out of their reach.
        assert np.allclose(kernel[:601], theirs[: len(kernel)], rtol=RELATIVE, atol=1e-34), walk
        mean, variance, third = cumulants(theirs)
        # Two terms are subtracted here, so the error is relative to the larger ones, and third is itself a difference.
        size = walk["layers"] * mean + abs(third) / variance + math.sqrt(variance)
        assert peak == pytest.approx(walk_peak(theirs, walk["layers"]), rel=0, abs=RELATIVE * size), walk


def test_negative_control_the_walk_without_its_correction_is_told_apart(model):
    walk = {"mask": "causal", "parameter": None, "slope": 0.22, "angle": 0.0, "residual": 0.0, "layers": 12}
    [peak] = model("walkPeak", [walk])
    assert abs(peak - 12 * cumulants(library_kernel(walk))[0]) > 1


@pytest.mark.parametrize(
    "flat",
    [
        pytest.param({"mask": "none", "parameter": None, "slope": 0.22, "angle": 0}, id="without a mask no direction"),
        pytest.param({"mask": "causal", "parameter": None, "slope": 0, "angle": 0}, id="uniform steps have no mean"),
        pytest.param({"mask": "prefix", "parameter": 4, "slope": 0, "angle": 0}, id="nor have those behind a prefix"),
    ],
)
def test_no_walk_peak_where_there_is_none(model, flat):
    assert model("walkPeak", [{**flat, "layers": 12, "residual": 0}]) == [None]


def test_the_paper_s_formulas_equal_the_library(model):
    decays = [(layers, slope) for layers in (1, 2, 12, 32) for slope in (0.01, 0.22, 1.0)]
    for (layers, slope), ours in zip(
        decays, model("paperPeak", *([{"layers": n, "slope": m, "angle": 0}] for n, m in decays)), strict=True
    ):
        assert ours == pytest.approx(decay_peak(layers, slope), rel=RELATIVE)
    rotations = [(layers, angle) for layers in (1, 2, 7, 32) for angle in (0.005, 0.001**0.5, 0.06, 0.3)]
    for (layers, angle), ours in zip(
        rotations, model("paperPeak", *([{"layers": n, "slope": 0, "angle": a}] for n, a in rotations)), strict=True
    ):
        assert ours == rope_peak(layers, angle)


def test_the_paper_has_no_formula_for_both_or_neither(model):
    both, neither = {"layers": 12, "slope": 0.2, "angle": 0.1}, {"layers": 12, "slope": 0, "angle": 0}
    assert model("paperPeak", [both], [neither]) == [None, None]


def test_the_dot_is_the_argmax_of_the_library_s_last_row_where_the_walk_has_not_arrived(model):
    for point in (setting(layers=9, residual=0.0), setting(slope=0.0, angle=0.06, layers=6, residual=0.0), LARGEST):
        row = library_rollout(point)[-1]
        assert model("exactPeak", [row.tolist(), point["tokens"] - 1]) == [peak_distance(row)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param([0.7, 0.2, 0.1], None, id="a row that only climbs toward the first token has no interior peak"),
        pytest.param([0.6, 0.1, 0.3], 0, id="the query itself can be the peak"),
        pytest.param([0.6, 0.1, 0.2, 0.1], 1, id="a hill behind a towering first token"),
    ],
)
def test_the_dot_in_dumb_cases(model, row, expected):
    assert model("exactPeak", [row, len(row) - 1]) == [expected]


def test_the_exercise_s_solution_is_what_the_library_computes():
    text = PAGE.read_text()
    links = [dict(pair.split("=") for pair in link.split("&")) for link in re.findall(r'href="#([^"]+)">See it', text)]
    assert len(links) == 3
    peaks = []
    for link in links:
        numbers = {"residual": 0.0} | {name: float(value) for name, value in link.items()}
        point = setting(**numbers | {name: int(numbers[name]) for name in ("tokens", "layers")})
        peaks.append(peak_distance(library_rollout(point)[-1]))
    assert [f"exact peak is {peaks[0]} back", f"to {peaks[1]} back", f"at {peaks[2]} again"] == [
        phrase for phrase in re.findall(r"exact peak is \d+ back|to \d+ back|at \d+ again", text)
    ]
    assert decay_peak(9, math.log(4 / 3)) == pytest.approx(24)


def test_the_page_s_claim_that_the_printed_rope_curve_falls_short_from_three_layers_on():
    def exact(layers, angle):
        return peak_distance(rollout_power(flat_map(331, angle=angle), layers)[-1])

    grid = itertools.product((3, 5, 8, 12), (0.04, 0.06, 0.15, 0.3))
    assert all(rope_peak(layers, angle) < exact(layers, angle) for layers, angle in grid)
    assert rope_peak(2, 0.3) == exact(2, 0.3)  # and not from two layers on


def test_impossible_masks_are_refused_with_what_was_got(model):
    for mask, parameter, got in (("sliding_window", 1, "got 1"), ("prefix", 9, "got 9"), ("ring", None, "got ring")):
        with pytest.raises(Exception, match=got):
            model("flatMap", [setting(tokens=8, mask=mask, parameter=parameter)])
