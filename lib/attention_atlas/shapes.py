"""Axis names in signatures: jaxtyping where it is installed, a stand-in that checks nothing where it is not.

Only the tests check shapes (``tests/conftest.py``); a bare GPU machine with torch alone can import the whole library.
"""

from torch import Tensor

try:
    from jaxtyping import Bool, Complex, Complex128, Float, Float64, Int
except ImportError:
    from typing import Any

    class Unchecked:
        """Takes jaxtyping's place: ``Unchecked[Tensor, "query key"]`` is ``Any``."""

        def __class_getitem__(cls, item: Any) -> Any:
            return Any

    Bool = Complex = Complex128 = Float = Float64 = Int = Unchecked

__all__ = ["Bool", "Complex", "Complex128", "Float", "Float64", "Int", "Tensor"]
