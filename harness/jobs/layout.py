"""What a record must hold so that tables, reports and runs can rely on it; the one place."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from harness.jobs.base import SCHEMA, Job, Kind, Record, Status

Name = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Text = Annotated[str, StringConstraints(max_length=1_000_000)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Pixels = Annotated[int, Field(ge=1, le=10**9)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Of work, bytes, time: finite, none below zero. Figures of merit may be infinite."""


class _Part(BaseModel):
    """Of a record: what is named here has its type; there may be more."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Architecture(_Part):
    upsampler: Name | None = None
    upsampler_options: dict[str, Any] | None = None


class _Variant(_Part):
    name: Name
    label: Name | None = None
    paper_row: Name | None = None
    architecture: _Architecture | None = None


class _Weights(_Part):
    label: Name
    sha256: Name | None = None
    origin: Text | None = None


class _Spec(_Part):
    variant: _Variant
    scale: Annotated[int, Field(ge=1, le=1024)]
    weights: _Weights
    dtype: Name = "float32"
    backend: Name = "eager"


class _Dataset(_Part):
    name: Name
    n_images: Count | None = None
    sha256: Text | None = None


class _Protocol(_Part):
    name: Name


class _OnDataset(_Spec):
    dataset: _Dataset
    protocol: _Protocol
    dtype: Name


class _Image(_Part):
    image: Name
    hr_height: Pixels | None = None
    hr_width: Pixels | None = None
    psnr_y: float | None = None
    ssim_y: float | None = None
    network_seconds: Amount | None = None


class _Quality(_Part):
    n_images: Count
    psnr_y: float
    ssim_y: float
    network_seconds: Amount | None = None
    total_seconds: Amount | None = None
    images: list[_Image] | None = None


class _CostSpec(_Spec):
    hr_height: Pixels
    hr_width: Pixels


class _Counter(_Part):
    name: Name
    version: Text | None = None
    macs: float | None = None
    difference: float | None = None
    note: Text | None = None


class _Module(_Part):
    name: Text
    type: Text | None = None
    params: Amount | None = None
    macs: Amount | None = None
    activations: Amount | None = None


class _Cost(_Part):
    params: Amount
    macs: Amount
    upsampler_params: Amount | None = None
    weight_bytes: Amount | None = None
    flops: Amount | None = None
    activations: Amount | None = None
    peak_memory_bytes: Amount | None = None
    peak_memory_method: Text | None = None
    counters: list[_Counter] | None = None
    modules: list[_Module] | None = None


class _LatencySpec(_Spec):
    device: Name
    device_name: Text
    dtype: Name
    threads: Count | Name
    batch: Count | Name
    lr_height: Pixels
    lr_width: Pixels
    memory_format: Name = "channels_last"


class _Latency(_Part):
    median_ms: Amount
    n: Count | None = None
    iqr_ms: Amount | None = None
    median_low_ms: Amount | None = None
    median_high_ms: Amount | None = None
    p5_ms: Amount | None = None
    p90_ms: Amount | None = None
    p95_ms: Amount | None = None
    p99_ms: Amount | None = None
    min_ms: Amount | None = None
    first_call_ms: Amount | None = None
    busy_percent: Amount | None = None
    gflops: Amount | None = None
    share_of_reference: Amount | None = None
    peak_memory_bytes: Amount | None = None
    noisy: bool | None = None
    warmup_stable: bool | None = None
    samples_ms: list[Amount] | None = None
    rounds: list[Annotated[int, Field(ge=0)]] | None = None
    group: Text | None = None
    reference: dict[str, Any] | None = None


class _PicturesSpec(_OnDataset):
    pictures: list[dict[str, Any]] = []


class _Pictures(_Part):
    # Each crop is looked at when its files are read: a bad one does not spoil the others.
    crops: list[dict[str, Any]]


_LAYOUTS: Mapping[Kind, tuple[type[_Spec], type[_Part]]] = {
    "cost": (_CostSpec, _Cost),
    "quality": (_OnDataset, _Quality),
    "pictures": (_PicturesSpec, _Pictures),
    "latency": (_LatencySpec, _Latency),
}


def _time(text: Any) -> Any:
    return datetime.fromisoformat(text) if isinstance(text, str) else text


class _Record(BaseModel):
    """The outer layout, which is the same for every kind."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Name
    kind: Kind
    spec: dict[str, Any]
    status: Status
    reason: Text | None
    result: dict[str, Any]
    started: Annotated[AwareDatetime, BeforeValidator(_time)]
    seconds: Amount
    environment: dict[str, Any]
    schema_: Literal[1] = Field(1, alias="schema")


class OtherSchemaError(ValueError):
    """A record of another version of the layout."""


def check_record(stem: str, content: Any) -> Record:
    """A record from what its file holds.

    Args:
        stem: the file's name without its ending, which must be the record's id.
        content: JSON data.

    Raises:
        OtherSchemaError: it has another version.
        ValueError: something is missing or of another type, or the id is not that of the content;
            the message goes on from the file's name.
    """
    if not isinstance(content, dict):
        raise ValueError("is not a readable record (it is no mapping)")
    if isinstance(content.get("id"), str) and content.get("schema", SCHEMA) != SCHEMA:
        raise OtherSchemaError(f"schema version {str(content['schema'])[:20]}")
    within = ""
    try:
        _Record.model_validate(content)
        record = Record(**content)
        spec, result = _LAYOUTS[record.kind]
        within = "spec."
        spec.model_validate(record.spec)
        within = "result."
        if record.status == "done":
            result.model_validate(record.result)
    except ValidationError as error:
        detail = error.errors()[0]
        kind = content.get("kind")
        what = f"a {kind} record" if kind in list(_LAYOUTS) else "a record"
        where = within + ".".join(str(part) for part in detail["loc"])
        raise ValueError(f"has not the layout of {what} ({where}: {detail['msg']})") from error
    if not stem == record.id == Job(record.kind, record.spec).id:
        raise ValueError("is not named by the id of what it holds")
    return record
