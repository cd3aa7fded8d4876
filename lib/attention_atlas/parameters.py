"""What a notebook lets its reader set: names, types and defaults, read from its cell tagged ``parameters``.

papermill itself only logs an unknown parameter and checks no type; here both are refused before anything runs.
"""

import ast
import io
import tokenize
from dataclasses import dataclass

TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list[int]": int, "list[float]": float, "list[str]": str}


@dataclass(frozen=True)
class Parameter:
    """One line ``name: type = default  # help`` of a parameters cell."""

    name: str
    type: str
    default: object
    help: str

    def __str__(self) -> str:
        return f"{self.name}: {self.type}"


def declared(cell: str, notebook: str) -> dict[str, Parameter]:
    """Read a parameters cell.

    Parameters
    ----------
    cell
        Its source.
    notebook
        The notebook's name, for messages.

    Raises
    ------
    ValueError
        If the cell is not Python, or a line is anything but an annotated literal of an allowed type.

    Examples
    --------
    >>> declared("tokens: int = 64  # sequence length", "demo")["tokens"].help
    'sequence length'
    """
    try:
        lines = ast.parse(cell).body
    except SyntaxError as error:
        raise ValueError(f"notebook {notebook}, parameters cell, line {error.lineno}: {error.msg}") from None
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(cell + "\n").readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for line in lines:
        try:
            name, kind, default = line.target.id, ast.unparse(line.annotation), ast.literal_eval(line.value)
            found[name] = Parameter(name, kind, default, comments.get(line.lineno, ""))
            check_value(found[name], default)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                f"notebook {notebook}, parameters cell, line {line.lineno}: got {ast.unparse(line)!r} ({error}); "
                f"allowed: name: type = literal, with a type of {', '.join(TYPES)}"
            ) from None
    return found


def check(allowed: dict[str, Parameter], given: dict, notebook: str) -> dict:
    """Return the given values, converted; refuse a name that is not declared or a value of the wrong type."""
    for name in given:
        if name not in allowed:
            listing = ", ".join(map(str, allowed.values())) or "none"
            raise ValueError(f"notebook {notebook} has no parameter {name!r}; allowed: {listing}")
    try:
        return {name: check_value(allowed[name], value) for name, value in given.items()}
    except ValueError as error:
        raise ValueError(f"notebook {notebook}: {error}") from None


def check_value(parameter: Parameter, value: object) -> object:
    """Return a value as the parameter's type (an int where a float is due becomes one), or refuse it.

    Examples
    --------
    >>> check_value(Parameter("slope", "float", 0.1, ""), 1)
    1.0
    """
    if parameter.type not in TYPES:
        raise ValueError(f"unknown type {parameter.type!r}")
    kind, many = TYPES[parameter.type], parameter.type.startswith("list")
    items = value if many and isinstance(value, list) else [value]
    if isinstance(value, list) != many or not all(
        type(item) is kind or (kind is float and type(item) is int) for item in items
    ):
        raise ValueError(f"parameter {parameter.name} takes {parameter.type}, got {type(value).__name__} {value!r}")
    converted = [kind(item) for item in items]
    return converted if many else converted[0]


def parse(parameter: Parameter | None, text: str) -> object:
    """A value typed on a command line: text for a ``str`` parameter, otherwise the literal it spells, if any."""
    if parameter is None or parameter.type == "str":
        return text
    try:
        return ast.literal_eval({"true": "True", "false": "False"}.get(text.lower(), text))
    except (TypeError, ValueError, SyntaxError):
        return text
