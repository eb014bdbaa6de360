"""The directives that make tables of options from their declarations.

``{backend-options} NAME``, ``{objective-options} NAME``, ``{refiner-options} NAME``,
``{recovery-options} NAME``; and of a
study's file ``{study-table} NAME`` and ``{study-generator} NAME``.
"""

from __future__ import annotations

from docutils import nodes
from docutils.parsers.rst import Directive

from secateur.objectives import objective_class
from secateur.options import Declared, declared
from secateur.recover import recovery_class
from secateur.refine import refiner_class
from secateur.solving import load_solver
from secateur.study.instances.generators import GENERATORS
from secateur.study.spec.tables import TABLES


class OptionsTable(Directive):
    """The options of one stage."""

    required_arguments = 1

    def options_of(self, name: str) -> list[Declared]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        table, body = nodes.table(), nodes.tbody()
        group = nodes.tgroup(cols=3)
        for width in (18, 50, 32):
            group += nodes.colspec(colwidth=width)
        head = nodes.thead()
        head += self._row([nodes.Text(text) for text in ("option", "meaning", "values")])
        for one in self.options_of(self.arguments[0]):
            values = f"{one.type}, {one.values}"
            body += self._row(
                [nodes.literal(text=one.name), nodes.Text(one.text), nodes.Text(values)]
            )
        group += [head, body]
        table += group
        return [table]

    @staticmethod
    def _row(cells: list[nodes.Node]) -> nodes.row:
        row = nodes.row()
        for cell in cells:
            entry, paragraph = nodes.entry(), nodes.paragraph()
            paragraph += cell
            entry += paragraph
            row += entry
        return row


class BackendOptionsTable(OptionsTable):
    """``{backend-options} NAME``."""

    def options_of(self, name: str) -> list[Declared]:
        return load_solver(name).describe_options()


class ObjectiveOptionsTable(OptionsTable):
    """``{objective-options} NAME``."""

    def options_of(self, name: str) -> list[Declared]:
        return declared(objective_class(name))


class RefinerOptionsTable(OptionsTable):
    """``{refiner-options} NAME``."""

    def options_of(self, name: str) -> list[Declared]:
        return declared(refiner_class(name))


class RecoveryOptionsTable(OptionsTable):
    """``{recovery-options} NAME``."""

    def options_of(self, name: str) -> list[Declared]:
        return declared(recovery_class(name))


class StudyTable(OptionsTable):
    """``{study-table} NAME``."""

    final_argument_whitespace = True

    def options_of(self, name: str) -> list[Declared]:
        return declared(TABLES[name])


class StudyGeneratorTable(OptionsTable):
    """``{study-generator} NAME``."""

    def options_of(self, name: str) -> list[Declared]:
        return declared(GENERATORS[name][0])


def setup(app):
    """Called by Sphinx."""
    app.add_directive("backend-options", BackendOptionsTable)
    app.add_directive("objective-options", ObjectiveOptionsTable)
    app.add_directive("refiner-options", RefinerOptionsTable)
    app.add_directive("recovery-options", RecoveryOptionsTable)
    app.add_directive("study-table", StudyTable)
    app.add_directive("study-generator", StudyGeneratorTable)
    return {"parallel_read_safe": True}
