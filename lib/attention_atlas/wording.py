"""Numbers on their way into prose: spelled as people write them, and handed to the sentence that names them."""

MINUS = "−"
FEW = {0: "no", 1: "one"}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def say(name: str, value: str) -> None:
    """Give a word or number to the prose of a page, which shows it as ``{glue:text}`name```.

    Parameters
    ----------
    name : str
        Unique in the book.
    value : str
        As it will stand in the sentence.
    """
    from myst_nb import glue

    glue(name, value, display=False)


def probability(value: float, digits: int = 4) -> str:
    """A number between 0 and 1 as papers print it, without the leading zero.

    Examples
    --------
    >>> probability(0.63824), probability(1.0, digits=2)
    ('.6382', '1.00')
    """
    return f"{value:.{digits}f}".removeprefix("0")


def thousandths(value: float, plus: bool = False, missing: str = "–") -> str:
    """A gap or an accuracy to three decimals, without the leading zero.

    Parameters
    ----------
    value : float
        Any number of size below 10.
    plus : bool
        Whether a positive number has its sign too.
    missing : str
        What stands for NaN.

    Examples
    --------
    >>> thousandths(-0.05), thousandths(0.2471, plus=True), thousandths(-0.0001, plus=True), thousandths(float("nan"))
    ('−.050', '+.247', '.000', '–')
    """
    if value != value:
        return missing
    number = f"{abs(value):.3f}"
    sign = "" if not float(number) else MINUS if value < 0 else "+" if plus else ""
    return sign + number.removeprefix("0")


def signed(value: float, form: str = ".2g") -> str:
    """A number with a proper minus.

    Parameters
    ----------
    value : float
        Any finite number.
    form : str
        A format specification.

    Examples
    --------
    >>> signed(-0.25), signed(3, "+.1f")
    ('−0.25', '+3.0')
    """
    return f"{value:{form}}".replace("-", MINUS)


def number(value: float, form: str = ".2f", missing: str = "–") -> str:
    """A number for a sentence or a cell of a table, which may not be known.

    Parameters
    ----------
    value : float
        Any number or NaN.
    form : str
        A format specification, such as ``.2f`` or ``.0%``.
    missing : str
        What stands for NaN.

    Examples
    --------
    >>> number(-0.25), number(0.124, ".0%"), number(float("nan"))
    ('−0.25', '12%', '–')
    """
    return missing if value != value else signed(value, form)


def with_error(mean: float, error: float, form: str = ".2f") -> str:
    r"""A mean with its standard error, where there is one.

    Parameters
    ----------
    mean, error : float
        NaN where not known: one seed has no error.
    form : str
        A format specification of both.

    Examples
    --------
    >>> with_error(0.5, 0.04), with_error(0.5, float("nan")), with_error(0.0, 0.0)
    ('0.50\xa0±\xa00.04', '0.50', '0.00')
    """
    known = error == error and error != 0
    return number(mean, form) + (f"\u00a0±\u00a0{number(error, form)}" if known else "")  # no-break: one cell, one line


def counted(count: int, noun: str) -> str:
    """So many of something.

    Examples
    --------
    >>> counted(1, "seed"), counted(3, "seed"), counted(0, "head")
    ('one seed', '3 seeds', 'no head')
    """
    return f"{FEW.get(count, count)} {noun}{'s' if count > 1 else ''}"


def power_of_ten(exponent: int) -> str:
    """Ten to a whole power.

    Examples
    --------
    >>> power_of_ten(-9)
    '10⁻⁹'
    """
    return "10" + str(exponent).translate(RAISED)


def decimals(value: float) -> str:
    """A number of a table with three decimals, a large one with its power of ten.

    Examples
    --------
    >>> decimals(-0.27), decimals(5.2e8)
    ('−0.270', '5.2 × 10⁸')
    """
    return short(value) if abs(value) >= 1e4 else signed(value, ".3f")


def short(value: float) -> str:
    """A number with two digits, a very small or large one with its power of ten.

    Examples
    --------
    >>> short(0.25), short(-3.1e-9), short(120.4), short(0)
    ('0.25', '−3.1 × 10⁻⁹', '120', '0')
    """
    if not 0 < abs(value) < 0.01 and abs(value) < 1e6:
        return signed(value, ".2g" if abs(value) < 100 else ".0f")
    factor, power = f"{value:.1e}".split("e")
    return f"{factor} × {power_of_ten(int(power))}".replace("-", MINUS)
