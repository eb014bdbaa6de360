"""Whether a call costs money: found in what a backend is made of, not taken on trust.

A paid sampler that is wrapped in one line promises nothing. What it leads to is looked at instead:
classes of vendors whose calls are charged, properties that only charged solvers have, and whatever
composites, functions, methods and objects hold. Nothing is called and nothing imported.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

VENDORS = ("dwave.system.samplers", "dwave.cloud", "qiskit_ibm_runtime")
"""Packages whose objects reach a charged service."""
_FREE = (
    "qiskit_ibm_runtime.fake_provider",  # runs here
    "qiskit_ibm_runtime.options",  # settings alone
    "qiskit_ibm_runtime.transpiler",
    "dwave.cloud.testing",
)
_NAMES = {
    "dwave.system": (
        "DWaveSampler",
        "DWaveCliqueSampler",
        "LeapHybridSampler",
        "LeapHybridBQMSampler",
        "LeapHybridDQMSampler",
        "LeapHybridCQMSampler",
        "LeapHybridNLSampler",
    ),
    "dwave.cloud": ("Client",),
    "qiskit_ibm_runtime": ("QiskitRuntimeService",),
}
"""What a function imports where it runs, so that there is no object yet to look at."""
_KNOWN = frozenset(
    "dimod dwave dwave_networkx minorminer neal networkx numpy openjij pandas qiskit qiskit_aer "
    "qiskit_algorithms qiskit_ibm_runtime qiskit_optimization scipy secateur secateur_backends "
    "torch".split()
)
"""Packages whose methods are not read: what of them is charged for is told by its class."""
PROPERTIES = ("category", "quota_conversion_rate")
"""Of a sampler: only solvers of a charged service have them."""
_WRAPPED = ("sampler", "instance", "function", "factory", "algorithm", "arguments")
"""Where a backend made of something else keeps it."""
_DEEP = 8
_MANY = 5000
_PLAIN = (str, bytes, int, float, complex, bool, type(None), types.ModuleType)


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
    held += list(getattr(backend, "__dict__", {}).values()) if _is_instance(backend) else []
    held.append(type(backend) if _is_instance(backend) else backend)
    return next(filter(None, (paid_by(one, by_properties=by_properties) for one in held)), None)


def paid_by(thing: Any, *, by_properties: bool = True) -> str | None:
    """What in a sampler, a function or any object is charged for, or None.

    Arguments:
        thing: an object or a class; composites are looked through, functions and methods by what
            they close over, name and import.
        by_properties: also what is no vendor's class and has a charged solver's properties.
    """
    todo: list[tuple[Any, int]] = [(thing, 0)]
    seen: set[int] = set()
    kept: list[Any] = []  # an object that is dropped could give its id to another one
    while todo and len(seen) < _MANY:
        one, depth = todo.pop()
        if isinstance(one, _PLAIN) or id(one) in seen:
            continue
        seen.add(id(one))
        kept.append(one)
        found = _paid(one, by_properties)
        if found is not None:
            return found
        if depth < _DEEP:
            todo += [(inner, depth + 1) for inner in _held(one)]
    return None


def _paid(one: Any, by_properties: bool) -> str | None:
    """Whether this very object is charged for."""
    kind = one if isinstance(one, type) else type(one)
    for base in getattr(kind, "__mro__", ()):
        module = str(getattr(base, "__module__", ""))
        if _within(module, VENDORS) and not _within(module, _FREE) and not _local(one, module):
            return f"{module.split('.')[0]}: {base.__name__}"
    code = getattr(one, "__code__", None)
    if isinstance(code, types.CodeType):
        return _imported(code)
    properties = _read(one, "properties") if by_properties else None
    if isinstance(properties, Mapping) and hasattr(one, "sample"):
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
    return not _within(type(backend).__module__, VENDORS) or _within(
        type(backend).__module__, _FREE
    )


def _imported(code: types.CodeType) -> str | None:
    """A charged sampler that a function imports when it is called."""
    names = {name for part in _codes(code) for name in part.co_names}
    # importlib.import_module("dwave.system"), getattr(system, "DWaveSampler")
    names |= {text for part in _codes(code) for text in part.co_consts if isinstance(text, str)}
    for name in names:
        if _within(name, VENDORS[:1]):
            return name
    for module, classes in _NAMES.items():
        # `from dwave import system` names the parts alone
        if names.issuperset(module.split(".")) or any(_within(name, (module,)) for name in names):
            for name in classes:
                if name in names:
                    return f"{module.split('.')[0]}: {name}"
    return None


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _held(one: Any) -> list[Any]:
    """What an object leads to."""
    if isinstance(one, functools.partial):
        return [one.func, *one.args, *one.keywords.values()]
    if isinstance(one, types.MethodType):
        return [one.__self__, one.__func__]
    if isinstance(one, types.FunctionType):
        return _named(one)
    if isinstance(one, Mapping):
        return list(one.values())
    if isinstance(one, list | tuple | set | frozenset):
        return list(one)
    if isinstance(one, type):
        return _of_class(one)
    held = list(getattr(one, "__dict__", {}).values())
    held += [_read(one, name) for name in getattr(type(one), "__slots__", ()) or ()]
    held += [_read(one, name) for name in ("child", "children", "__wrapped__")]
    return [*held, *_of_class(type(one))]


def _of_class(kind: type) -> list[Any]:
    """The methods of a stranger's class, and what else it holds for all its instances."""
    found: list[Any] = []
    for base in kind.__mro__:
        top = str(getattr(base, "__module__", "")).split(".")[0]
        if top in _KNOWN or top in sys.stdlib_module_names:
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
    """What a function closes over, has for defaults, and names among its globals."""
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not filled yet
            continue
    names = {name for part in _codes(function.__code__) for name in part.co_names}
    module_names = {name: value for name, value in function.__globals__.items() if name in names}
    attributes = [
        getattr(value, name)
        for value in module_names.values()
        if isinstance(value, types.ModuleType)
        for name in names
        if name in vars(value)  # `system.DWaveSampler`: read, not imported lazily
    ]
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return [*cells, *defaults, *module_names.values(), *attributes]


def _read(one: Any, name: str) -> Any:
    """An attribute of a stranger's object, which may raise anything."""
    try:
        return getattr(one, name, None)
    except Exception:
        return None


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in packages)


def _is_instance(backend: Any) -> bool:
    return not isinstance(backend, type)
