"""Every example in the library's docstrings is run.

By hand and not by ``doctest.testmod``, which takes functions that the import hook has wrapped for foreign ones and
skips them without a word. Examples see what their module sees, and torch.
"""

import doctest
import importlib
import inspect
import pkgutil

import pytest
import torch

import attention_atlas

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(attention_atlas.__path__, "attention_atlas.")
    if not module.name.endswith("__main__")  # importing it would run it
)


def examples(module):
    """The doctests of a module: its own text, its functions and classes, and their methods."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    methods = [(f"{c.__name__}.{n}", m) for c in own if inspect.isclass(c) for n, m in vars(c).items() if callable(m)]
    named = [("", module), *((getattr(value, "__name__", ""), value) for value in own), *methods]
    for name, value in named:
        if ">>>" in (text := inspect.getdoc(value) or ""):
            yield doctest.DocTestParser().get_doctest(
                text, {"torch": torch, **vars(module)}, f"{module.__name__}.{name}", module.__file__, None
            )


def complaints(test):
    lines = []
    doctest.DocTestRunner().run(test, out=lines.append)
    return "".join(lines)


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name.startswith("attention_atlas"):
            raise
        pytest.skip(f"needs {missing.name}")
    if text := "".join(map(complaints, examples(module))):
        pytest.fail(text, pytrace=False)


@pytest.mark.parametrize("name", ["masks", "positions", "attention", "rollout", "metrics"])
def test_every_public_function_of_the_core_has_an_example(name):
    module = importlib.import_module(f"attention_atlas.{name}")
    public = {n for n, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__}
    shown = {test.name.rpartition(".")[2] for test in examples(module)}
    assert {n for n in public if not n.startswith("_") and n != "<lambda>"} - {"causal", "none"} <= shown


def test_negative_control_a_wrong_example_is_noticed():
    assert "Expected:" in complaints(doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None))
