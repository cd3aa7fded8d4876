"""Parameters cells: what is declared, what is accepted, what is refused and how."""

import pytest

from attention_atlas.parameters import check, declared, parse

CELL = """
tokens: int = 64  # sequence length
slope: float = 0.2  # decay per token
masks: list[str] = ["causal"]
flat: bool = True
"""


@pytest.fixture
def allowed():
    return declared(CELL, "demo")


def test_names_types_defaults_and_help_are_read(allowed):
    assert [str(p) for p in allowed.values()] == ["tokens: int", "slope: float", "masks: list[str]", "flat: bool"]
    assert allowed["tokens"].default == 64 and allowed["tokens"].help == "sequence length"
    assert allowed["flat"].help == ""


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("tokens", "17", 17), ("slope", "1", 1.0), ("flat", "false", False), ("masks", "['none', 'x']", ["none", "x"])],
)
def test_what_is_typed_on_the_command_line_becomes_the_declared_type(allowed, name, text, value):
    got = check(allowed, {name: parse(allowed[name], text)}, "demo")[name]
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("tokens", "many", "parameter tokens takes int, got str 'many'"),
        ("tokens", "1.5", "parameter tokens takes int, got float 1.5"),
        ("tokens", "True", "parameter tokens takes int, got bool True"),
        ("masks", "[1]", r"parameter masks takes list\[str\], got list \[1\]"),
        ("masks", "{[]: 1}", r"parameter masks takes list\[str\], got str"),
        ("masks", "causal", r"parameter masks takes list\[str\], got str 'causal'"),
        ("token", "3", r"notebook demo has no parameter 'token'; allowed: tokens: int, slope: float"),
    ],
)
def test_wrong_names_and_types_are_refused_with_what_is_allowed(allowed, name, text, message):
    with pytest.raises(ValueError, match=message):
        check(allowed, {name: parse(allowed.get(name), text)}, "demo")


@pytest.mark.parametrize(
    "line",
    [
        "tokens = 64",
        "tokens: int = 'x'",
        "tokens: dict = {}",
        "print(1)",
        "tokens: int = 1 + n",
        "tokens: int = {[]: 1}",
    ],
)
def test_a_parameters_cell_holds_annotated_literals_only(line):
    with pytest.raises(ValueError, match="notebook demo, parameters cell, line 1"):
        declared(line, "demo")


@pytest.mark.parametrize(
    "cell", ["tokens: int = (3", "tokens: int = 3\n  slope: float = 1.0", "masks: list[str] = ['a"]
)
def test_a_parameters_cell_that_is_not_python_is_refused_by_line(cell):
    with pytest.raises(ValueError, match=r"notebook demo, parameters cell, line [12]: ") as refusal:
        declared(cell, "demo")
    assert "\n" not in str(refusal.value)
