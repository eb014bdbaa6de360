"""Whether a call costs money: found in what a backend is made of, not taken on trust.

A paid sampler that is wrapped in one line promises nothing. What it leads to is looked at instead:
classes of vendors whose calls are charged, properties that only charged solvers have, and whatever
composites, functions, methods and objects hold. Nothing is called and nothing imported.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any

from secateur.backends.charged import (
    FREE,
    VENDORS,
    Named,
    charged_class,
    imports_of,
    names_of,
    within,
)

_KNOWN = frozenset(
    "dimod dwave dwave_networkx minorminer neal networkx numpy openjij pandas qiskit qiskit_aer "
    "qiskit_algorithms qiskit_ibm_runtime qiskit_optimization scipy secateur secateur_backends "
    "torch".split()
)
"""Packages whose code is not read: what of them is charged for is told by its class."""
PROPERTIES = ("category", "quota_conversion_rate")
"""Of a sampler: only solvers of a charged service have them."""
_WRAPPED = ("sampler", "instance", "function", "factory", "algorithm", "arguments")
"""Where a backend made of something else keeps it."""
_DEEP = 8
_MANY = 5000
_PLAIN = (bytes, int, float, complex, bool, type(None))


def is_metered(backend: Any, options: Any = None) -> bool:
    """Whether a call costs money or quota: promised, or found.

    Arguments:
        backend: an instance or a class.
        options: of the call; None: any call. A simulator that is named in place of a paid device
            is not metered.
    """
    promised = getattr(getattr(backend, "capabilities", None), "metered", False) is True
    if not promised or options is None or not _is_instance(backend):
        return promised or paid_in_backend(backend) is not None
    if backend.charges(options) is not False:
        return True
    # a stand-in has the properties of what it stands for; a vendor's own class is no stand-in
    return paid_in_backend(backend, by_properties=False) is not None


def paid_in_backend(backend: Any, *, by_properties: bool = True) -> str | None:
    """What a backend is made of that is charged for, or None; its promises are not looked at.

    Arguments:
        backend: an instance or a class.
        by_properties: as of ``paid_by``.
    """
    found = getattr(backend, "paid", None)  # when it was wrapped, by an instance of it
    if isinstance(found, str):
        return found
    held = [getattr(backend, name, None) for name in _WRAPPED]
    held += _attributes(backend) if _is_instance(backend) else []
    held.append(type(backend) if _is_instance(backend) else backend)
    return next(filter(None, (paid_by(one, by_properties=by_properties) for one in held)), None)


def paid_by(thing: Any, *, by_properties: bool = True) -> str | None:
    """What in a sampler, a function or any object is charged for, or None.

    Arguments:
        thing: an object or a class; composites are looked through, functions and methods by what
            they close over, name and import, also one for another.
        by_properties: also what is no vendor's class and has a charged solver's properties.
    """
    todo: list[tuple[Any, int]] = [(thing, 0)]
    seen: set[int] = set()
    kept: list[Any] = []  # an object that is dropped could give its id to another one
    named = Named()
    while todo and len(seen) < _MANY:
        one, depth = todo.pop()
        if isinstance(one, str):
            named.text(one)
            continue
        if isinstance(one, types.ModuleType):
            named.module(one.__name__)
            continue
        if isinstance(one, _PLAIN) or one is sys.modules or id(one) in seen:
            continue
        seen.add(id(one))
        kept.append(one)
        found = _paid(one, by_properties)
        if found is not None:
            return found
        code = _read(one, "__code__")
        if isinstance(code, types.CodeType) and not _ours(one):
            named.code(code)
        if depth < _DEEP:
            todo += [(inner, depth + 1) for inner in _held(one)]
    return named.charged()


def _paid(one: Any, by_properties: bool) -> str | None:
    """Whether this very object is charged for."""
    kind = one if isinstance(one, type) else type(one)
    charged = charged_class(kind)
    if charged is not None and not _local(one, charged[0]):
        return f"{charged[0].split('.')[0]}: {charged[1]}"
    properties = _read(one, "properties") if by_properties else None
    if isinstance(properties, Mapping) and _read(one, "sample") is not None:
        for name in PROPERTIES:
            if name in properties:
                return f"{kind.__name__}, whose properties have {name!r}"
    return None


def _local(one: Any, module: str) -> bool:
    """A primitive of IBM's runtime that runs on a simulator or a fake device here."""
    if isinstance(one, type) or not module.startswith("qiskit_ibm_runtime"):
        return False
    backend = _read(one, "_backend")
    if backend is None:
        return False
    home = type(backend).__module__
    return not within(home, VENDORS) or within(home, FREE)


def _held(one: Any) -> list[Any]:
    """What an object leads to."""
    if isinstance(one, functools.partial):
        return [one.func, *one.args, *one.keywords.values()]
    if isinstance(one, types.MethodType):
        return [one.__self__, one.__func__]
    if isinstance(one, types.FunctionType):
        return _named(one)
    if isinstance(one, Mapping):
        return _listed(one)
    if isinstance(one, list | tuple | set | frozenset):
        return list(one)
    if isinstance(one, type):
        return _of_class(one)
    held = _attributes(one)
    held += [_read(one, name) for name in ("child", "children", "__wrapped__")]
    return [*held, *_of_class(type(one))]


def _of_class(kind: type) -> list[Any]:
    """The methods of a stranger's class, and what else it holds for all its instances."""
    found: list[Any] = []
    for base in kind.__mro__:
        if _known(str(getattr(base, "__module__", ""))):
            continue
        for value in vars(base).values():
            if isinstance(value, staticmethod | classmethod):
                found.append(value.__func__)
            elif isinstance(value, property):
                found += [value.fget]
            elif isinstance(value, functools.cached_property | functools.partialmethod):
                found.append(value.func)
            else:
                found.append(value)
    return found


def _named(function: types.FunctionType) -> list[Any]:
    """What a function closes over, has for defaults and attributes, and names of its globals."""
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not filled yet
            continue
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    held = [*cells, *defaults, *vars(function).values()]
    if _ours(function):
        return held
    names = names_of(function.__code__)
    held += [value for name, value in function.__globals__.items() if name in names]
    held += _loaded(function)
    return [*held, *_taken(held, names)]


def _loaded(function: types.FunctionType) -> list[types.ModuleType]:
    """Strangers' modules that a function imports where it runs, as far as they are loaded."""
    package = function.__globals__.get("__package__")
    parts = package.split(".") if isinstance(package, str) and package else []
    homes = ["", *(".".join(parts[: k + 1]) + "." for k in range(len(parts)))]
    code = function.__code__
    # a quick look first, as most functions import nothing; `from . import paid` names ""
    names = {name.lstrip(".") for name in names_of(code)}
    loaded = {name: found for name in names if (found := _modules(homes, name))}
    if not loaded:
        return []
    return [one for name in sorted(imports_of(code)) for one in loaded.get(name, ())]


def _modules(homes: list[str], name: str) -> list[types.ModuleType]:
    found = [sys.modules.get((home + name).rstrip(".")) for home in homes]
    return [one for one in found if isinstance(one, types.ModuleType) and not _known(one.__name__)]


def _taken(held: Iterable[Any], names: set[str]) -> list[Any]:
    """What a function takes of modules, and of modules in them: `system.DWaveSampler`.

    Attributes are read as they are, and not imported lazily.
    """
    todo = [one for one in held if isinstance(one, types.ModuleType)]
    seen: set[str] = set()
    found: list[Any] = []
    while todo:
        module = todo.pop()
        if module.__name__ in seen or module.__name__.split(".")[0] in sys.stdlib_module_names:
            continue
        seen.add(module.__name__)
        taken = [value for name, value in vars(module).items() if name in names]
        todo += [value for value in taken if isinstance(value, types.ModuleType)]
        found += taken
    return found


def _ours(function: Any) -> bool:
    """Of a known package: whatever it calls asks by itself, or is told by a class."""
    found = _read(function, "__globals__")
    return isinstance(found, dict) and _known(str(found.get("__name__", "")))


def _known(module: str) -> bool:
    top = module.split(".")[0]
    return top in _KNOWN or top in sys.stdlib_module_names


def _read(one: Any, name: str) -> Any:
    """An attribute of a stranger's object, which may raise anything."""
    try:
        return getattr(one, name, None)
    except KeyboardInterrupt:
        raise
    except BaseException:  # `sys.exit()`, or what pytest fails with
        return None


def _attributes(one: Any) -> list[Any]:
    """What an object has of its own."""
    found = _read(one, "__dict__")
    slots = getattr(type(one), "__slots__", ()) or ()
    slots = (slots,) if isinstance(slots, str) else tuple(slots)
    own = _listed(found) if isinstance(found, Mapping) else []
    return own + [_read(one, name) for name in slots]


def _listed(one: Mapping[Any, Any]) -> list[Any]:
    """The values of a stranger's mapping."""
    try:
        return list(one.values())
    except Exception:
        return []


def _is_instance(backend: Any) -> bool:
    return not isinstance(backend, type)
