"""A record from what its file holds: typed, brought to the present schema, refused if unsound."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from harness.jobs.base import Job, JobKind, Record, Status, digest
from harness.jobs.kinds import kinds
from harness.system.stored import Amount, Name, Text


def _time(text: Any) -> Any:
    return datetime.fromisoformat(text) if isinstance(text, str) else text


class _Stored(BaseModel):
    """The outer layout, which is the same for every kind."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Name
    kind: Name
    spec: dict[str, Any]
    status: Status
    reason: Text | None
    result: dict[str, Any]
    started: Annotated[AwareDatetime, BeforeValidator(_time)]
    seconds: Amount
    environment: dict[str, Any]
    schema_: int = Field(1, alias="schema")


def read_record(stem: str, content: Any) -> Record:
    """A record from what its file holds.

    Args:
        stem: the file's name without its ending, which must be the record's id.
        content: JSON data.

    Raises:
        ValueError: something is missing or of another type, the id is not that of the content, or
            nothing brings its schema to the present one; the message goes on from the file's name.
    """
    if not isinstance(content, dict):
        raise ValueError("is not a readable record (it is no mapping)")
    name = content.get("kind")
    kind = kinds().get(name) if isinstance(name, str) else None
    now = content if kind is None else _migrated(kind, content)
    what, within = "a record" if kind is None else f"a {kind.name} record", ""
    try:
        _Stored.model_validate(now)
        if kind is None:
            raise ValueError(f"is of a kind of job that is not known here: {name:.40}")
        within = "spec."
        spec = kind.spec.model_validate(now["spec"])
        within = "result."
        done = now["status"] == "done"
        result = kind.result.model_validate(now["result"]) if done else None
    except ValidationError as error:
        detail = error.errors()[0]
        where = within + ".".join(str(part) for part in detail["loc"])
        raise ValueError(
            f"has not the layout of {what} ({where.rstrip('.')}: {detail['msg']})"
        ) from error
    job, named = Job(kind.name, spec), stem == now["id"]
    if now is content:
        named = named and stem == job.id
    else:
        # The words in front may be others now; the hash is of what was stored.
        named = named and stem.endswith(f"-{digest(kind.name, content.get('spec', {}))}")
    if not named:
        raise ValueError("is not named by the id of what it holds")
    return Record(
        id=stem,
        kind=kind.name,
        spec=spec,
        status=now["status"],
        reason=now["reason"],
        result=result,
        started=now["started"],
        seconds=now["seconds"],
        environment=now["environment"],
        left={} if done else now["result"],
        schema=kind.schema,
        job_id=job.id,
    )


def _migrated(kind: JobKind, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The content in the present schema: the very same where it is that already."""
    schema, now = content.get("schema", 1), content
    while schema != kind.schema:
        if type(schema) is not int or schema not in kind.migrations:
            raise ValueError(
                f"has schema version {str(schema)[:20]}, this harness reads {kind.schema}; measure "
                "it again to include it"
            )
        try:
            # A copy: the hash of what was stored is looked at afterwards.
            now = {**kind.migrations[schema](deepcopy(dict(now))), "schema": schema + 1}
        except Exception as error:
            raise ValueError(
                f"cannot be brought from schema version {schema} to {schema + 1} "
                f"({type(error).__name__}: {str(error)[:200]})"
            ) from error
        schema += 1
    return now
