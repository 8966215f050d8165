"""Values against the schemas of an OpenAPI document, 3.0 or 3.1."""
from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from .problem import MISSING, UNKNOWN, Problem, join, short

Schema = Dict[str, Any]
BASE = "urn:description"
MAPS, LISTS, SINGLES = ("properties", "patternProperties", "$defs"), ("allOf", "anyOf", "oneOf"), ("items", "additionalProperties", "not")
STRUCTURE = ("properties", "additionalProperties", "items", "$ref", *LISTS)

formats = FormatChecker(formats=())


@formats.checks("byte", raises=binascii.Error)
def is_base64(value: object) -> bool:
    """Base64 in either alphabet: Google's JSON takes both."""
    if isinstance(value, str):
        base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    return True


class OpenApi:
    """One document, ready to judge values."""

    def __init__(self, path: Path):
        document = read(path)
        schemas = {name: translated(schema) for name, schema in document["components"]["schemas"].items()}
        resource = DRAFT202012.create_resource({"components": {"schemas": schemas}})
        self.registry = Registry().with_resource(BASE, resource)

    def problems(self, name: str, value: Any) -> List[Problem]:
        """What is wrong with a value that should be of this name."""
        schema = {"$ref": f"{BASE}#/components/schemas/{name}"}
        wrong = [told(error) for error in self._errors(schema, value)]
        return list(dict.fromkeys([*wrong, *self._unknown([schema], value, "")]))

    def _errors(self, schema: Schema, value: Any) -> List[ValidationError]:
        validator = Draft202012Validator(schema, registry=self.registry, format_checker=formats)
        return [leaf for error in validator.iter_errors(value) for leaf in leaves(error)]

    def _unknown(self, schemas: Sequence[Schema], value: Any, path: str) -> Iterator[Problem]:
        """The fields no schema names. Descriptions rarely forbid others, yet a wrong name should be found."""
        flat = [part for schema in schemas for part in self._flat(schema, value)]
        if isinstance(value, list):
            items = [part["items"] for part in flat if "items" in part]
            for index, item in enumerate(value):
                yield from self._unknown(items, item, join(path, index))
        elif isinstance(value, dict) and not free(flat):
            for key, item in value.items():
                known = [part["properties"][key] for part in flat if key in part.get("properties", {})]
                known = known or [part["additionalProperties"] for part in flat if part.get("additionalProperties", False) is not False]
                if known:
                    yield from self._unknown([schema for schema in known if isinstance(schema, dict)], item, join(path, key))
                else:
                    yield Problem(join(path, key), UNKNOWN)

    def _flat(self, schema: Schema, value: Any) -> Iterator[Schema]:
        """A schema with what it refers to and is made of; of alternatives, those that fit, or else the nearest."""
        yield schema
        if "$ref" in schema:
            yield from self._flat(self.registry.resolver().lookup(schema["$ref"]).contents, value)
        for part in schema.get("allOf", []):
            yield from self._flat(part, value)
        if "anyOf" in schema:
            judged = [(self._errors(part, value), part) for part in schema["anyOf"]]
            fitting = [part for errors, part in judged if not errors]
            for part in fitting or [min(judged, key=lambda pair: distance(pair[0], 0))[1]]:
                yield from self._flat(part, value)


def read(path: Path) -> Dict[str, Any]:
    """The document; YAML by the C library where there is one, because these are megabytes."""
    if path.suffix == ".json":
        return json.loads(path.read_bytes())
    with path.open("rb") as file:
        return yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def translated(schema: Any) -> Any:
    """A schema of OpenAPI as JSON Schema has it, its references with the name of the document."""
    if not isinstance(schema, dict):
        return schema
    new = {key: value for key, value in schema.items() if key not in ("example", "examples", "discriminator")}
    for key in MAPS:
        if isinstance(new.get(key), dict):
            new[key] = {name: translated(part) for name, part in new[key].items()}
    for key in LISTS:
        if key in new:
            new[key] = [translated(part) for part in new[key]]
    for key in SINGLES:
        if key in new:
            new[key] = translated(new[key])
    # So that each part can be used by itself.
    if "$ref" in new:
        new["$ref"] = BASE + new["$ref"]
    # Branches overlap where descriptions are loose: a value may fit several. The kind is found by `distance`.
    if "oneOf" in new:
        new["anyOf"] = new.pop("oneOf")
    # ProtoJSON takes a number for what it writes as a string.
    if new.get("type") == "string" and new.get("format") == "int64":
        new["type"] = ["string", "integer"]
    return nullable(new) if new.pop("nullable", False) is True else new


def nullable(schema: Schema) -> Schema:
    """The schema, or null: what OpenAPI 3.0 says with a keyword."""
    return {"anyOf": [schema, {"type": "null"}]}


def free(flat: Sequence[Schema]) -> bool:
    """An object of any fields: nothing is said of it, or only that it is an object."""
    structured = [part for part in flat if any(part.get(key, {}) != {} for key in STRUCTURE)]
    plain = [part for part in flat if part.get("type") == "object" and part not in structured]
    return bool(plain) or not any("properties" in part or "additionalProperties" in part for part in structured)


def leaves(error: ValidationError) -> List[ValidationError]:
    """An error, or those of the alternative that was most likely meant."""
    if error.validator != "anyOf" or not error.context:
        return [error]
    branches: Dict[Any, List[ValidationError]] = {}
    for part in error.context:
        branches.setdefault(part.schema_path[0], []).extend(leaves(part))
    return min(branches.values(), key=lambda found: distance(found, len(error.absolute_path)))


def distance(errors: Sequence[ValidationError], depth: int) -> Tuple[int, int]:
    """How far a value at a depth is from an alternative: first its own type and the words that name its kind, then all else."""
    words = [error for error in errors if error.validator in ("type", "const", "enum")]
    kinds = [error for error in words if len(error.absolute_path) <= depth + 1 or error.absolute_path[-1] == "type"]
    return len(kinds), len(errors)


def told(error: ValidationError) -> Problem:
    """An error in few words."""
    path = ""
    for step in error.absolute_path:
        path = join(path, step)
    if error.validator == "required":
        return Problem(join(path, re.sub(r"^'(.*)' is a required property$", r"\1", error.message)), MISSING)
    against = error.validator_value
    limit = "" if isinstance(against, (dict, list)) and len(against) > 8 else f" {short(against)}"
    return Problem(path, f"{short(error.instance)} is against {error.validator}{limit}")
