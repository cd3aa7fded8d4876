"""The project's registries: lists of entries in ``data/*.yml``, read into frozen dataclasses or refused in one line.

What an entry may hold is said once, by the dataclass: a field without a default is required, and
``field(metadata={"allowed": ...})`` lists the values it may take.
"""

import ast
import dataclasses
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml

from attention_atlas import files

DATA = files.ROOT / "data"
PAPERS = ("wu2025", "kim2026", "zhang2025", "bao2024")
Entry = TypeVar("Entry")


def load(path: Path, kind: type[Entry]) -> tuple[Entry, ...]:
    """Read a registry.

    Parameters
    ----------
    path
        A YAML file that holds a list of mappings, one per entry.
    kind
        The frozen dataclass of an entry; it has a field ``id``.

    Returns
    -------
    tuple of kind
        The entries, in the file's order.

    Raises
    ------
    ValueError
        In one line that names file, entry and field: not YAML, not a list, a field missing, unknown, empty or with a
        value that is not allowed, an id used twice, or what the dataclass itself refuses.

    Examples
    --------
    >>> import tempfile
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Animal:
    ...     id: str
    ...     legs: int
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "animals.yml")
    ...     _ = path.write_text("- {id: ant, legs: 6}")
    ...     load(path, Animal)
    (Animal(id='ant', legs=6),)
    """
    name = files.relative(path)
    try:
        items = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError(f"{name} holds no list of entries, got {type(items).__name__}; allowed: '- id: ...' items")
    entries = tuple(
        _entry(item, kind, f"{name}, entry {item.get('id', f'number {number}')!r}")
        for number, item in enumerate(items, start=1)
    )
    ids = [entry.id for entry in entries]
    if twice := [id for id in ids if ids.count(id) > 1]:
        raise ValueError(f"{name}: id {twice[0]!r} is used {ids.count(twice[0])} times; allowed: once")
    return entries


def named(entries: Iterable[Entry], id: str, what: str) -> Entry:
    """The entry of this id, or a refusal that lists the ids there are; ``what`` says what an entry is called."""
    known = {entry.id: entry for entry in entries}
    if id not in known:
        raise ValueError(f"unknown {what} {id!r}; allowed: {', '.join(known)}")
    return known[id]


def check_test(node: str, root: Path | None = None) -> str:
    """Return the name of a test that exists, ``path.py::function``, or refuse it.

    The file is parsed, not imported: asking costs nothing and runs nothing.

    Parameters
    ----------
    node
        As pytest writes it, from the project's root.
    root
        The project's root.

    Raises
    ------
    ValueError
        If the file or a test of this name in it does not exist.

    Examples
    --------
    >>> check_test("tests/nowhere.py::test_nothing")
    Traceback (most recent call last):
        ...
    ValueError: no test 'tests/nowhere.py::test_nothing': there is no file tests/nowhere.py
    """
    path, _, name = node.partition("::")
    file = (root or files.ROOT) / path
    if not file.is_file():
        raise ValueError(f"no test {node!r}: there is no file {path}")
    if name not in (found := _test_names(file)):
        raise ValueError(f"no test {node!r}: {path} has {', '.join(found) or 'no test'}")
    return node


@cache
def _test_names(file: Path) -> tuple[str, ...]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return tuple(n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def _entry(item: dict, kind: type[Entry], where: str) -> Entry:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := [key for key in item if key not in fields]:
        raise ValueError(f"{where}: unknown field {unknown[0]!r}; allowed: {', '.join(fields)}")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        value = item.get(name)
        if required and value in (None, "", [], {}):
            raise ValueError(f"{where}: field {name!r} is {'empty' if name in item else 'missing'}")
        if field.type is str and name in item and not isinstance(value, str):
            raise ValueError(f"{where}: field {name!r} holds {value!r}; allowed: text")
        allowed = field.metadata.get("allowed")
        if allowed and name in item and value not in allowed:
            raise ValueError(f"{where}: field {name!r} is {value!r}; allowed: {', '.join(allowed)}")
    try:
        return kind(**item)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None
