"""The playground of the chapter Recency: its numbers against the library and the paper, its page as a reader uses it.

Scores without chance are compared to 1e-10, relative to the largest score of a layer. Both sides are float64 but take
different roads (the library maps Gram matrices, the page maps their factors), and a rounding error of a score passes
through later softmaxes. Everything drawn at random has a fixed seed and is judged by its own standard error; with 4.5
of them one number in 150,000 fails by chance.
"""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from attention_atlas import files
from attention_atlas.theory.recency.gram import ideal_scores

pytestmark = pytest.mark.browser

PAGE = "recency/playground.html"
ASSETS = files.ROOT / "book/_extra/assets"
PAPER = pd.read_csv(files.ROOT / "data/reference/kim2026_recency_probability.csv")
ERRORS = 4.5  # standard errors
DEFAULT = dict(tokens=10, alpha=0.5, d=16, layers=4, normalization="layernorm", residual="none", causal=True)
STACKS = [
    dict(normalization=normalization, residual=residual, causal=causal)
    for normalization, residual, causal in itertools.product(
        ("none", "layernorm", "rmsnorm", "l2"), ("none", "raw", "normalized"), (True, False)
    )
    if (normalization, residual) != ("none", "normalized")
]
PRESETS = [
    dict(alpha=0.0, normalization="none", residual="none"),
    dict(alpha=0.0, normalization="layernorm", residual="none"),
    dict(alpha=0.5, normalization="layernorm", residual="none"),
    dict(alpha=0.5, normalization="layernorm", residual="raw"),
]


def setting(**changes):
    return DEFAULT | changes


@pytest.fixture(scope="module")
def recency(browser):
    """Evaluate an expression of AttentionAtlas.recency in Chromium on a blank page."""
    page = browser.new_page()
    for name in ("drawing", "random", "recency_model", "recency_playground"):
        page.add_script_tag(path=ASSETS / f"{name}.js")
    # JSON writes the shortest decimal that reads back as the same double, so the way over loses no digit.
    code = """([body, values]) => JSON.stringify(Function("r", "v", body)(AttentionAtlas.recency, values),
              (key, value) => ArrayBuffer.isView(value) ? Array.from(value) : value)"""
    yield lambda body, values=None: json.loads(page.evaluate(code, [body, values]))
    page.close()


def simulate(recency, sequences=20_000, seed=7, **changes):
    """Recency probability and its standard error, layer by layer."""
    layers = recency("return r.simulate(...v).layers", [setting(**changes), seed, sequences])
    return np.array([[layer["probability"], layer["error"]] for layer in layers], dtype=float).T


def printed(preset, d):
    wanted = dict(alpha=preset["alpha"], d=d, layernorm=preset["normalization"] == "layernorm")
    wanted["residual"] = preset["residual"] == "raw"
    rows = PAPER[(PAPER[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return rows.sort_values("layer").recency_probability.to_numpy()


# ---------------------------------------------------------------------------------------------------- without chance


def library_scores(point):
    arguments = {**point, "d_model": point["d"]}
    del arguments["d"]
    return np.nan_to_num(ideal_scores(**arguments).numpy())


def error(ours, theirs):
    """Largest difference of a layer's scores, relative to the largest of them."""
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(np.array(ours), theirs, strict=True))


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: "-".join(map(str, stack.values())))
def test_scores_without_chance_are_the_library_s(recency, stack):
    grid = itertools.product((3, 7, 13), (16, 64, 1024), (0.0, 0.5, 0.95))
    points = [setting(**stack, tokens=tokens, d=d, alpha=alpha, layers=6) for tokens, d, alpha in grid]
    for point, ours in zip(points, recency("return v.map(r.idealScores)", points), strict=True):
        assert error(ours, library_scores(point)) < 1e-10, point


def test_negative_control_every_setting_matters_to_the_scores(recency):
    point = setting(residual="raw", layers=3)
    [ours] = recency("return v.map(r.idealScores)", [point])
    assert error(ours, library_scores(point)) < 1e-10
    for wrong in (
        {"alpha": 0.51},
        {"d": 17},
        {"normalization": "l2"},
        {"residual": "none"},
        {"residual": "normalized"},
    ):
        assert error(ours, library_scores(point | wrong)) > 1e-4, wrong
    assert error(np.array(ours) * (1 + 3e-10), library_scores(point)) > 1e-10


def test_gaps_stay_exact_where_the_scores_themselves_are_rounded_away(recency):
    """The book's deep limit: tokens end equally spaced on a line, and each layer brings a gap to a quarter."""
    gaps = recency("return r.idealGaps(v)", setting(normalization="l2", alpha=0.95, layers=60))
    before, last = (np.array(layer[-1][:-1]) for layer in gaps[-2:])
    assert last / before == pytest.approx([0.25] * 9, rel=1e-8)
    assert last / last[-1] == pytest.approx(np.arange(9, 0, -1) ** 2, rel=1e-8)
    assert np.all(np.abs(last) < 1e-34) and np.all(1 + last == 1)  # the cosines themselves are all 1


# ------------------------------------------------------------------------------------------------------------- chance


def xoshiro(state, number):
    """xoshiro128** in plain integers."""
    rotate = lambda value, by: ((value << by) | (value >> (32 - by))) & 0xFFFFFFFF  # noqa: E731
    s = list(state)
    for _ in range(number):
        yield rotate(s[1] * 5 & 0xFFFFFFFF, 7) * 9 & 0xFFFFFFFF
        shifted = s[1] << 9 & 0xFFFFFFFF
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotate(s[3], 11)


def test_the_generator_is_xoshiro128(recency):
    draw = "const g = r.generator(0, v); return Array.from({length: 1000}, g.integer)"
    for state in ([1, 2, 3, 4], [0xFFFFFFFF, 0, 0x80000000, 12345]):
        assert recency(draw, state) == list(xoshiro(state, 1000))


def test_seeds_give_different_streams_and_the_same_seed_the_same(recency):
    draw = "return v.map(seed => { const g = r.generator(seed); return Array.from({length: 100}, g.uniform) })"
    first, again, second = recency(draw, [1, 1, 2])
    assert first == again and not set(first) & set(second)
    assert min(first) > 0 and max(first) < 1


def standard_score(values, mean):
    return (np.mean(values) - mean) / (np.std(values, ddof=1) / np.sqrt(len(values)))


def test_normals_have_the_moments_of_normals(recency):
    values = np.array(recency("const g = r.generator(3); return Array.from({length: 100000}, g.normal)"))
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3), (6, 15)):
        assert abs(standard_score(values**power, moment)) < ERRORS, power
    assert abs(standard_score(values[::2] * values[1::2], 0)) < ERRORS  # the two of a pair
    assert abs(standard_score((values[::2] * values[1::2]) ** 2, 1)) < ERRORS


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.5, 8.0, 512.0])
def test_gammas_have_the_moments_of_gammas(recency, shape):
    draw = "const g = r.generator(5); return Array.from({length: 50000}, () => g.gamma(v))"
    values = np.array(recency(draw, shape)) / shape
    for power, moment in ((1, 1), (2, (shape + 1) / shape), (3, (shape + 1) * (shape + 2) / shape**2)):
        assert abs(standard_score(values**power, moment)) < ERRORS, power


@pytest.mark.parametrize(("normalization", "degrees"), [("none", 16), ("rmsnorm", 16), ("l2", 16), ("layernorm", 15)])
def test_bartlett_has_one_degree_of_freedom_less_after_centering(recency, normalization, degrees):
    draw = "const g = r.generator(11); return Array.from({length: 4000}, () => r.bartlett(v, g))"
    tokens = 16  # as many as dimensions: with LayerNorm the last one has no direction of its own left
    factors = np.array(recency(draw, {"tokens": tokens, "d": 16, "normalization": normalization}))
    assert np.all(np.triu(factors, 1) == 0)
    for i in range(tokens):
        left = degrees - i
        squares = factors[:, i, i] ** 2
        if left == 0:
            assert np.all(squares == 0)
            continue
        assert abs(standard_score(squares, left)) < ERRORS, i
        assert abs(standard_score((squares - left) ** 2, 2 * left)) < ERRORS, i  # the variance of a chi-square
    below = factors[:, *np.tril_indices(tokens, -1)].ravel()
    assert abs(standard_score(below, 0)) < ERRORS and abs(standard_score(below**2, 1)) < ERRORS
    assert abs(standard_score(factors[:, 0, 0] ** 2, 31 - degrees)) > 2 * ERRORS  # negative control: the other count


@pytest.mark.parametrize("d", [16, 64])
@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: "-".join(map(str, preset.values())))
def test_the_simulation_gives_the_recency_probabilities_that_the_paper_prints(recency, preset, d):
    found, errors = simulate(recency, **preset, d=d)
    expected = printed(preset, d)
    assert len(expected) == 4 and np.all(errors > 0) and np.all(errors < 0.002)
    # Four printed digits, from ten million sequences of their own.
    paper_errors = errors * np.sqrt(20_000 / 1e7)
    assert np.all(np.abs(found - expected) <= ERRORS * np.hypot(errors, paper_errors) + 0.5e-4)


def test_negative_control_a_wrong_model_is_told_apart(recency):
    """Another dimension, normalization or residual misses the printed values by far."""
    expected = printed(PRESETS[2], 16)
    for wrong in ({"d": 19}, {"residual": "raw"}, {"normalization": "l2"}, {"alpha": 0.55}):
        found, errors = simulate(recency, **PRESETS[2] | wrong)
        assert np.max(np.abs(found - expected) / errors) > 2 * ERRORS, wrong


def test_standard_errors_are_the_spread_of_repeated_simulations(recency):
    repeats = np.array([simulate(recency, 400, seed, alpha=0.5, layers=3) for seed in range(60)])
    ratio = repeats[:, 0].std(axis=0, ddof=1) / repeats[:, 1].mean(axis=0)
    assert np.all(np.abs(ratio - 1) < ERRORS / np.sqrt(2 * 59))


def test_what_is_simulated_does_not_depend_on_how_it_is_cut_into_pieces(recency):
    pieces = "const run = r.start(v, 7); for (const n of [50, 50, 300]) run.more(n); return run.summary()"
    assert recency(pieces, DEFAULT) == recency("return r.simulate(v, 7, 400)", DEFAULT)


@pytest.mark.parametrize("residual", ["none", "raw", "normalized"])
def test_without_a_mask_there_is_no_preference(recency, residual):
    found, errors = simulate(recency, 5000, causal=False, residual=residual, layers=8)
    told = np.isfinite(found)
    assert told[:3].all() and np.all(np.abs(found[told] - 0.5) < ERRORS * errors[told])
    assert told.all() == (residual != "none")  # without a residual the tokens become equal up to rounding


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([[0, 0, 0], [0, 0, 0], [1, 2, 0]], 1, id="the later key wins"),
        pytest.param([[0, 0, 0], [0, 0, 0], [2, 1, 9]], 0, id="the diagonal does not count"),
        pytest.param([[5, 9, 9], [5, 5, 9], [1, 1, 1]], 0, id="a tie is not higher"),
        pytest.param([[0] * 4, [0] * 4, [1, 2, 0, 0], [1, 3, 2, 0]], 0.75, id="three of four triples"),
    ],
)
def test_recency_probability_in_dumb_cases(recency, scores, expected):
    assert recency("return r.recencyProbability(v)", scores) == expected


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        ({"normalization": "batchnorm"}, "got batchnorm"),
        ({"residual": "double"}, "got double"),
        ({"normalization": "none", "residual": "normalized"}, "got none"),
        ({"alpha": 1.0}, "got 1"),
        ({"tokens": 2}, "got 2"),
        ({"tokens": 16, "d": 15}, "got 15"),
    ],
)
def test_impossible_settings_are_refused_with_what_was_got(recency, wrong, got):
    with pytest.raises(Exception, match=got):
        recency("return r.simulate(v, 1, 1)", setting(**wrong))


def test_the_printed_values_on_the_page_are_those_of_the_reference_file(recency):
    shown = recency("return r.PRINTED")
    assert sorted(map(int, shown)) == sorted(PAPER.d.unique())
    assert sum(len(row.split()) for rows in shown.values() for row in rows) == len(PAPER)
    for d, rows in shown.items():
        for preset, row in zip(PRESETS, rows, strict=True):
            assert row.split() == [f"{value:.4f}" for value in printed(preset, int(d))]


def test_the_exercise_s_solution_is_what_the_simulation_gives(recency):
    raw, raw_error = simulate(recency, residual="raw", layers=16)
    normalized, normalized_error = simulate(recency, residual="normalized", layers=16)
    ahead = (raw - normalized) / np.hypot(raw_error, normalized_error)
    assert np.all(ahead[1:3] > ERRORS) and np.all(ahead[4:] < -ERRORS) and abs(raw - normalized)[3] < 0.02
    assert 1 / np.sqrt(0.5 * 16) == pytest.approx(0.35, abs=0.005)


# ------------------------------------------------------------------------------------------------------------ the page

LINE = "document.querySelector('.aa-line').getAttribute('d')"
MAP = "document.querySelector('[data-part={}]').toDataURL()"
DONE = "document.querySelector('.aa-facts').innerText.includes('all done')"


def text(page):
    return page.locator(".aa-summary").inner_text()


@pytest.mark.parametrize("over", ["file", "http"])
@pytest.mark.parametrize("slider", ["alpha", "d", "layers", "tokens", "shown"])
def test_every_slider_moves_the_picture_and_the_sentence(visit, over, slider):
    page = visit(PAGE + "#alpha=0.5&layers=6&shown=3", over)
    page.wait_for_function(DONE)
    before, said = page.evaluate(f"[{MAP.format('simulated')}, {MAP.format('ideal')}]"), text(page)
    page.locator(f"#aa-{slider}").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("said => document.querySelector('.aa-summary').innerText !== said", arg=said)
    page.wait_for_function(DONE)
    after = page.evaluate(f"[{MAP.format('simulated')}, {MAP.format('ideal')}]")
    # In layer 3 the maps do not know how many layers follow; the curve does.
    assert slider == "layers" or (after[0] != before[0] and after[1] != before[1])
    assert page.locator(".aa-exact circle").count() == (8 if slider == "layers" else 6) + 1  # one in the legend
    assert page.trouble == []


def test_negative_control_nothing_moves_when_the_simulation_rests(visit):
    page = visit(PAGE)
    page.wait_for_function(DONE)
    before = page.evaluate(f"[{LINE}, {MAP.format('simulated')}]"), text(page)
    page.wait_for_timeout(500)
    assert (page.evaluate(f"[{LINE}, {MAP.format('simulated')}]"), text(page)) == before


def test_the_page_shows_what_its_model_computes(visit):
    page = visit(PAGE)
    page.wait_for_function(DONE)
    value = page.evaluate("v => AttentionAtlas.recency.simulate(v, 1, 10000).layers[3].probability", DEFAULT)
    page.wait_for_function(
        "rp => document.querySelector('.aa-summary').innerText.includes(rp)", arg=f"RP = {value:.3f}"
    )
    assert "recency." in text(page) and f"{100 * value:.1f} %" in text(page)


@pytest.mark.parametrize(
    ("index", "verdict"), [(0, "early bias"), (1, "recency"), (2, "recency"), (3, "recency")], ids=str
)
def test_presets_set_the_controls_and_say_what_the_paper_found(visit, index, verdict):
    page = visit(PAGE + "#alpha=0.3&tokens=7&causal=false&normalization=l2")
    preset = PRESETS[index]
    page.locator("[data-preset]").nth(index).click()
    page.wait_for_function(DONE)
    page.wait_for_function(f"document.querySelector('.aa-summary').innerText.includes('): {verdict}')")
    assert float(page.locator("#aa-alpha").input_value()) == preset["alpha"]
    assert page.locator("#aa-tokens").input_value() == "10"
    for name in ("normalization", "residual"):
        assert page.locator(f"[name=aa-{name}]:checked").input_value() == preset[name]
    assert page.locator("[name=aa-causal]:checked").input_value() == "true"
    assert page.locator("[data-preset][aria-pressed=true]").count() == 1
    assert page.locator("g.aa-ring circle").count() == 4
    assert f"{printed(preset, 16)[3]:.4f}" in page.locator(".aa-facts").inner_text()
    assert page.trouble == []


def test_radios_answer_to_the_keyboard_and_impossible_ones_cannot_be_chosen(visit):
    page = visit(PAGE + "#alpha=0.5&residual=normalized")
    page.locator("[name=aa-normalization][value=layernorm]").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('[name=aa-residual]:checked').value === 'raw'")
    assert page.locator("[name=aa-residual][value=normalized]").is_disabled()
    assert page.trouble == []


def test_the_address_keeps_the_setting_and_reset_forgets_it(visit):
    page = visit(PAGE + "#alpha=0.7&d=64&layers=9&shown=5&normalization=rmsnorm&causal=false")
    values = {name: page.locator(f"#aa-{name}").input_value() for name in ("alpha", "d", "layers", "shown")}
    assert values == {"alpha": "0.7", "d": "24", "layers": "9", "shown": "5"}
    assert page.locator("[data-slider=d] output").inner_text() == "64"
    page.locator("[data-do=reset]").click()
    page.wait_for_function("document.querySelector('#aa-alpha').value === '0.5' && location.hash === ''")
    assert page.locator("[name=aa-normalization]:checked").input_value() == "layernorm"
    assert page.trouble == []


def test_impossible_settings_in_the_address_become_possible_ones(visit):
    page = visit(PAGE + "#alpha=7&d=-3&layers=banana&tokens=999&normalization=none&residual=normalized&shown=40")
    page.wait_for_function(DONE)
    values = {name: float(page.locator(f"#aa-{name}").input_value()) for name in ("alpha", "layers", "tokens", "shown")}
    assert values == {"alpha": 0.95, "layers": 4, "tokens": 16, "shown": 4}
    assert page.locator("[name=aa-residual]:checked").input_value() == "raw"
    assert page.trouble == []


def test_where_rounding_decides_the_page_says_so(visit):
    page = visit(PAGE + "#alpha=0.5&causal=false&layers=12")
    page.wait_for_function("document.querySelector('.aa-summary').innerText.includes('equal up to rounding')")
    assert page.locator("g.aa-exact circle").count() < 12
    assert page.trouble == []


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_narrow_and_wide_in_both_modes(visit, mode, width):
    page = visit(PAGE, mode=mode, width=width)
    page.wait_for_function(DONE)
    assert page.evaluate("document.documentElement.dataset.theme") == mode
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = page.locator(".aa-playground :is(canvas, svg, button, input, p, dl)").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(b => [b.left, b.right])"
    )
    assert boxes and min(left for left, _ in boxes) >= 0 and max(right for _, right in boxes) <= width
    seen = page.evaluate("getComputedStyle(document.querySelector('.aa-curve text')).fill")
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert seen != back
    assert page.trouble == []


def test_pictures_are_told_in_words(visit):
    page = visit(PAGE)
    page.wait_for_function(DONE)
    for name in ("simulated", "ideal"):
        assert "last query scores key 9 by +" in page.locator(f"[data-part={name}]").get_attribute("aria-label")
    assert "Layer 4: 0.9" in page.locator(".aa-curve title").text_content()
    assert page.locator(".aa-summary").get_attribute("aria-live") == "polite"
