"""Parts of a run's configuration: how people write them, and checks that several need."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from harness.errors import ConfigError
from harness.system.files import in_home
from harness.system.stored import LARGEST
from variants.axes import split_names

Positive = Annotated[int, Field(ge=1, le=LARGEST)]
UserPath = Annotated[Path, AfterValidator(in_home)]
"""As people write it in a file of configuration, where no shell expands ``~/``."""
_T = TypeVar("_T")
Some = Annotated[tuple[_T, ...], Field(min_length=1)]


def lr_size(
    height: int, width: int, scale: int, what: str, *, by_default: bool = False
) -> tuple[int, int]:
    """LR height and width of an HR size.

    Args:
        height: of the HR size.
        width: of the HR size.
        scale: HR over LR.
        what: it is the size of, for the message.
        by_default: nobody asked for this very size, so that it may be a little smaller.

    Raises:
        ConfigError: the size is no multiple of the scale.
    """
    if (height % scale or width % scale) and not by_default:
        raise ConfigError(f"{what}: an HR size of {width}x{height} is no multiple of {scale}")
    return height // scale, width // scale


class Options(BaseModel):
    """Options as people write them in YAML: nothing for a default, one value for a list of one.

    A text is split at its commas, as on the command line; the path of a file stays whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _typed(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        given = {name: value for name, value in values.items() if value is not None}
        for name, value in given.items():
            info = cls.model_fields.get(name)
            if info is None or get_origin(info.annotation) is dict:
                continue
            if "tuple" in str(info.annotation):
                if isinstance(value, str) and name not in ("weights", "plugins"):
                    given[name] = split_names(value)
                elif isinstance(value, str | int | float | Mapping | BaseModel):
                    given[name] = (value,)
        return given
