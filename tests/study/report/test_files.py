"""The folder: figures and tables for a paper, and nothing of anybody else's is touched."""

from __future__ import annotations

import csv
import math
import re
import shutil
import subprocess

import pyarrow.parquet
import pytest

from secateur.errors import DataError, FileError
from secateur.study.export import read_csv, read_parquet
from secateur.study.report import write_report
from secateur.study.report.latex import _parts, tex
from secateur.study.report.tables import harmless

from ..rows import made_rows
from .making import SCRIPT, about, nasty_rows, quick


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    rows = made_rows(network=True)
    folder = tmp_path_factory.mktemp("made") / "report"
    analysis = quick(rows)
    write_report(rows, folder, about=about(), analysis=analysis)
    return rows, analysis, folder


def test_every_figure_is_one_column_wide_and_the_same_each_time(made, tmp_path):
    rows, analysis, folder = made
    write_report(rows, tmp_path / "again", about=about(), analysis=analysis)
    names = sorted(path.name for path in (folder / "figures").iterdir())
    assert {"gap.svg", "ranks.pdf", "anytime.svg", "quality-6.pdf", "gap.vl.json"} <= set(names)
    assert len(names) == 3 * (11 + 6)
    for name in names:
        content = (folder / "figures" / name).read_bytes()
        assert content == (tmp_path / "again" / "figures" / name).read_bytes(), name
        if name.endswith(".svg"):
            assert re.search(rb'<svg[^>]* width="237"', content), name
            assert b"var(--" not in content
            assert b"http" not in re.sub(rb'xmlns(:xlink)?="[^"]*"', b"", content), name
        elif name.endswith(".pdf"):
            assert content.startswith(b"%PDF-")
            (box,) = re.findall(rb"/MediaBox \[([^\]]*)\]", content)
            assert float(box.split()[2]) == pytest.approx(237, abs=1)


def test_csv_and_parquet_hold_what_was_computed_infinity_too(made):
    _, analysis, folder = made
    wanted = {of.method: of for of in analysis.methods}
    with (folder / "tables" / "methods.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    table = pyarrow.parquet.read_table(folder / "tables" / "methods.parquet").to_pylist()
    assert [line["method"] for line in lines] == [row["method"] for row in table]
    assert [line["method"] for line in lines] == ["annealing", "tabu", "greedy", "scip"]  # by rank
    for line, row in zip(lines, table, strict=True):
        of = wanted[line["method"]]
        assert float(line["tts.value"]) == row["tts.value"] == of.tts.value
        assert float(line["success.low"]) == row["success.low"] == of.success.low
        assert int(line["done"]) == row["done"] == of.done
    assert any(math.isinf(row["tts.value"]) for row in table)


def test_all_rows_are_beside_the_tables(made):
    rows, _, folder = made
    assert read_csv(folder / "tables" / "rows.csv") == rows
    assert read_parquet(folder / "tables" / "rows.parquet") == rows


def tabulars(path):
    """Heads and bodies of the parts of a table, as lists of cells."""
    parts = path.read_text().split("\\toprule\n")[1:]
    made = []
    for part in parts:
        head, body = part[: part.index("\\bottomrule")].split("\\midrule\n")
        lines = [line.strip().removesuffix(" \\\\") for line in [head, *body.splitlines()]]
        lines = [line.removeprefix("{}").split(" & ") for line in lines if line]
        made.append((lines[0], lines[1:]))
    return made


@pytest.mark.parametrize("name", ["cells", "methods"])
def test_latex_is_a_table_of_the_same_cells(made, name):
    """In parts that a page has room for; beside each other they are the Markdown."""
    _, _, folder = made
    parts = tabulars(folder / "tables" / f"{name}.tex")
    head, *body = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (folder / "tables" / f"{name}.md").read_text().splitlines()
        if line.startswith("|") and not line.startswith("|--")
    )

    def plain(cell):
        return re.sub(r"[\\${}()]", "", cell.replace("infty", "∞").replace("--", "–"))

    assert len(parts) > 1
    for line, whole in enumerate([head, *body]):
        rows = [[titles, *lines][line] for titles, lines in parts]
        beside = [*rows[0][:1], *(cell for row in rows for cell in row[1:])]
        assert [plain(cell) for cell in beside] == [plain(cell) for cell in whole]
    for titles, lines in parts:
        assert len(titles) > 1
        assert {len(line) for line in lines} == {len(titles)}
        assert [line[0] for line in lines] == [line[0] for line in parts[0][1]]
        widest = [max(map(len, column)) for column in zip(titles, *lines, strict=True)]
        assert sum(widest) <= 72 or len(titles) == 2


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        ("a_b & 50% #1 $x$", r"a\_b \& 50\% \#1 \$x\$"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("~^<>|", r"\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}"),
        ("a\nb", r"a\textbackslash{}nb"),
    ],
)
def test_latex_prints_every_letter_and_obeys_none(words, printed):
    assert tex(words) == printed


@pytest.mark.parametrize(
    ("widths", "parts"),
    [
        ([90], [[0]]),
        ([90, 90], [[0, 1]]),
        ([30, 20, 16], [[0, 1, 2]]),  # two gaps of three: 72
        ([30, 20, 17], [[0, 1], [0, 2]]),
        ([10, 100, 5, 5], [[0, 1], [0, 2, 3]]),
    ],
)
def test_a_page_has_room_for_every_part(widths, parts):
    assert _parts(widths) == parts


def test_a_first_cell_is_no_argument_of_the_line_before(made):
    _, _, folder = made
    for path in (folder / "tables").glob("*.tex"):
        text = path.read_text()
        bodies = re.findall(r"\\midrule\n(.*?) *\\bottomrule", text, flags=re.DOTALL)
        lines = [line for body in bodies for line in body.splitlines()]
        assert lines or "rows" not in text
        assert all(line.strip().startswith("{}") for line in lines), path


def test_markdown_shows_names_as_they_are(tmp_path):
    assert harmless("<b> *a* _b_ `c` [d](e) #f &g; \\") == (
        "&lt;b&gt; \\*a\\* \\_b\\_ \\`c\\` \\[d\\](e) \\#f &amp;g; \\\\"
    )
    rows = nasty_rows()
    write_report(rows, tmp_path / "r", about=about(), analysis=quick(rows))
    for path in (tmp_path / "r" / "tables").glob("*.md"):
        text = path.read_text()
        assert "<" not in text, path
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, path
    assert SCRIPT not in (tmp_path / "r" / "figures" / "gap.svg").read_text()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex to try the tables with")
def test_latex_takes_the_tables(made, tmp_path):
    _, _, folder = made
    inputs = "\n".join(f"\\input{{{path}}}" for path in sorted((folder / "tables").glob("*.tex")))
    (tmp_path / "a.tex").write_text(
        "\\documentclass{article}\\usepackage[utf8]{inputenc}\\usepackage[T1]{fontenc}"
        f"\\usepackage{{booktabs}}\\begin{{document}}{inputs}\\end{{document}}"
    )
    command = ["pdflatex", "-halt-on-error", "-interaction=batchmode", "a.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)


# ---- the folder


def quick_report(folder, rows=None):
    rows = rows or made_rows(2, 2)
    return write_report(rows, folder, about=about(), analysis=quick(rows), figures=False)


def test_a_report_replaces_a_report(tmp_path):
    quick_report(tmp_path / "r")
    before = (tmp_path / "r" / "tables" / "rows.csv").read_bytes()
    rows = made_rows(3, 2)
    page = quick_report(tmp_path / "r", rows)
    assert page == tmp_path / "r" / "report.html"
    assert (tmp_path / "r" / "tables" / "rows.csv").read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["r"]  # no draft is left


@pytest.mark.parametrize("kind", ["added", "changed", "foreign", "file", "link"])
def test_what_no_report_wrote_is_never_replaced(tmp_path, kind):
    folder = tmp_path / "r"
    held = folder / "notes.txt"
    if kind == "file":
        held = folder
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
        held = tmp_path / "kept.txt"
    elif kind == "foreign":
        folder.mkdir()
    else:
        quick_report(folder)
        held = folder / ("notes.txt" if kind == "added" else "tables/methods.md")
    held.write_text("mine")
    with pytest.raises(FileError) as caught:
        quick_report(folder)
    assert "--output" in (caught.value.remedy or "")
    assert held.read_text() == "mine"
    if kind in ("added", "changed"):
        assert held.name in caught.value.message
        assert (folder / "report.html").exists()


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "r").mkdir()
    assert quick_report(tmp_path / "r").exists()


def test_a_report_that_fails_leaves_the_one_before(tmp_path, monkeypatch):
    page = quick_report(tmp_path / "r")
    before = page.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("secateur.study.report.writing.write_tables", full)
    with pytest.raises(FileError, match="No space left"):
        quick_report(tmp_path / "r", made_rows(3, 2))
    assert page.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_no_rows_are_no_report(tmp_path):
    with pytest.raises(DataError, match="no rows"):
        write_report([], tmp_path / "r")
    assert not (tmp_path / "r").exists()
