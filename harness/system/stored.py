"""Data as JSON files hold it: what is named has its type, and all is written as it was read."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WrapValidator

from harness.system.text import as_unicode


def _as_it_came(value: Any, check: Callable[[Any], float]) -> float:
    """3 stays 3 and 3.0 stays 3.0: a hash of the data tells them apart."""
    checked = check(value)
    return value if type(value) is int else checked


def _as_unicode(value: Any) -> Any:
    """A file's name may be no text at all."""
    return as_unicode(value) if isinstance(value, str) else value


Name = Annotated[
    str, StringConstraints(min_length=1, max_length=1000), BeforeValidator(_as_unicode)
]
Text = Annotated[str, StringConstraints(max_length=1_000_000), BeforeValidator(_as_unicode)]
LARGEST = 10**9
"""Of counts and sizes in pixels."""
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Pixels = Annotated[int, Field(ge=1, le=LARGEST)]
Figure = Annotated[float, WrapValidator(_as_it_came)]
"""Of merit, say: it may be infinite or not a number."""
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False), WrapValidator(_as_it_came)]
"""Of work, bytes, time: finite, none below zero."""


def as_number(value: object) -> float | None:
    """A JSON number; None for anything else (a boolean is none)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


class Part(BaseModel):
    """A mapping of a stored file. There may be more in it than is named here, which is kept."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    def stored(self) -> dict[str, Any]:
        """JSON data: what was given, as it was given; a field that was left out stays so."""
        return self.model_dump(exclude_unset=True)
