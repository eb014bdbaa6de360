"""What vendors charge for: told by a class, or by what functions name and import.

A function that imports where it runs has no object yet to look at. Its code has names, and texts
that may be names of modules. Of all functions that are looked at together, what one imports another
may use: through a global, a closure or an attribute.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Iterable, Iterator

VENDORS = ("dwave.system.samplers", "dwave.cloud", "qiskit_ibm_runtime")
"""Packages whose objects reach a charged service."""
FREE = (
    "qiskit_ibm_runtime.fake_provider",  # runs here
    "qiskit_ibm_runtime.options",  # settings alone
    "qiskit_ibm_runtime.options_models",
    "qiskit_ibm_runtime.transpiler",
    "qiskit_ibm_runtime.utils",
    "qiskit_ibm_runtime.json",
    "dwave.cloud.testing",
)
NAMES = {
    "dwave.system": (
        "DWaveSampler",
        "DWaveCliqueSampler",
        "LeapHybridSampler",
        "LeapHybridBQMSampler",
        "LeapHybridDQMSampler",
        "LeapHybridCQMSampler",
        "LeapHybridNLSampler",
        "StrideHybridSolver",
    ),
    "dwave.cloud": ("Client", "Problems", "DWaveAPIClient", "SolverAPIClient"),
    "qiskit_ibm_runtime": (
        "QiskitRuntimeService",
        "IBMQuantumComputeService",
        "IBMBackend",
        "Session",
        "Batch",
        "Sampler",
        "SamplerV2",
        "Estimator",
        "EstimatorV2",
        "Executor",
        "Calibrator",
        "NoiseLearner",
        "NoiseLearnerV2",
        "NoiseLearnerV3",
    ),
}
"""What reaches the service, by the module that it is imported from."""
_TOPS = tuple(sorted({name.split(".")[0] for name in NAMES}))
_LONGEST = 200
"""Characters of a text that may be the name of a module."""


def within(module: str, packages: Iterable[str]) -> bool:
    """Whether a module is one of these packages, or in one."""
    return any(module == name or module.startswith(f"{name}.") for name in packages)


def charged_class(kind: type) -> tuple[str, str] | None:
    """The vendor's module and class that a class is, or descends from; None if it is none."""
    if issubclass(kind, BaseException):
        return None
    for base in kind.__mro__:
        module = str(getattr(base, "__module__", ""))
        if within(module, VENDORS) and not within(module, FREE):
            return module, base.__name__
    return None


class Named:
    """Modules and names that were met in all that was looked at together."""

    def __init__(self) -> None:
        self._modules: set[str] = set()
        self._words: set[str] = set()
        self._samplers: str | None = None

    def module(self, name: str) -> None:
        """A module, or a text that may be the name of one."""
        if not name.startswith(_TOPS) or len(name) > _LONGEST or within(name, FREE):
            return
        if within(name, VENDORS[:1]):
            self._samplers = name
        self._modules |= {known for known in NAMES if within(name, (known,))}

    def text(self, text: str) -> None:
        """A text in what was looked at: of a module, or what ``getattr`` takes of one."""
        if len(text) <= _LONGEST:
            self._words.add(text)
            self.module(text)

    def code(self, code: types.CodeType) -> None:
        """What a function names: imports, attributes, globals, and its texts."""
        taken = names_of(code)
        local = {n for part in codes(code) for n in (*part.co_varnames, *part.co_cellvars)}
        for name in taken:
            self.text(name)
        for name in local:  # `import dwave.cloud.testing` binds `dwave`
            self.module(name)
        for module in NAMES:
            # `from dwave import system` names the parts alone
            if (taken | local).issuperset(module.split(".")):
                self.module(module)
        for relative in [name for name in taken if name.startswith(".")]:
            for package in taken:  # import_module(".system", "dwave")
                self.module(package + relative)

    def charged(self) -> str | None:
        """What is named that is charged for, or None."""
        if self._samplers is not None:
            return self._samplers
        for module in NAMES:
            if module in self._modules:
                for name in NAMES[module]:
                    if name in self._words:
                        return f"{module.split('.')[0]}: {name}"
        return None


def names_of(code: types.CodeType) -> set[str]:
    """Names and texts in the code of a function, and of those within it; not its variables."""
    found: set[str] = set()
    for part in codes(code):
        found.update(part.co_names)
        found.update(_texts(part.co_consts))
    return found


def imports_of(code: types.CodeType) -> set[str]:
    """Modules that a function imports where it runs, as it writes them, without their dots."""
    found: set[str] = set()
    for part in codes(code):
        found |= {one.argval for one in dis.get_instructions(part) if one.opname == "IMPORT_NAME"}
        if not {"import_module", "__import__"}.isdisjoint(part.co_names):
            found |= {text.lstrip(".") for text in _texts(part.co_consts) if len(text) <= _LONGEST}
    return found


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code itself, and that of all functions and classes within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def _texts(constants: Iterable[object]) -> Iterator[str]:
    for one in constants:
        if isinstance(one, str):
            yield one
        elif isinstance(one, tuple | frozenset):
            yield from _texts(one)
