"""The playground as a reader uses it: without a kernel, from a file, with a mouse or a keyboard."""

import pytest

pytestmark = pytest.mark.browser
PAGE = "position_bias/playground.html"
LINE = "document.querySelector('.aa-line').getAttribute('d')"


@pytest.mark.parametrize("over", ["file", "http"])
@pytest.mark.parametrize("slider", ["tokens", "layers", "slope", "angle", "residual"])
def test_every_slider_moves_the_curve_and_the_sentence(visit, over, slider):
    page = visit(PAGE + "#tokens=48&layers=4&slope=0.2&angle=0.05", over)
    before, said = page.evaluate(LINE), page.locator(".aa-summary").inner_text()
    page.locator(f"#aa-{slider}").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(f"before => {LINE} !== before", arg=before)
    page.wait_for_function("said => document.querySelector('.aa-summary').innerText !== said", arg=said)
    assert page.trouble == []


def test_negative_control_nothing_moves_while_nobody_touches_it(visit):
    page = visit(PAGE)
    before = page.evaluate(LINE)
    page.wait_for_timeout(500)
    assert page.evaluate(LINE) == before


def test_the_address_keeps_the_setting_and_reset_forgets_it(visit):
    page = visit(PAGE + "#tokens=32&layers=5&mask=sliding_window&parameter=7")
    values = {name: page.locator(f"#aa-{name}").input_value() for name in ("tokens", "layers", "parameter")}
    assert values == {"tokens": "32", "layers": "5", "parameter": "7"}
    page.locator("[data-do=reset]").click()
    page.wait_for_function("document.querySelector('#aa-tokens').value !== '32'")
    assert page.trouble == []


def test_impossible_settings_in_the_address_become_possible_ones(visit):
    page = visit(PAGE + "#tokens=9999&layers=-3&mask=prefix&parameter=500&slope=banana")
    tokens, parameter = (int(page.locator(f"#aa-{name}").input_value()) for name in ("tokens", "parameter"))
    assert tokens <= 128 and parameter <= tokens and int(page.locator("#aa-layers").input_value()) >= 1
    assert page.trouble == []


def test_every_preset_draws_something_else(visit):
    page = visit(PAGE)
    seen = set()
    for button in page.locator("[data-preset]").all():
        button.click()
        page.wait_for_timeout(150)
        seen.add(page.evaluate(LINE))
    assert len(seen) == page.locator("[data-preset]").count() >= 6
    assert page.trouble == []
