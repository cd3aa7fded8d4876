"""The file that sets each notebook's parameters at a profile: what it says is used, what makes no sense is refused."""

import pytest

from attention_atlas import files, notebooks
from attention_atlas.parameters import declared

CELL = "tokens: int = 64  # sequence length\nprofile: str = 'quick'  # size of what is computed"


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    """A project with nothing but this file and one notebook, ``demo/one``; called with the file's text."""
    monkeypatch.setattr(files, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "parameters", lambda name: declared(CELL, name))
    (tmp_path / "notebooks").mkdir()
    return (tmp_path / notebooks.PROFILES_FILE).write_text


@pytest.mark.parametrize("text", ["", "demo/one:", "demo/one: {quick: }", "demo/other: {quick: {tokens: 3}}"])
def test_what_is_left_out_is_empty_but_for_the_profile_itself(profiles, text):
    profiles(text)
    assert notebooks.profile_parameters("demo/one", "quick") == {"profile": "quick"}


def test_what_is_set_is_used_at_its_profile_only(profiles):
    profiles("demo/one: {smoke: {tokens: 3}}")
    assert notebooks.profile_parameters("demo/one", "smoke") == {"profile": "smoke", "tokens": 3}
    assert notebooks.profile_parameters("demo/one", "paper") == {"profile": "paper"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("demo/one: {quick: {tokens: 2}", r"notebooks/profiles\.yml is not YAML: "),
        ("- demo/one", r"notebooks/profiles\.yml: all holds \['demo/one'\]; allowed: names with their values"),
        ("demo/one: 3", r"notebooks/profiles\.yml: demo/one holds 3; allowed: names"),
        ("demo/one: {quick: 7}", r"notebooks/profiles\.yml: demo/one: quick holds 7; allowed: names"),
        ("demo/one: {huge: {}}", "demo/one: unknown profile 'huge'; allowed: smoke, quick, paper"),
        ("demo/one: {quick: {tokens: x}}", "notebook demo/one: parameter tokens takes int, got str 'x'"),
        ("demo/one: {quick: {token: 3}}", "notebook demo/one has no parameter 'token'; allowed: tokens: int"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(profiles, text, message):
    profiles(text)
    with pytest.raises(ValueError, match=message) as refusal:
        notebooks.jobs("quick", ["demo/one"])
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_named(profiles):
    with pytest.raises(OSError, match=r"notebooks/profiles\.yml"):
        notebooks.profile_parameters("demo/one", "quick")
