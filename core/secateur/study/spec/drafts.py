"""The instances that a file asks for: named and told how to make, none of them made yet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from secateur.errors import OptionError
from secateur.methods.measuring import Measuring
from secateur.nearest import nearest as closest
from secateur.options import make_options, refuse_unknown
from secateur.plainfile import check_plain
from secateur.problem.globs import nearest
from secateur.study.instances.generators import GENERATORS
from secateur.study.spec.globs import find_files, stems
from secateur.study.spec.layers import hints_of, multiplied, takes_list
from secateur.study.spec.reading import Table, checked, joined, plain_name, within
from secateur.study.spec.tables import FilesTable, InstancesTable, NetworkTable

KINDS = ("files", "generator", "network")
"""The keys that say what a table of instances is."""
_NEVER_LISTS = ("name", "family", "best_known")
_SIZES = ("variables", "side", "layers", "width")
_JUDGING = ("compensated", "fit_batches", "ridge")


@dataclass(frozen=True)
class Draft:
    """An instance to be made.

    Arguments:
        name: of the instance.
        family: of it.
        source: as in ``Instance``.
        where: its table, for messages.
        best_known: as it was given.
    """

    name: str
    family: str
    source: Mapping[str, Any]
    where: str
    best_known: float | None = None


def draft_instances(
    tables: Sequence[tuple[str, Table]], folder: Path, cache: Path
) -> tuple[Draft, ...]:
    """The instances of some tables, all that can be said without making them checked.

    Arguments:
        tables: each with its place, for messages.
        folder: of the study's file; paths are relative to it.
        cache: where what is measured of networks is kept.

    Raises:
        SecateurError: a key, a value, a glob without a file, a name that two have.
    """
    drafts: list[Draft] = []
    for where, table in tables:
        drafts += _of_table(table, where, folder, cache)
    names: dict[str, Draft] = {}
    for draft in drafts:
        twin = names.setdefault(draft.name, draft)
        if twin is not draft:
            raise OptionError(
                f"{draft.where}: an instance is called {draft.name!r}, and so is one of "
                f"{twin.where}",
                remedy='give a table name = "…": the names of its instances begin with it',
            )
    return tuple(drafts)


def _of_table(table: Table, where: str, folder: Path, cache: Path) -> list[Draft]:
    kinds = [kind for kind in KINDS if kind in table]
    if len(kinds) != 1:
        found = " and ".join(map(repr, kinds)) or f"none of {', '.join(map(repr, KINDS))}"
        near = next((one for key in table if (one := closest(key, KINDS))), None)
        meant = f"did you mean {near!r}? " if near is not None and not kinds else ""
        raise OptionError(
            f"{where} has {found}",
            remedy=f'{meant}write one of: files = "*.qubo", generator = "planted", '
            'network = "module:name"',
        )
    for key in _NEVER_LISTS:
        if isinstance(table.get(key), list):
            raise OptionError(
                f"{where}: {key} is a list, and holds for all of the table",
                remedy=f"give one {key}, or write a table for each",
            )
    if kinds[0] == "files":
        made = _files(table, where, folder)
    elif kinds[0] == "generator":
        made = _drawn(table, where)
    else:
        made = _networks(table, where, folder, cache)
    return _with_best(_prefixed(made, table.get("name", "")), table, where)


def _files(table: Table, where: str, folder: Path) -> list[Draft]:
    made: list[Draft] = []
    hints = hints_of(FilesTable)
    for layer in multiplied(table, lambda name: takes_list(hints.get(name)), where):
        asked = checked(FilesTable, layer.values, where)
        demands = _path(asked.constraints, folder, where)
        with within(where):
            patterns = [asked.files] if isinstance(asked.files, str) else list(asked.files)
            paths = find_files(patterns, folder)
        for path, stem in zip(paths, stems(paths), strict=True):
            source: dict[str, Any] = {"file": str(path)}
            if asked.format is not None:
                source["format"] = asked.format
            if asked.maximise:
                source["maximise"] = True
            if asked.count is not None:
                source["count"] = asked.count
            if demands is not None:
                source["constraints"] = demands
            parts = [stem, _shown(asked.count), Path(demands).stem if demands else ""]
            family = asked.family or plain_name(path.parent.name)
            made.append(Draft(joined(parts), family, source, where))
    return made


def _drawn(table: Table, where: str) -> list[Draft]:
    asked = table["generator"]
    names = asked if isinstance(asked, list) and asked else [asked]
    made: list[Draft] = []
    for name in names:
        if not isinstance(name, str) or name not in GENERATORS:
            raise OptionError(
                f"{where} names the generator {name!r}", remedy=nearest(str(name), GENERATORS)
            )
        made += _of_generator(name, table, where)
    return made


def _of_generator(name: str, table: Table, where: str) -> list[Draft]:
    kind = GENERATORS[name][0]
    common = {field.name for field in fields(InstancesTable)}
    given = {key: value for key, value in table.items() if key != "generator"}
    refuse_unknown(given, [*common, *(field.name for field in fields(kind))], where)
    about = checked(InstancesTable, {key: given.pop(key) for key in common & given.keys()}, where)
    hints = hints_of(kind)
    made: list[Draft] = []
    for layer in multiplied(given, lambda key: takes_list(hints.get(key)), where):
        options = make_options(kind, layer.values, f"{where}, generator {name!r}")
        source = {"generator": name, "options": options.public()}
        made.append(Draft(_drawn_name(name, options), about.family or name, source, where))
    return made


def _drawn_name(name: str, options: Any) -> str:
    """Sizes always, the rest where it is not the default, the seed last."""
    sizes: list[str] = []
    others: list[str] = []
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in _SIZES:
            sizes.append(str(value))
        elif field.name not in ("seed", "count") and value != field.default:
            others.append(f"{field.name}{_shown(value)}")
    return joined([name, "x".join(sizes), *others, _shown(options.count), f"s{options.seed}"])


def _networks(table: Table, where: str, folder: Path, cache: Path) -> list[Draft]:
    hints = hints_of(NetworkTable)
    layers = multiplied(table, lambda name: takes_list(hints.get(name)), where)
    asked = [checked(NetworkTable, layer.values, where) for layer in layers]
    sources = [_network_source(one, folder, cache, where) for one in asked]
    from secateur.study.instances.networks import check_source

    for source in sources:
        with within(where):
            check_source(source)
    flat = [{**source, **source["measuring"], **source["judging"]} for source in sources]
    varied = {name for name in flat[0] if len({repr(one[name]) for one in flat}) > 1}
    varied -= {"network", "objective", "amount", "measuring", "judging"}
    made = []
    for one, source, told in zip(asked, sources, flat, strict=True):
        short = one.network.rpartition(":")[2]
        rest = [f"{name}{_shown(told[name])}" for name in told if name in varied]
        name = joined([short, one.objective, _shown(one.amount), *rest])
        made.append(Draft(name, one.family or plain_name(short), source, where))
    return made


def _network_source(asked: NetworkTable, folder: Path, cache: Path, where: str) -> dict[str, Any]:
    plain = asked.public()
    own = {field.name for field in fields(NetworkTable)}
    own -= {field.name for field in fields(Measuring)}
    own -= {field.name for field in fields(InstancesTable)} | set(_JUDGING)
    source = {name: plain[name] for name in plain if name in own}
    for name in ("weights", "photos", "sidd"):
        source[name] = _path(plain[name], folder, where, file=name == "weights")
    if source["weights_key"] is not None and source["weights"] is None:
        raise OptionError(
            f"{where}: weights_key is {source['weights_key']!r}, and there are no weights",
            remedy="give weights too",
        )
    source["measuring"] = {field.name: plain[field.name] for field in fields(Measuring)}
    source["judging"] = {name: plain[name] for name in _JUDGING}
    source["cache"] = str(cache)
    return source


def _prefixed(made: list[Draft], prefix: Any) -> list[Draft]:
    if not prefix:
        return made
    if len(made) == 1:
        return [replace(made[0], name=plain_name(str(prefix)))]
    return [replace(one, name=joined([str(prefix), one.name])) for one in made]


def _with_best(made: list[Draft], table: Table, where: str) -> list[Draft]:
    given = table.get("best_known")
    if given is None:
        return made
    if not isinstance(given, Mapping):
        if len(made) > 1:
            raise OptionError(
                f"{where}: best_known is {given!r}, and there are {len(made)} instances",
                remedy=f'give a table by name: best_known = {{ "{made[0].name}" = -3414 }}',
            )
        given = {made[0].name: given}
    known = [one.name for one in made]
    for name, value in given.items():
        if name not in known:
            raise OptionError(
                f"{where}: best_known names {name!r}, which is no instance of the table",
                remedy=nearest(name, known, few=10),
            )
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
        ):
            raise OptionError(
                f"{where}: best_known of {name!r} is {value!r}", remedy="give a number"
            )
    return [
        replace(one, best_known=float(given[one.name])) if one.name in given else one
        for one in made
    ]


def _path(text: str | None, folder: Path, where: str, *, file: bool = True) -> str | None:
    """A path of the study's file, which has to be there."""
    if text is None:
        return None
    path = (folder / Path(text).expanduser()).absolute()
    with within(where):
        if file:
            check_plain(path)
        elif not path.is_dir():
            raise OptionError(f"{path} is no folder", remedy="check the path")
    return str(path)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={_shown(one)}" for key, one in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(map(_shown, value))
    return str(value)
