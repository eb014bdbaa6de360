"""The public names, what they may cost to import, and the one-way flow."""

from __future__ import annotations

import json
import subprocess
import sys

import secateur

NAMES = [
    "Backend",
    "ChannelStatistics",
    "Channels",
    "Exchange",
    "Measured",
    "Method",
    "Problem",
    "PruningResult",
    "SecateurError",
    "Selection",
    "Solution",
    "Task",
    "TensorTrain",
    "__version__",
    "collect_statistics",
    "compare",
    "export",
    "find_channels",
    "finetune",
    "fisher_qubo",
    "hybrid_qubo",
    "l1_qubo",
    "load_pruned",
    "load_slim",
    "measure",
    "prune",
    "residual_qubo",
    "solve",
    "taylor_qubo",
]
HEAVY = (
    "torch",
    "dimod",
    "numpy",
    "dwave",
    "qiskit",
    "gurobipy",
    "pyscipopt",
    "openjij",
    "skimage",
    "sklearn",
    "scipy",
    "matplotlib",
)


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after some code."""
    program = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_public_names_are_these():
    assert secateur.__all__ == NAMES
    assert dir(secateur) == sorted(NAMES)
    for name in NAMES:
        assert getattr(secateur, name) is not None
        documented = getattr(secateur, name).__doc__
        assert name == "__version__" or documented


BACKEND_NAMES = [
    "Applicability",
    "Availability",
    "Backend",
    "BackendOptions",
    "Capabilities",
    "Price",
    "Solution",
    "Status",
    "Stopped",
    "Timings",
    "load_backend",
    "option",
    "preserved_global_rng",
    "run",
    "wrap",
]


def test_the_public_names_for_strangers_are_these_and_documented():
    import secateur.backends

    assert secateur.backends.__all__ == BACKEND_NAMES
    for name in BACKEND_NAMES:
        assert getattr(secateur.backends, name).__doc__


def test_a_strangers_module_loads_nothing_heavy():
    """``secateur backends`` imports it: with options declared, nothing is made or imported."""
    loaded = modules_after(
        "from secateur.backends import option, wrap\n"
        "def make(*, reads: int = 1):\n"
        "    import dwave.samplers\n"
        "    return dwave.samplers.SimulatedAnnealingSampler()\n"
        "mine = wrap(make, options={'reads': option(1, 'runs')}, requires=['dwave-samplers'])\n"
        "assert mine.availability().usable\n"
        "assert mine.describe_options()[0].name == 'reads'\n"
    )
    assert not [n for n in HEAVY if n in loaded and n not in ("numpy", "scipy")]


def test_importing_loads_nothing_heavy():
    loaded = modules_after("import secateur, secateur.cli")
    assert not [name for name in HEAVY if name in loaded]


def test_the_library_loads_no_vendor_package():
    loaded = modules_after(
        "import secateur.pipeline, secateur.report, secateur.zoo, secateur.backends.registry"
    )
    vendors = ("dwave", "dwave.samplers", "qiskit", "gurobipy", "pyscipopt", "openjij")
    assert not [name for name in vendors if name in loaded]
    assert "secateur_backends" not in loaded


def test_listing_backends_imports_no_plugin():
    loaded = modules_after(
        "from secateur.stages import BACKENDS, list_stages\n"
        "assert 'annealing' in [entry.name for entry in list_stages(BACKENDS)]"
    )
    assert not [n for n in ("torch", "dwave.samplers", "secateur_backends") if n in loaded]
