"""One registry of backends, objectives, refiners, recoveries and operator rules.

Each is found by a name in the entry points of its group, or as ``module:attribute`` typed by a
user. Listing reads the metadata of the installed distributions and imports nothing of them.
Loading goes through stevedore, with its on-disk cache kept out of the way: that cache is keyed by
modification times rounded to two minutes, and can hide a plugin that was just installed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Any

from secateur.errors import (
    BackendConflict,
    BackendFailed,
    BackendNotFound,
    BackendUnavailable,
    NetworkError,
    OptionError,
    SecateurError,
    StageFailed,
)
from secateur.extras import needed_by
from secateur.imported import explain, import_attribute, rewritten
from secateur.misplaced import is_amount
from secateur.nearest import did_you_mean


@dataclass(frozen=True)
class Kind:
    """A kind of stage.

    Arguments:
        group: of its entry points.
        noun: what one is called, "objective".
        wanted: what an entry point has to name, for messages.
        not_found: raised where there is no such name.
        conflict: where two distributions register it.
        unavailable: where it cannot be imported, for the want of a package.
        failed: where it cannot be imported, for a fault of its own, or is something else.
        keyword: with which these errors take the name, or "".
        argument: with which Python takes one, and the command line behind two hyphens.
        words: that mean something there beside names.
    """

    group: str
    noun: str
    wanted: str
    not_found: type[SecateurError] = OptionError
    conflict: type[SecateurError] = OptionError
    unavailable: type[SecateurError] = StageFailed
    failed: type[SecateurError] = StageFailed
    keyword: str = ""
    argument: str = ""
    words: tuple[str, ...] = ()

    @property
    def plural(self) -> str:
        """Several of them, which is the command that lists them: "recoveries"."""
        return f"{self.noun[:-1]}ies" if self.noun.endswith("y") else f"{self.noun}s"

    def error(
        self, error: type[SecateurError], name: str, message: str, remedy: str
    ) -> SecateurError:
        """One of its errors, which knows the stage's name where it can."""
        made: Any = error
        more = {self.keyword: name} if self.keyword else {}
        found: SecateurError = made(message, remedy=remedy, **more)
        return found


BACKENDS = Kind(
    "secateur.backends",
    "backend",
    "a subclass of secateur.backends.Backend, or a sampler, algorithm or function that "
    "secateur.backends.wrap takes",
    BackendNotFound,
    BackendConflict,
    BackendUnavailable,
    BackendFailed,
    "backend",
    argument="backend",
    words=("auto", "greedy"),
)
OBJECTIVES = Kind(
    "secateur.objectives",
    "objective",
    "a subclass of secateur.objectives.Objective, or a function from statistics to a BQM",
    argument="objective",
    words=("auto",),
)
REFINERS = Kind(
    "secateur.refiners",
    "refiner",
    "a subclass of secateur.refine.Refiner, or something with search(state, seed)",
    argument="refine",
)
RECOVERIES = Kind(
    "secateur.recoveries",
    "recovery",
    "a subclass of secateur.recover.Recovery, or a function (work, seed, **options)",
    argument="recover",
)
OPERATORS = Kind(
    "secateur.operators",
    "operator rule",
    "a class with `ops` and `flow`",
    NetworkError,
    NetworkError,
    NetworkError,
    NetworkError,
)
OWN = "secateur"
"""The distribution that this is."""
KINDS = (BACKENDS, OBJECTIVES, REFINERS, RECOVERIES, OPERATORS)


@dataclass(frozen=True)
class Entry:
    """One registered stage, as its distribution's metadata give it.

    Arguments:
        name: what users type.
        target: ``module:attribute``.
        distribution: who registers it; "" where a user typed the target.
        version: of the distribution.
    """

    name: str
    target: str
    distribution: str = ""
    version: str = ""

    def told(self, kind: Kind) -> str:
        """The entry for messages, "backend 'mine' of my-plugin 2.5"."""
        owner = f" of {self.distribution}" if self.distribution else ""
        return f"{kind.noun} {self.name!r}{owner} {self.version}".rstrip()


def list_stages(kind: Kind) -> list[Entry]:
    """Every registered stage of a kind, by name; imports no plugin. A name may occur twice."""
    return _entries(points(kind))


def find_stage(kind: Kind, name: str) -> Entry:
    """The entry of a name, or of ``module:attribute``.

    Raises:
        SecateurError: of the kind: there is none (the nearest is named), or two distributions
            register it.
    """
    registered = points(kind)
    named = _entries(point for point in registered if point.name == name)
    if len(named) == 1:
        return named[0]
    if named:
        who = " and ".join(f"{entry.distribution} ({entry.target})" for entry in named)
        raise kind.error(
            kind.conflict, name, f"two plugins are called {name!r}: {who}", _which_to_remove(named)
        )
    if ":" in name:
        return Entry(name, name)
    known = sorted({point.name for point in registered})
    written = rewritten(name) if name.endswith(".py") else ""
    raise kind.error(
        kind.not_found,
        name,
        f"there is no {kind.noun} {name!r}",
        f"{misplaced(name, kind) or did_you_mean(name, (*known, *kind.words))}"
        f"installed are: {', '.join(known) or 'none'}; "
        "or write module:attribute" + (f", {written}" if written else ""),
    )


def misplaced(name: object, kind: Kind | None = None) -> str:
    """Where a name belongs that is none of a kind, to stand before the rest; "" if nobody knows.

    Arguments:
        name: as it was given.
        kind: that has no such name; None: no name was expected.
    """
    if kind is not None and kind.argument and is_amount(name):
        count = ", solve count=…" if kind is BACKENDS else ""
        return f"it looks like an amount: prune takes amount={name!r}{count}; "
    if kind is not None and name in kind.words:
        call = f"{kind.argument}={name!r}, or --{kind.argument} {name}"
        return f"{name!r} is a way to choose, {call}, and no {kind.noun} by itself; "
    for other in KINDS:
        if other is kind or not other.argument or not isinstance(name, str):
            continue
        if name in (*(point.name for point in points(other)), *other.words):
            article = "an" if other.noun[0] in "aeiou" else "a"
            call = f"{other.argument}={name!r}, or --{other.argument} {name}"
            return f"{name!r} is {article} {other.noun}: write {call}; "
    return ""


def load_stage(kind: Kind, name: str) -> object:
    """What a name or ``module:attribute`` stands for; a module of the current folder is found.

    Raises:
        SecateurError: of the kind: it is not found, or cannot be imported, whatever its module
            raises; Ctrl-C alone goes through.
    """
    entry = find_stage(kind, name)
    try:
        with needed_by(entry.told(kind)):
            return _import(kind, entry)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # importing runs the plugin's code, which may end Python
        fault = explain(error, entry.told(kind), entry.target, entry.distribution)
        wrong = kind.unavailable if fault.missing else kind.failed
        raise kind.error(wrong, name, fault.message, fault.remedy) from error


def misfit(kind: Kind, name: str, loaded: object) -> SecateurError:
    """The error of an entry point that names something of the wrong kind."""
    entry = find_stage(kind, name)
    what = f"class {loaded.__name__}" if isinstance(loaded, type) else type(loaded).__name__
    return kind.error(
        kind.failed,
        name,
        f"{entry.told(kind)} names {entry.target}, which is a {what}",
        f"it has to name {kind.wanted}",
    )


def origin(kind: Kind, name: str, thing: object) -> str:
    """Who is to be told of a fault: the distributions of a name, or the module of a thing."""
    owners = sorted({e.distribution for e in list_stages(kind) if e.name == name})
    if owners:
        return " or ".join(owners)
    return str(getattr(thing, "__module__", None) or type(thing).__module__)


def _import(kind: Kind, entry: Entry) -> object:
    """What an entry names; an import's own error propagates."""
    if entry.distribution:
        from stevedore.driver import DriverManager

        class OneDriver(DriverManager[object]):
            """A driver manager that reads installed metadata itself: no cache can be stale."""

            def list_entry_points(self) -> list[EntryPoint]:
                return points(kind)

        return OneDriver(kind.group, entry.name).driver
    return import_attribute(entry.target)


def _which_to_remove(named: list[Entry]) -> str:
    """What to do about several plugins of one name; our own distribution is never in the way."""
    owners = list(dict.fromkeys(entry.distribution for entry in named))
    if len(owners) == 1:
        return f"report it to {owners[0]}: it names two things alike"
    others = [one for one in owners if not _is_own(one)]
    if len(others) < len(owners):
        return f"the name is {OWN}'s own: pip uninstall {' '.join(others)}"
    commands = " or ".join(f"pip uninstall {one}" for one in others)
    return f"keep one of them: {commands}"


def _is_own(distribution: str) -> bool:
    return re.sub(r"[-_.]+", "-", distribution).lower() == OWN


# -- the metadata ----------------------------------------------------------------------------------

_once: dict[str, list[EntryPoint]] | None = None
_read: tuple[Any, Any] | None = None
_about: dict[Distribution, tuple[str, str]] = {}


@contextmanager
def read_once() -> Iterator[None]:
    """Read the metadata once for all that is asked inside: they are files of every distribution."""
    global _once
    _once = {}
    try:
        yield
    finally:
        _once = None


def points(kind: Kind) -> list[EntryPoint]:
    """The entry points of a kind; read again once something was installed or removed."""
    global _read
    if _once is not None and kind.group in _once:
        return _once[kind.group]
    now = _folders()
    if _read is None or _read[0] != now:
        _read = now, entry_points()
        _about.clear()
    found: list[EntryPoint] = list(_read[1].select(group=kind.group))
    if _once is not None:
        _once[kind.group] = found
    return found


def _folders() -> Any:
    """Where distributions are looked for, and when something was last added or taken away there."""
    times: list[tuple[str, int]] = []
    for folder in sys.path:
        try:
            times.append((folder, Path(folder).stat().st_mtime_ns))
        except (OSError, ValueError):  # a zip that is gone, or a folder that is yet to come
            times.append((folder, 0))
    return Path.cwd(), times, list(sys.meta_path), entry_points


def _entries(found: Iterable[EntryPoint]) -> list[Entry]:
    """The entries of some points, sorted; each distribution's metadata are parsed once."""
    entries = set()
    for point in found:
        about = ("unknown", "")
        if point.dist is not None:
            if point.dist not in _about:
                metadata = point.dist.metadata
                _about[point.dist] = (metadata["Name"], metadata["Version"])
            about = _about[point.dist]
        entries.add(Entry(point.name, point.value, *about))
    return sorted(entries, key=lambda entry: (entry.name, entry.distribution, entry.target))
