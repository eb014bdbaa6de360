"""What a report says of a study besides its rows: the file's own words."""

from __future__ import annotations

from dataclasses import dataclass

from secateur import __version__
from secateur.study.row import Row


@dataclass(frozen=True)
class About:
    """A study as its report names it.

    Arguments:
        title: of the study.
        text: of its file, without secrets; "" where there is none.
        sha256: of the file; "" where there is none.
        file: its name, for the commands that do all of it again.
        submitter: who answers for it.
        reference: a paper, an address.
        hardware: what it ran on, in the submitter's words.
        tuned_by: who chose the options, and how.
        notes: for readers.
        cells: that the study has; None: as many as there are rows.
        run_sha256: of the file as it was when it was last run; "": not known.
    """

    title: str
    text: str = ""
    sha256: str = ""
    file: str = ""
    submitter: str = ""
    reference: str = ""
    hardware: str = ""
    tuned_by: str = ""
    notes: str = ""
    cells: int | None = None
    run_sha256: str = ""

    def told(self) -> list[tuple[str, str]]:
        """What the file says of conditions; what it does not say is not there."""
        said = [("hardware", self.hardware), ("tuned by", self.tuned_by)]
        return [(word, text) for word, text in said if text]

    def commands(self) -> str:
        """What makes all of it again."""
        file = self.file or "study.toml"
        return "\n".join(
            [
                f"pip install 'secateur[study]=={__version__}'",
                f"secateur study check {_quoted(file)}",
                f"secateur study run {_quoted(file)}",
                f"secateur study report {_quoted(file)}",
            ]
        )

    def citation(self, rows: list[Row]) -> list[str]:
        """How to cite the study and the program; nothing that nobody said."""
        year = max((row.started[:4] for row in rows if row.started), default="")
        study = ". ".join(
            part
            for part in (
                self.submitter.rstrip("."),
                f"{self.title}{f' ({year})' if year else ''}",
                self.reference.rstrip("."),
                f"Study file, SHA-256 {self.sha256}" if self.sha256 else "",
            )
            if part
        )
        backends = sorted({row.backend for row in rows})
        return [
            f"{study}.",
            "The secateur maintainers. secateur: prune neural networks by solving a QUBO. Version "
            f"{__version__}.",
            "Each solver has a paper of its own, which its users cite too: "
            + "; ".join(f"secateur backends cite {name}" for name in backends)
            + ".",
        ]

    def limitations(self, rows: list[Row]) -> list[str]:
        """What the study's file and its rows say together."""
        said = []
        if self.cells is not None and self.cells > len(rows):
            said.append(
                f"The study is not complete: {self.cells - len(rows)} of its {self.cells} cells "
                "have not run yet."
            )
        if self.run_sha256 and self.run_sha256 != self.sha256:
            said.append(
                "The study's file was changed since it was last run: what is shown of it is as it "
                f"is now; its SHA-256 was {self.run_sha256} then."
            )
        if not self.text:
            said.append("There is no study file beside these rows, so nobody can check them by it.")
        if not self.hardware:
            said.append(
                "The study's file says nothing of the hardware; what is told of the machine "
                "is what the program saw."
            )
        return said


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)
