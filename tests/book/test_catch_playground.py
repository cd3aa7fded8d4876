"""The playground of the chapter Catch, tag, release: its numbers against the library, its page as a reader uses it.

Both sides are float64. Logits reach 40 * 11 * 11 in the variant of two dimensions, and rounding them moves a weight by
1e-12 of itself already; weights, tags and outputs are therefore compared to 1e-11.
"""

import itertools
import json
import math
import re

import numpy as np
import pytest
import torch

from attention_atlas import files, masks, tag_tests
from attention_atlas.models.averager import forward
from attention_atlas.sinks import sinks_zhang2025
from attention_atlas.tasks.averaging import placed
from attention_atlas.theory.catch_tag_release import bound, construction, exact_error

pytestmark = pytest.mark.browser

PAGE = "catch_tag_release/playground.html"
ASSETS = files.ROOT / "book/_extra/assets"
ROUNDING = 1e-11
DEFAULT = dict(model="five", beta=10.0, gamma=10.0, tokens=16, separator=6, tag="kept")
OUTLIER = DEFAULT | dict(model="outlier", beta=20.0, gamma=3.0)
TAGS = {"kept": 1, "removed": 0, "doubled": 2, "moved": 1}  # how many times the value matrix of layer 1
GRID = [
    DEFAULT | dict(model=model, tag=tag, beta=beta, gamma=gamma, tokens=tokens, separator=separator)
    for model, tag, (beta, gamma), (tokens, separator) in itertools.product(
        ("five", "outlier"),
        TAGS,
        [(0.0, 0.0), (0.0, 7.5), (3.0, 20.0), (10.0, 0.0), (20.0, 3.0), (40.0, 40.0)],
        [(3, 0), (3, 1), (13, 0), (13, 5), (13, 11), (32, 17)],
    )
]


@pytest.fixture(scope="module")
def catch(browser):
    """Evaluate an expression of AttentionAtlas.catchTagRelease in Chromium on a blank page."""
    page = browser.new_page()
    for name in ("drawing", "random", "catch_model", "catch_playground"):
        page.add_script_tag(path=ASSETS / f"{name}.js")
    # JSON writes the shortest decimal that reads back as the same double, so the way over loses no digit.
    code = """([body, values]) => JSON.stringify(Function("r", "v", body)(AttentionAtlas.catchTagRelease, values),
              (key, value) => ArrayBuffer.isView(value) ? Array.from(value) : value)"""
    yield lambda body, values=None: json.loads(page.evaluate(code, [body, values]))
    page.close()


def numbers_of(seed, count):
    return np.random.default_rng(seed).uniform(size=count)


def compute(catch, points, numbers):
    """What the page computes at each point, on the numbers of each."""
    given = [list(map(float, each)) for each in numbers]
    return catch("return v[0].map((point, at) => r.forward(point, v[1][at]))", [points, given])


def gap(ours, theirs):
    return np.max(np.abs(np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)))


# ---------------------------------------------------------------------------------------------------- the constructions


def loop(point, numbers):
    """The construction with whole matrices, one token and one coordinate at a time."""
    beta, gamma, at, times = point["beta"], point["gamma"], point["separator"], TAGS[point["tag"]]
    unit = lambda size: lambda *names: sum(sign * np.eye(size)[k] for k, sign in names)  # noqa: E731
    if point["model"] == "five":
        e = unit(5)
        number, separator = (lambda x: e((0, x), (1, 1))), e((1, 1), (2, 1))
        catching, tagging = beta * np.outer(e((1, 1)), e((2, 1))), times * np.outer(e((2, 1)), e((3, 1)))
        releasing, reading = gamma * np.outer(e((1, 1)), e((3, 1), (2, -2))), np.outer(e((0, 1)), e((4, 1)))
        tag, answer = 3, 4
    else:
        e = unit(3)
        number, separator = (lambda x: e((0, x), (1, -1))), e((1, 3))
        catching, tagging = -beta * np.outer(e((1, 1)), e((1, 1))), 2 * times * np.outer(e((1, 1)), e((1, 1)))
        releasing, reading = gamma * np.outer(e((1, 1)), e((1, 1))), np.outer(e((0, 1)), e((2, 1)))
        tag, answer = 1, 2
    stream = np.array([*map(number, numbers[:at]), separator, *map(number, numbers[at:])])

    def attend(asking, keys, product):
        weights = np.zeros((len(keys), len(keys)))
        for i in range(len(keys)):
            logits = [asking[i] @ product @ keys[j] for j in range(i + 1)]
            shifted = [math.exp(logit - max(logits)) for logit in logits]
            weights[i, : i + 1] = np.array(shifted) / math.fsum(shifted)
        return weights

    first = attend(stream, stream, catching)
    written = first @ stream @ tagging
    heard = written.copy()
    if point["tag"] == "moved" and at:
        heard[:at], heard[at + 1 :] = written[at + 1 :].mean(0), written[:at].mean(0)
    second = attend(stream + written, stream + heard, releasing)
    output = (second[-1] @ (stream + heard) @ reading)[answer]
    return dict(maps=[first, second], tags=(stream + heard)[:, tag], output=output)


def test_the_page_is_the_plain_loop(catch):
    numbers = [numbers_of(seed, point["tokens"] - 1) for seed, point in enumerate(GRID)]
    for point, given, found in zip(GRID, numbers, compute(catch, GRID, numbers), strict=True):
        expected = loop(point, given)
        for name in expected:
            assert gap(found[name], expected[name]) < ROUNDING, (point, name)
        at = point["separator"]
        assert found["after"] == pytest.approx(given[at:].mean()) and found["all"] == pytest.approx(given.mean())
        assert (found["before"] is None) == (at == 0) and (
            at == 0 or found["before"] == pytest.approx(given[:at].mean())
        )


def test_negative_control_every_part_of_a_setting_matters(catch):
    numbers = numbers_of(3, 15)
    for point in (DEFAULT | dict(beta=4.0, gamma=3.0), OUTLIER | dict(beta=0.3, gamma=0.2)):
        [found] = compute(catch, [point], [numbers])
        assert gap(found["output"], loop(point, numbers)["output"]) < ROUNDING
        for change in (
            {"beta": point["beta"] + 0.01},
            {"gamma": point["gamma"] + 0.01},
            {"separator": 7},
            {"tag": "moved"},
        ):
            assert gap(found["output"], loop(point | change, numbers)["output"]) > 1e-8, change
        for tag in ("removed", "doubled"):
            assert gap(found["tags"], loop(point | {"tag": tag}, numbers)["tags"]) > 0.1
        assert gap(found["output"], loop(point, numbers[::-1])["output"]) > 1e-3


def library(point, given):
    """The library's construction on given numbers, tampered with as by its causal tests."""
    build = construction.catch_tag_release if point["model"] == "five" else construction.outlier_tag
    averager, parameters = build(point["beta"], point["gamma"])
    if point["tag"] == "removed":
        parameters = construction.without_tag(parameters)
    if point["tag"] == "doubled":
        times = torch.tensor([2.0, 1.0], dtype=torch.float64)
        parameters = {**parameters, "value": parameters["value"] * times[:, None, None, None]}
    batch = placed(torch.tensor(given)[None], torch.tensor([point["separator"]]))
    passed = forward(averager, parameters, batch.features[None])
    if point["tag"] == "moved" and point["separator"]:
        added = passed.written[0].sum(2)
        change = tag_tests.retagged(added, batch, batch.before) - added
        passed = forward(averager, parameters, batch.features[None], tag_tests.seen_as(change, "key", "value"))
    return batch, passed


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("model", ["five", "outlier"])
def test_the_page_is_the_library_s_construction(catch, model, tag):
    points = [point for point in GRID if (point["model"], point["tag"]) == (model, tag)]
    numbers = [numbers_of(seed, point["tokens"] - 1) for seed, point in enumerate(points)]
    for point, given, found in zip(points, numbers, compute(catch, points, numbers), strict=True):
        batch, theirs = library(point, given)
        assert gap(found["output"], theirs.output[0, 0, -1]) < ROUNDING, point
        for ours, weights in zip(found["maps"], theirs.weights, strict=True):
            assert gap(ours, weights[0, 0, 0]) < ROUNDING, point
        assert found["after"] == pytest.approx(batch.target.item())


def test_the_worst_error_is_the_library_s_and_is_attained(catch):
    points = [point for point in GRID if point["tag"] != "moved"]
    numbers = [numbers_of(seed, point["tokens"] - 1) for seed, point in enumerate(points)]
    found = compute(catch, points, numbers)
    extreme = []
    for point, each in zip(points, found, strict=True):
        weights, at = torch.tensor(each["shares"], dtype=torch.float64), torch.tensor(point["separator"])
        assert gap(each["worst"]["after"], exact_error.worst_error(weights, at)) < 1e-12, point
        wanted = exact_error.deviations(weights, at) < 0
        extreme.append(np.delete(wanted.double().numpy(), point["separator"]))
    for point, ours, then in zip(points, found, compute(catch, points, extreme), strict=True):
        assert abs(then["output"] - then["after"]) == pytest.approx(ours["worst"]["after"], abs=1e-12), point
    for each in found:
        assert abs(each["output"] - each["after"]) <= each["worst"]["after"] + 1e-12


# ------------------------------------------------------------------------------------------------------------ the bound


def bounds(catch, points):
    return catch("return v.map((point) => { const b = r.bound(point); return b === Infinity ? 1e308 : b })", points)


def test_the_bound_is_the_library_s(catch):
    points = [point for point in GRID if point["tag"] == "kept"]
    for point, found in zip(points, bounds(catch, points), strict=True):
        before = torch.tensor(point["separator"])
        after = point["tokens"] - 1 - before
        beta, gamma = (torch.tensor(point[name], dtype=torch.float64) for name in ("beta", "gamma"))
        if point["model"] == "five":
            expected = min(bound.error_bound(before, after, beta, gamma).item(), 1e308)
        else:
            try:
                expected = bound.outlier_bound(before[None], after[None], point["beta"], point["gamma"]).item()
            except ValueError:  # [SEP] comes first, or the last token has no tag
                expected = None
        assert found == (None if expected is None else pytest.approx(expected, rel=1e-9)), point


def draws(number, seed, **changes):
    rng = np.random.default_rng(seed)
    for _ in range(number):
        tokens = int(rng.integers(3, 33))
        yield (
            DEFAULT
            | dict(
                tokens=tokens,
                separator=int(rng.integers(0, tokens - 1)),
                beta=float(rng.uniform(0, 40)),
                gamma=float(rng.uniform(0, 40)),
            )
            | changes
        )


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("model", ["five", "outlier"])
def test_the_bound_holds_for_any_numbers_and_not_without_its_parts(catch, model, tag):
    points = list(draws(600, 1, model=model, tag=tag))
    worst = [each["worst"] for each in compute(catch, points, [numbers_of(0, point["tokens"] - 1) for point in points])]
    held, loose = 0, 0
    for point, each, most in zip(points, worst, bounds(catch, points), strict=True):
        if most is None:
            assert model == "outlier" and (point["separator"] == 0 or tag in ("removed", "moved") or point["beta"] < 1)
            continue
        moved = tag == "moved" and point["separator"]
        assert each["before" if moved else "after"] <= most + ROUNDING, point
        held += 1
        loose += each["before" if moved else "after"] > 0.5 * most and most > 1e-9
    assert held > (0 if model == "outlier" and tag in ("removed", "moved") else 400) - 1
    if model == "five":
        assert loose > 20  # negative control: half of the bound is too little


def test_with_a_weak_catch_more_release_hurts(catch):
    points = [DEFAULT | dict(beta=3.0, gamma=gamma) for gamma in (5.0, 10.0, 20.0, 40.0)]
    worst = [each["worst"]["after"] for each in compute(catch, points, [numbers_of(0, 15)] * 4)]
    assert worst == sorted(worst) and worst[-1] > 2 * worst[0]
    assert bounds(catch, points) == sorted(bounds(catch, points))


def test_the_construction_is_as_good_as_the_chapter_says(catch):
    """The mean squared error over numbers and places, exactly, from the page's own shares."""

    def mse(**changes):
        points = [DEFAULT | dict(tokens=32, separator=at) | changes for at in range(31)]
        shares = [each["shares"] for each in compute(catch, points, [np.zeros(31)] * 31)]
        errors = [
            exact_error.mean_squared_error(torch.tensor(each).double(), torch.tensor(at), mean=0.5, variance=1 / 12)
            for at, each in enumerate(shares)
        ]
        return np.mean(errors)

    assert mse(beta=40, gamma=20) < 1e-15
    for beta, gamma in ((40, 20), (10, 20), (5, 20), (40, 0)):
        pair = (torch.tensor([each]).double() for each in (beta, gamma))
        expected = exact_error.expected_error(32, *pair, mean=0.5, variance=1 / 12).item()
        assert mse(beta=beta, gamma=gamma) == pytest.approx(expected, rel=1e-6)
    references = exact_error.reference_errors(32, mean=0.5, variance=1 / 12)
    assert mse(beta=40, gamma=20, tag="removed") == pytest.approx(references["global mean"], rel=1e-9)
    assert mse(beta=40, gamma=0) == pytest.approx(references["uniform"], rel=1e-9)


def test_two_dimensions_fail_exactly_where_the_separator_comes_first(catch):
    places = [(tokens, at) for tokens in range(3, 33) for at in range(tokens - 1)]
    points = [OUTLIER | dict(tokens=tokens, separator=at) for tokens, at in places]
    for point, each in zip(points, compute(catch, points, [numbers_of(1, t - 1) for t, _ in places]), strict=True):
        if point["separator"]:
            assert each["worst"]["after"] < 1e-13, point
        else:
            assert each["output"] < 1e-20 and each["worst"]["separator"] < 1e-20, point
    assert all(
        each["worst"]["after"] < 0.1 for each in compute(catch, [DEFAULT | dict(separator=0)], [numbers_of(1, 15)])
    )


# --------------------------------------------------------------------------------------------------- sinks and verdicts


def test_sinks_are_the_library_s(catch):
    points = GRID[::5]
    found = compute(catch, points, [numbers_of(2, point["tokens"] - 1) for point in points])
    shown = catch("return v.map((maps) => maps.map(r.sinks))", [each["maps"] for each in found])
    for each, ours in zip(found, shown, strict=True):
        weights = torch.tensor(each["maps"], dtype=torch.float64)[None]
        causal = masks.dense(masks.causal, weights.shape[-1])
        theirs = sinks_zhang2025(weights, causal)[0]
        assert ours == [sinks.nonzero().flatten().tolist() for sinks in theirs]
    assert len({str(each) for each in shown}) > 5


@pytest.mark.parametrize("tokens", range(3, 33))
def test_under_uniform_attention_the_first_token_is_a_sink_up_to_seventeen(catch, tokens):
    [found] = compute(catch, [DEFAULT | dict(beta=0.0, tokens=tokens, separator=1)], [numbers_of(0, tokens - 1)])
    assert (0 in catch("return r.sinks(v)", found["maps"][0])) == (tokens <= 17)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, "after"),
        ({"tag": "removed"}, "all"),
        ({"tag": "removed", "separator": 0}, "after"),  # of which all numbers are part
        ({"tag": "moved"}, "before"),
        ({"tag": "moved", "separator": 0}, "after"),
        ({"tag": "doubled"}, "after"),
        ({"gamma": 0.0}, "none"),  # [SEP] is heard like a number
        ({"beta": 3.0, "gamma": 20.0}, "none"),
        (OUTLIER, "after"),
        (OUTLIER | {"separator": 0}, "separator"),
        (OUTLIER | {"separator": 0, "tag": "doubled"}, "separator"),
        (OUTLIER | {"tag": "moved"}, "before"),
        (OUTLIER | {"tag": "removed"}, "all"),
    ],
    ids=str,
)
def test_the_answer_is_named_and_no_numbers_contradict_it(catch, changes, answer):
    point = DEFAULT | changes
    assert catch("return r.follows(r.forward(...v))", [point, numbers_of(5, 15).tolist()]) == answer
    if answer == "none":
        return
    sides = [np.round(numbers_of(seed, 15)) for seed in range(200)]
    for each in compute(catch, [point] * 200, sides):
        assert abs(each["output"] - (0 if answer == "separator" else each[answer])) <= 0.05


def test_a_near_miss_of_one_draw_is_not_called_a_mean(catch):
    """With a weak catch the first numbers of the page come within 0.01 of the mean before [SEP], by chance."""
    point = DEFAULT | dict(beta=3.0, gamma=20.0)
    found = catch("return r.forward(v, r.numbersOf(42, 15))", point)
    assert abs(found["output"] - found["before"]) < 0.01 and catch("return r.follows(v)", found) == "none"


def test_numbers_are_uniform_and_keep_their_order(catch):
    first, again, other = catch("return [r.numbersOf(42, 31), r.numbersOf(42, 15), r.numbersOf(43, 31)]")
    assert first[:15] == again and not set(first) & set(other)
    many = np.array(catch("return r.numbersOf(7, 20000)"))
    assert many.min() > 0 and many.max() < 1
    assert abs(many.mean() - 0.5) < 4.5 / math.sqrt(12 * 20000) and abs(many.var() - 1 / 12) < 0.003


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        ({"model": "six"}, "got six"),
        ({"tag": "lost"}, "got lost"),
        ({"beta": -1}, "got -1"),
        ({"gamma": -2}, "got -2"),
        ({"tokens": 1}, "got 1"),
        ({"separator": 15}, "got 15"),
        ({"separator": -1}, "got -1"),
    ],
)
@pytest.mark.parametrize("function", ["forward", "bound"])
def test_impossible_settings_are_refused_with_what_was_got(catch, function, wrong, got):
    with pytest.raises(Exception, match=got):
        catch(f"return r.{function}(v, new Float64Array(15))", DEFAULT | wrong)


def test_too_few_numbers_are_refused(catch):
    with pytest.raises(Exception, match="15 numbers are needed, got 14"):
        catch("return r.forward(v, new Float64Array(14))", DEFAULT)


def test_the_exercise_s_solution(catch):
    numbers = numbers_of(0, 15)
    first, later, moved, lost, found = compute(
        catch,
        [
            OUTLIER | dict(separator=0),
            OUTLIER,
            OUTLIER | dict(tag="moved"),
            OUTLIER | dict(tag="removed", separator=0),
            OUTLIER | dict(tag="removed"),
        ],
        [numbers] * 5,
    )
    assert first["tags"] == pytest.approx([9] + [5] * 15) and later["tags"] == pytest.approx([-3] * 6 + [1] + [5] * 9)
    assert moved["tags"] == pytest.approx([5] * 6 + [1] + [-3] * 9)
    assert [3 * 5 * 9, 3 * 5 * 5, 3 * 5 * 1] == [135, 75, 15]
    # Had the last token's question known of the move: logits 3 * (-3) * tag.
    weights = np.exp(-9 * np.array(moved["tags"]) - 27)
    assert weights[:6].max() < 1e-30 and weights[6] < 1e-15 and weights[7:] == pytest.approx([1] * 9)
    assert abs(lost["output"] - lost["after"]) < 1e-6 and abs(found["output"] - numbers.mean()) < 1e-6
    five = compute(catch, [DEFAULT | dict(beta=20.0, gamma=3.0, separator=0)], [numbers])[0]
    assert abs(five["output"] - five["after"]) < 1e-2 and five["tags"][0] == pytest.approx(1)


# ------------------------------------------------------------------------------------------------------------- the page

SMALL = "#beta=4&gamma=3&tokens=11&separator=5"
PICTURES = """['lake', 'tags', 'shares', 'errors']
  .map(name => document.querySelector(`[data-part=${name}] > g`).innerHTML)
  .concat([...document.querySelectorAll('.aa-frame canvas')].map(c => c.toDataURL()))"""
SAYS = "said => document.querySelector('.aa-summary').innerText.includes(said)"


def text(page):
    return page.locator(".aa-summary").inner_text()


def place(page):
    return page.locator("[data-slider=separator] output").inner_text()


def rest(page):
    """Until the sentence and the address have followed the hand."""
    page.wait_for_timeout(300)


@pytest.mark.parametrize("over", ["file", "http"])
@pytest.mark.parametrize("slider", ["beta", "gamma", "tokens", "separator"])
def test_every_slider_moves_the_pictures_and_the_sentence(visit, over, slider):
    page = visit(PAGE + SMALL, over)
    before, said = page.evaluate(PICTURES), text(page)
    page.locator(f"#aa-{slider}").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("said => document.querySelector('.aa-summary').innerText !== said", arg=said)
    after = page.evaluate(PICTURES)
    still = {"gamma": {1, 4}}.get(slider, set())  # what layer 1 does is not gamma's
    assert len(before) == len(after) == 6
    assert {at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a == b} == still
    assert page.trouble == []


@pytest.mark.parametrize("name", ["tag", "model"])
def test_radios_answer_to_the_keyboard_and_move_the_pictures(visit, name):
    page = visit(PAGE + SMALL)
    before, said = page.evaluate(PICTURES), text(page)
    page.locator(f"[name=aa-{name}]:checked").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("said => document.querySelector('.aa-summary').innerText !== said", arg=said)
    after = page.evaluate(PICTURES)
    assert page.locator(f"[name=aa-{name}]:checked").input_value() == {"tag": "removed", "model": "outlier"}[name]
    # Without a tag layer 1 looks where it looked before: the sink is still there.
    assert {at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a == b} == (
        {4} if name == "tag" else set()
    )
    assert page.trouble == []


def test_negative_control_nothing_moves_while_nobody_touches_it(visit):
    page = visit(PAGE + SMALL)
    before = page.evaluate(PICTURES), text(page)
    page.wait_for_timeout(500)
    assert (page.evaluate(PICTURES), text(page)) == before


def test_the_page_shows_what_its_model_computes(visit):
    page = visit(PAGE + SMALL)
    point = DEFAULT | dict(beta=4, gamma=3, tokens=11, separator=4)
    numbers = page.evaluate("Array.from(AttentionAtlas.catchTagRelease.numbersOf(42, 10))")
    expected = loop(point, np.array(numbers))
    target = np.mean(numbers[4:])
    facts = page.locator(".aa-facts").inner_text()
    assert f"{expected['output']:.6f}" in facts and f"target {target:.6f}" in facts
    assert f"{expected['maps'][0][4:, 4].min():.4f}" in facts and f"{expected['maps'][1][-1, 5:].sum():.4f}" in facts
    assert f"Output {expected['output']:.4f}, target {target:.4f}" in text(page)
    assert f"error {abs(expected['output'] - target):.2g} " in text(page)
    listed = page.locator("#aa-tags-title").text_content()
    assert f"[SEP]: {expected['tags'][4]:.2g}," in listed and f"token 11: {expected['tags'][10]:.2g}." in listed


def test_fish_are_drawn_where_their_numbers_are_and_filled_as_they_are_tagged(visit):
    page = visit(PAGE + SMALL)
    numbers = page.evaluate("Array.from(AttentionAtlas.catchTagRelease.numbersOf(42, 10))")
    fish = page.locator("[data-part=lake] path.aa-fish").evaluate_all(
        "all => all.map(p => [...p.getAttribute('d').match(/M([\\d.]+) ([\\d.]+)/).slice(1), "
        "p.getAttribute('fill-opacity')].map(Number))"
    )
    x, y, filled = np.array(fish).T
    assert len(fish) == 10 and np.all(np.diff(x) > 0)
    slope, start = np.polyfit(numbers, y, 1)
    assert slope == pytest.approx(-158, abs=1) and gap(y, slope * np.array(numbers) + start) < 0.11
    alpha = [math.exp(4) / (math.exp(4) + i - 1) for i in range(6, 12)]  # tokens counted from 1
    assert list(filled[:4]) == [0] * 4 and gap(filled[4:], alpha) < 0.0006
    own = x[4] - x[3], x[1] - x[0]
    assert own[0] == pytest.approx(2 * own[1], abs=0.3)  # [SEP]'s own place lies between


PRESETS = [
    "The answer is the mean after [SEP].",
    "The answer is the mean of all numbers.",
    "The answer is the mean before [SEP].",
    "The answer is none of the means.",
    "The answer is the mean after [SEP].",
    "The answer is [SEP]'s own zero.",
]


@pytest.mark.parametrize(("index", "answer"), list(enumerate(PRESETS)), ids=str)
def test_presets_show_what_the_text_says(visit, index, answer):
    page = visit(PAGE + "#beta=1&gamma=1&tokens=5&separator=2&tag=doubled&seed=7")
    page.locator("[data-preset]").nth(index).click()
    page.wait_for_function("said => document.querySelector('.aa-summary').innerText.startsWith(said)", arg=answer)
    rest(page)
    assert page.locator("[data-preset][aria-pressed=true]").count() == 1
    items = page.locator("article ol > li").all()[:6]
    wanted = page.evaluate("location.hash") or "#beta=10"
    assert wanted == items[index].locator("a").first.get_attribute("href")  # the list below has the same setting
    assert page.trouble == []


def exponent(page):
    """Of the error in the sentence, like -10 for 1.7·10⁻¹⁰."""
    found = re.search(r"error (?:below )?(?:[\d.]+·)?10(⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text(page))
    return int(found[1].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))) if found else 0


def test_what_the_list_says_can_be_seen(visit):
    page = visit(PAGE + "#beta=40&gamma=20&tokens=32&separator=9")
    assert -11 <= exponent(page) <= -9
    page = visit(PAGE + "#beta=40&gamma=40&tokens=32&separator=9")
    assert "error below 10⁻¹⁵" in text(page)
    page = visit(PAGE + "#beta=20&gamma=3&separator=2&model=outlier")
    assert "below 10⁻¹⁵" in text(page)


def test_the_separator_is_dragged(visit):
    page = visit(PAGE)
    box = page.locator(".aa-picker").bounding_box()
    at = lambda token: box["x"] + 44 + (token - 0.5) / 16 * (box["width"] - 50)  # noqa: E731
    page.mouse.move(at(7), box["y"] + 90)
    page.mouse.down()
    for token in (9, 12, 3):
        page.mouse.move(at(token), box["y"] + 50)
        page.wait_for_function(
            "t => document.querySelector('[data-slider=separator] output').textContent === t", arg=str(token)
        )
    page.mouse.move(box["x"] + 5 * box["width"], box["y"] + 50)  # beyond the pond: a number comes after it
    page.wait_for_function("document.querySelector('[data-slider=separator] output').textContent === '15'")
    page.mouse.up()
    page.mouse.move(at(5), box["y"] + 50)
    rest(page)
    assert place(page) == "15" and page.evaluate("location.hash") == "#beta=10&separator=15"
    assert page.trouble == []


def test_the_separator_walks_by_keys(visit):
    page = visit(PAGE)
    picker = page.locator(".aa-picker")
    picker.focus()
    for key, token in [
        ("ArrowRight", 8),
        ("ArrowUp", 9),
        ("ArrowDown", 8),
        ("ArrowLeft", 7),
        ("Home", 1),
        ("ArrowLeft", 1),
        ("PageUp", 11),
        ("End", 15),
        ("ArrowRight", 15),
    ]:
        page.keyboard.press(key)
        page.wait_for_function(
            "t => document.querySelector('.aa-picker').getAttribute('aria-valuenow') === t", arg=str(token)
        )
        assert place(page) == str(token)
    assert picker.get_attribute("aria-valuetext") == "[SEP] is token 15 of 16"
    assert picker.get_attribute("aria-label") and picker.get_attribute("aria-valuemax") == "15"
    assert page.trouble == []


def test_a_click_into_the_chart_of_errors_moves_the_separator(visit):
    page = visit(PAGE)
    page.locator("[data-part=errors]").scroll_into_view_if_needed()
    dot = page.locator("[data-part=errors] g.aa-error circle").nth(11).bounding_box()
    page.mouse.click(dot["x"] + dot["width"] / 2, dot["y"] + 30)
    page.wait_for_function("document.querySelector('[data-slider=separator] output').textContent === '12'")
    assert page.trouble == []


def test_the_chart_of_errors_has_every_place_and_the_bound_above(visit):
    page = visit(PAGE + SMALL)
    read = "all => all.map(c => [+c.getAttribute('cx'), +c.getAttribute('cy')])"
    dots = np.array(page.locator("[data-part=errors] g.aa-error circle").evaluate_all(read))
    lines = [page.locator(f"[data-part=errors] path.{kind}").get_attribute("d") for kind in ("aa-bound", "aa-worst")]
    most, worst = (np.array([list(map(float, point.split())) for point in line[1:].split("L")]) for line in lines)
    assert len(dots) == len(most) == len(worst) == 10 and gap(dots[:, 0], most[:, 0]) < 0.11
    assert np.all(most[:, 1] <= worst[:, 1] + 0.01) and np.all(worst[:, 1] <= dots[:, 1] + 0.01)  # up is smaller
    assert page.locator("[data-part=errors] g.aa-followed path").count() == 0
    page = visit(PAGE + SMALL + "&tag=moved")
    assert page.locator("[data-part=errors] g.aa-followed path").count() == 9  # not where nothing is before [SEP]
    page = visit(PAGE + "#beta=20&gamma=3&model=outlier&separator=4")
    cy = np.array(page.locator("[data-part=errors] g.aa-error circle").evaluate_all(read))[:, 1]
    assert cy[0] < cy[1:].min() - 100  # [SEP] first, and nowhere else


def test_new_numbers_come_and_the_setting_stays(visit):
    page = visit(PAGE + SMALL)
    before = page.evaluate(PICTURES)
    page.locator("[data-do=numbers]").click()
    page.wait_for_function("location.hash.includes('seed=43')")
    after = page.evaluate(PICTURES)
    assert [a != b for a, b in zip(before, after, strict=True)] == [True, False, False, True, False, False]
    assert page.locator("#aa-beta").input_value() == "4" and place(page) == "5"
    assert page.trouble == []


def test_the_address_keeps_the_setting_and_reset_forgets_it(visit):
    page = visit(PAGE + "#beta=12.5&gamma=7&tokens=21&separator=13&tag=doubled&model=outlier&seed=9")
    values = {name: page.locator(f"#aa-{name}").input_value() for name in ("beta", "gamma", "tokens", "separator")}
    assert values == {"beta": "12.5", "gamma": "7", "tokens": "21", "separator": "13"}
    assert page.locator("[name=aa-tag]:checked").input_value() == "doubled"
    assert page.locator("[name=aa-model]:checked").input_value() == "outlier"
    page.locator("#aa-beta").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "location.hash === '#beta=13&gamma=7&tokens=21&separator=13&tag=doubled&model=outlier&seed=9'"
    )
    page.locator("[data-do=reset]").click()
    page.wait_for_function("document.querySelector('#aa-beta').value === '10' && location.hash === ''")
    assert page.trouble == []


def test_impossible_settings_in_the_address_become_possible_ones(visit):
    page = visit(PAGE + "#beta=99&gamma=-3&tokens=banana&separator=40&tag=lost&model=six&seed=0.5")
    shown = [
        page.locator(f"[data-slider={name}] output").inner_text() for name in ("beta", "gamma", "tokens", "separator")
    ]
    assert shown == ["40", "0", "16", "15"]
    assert page.locator("[name=aa-tag]:checked").input_value() == "kept"
    assert page.locator("[name=aa-model]:checked").input_value() == "five"
    page.locator("#aa-tokens").focus()
    page.keyboard.press("Home")  # a shorter sequence takes [SEP] along
    page.wait_for_function("document.querySelector('[data-slider=separator] output').textContent === '2'")
    assert page.locator("#aa-separator").get_attribute("max") == "2"
    assert page.trouble == []


def test_links_of_the_text_lead_to_their_setting_without_motion_where_that_is_asked(visit):
    page = visit(PAGE)
    for reduce, behavior in (("reduce", "auto"), ("no-preference", "smooth")):
        page.emulate_media(reduced_motion=reduce)
        page.evaluate(
            "() => { Element.prototype.scrollIntoView = (options) => { window.scrolled = options?.behavior } }"
        )
        page.evaluate("location.hash = ''")
        page.locator("article ol > li").nth(2).locator("a").first.click()
        page.wait_for_function(SAYS, arg="The answer is the mean before [SEP].")
        assert page.evaluate("window.scrolled") == behavior
    assert page.locator(".aa-playground :is(animate, animateTransform)").count() == 0
    assert page.trouble == []


def test_everything_can_be_reached_by_the_tab_key(visit):
    page = visit(PAGE)
    page.locator("[data-preset]").first.focus()
    reached = set()
    for _ in range(16):
        reached.add(
            page.evaluate(
                "(({id, name, dataset, className}) => id || name || dataset.do || className)(document.activeElement)"
            )
        )
        page.keyboard.press("Tab")
    sliders = {f"aa-{name}" for name in ("beta", "gamma", "tokens", "separator")}
    assert sliders | {"aa-tag", "aa-model", "numbers", "reset", "aa-picker"} <= reached
    assert page.locator(".aa-slider input").evaluate_all("all => all.every(i => i.labels.length === 1)")


def test_pictures_are_told_in_words(visit):
    page = visit(PAGE)
    lake = page.locator("#aa-lake-title").text_content()
    assert "15 numbers and [SEP] as token 7" in lake and "tokens 8, 9, 10, 11, 12, 13, 14, 15, 16" in lake
    assert page.locator("#aa-errors-title").text_content().startswith("Error for each position of [SEP]")
    assert page.locator("#aa-shares-title").text_content().startswith("Weight in the answer. token 1: ")
    for name, layer in (("catch", 1), ("release", 2)):
        label = page.locator(f"[data-part={name}]").get_attribute("aria-label")
        assert f"attention in layer {layer}, 16 queries by 16 keys" in label and "Sinks:" in label
    assert "Sinks: [SEP]." in page.locator("[data-part=catch]").get_attribute("aria-label")
    assert page.locator(".aa-summary").get_attribute("aria-live") == "polite"


CONTRAST = """() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(c => c / 255)
      .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const css = (selector, property) =>
    light(getComputedStyle(document.querySelector('.aa-playground ' + selector))[property]);
  const page = light(getComputedStyle(document.body).backgroundColor);
  return [css('[data-part=lake] text', 'fill'), css('.aa-legend', 'color'), css('line.aa-target', 'stroke'),
    css('line.aa-before', 'stroke'), css('.aa-post', 'stroke'), css('.aa-error circle', 'fill'),
    css('path.aa-bound', 'stroke'), css('path.aa-fish', 'stroke'), css('rect.aa-own', 'fill'),
    css('.aa-sinks path', 'fill')]
    .map(ink => (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05)) }"""


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_narrow_and_wide_and_can_be_read_in_both_modes(visit, mode, width):
    page = visit(PAGE + SMALL, mode=mode, width=width)
    assert page.evaluate("document.documentElement.dataset.theme") == mode
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = page.locator(".aa-playground :is(canvas, svg, button, input, p, dl)").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(b => [b.left, b.right])"
    )
    assert boxes and min(left for left, _ in boxes) >= 0 and max(right for _, right in boxes) <= width
    contrasts = page.evaluate(CONTRAST)
    assert min(contrasts[:2]) >= 4.5 and min(contrasts) >= 3  # WCAG: text, and graphics
    assert page.trouble == []


def test_without_javascript_the_page_says_so(html):
    source = (html / PAGE).read_text()
    assert "<noscript>" in source and "data-attention-atlas-catch" in source
