"""What each extra installs: distributions, megabytes, licences, from the metadata of what is here.

``python benchmarks/extras.py`` in an environment that has them all, ``pip install -c
constraints.txt -e ".[test,lint,docs]"``. With ``--publish`` the tables of
``docs/reference/extras.md`` are written anew. Sizes are of the files as they are installed, on this
platform; downloads are smaller. Packages that several extras bring are counted for each.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from secateur.report.columns import named
from secateur.report.table import markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "extras.md"
RESULT = ROOT / "benchmarks" / "results" / "extras.json"
BASE = "(none)"
PURPOSE = {
    BASE: "problems, files, `secateur solve`, proofs, backends, the backend test kit; no network",
    "torch": "`secateur prune`, `measure`, `qubo`: all that knows networks",
    "photos": "photographs inside wheels, and folders of your own: what the demo calibrates on",
    "figures": "the figures of a result and of the demo",
    "export": "`secateur export`, and times in onnxruntime",
    "demo": "`secateur demo` and `train`",
    "leap": "D-Wave: `leap`, `leap-bqm`, `leap-stride`, `leap-qpu`; needs a token, and is paid",
    "pyqubo": "problems written with PyQUBO",
    "qaoa": "`qaoa` in a simulator, `qaoa-device` on IBM's devices (paid) and fake ones",
    "gurobi": "`gurobi`, exact MIQP; without a licence of yours only small problems",
    "study": "`secateur study`: solvers compared, stored, reported",
    "postgres": "a study's rows on a PostgreSQL server",
    "cluster": "a study on a Dask cluster",
    "all": "all of the above",
    "docs": "to build these pages",
    "lint": "what a commit must pass",
    "test": "the tests: all extras, and what results are compared with",
}
FREE = re.compile(
    r"MIT|BSD|0BSD|Apache|PSF|Python Software Foundation|ISC|HPND|MPL|Mozilla|Zlib|CC0|BSL-1\.0"
    r"|Public Domain|DFSG approved"
)
COPYLEFT = re.compile(r"GPL|General Public")


@dataclass(frozen=True)
class Row:
    """One extra.

    Arguments:
        extra: its name.
        direct: what pyproject names, with licences.
        distributions: how many come beside those of the base; of the base, all.
        megabytes: of theirs, 10^6 bytes.
        watched: those of them, not direct ones alone, that are copyleft or not free, with licences.
    """

    extra: str
    direct: dict[str, str]
    distributions: int
    megabytes: float
    watched: dict[str, str]


def project() -> dict[str, list[str]]:
    """The requirements of the base and of every extra, as pyproject has them."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {BASE: table["dependencies"], **table["optional-dependencies"]}


def applies(requirement: Requirement, extras: Iterable[str] = ()) -> bool:
    """Whether it is installed here, for any of the extras that are asked for."""
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def direct(extra: str, wanted: dict[str, list[str]]) -> list[Requirement]:
    """What an extra names itself, also through another of ours, without secateur."""
    found = []
    for line in wanted[extra]:
        requirement = Requirement(line)
        if requirement.name == "secateur":
            for inner in sorted(requirement.extras):
                found += direct(inner, wanted)
        else:
            found.append(requirement)
    return found


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """All that comes with them, by what is installed.

    Raises:
        SystemExit: something is not installed.
    """
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [one for one in requirements if applies(one)]
    while waiting:
        one = waiting.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            needs = distribution(one.name).requires or []
        except PackageNotFoundError as error:
            raise SystemExit(f"{one.name} is not installed: see the head of this file") from error
        waiting += [need for need in map(Requirement, needs) if applies(need, one.extras)]
    return {name for name, _ in seen}


def licence(of: Distribution) -> str:
    """The expression if there is one, else classifiers, else the first line of field or file."""
    about = of.metadata
    if about["License-Expression"]:
        return str(about["License-Expression"])
    classified = [
        one.rpartition(" :: ")[2]
        for one in about.get_all("Classifier") or []
        if one.startswith("License :: ") and not one.endswith("OSI Approved")
    ]
    if classified:
        return ", ".join(classified)
    files = [of.read_text(f"licenses/{name}") for name in about.get_all("License-File") or []]
    for text in (about["License"], *files):
        lines = str(text or "").strip().splitlines()
        if lines:
            return lines[0].strip()[:60]
    return "not told"


def kind(text: str) -> str:
    """``free``, ``copyleft``, or ``not free``: so is whatever this file does not know."""
    if COPYLEFT.search(text):
        return "copyleft"
    parts = re.split(r",| AND | OR ", text)
    return "free" if all(map(FREE.search, parts)) else "not free"


def size(name: str) -> int:
    """Bytes of the installed files."""
    files = distribution(name).files or []
    paths = {Path(str(file.locate())).resolve() for file in files}
    return sum(path.stat().st_size for path in paths if path.is_file())


def rows() -> list[Row]:
    """The base and every extra, in the order of pyproject."""
    wanted = project()
    base = closure(direct(BASE, wanted))
    found = []
    for extra in wanted:
        named = [one for one in direct(extra, wanted) if applies(one)]
        more = closure(named) - (set() if extra == BASE else base)
        licences = {name: licence(distribution(name)) for name in sorted(more)}
        found.append(
            Row(
                extra,
                {
                    distribution(one.name).metadata["Name"]: licence(distribution(one.name))
                    for one in named
                },
                len(more),
                round(sum(map(size, more)) / 1e6, 1),
                {name: text for name, text in licences.items() if kind(text) != "free"},
            )
        )
    return found


def own(extra: str, wanted: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    """What it names: distributions, and other extras."""
    requirements = [Requirement(line) for line in wanted[extra]]
    inner = sorted({one for each in requirements if each.name == "secateur" for one in each.extras})
    return [one.name for one in requirements if one.name != "secateur"], inner


def sizes_table(found: list[Row], wanted: dict[str, list[str]]) -> str:
    """The first table of the page."""
    lines = []
    for row in found:
        names, inner = own(row.extra, wanted)
        sign = "" if row.extra == BASE else "+"
        lines.append(
            (
                "none" if row.extra == BASE else f"`[{row.extra}]`",
                PURPOSE[row.extra],
                ", ".join([*(f"`[{one}]`" for one in inner), *names]),
                f"{sign}{row.distributions}",
                f"{sign}{row.megabytes:,.0f}".replace(",", " "),
            )
        )
    columns = named("extra", "what for", "it installs", "distributions", "MB installed")
    return markdown([replace(one, left=k < 3) for k, one in enumerate(columns)], lines)


def licences_table(found: list[Row], wanted: dict[str, list[str]]) -> str:
    """The second: each direct dependency once, with the first extra that names it."""
    lines = {}
    licences = {canonicalize_name(name): text for row in found for name, text in row.direct.items()}
    signs = {"free": "", "copyleft": "copyleft", "not free": "**not free software**"}
    for row in found:
        by = "secateur itself" if row.extra == BASE else f"`[{row.extra}]`"
        for name in own(row.extra, wanted)[0]:
            text = licences[canonicalize_name(name)]
            lines.setdefault(name, (name, by, text, signs[kind(text)]))
    head = ("distribution", "named by", "licence, as its metadata say", "")
    return markdown([replace(one, left=True) for one in named(*head)], lines.values())


def watched_table(found: list[Row]) -> str:
    """The third: what comes along and is copyleft or not free."""
    lines = []
    for name, text in sorted(
        {name: text for row in found for name, text in row.watched.items()}.items()
    ):
        by = [f"`[{row.extra}]`" for row in found if name in row.watched]
        lines.append((name, ", ".join(by), text))
    head = ("distribution", "comes with", "licence, as its metadata say")
    return markdown([replace(one, left=True) for one in named(*head)], lines)


def filled(page: str, tables: dict[str, str]) -> str:
    """The page with its tables, each between two marks."""
    for name, table in tables.items():
        begin, end = f"<!-- extras: {name} -->\n", "<!-- end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}{table}\n{end}{after}"
    return page


def tables_of(found: list[Row]) -> dict[str, str]:
    """The three tables, by their marks."""
    wanted = project()
    return {
        "sizes": sizes_table(found, wanted),
        "licences": licences_table(found, wanted),
        "watched": watched_table(found),
    }


def main() -> None:
    """Measure, print, and write what is asked for."""
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--publish", action="store_true", help="write page and result anew")
    asked = given.parse_args()
    found = rows()
    tables = tables_of(found)
    print("\n\n".join(tables.values()))
    if asked.publish:
        about = {"python": platform.python_version(), "platform": sys.platform}
        about["machine"] = platform.machine()
        about["torch"] = distribution("torch").version
        content = {"about": about, "rows": [asdict(row) for row in found]}
        RESULT.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        PAGE.write_text(filled(PAGE.read_text(), tables))


if __name__ == "__main__":
    main()
