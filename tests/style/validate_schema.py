#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Validates JSON documents against the schema that their "schema" key names.

    validate_schema.py [--lines] FILE...     "-" is standard input

--lines: one document a line (jsonl). Without FILE only the schemas themselves
are checked. Exit status 1 and a sentence for each violation.
"""
import json
import pathlib
import sys

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "share/conn-doctor/schema"


def load_schemas():
    """Schemas by their $id; nothing is fetched from anywhere else."""
    store = {}
    for path in sorted(SCHEMAS.glob("*.schema.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        if not schema["$id"].endswith("/" + path.name):
            raise SystemExit(f"{path}: $id is {schema['$id']}")
        store[schema["$id"]] = schema
    return store


def schema_of(document, store):
    """'conn-doctor.report/1' is described by report-1.schema.json."""
    name = document["schema"].removeprefix("conn-doctor.").replace("/", "-")
    for schema_id, schema in store.items():
        if schema_id.endswith(f"/{name}.schema.json"):
            return schema
    raise SystemExit(f"no schema for {document['schema']}")


def violations(document, store):
    schema = schema_of(document, store)
    resolver = jsonschema.RefResolver(schema["$id"], schema, store=store)
    validator = jsonschema.Draft202012Validator(schema, resolver=resolver)
    for error in validator.iter_errors(document):
        where = "/".join(str(part) for part in error.absolute_path)
        yield f"{where or '(document)'}: {error.message[:300]}"


def refuse_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key stands twice: {keys}")
    return dict(pairs)


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def documents(name, is_lines):
    data = sys.stdin.buffer.read() if name == "-" else pathlib.Path(name).read_bytes()
    text = data.decode("utf-8")
    for part in text.splitlines() if is_lines else [text]:
        yield json.loads(part, object_pairs_hook=refuse_duplicates,
                         parse_constant=refuse_constant)


def main(arguments):
    store = load_schemas()
    is_lines = "--lines" in arguments
    failures = 0
    for name in arguments:
        if name == "--lines":
            continue
        for document in documents(name, is_lines):
            for violation in violations(document, store):
                print(f"{name}: {violation}", file=sys.stderr)
                failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
