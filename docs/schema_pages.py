"""The directive that writes the schemas down: ``{json-documents}``.

A section for each document that ``secateur.schemas`` has: what it is, where it is written, and a
table of its keys; what occurs within is told below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from error_pages import code, paragraph

from secateur.schemas import list_schemas, load_schema

Schema = dict[str, Any]


def kind(schema: Schema) -> str:
    """The type of a value in words."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "const" in schema:
        return (
            f"{schema['const']!r}".replace("'", '"')
            .replace("True", "true")
            .replace("False", "false")
        )
    if "enum" in schema:
        return " or ".join(
            f'"{one}"' if isinstance(one, str) else str(one) for one in schema["enum"]
        )
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(map(kind, schema[word])))
    found = schema.get("type")
    if isinstance(found, list):
        return " or ".join(found)
    if found == "array" and "items" in schema:
        return f"list of {kind(schema['items'])}"
    if found == "array" and "prefixItems" in schema:
        return f"[{', '.join(map(kind, schema['prefixItems']))}]"
    if found == "object" and not schema.get("properties"):
        inner = schema.get("additionalProperties")
        return f"object of {kind(inner)}" if isinstance(inner, dict) else "object, open"
    return str(found or "anything")


def keys(schema: Schema, before: str = "") -> Iterator[tuple[str, str, str]]:
    """Every key below a schema with its type and meaning; ``[]`` stands for each of a list."""
    left = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        path = before + name
        note = "" if name in left else " (may be missing)"
        yield path, kind(inner) + note, inner.get("description", "")
        yield from below(inner, path)
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        yield f"{before}NAME", kind(more), more.get("description", "")
        yield from below(more, f"{before}NAME")
    for word in ("anyOf", "oneOf"):
        for inner in schema.get(word, []):
            yield from keys(inner, before)


def below(schema: Schema, path: str) -> Iterator[tuple[str, str, str]]:
    """The keys within a value."""
    if schema.get("type") == "array" and "items" in schema:
        yield from below(schema["items"], f"{path}[]")
    elif schema.get("type") == "object" or "oneOf" in schema or "anyOf" in schema:
        yield from keys(schema, f"{path}.")


class Documents(Directive):
    """``{json-documents}``."""

    def run(self) -> list[nodes.Node]:
        return [self._section(name, load_schema(name)) for name in list_schemas()]

    def _section(self, name: str, schema: Schema) -> nodes.section:
        section = nodes.section(ids=[f"json-{name}"], names=[f"json-{name}"])
        section += nodes.title("", "", nodes.literal(text=name))
        about = schema.get("description", "")
        section += paragraph(f"{schema['title']}: {schema['$comment']}. {about}".strip())
        self._tables(section, schema)
        for part, inner in schema.get("$defs", {}).items():
            section += paragraph(
                nodes.strong(text=part), ": " + inner.get("description", "as told")
            )
            self._tables(section, inner)
        return section

    @staticmethod
    def _tables(section: nodes.Element, schema: Schema) -> None:
        rows = list(dict.fromkeys(keys(schema)))
        if not rows:
            section += paragraph(f"It is: {kind(schema)}.")
            return
        group = nodes.tgroup(cols=3)
        for width in (30, 24, 46):
            group += nodes.colspec(colwidth=width)
        head, body = nodes.thead(), nodes.tbody()
        head += _row(*(nodes.paragraph(text=one) for one in ("key", "holds", "meaning")))
        for path, held, meaning in rows:
            cells = (nodes.literal(text=path), nodes.Text(held))
            body += _row(*map(paragraph, cells), nodes.paragraph("", "", *code(meaning)))
        group += [head, body]
        section += nodes.table("", group)


def _row(*cells: nodes.Node) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))


def setup(app):
    """Called by Sphinx."""
    app.add_directive("json-documents", Documents)
    return {"parallel_read_safe": True}
