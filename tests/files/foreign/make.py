"""Write the files beside this one, each by a program that is not ours.

``python make.py`` with whatever of the programs is installed: each that is not is left as it is.
``expected.json`` says of every file who wrote it, and what the program itself says of all vectors:
the value of the objective, or null where a constraint is broken.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
N = 4
POINTS = list(itertools.product((0, 1), repeat=N))
EXPECTED: dict[str, dict[str, Any]] = {}


def tell(file: str, package: str, variables: list[Any], value: Callable[[Any], Any]) -> None:
    """What a program says of each point."""
    values = [value(point) for point in POINTS]
    EXPECTED[file] = {
        "by": f"{package} {importlib.metadata.version(package)}",
        "variables": variables,
        "values": [None if v is None else round(float(v), 9) for v in values],
    }


def with_dimod() -> None:
    import dimod
    from dimod.serialization import coo

    bqm = dimod.BinaryQuadraticModel(
        {"a": -1.5, "b": 3.0, "c": 0.0, "d": 0.25}, {"ab": 4.0, "bc": -5.0}, 2.0, "BINARY"
    )
    cqm = dimod.ConstrainedQuadraticModel.from_bqm(bqm)
    cqm.add_constraint([(v, 1) for v in "abcd"], "==", rhs=2, label="count")
    cqm.add_constraint([("a", 1), ("b", 2), ("d", -1)], "<=", rhs=2, label="room")

    def of_cqm(point: Any) -> Any:
        sample = dict(zip("abcd", point, strict=True))
        return bqm.energy(sample) if cqm.check_feasible(sample) else None

    (HERE / "dimod.lp").write_text(dimod.lp.dumps(cqm))
    tell("dimod.lp", "dimod", list("abcd"), of_cqm)
    (HERE / "dimod.cqm").write_bytes(cqm.to_file().read())
    tell("dimod.cqm", "dimod", list("abcd"), of_cqm)
    (HERE / "dimod.bqm").write_bytes(bqm.to_file().read())
    tell(
        "dimod.bqm", "dimod", list("abcd"), lambda p: bqm.energy(dict(zip("abcd", p, strict=True)))
    )
    numbered = bqm.relabel_variables(dict(zip("abcd", range(4), strict=True)), inplace=False)
    numbered.offset = 0.0
    spins = numbered.change_vartype("SPIN", inplace=False)
    spins.offset = 0.0
    (HERE / "dimod.coo").write_text(coo.dumps(numbered, vartype_header=True))
    tell("dimod.coo", "dimod", [0, 1, 2, 3], lambda p: numbered.energy(dict(enumerate(p))))
    (HERE / "dimod-spins.coo").write_text(coo.dumps(spins, vartype_header=True))
    tell(
        "dimod-spins.coo",
        "dimod",
        [0, 1, 2, 3],
        lambda p: spins.energy({k: 2 * x - 1 for k, x in enumerate(p)}),
    )


def with_gurobipy() -> None:
    import gurobipy as gp

    with gp.Env(params={"OutputFlag": 0}) as env, gp.Model("model", env=env) as model:
        x = model.addVars(3, vtype="B", name="x")
        whole = model.addVar(lb=0, ub=1, vtype="I", name="g")
        fixed = model.addVar(lb=1, ub=1, name="fixed")
        model.setObjective(
            -1.5 * x[0] + 3 * x[1] + 4 * x[0] * x[1] - 5 * x[1] * x[2] + 2 * x[2] * x[2]
            + 2 + 3 * fixed + 1.5 * whole
        )  # fmt: skip
        model.addConstr(x.sum() <= 2, "most")
        model.addRange(x[0] + 2 * x[1] - whole, -1, 2, "range")
        model.addConstr(x[0] * x[2] + whole <= 1, "product")
        model.update()
        parts = [x[0], x[1], x[2], whole]

        def value(point: Any) -> Any:
            for variable, bit in zip(parts, point, strict=True):
                variable.lb = variable.ub = bit
            model.optimize()
            return model.ObjVal if model.Status == gp.GRB.OPTIMAL else None

        names = [part.VarName for part in parts]
        for suffix in ("lp", "mps"):
            model.write(str(HERE / f"gurobi.{suffix}"))
        model.ModelSense = gp.GRB.MAXIMIZE
        for suffix in ("lp", "mps"):
            model.write(str(HERE / f"gurobi-max.{suffix}"))
        for name in ("gurobi", "gurobi-max"):
            for suffix in ("lp", "mps"):
                tell(f"{name}.{suffix}", "gurobipy", names, value)


def with_pyscipopt() -> None:
    from pyscipopt import Model, quicksum

    def built() -> tuple[Any, list[Any]]:
        model = Model("model")
        model.hideOutput()
        x = [model.addVar(vtype="B", name=f"x{k}") for k in range(4)]
        fixed = model.addVar(lb=1, ub=1, vtype="C", name="Constant")
        model.setObjective(-1.5 * x[0] + 3 * x[1] + 2 * fixed + x[3], "maximize")
        model.addCons(quicksum(x) == 2, name="count")
        model.addCons(1 <= (x[0] + 2 * x[1] <= 3), name="range")  # noqa: SIM300
        model.addCons(x[0] * x[1] + x[2] <= 1, name="product")
        return model, x

    def value(point: Any) -> Any:
        model, x = built()
        for variable, bit in zip(x, point, strict=True):
            model.fixVar(variable, bit)
        model.optimize()
        return model.getObjVal() if model.getStatus() == "optimal" else None

    for suffix in ("lp", "mps"):
        built()[0].writeProblem(str(HERE / f"scip.{suffix}"), verbose=False)
        tell(f"scip.{suffix}", "pyscipopt", [f"x{k}" for k in range(4)], value)


def with_docplex() -> None:
    from docplex.mp.model import Model

    model = Model("model")
    v = model.binary_var_list(3, name="v")
    whole = model.integer_var(0, 1, "whole")
    objective = -1.5 * v[0] + 3 * v[1] + 4 * v[0] * v[1] - 5 * v[1] * v[2] + v[0] * v[0] + 2 + whole
    model.maximize(objective)
    rows = [
        model.add_constraint(model.sum(v) == 2, "count"),
        model.add_range(-1, v[0] + 2 * v[1], 2, "range"),
        model.add_constraint(v[0] + whole <= 1),
    ]
    model.export_as_lp(str(HERE / "docplex.lp"))

    def value(point: Any) -> Any:
        solution = model.new_solution(dict(zip([*v, whole], point, strict=True)))
        kept = not solution.find_unsatisfied_constraints(model)
        return solution.get_value(objective) if kept and rows else None

    tell("docplex.lp", "docplex", ["v_0", "v_1", "v_2", "whole"], value)


def with_pyomo() -> None:
    import pyomo.environ as pe

    model = pe.ConcreteModel()
    model.x = pe.Var(range(3), domain=pe.Binary)
    model.y = pe.Var(domain=pe.Integers, bounds=(0, 1))
    x, y = model.x, model.y
    model.cost = pe.Objective(
        expr=-1.5 * x[0] + 3 * x[1] + 4 * x[0] * x[1] - 5 * x[1] * x[2] + 2 + y + x[0] ** 2
    )
    model.count = pe.Constraint(expr=x[0] + x[1] + x[2] + y == 2)
    model.range = pe.Constraint(expr=(-1, x[0] + 2 * x[1], 2))
    how = {"symbolic_solver_labels": True}
    model.write(str(HERE / "pyomo.lp"), io_options=how)
    model.write(str(HERE / "pyomo.mps"), format="mps", io_options=how)

    def value(point: Any) -> Any:
        for variable, bit in zip([x[0], x[1], x[2], y], point, strict=True):
            variable.value = bit
        kept = pe.value(model.count.body) == 2 and -1 <= pe.value(model.range.body) <= 2
        return pe.value(model.cost) if kept else None

    for name in ("pyomo.lp", "pyomo.mps"):
        tell(name, "pyomo", ["x(0)", "x(1)", "x(2)", "y"], value)


def with_highspy() -> None:
    import highspy

    def built() -> tuple[Any, list[Any]]:
        model = highspy.Highs()
        model.silent()
        z = [model.addBinary(name=f"z{k}") for k in range(3)]
        whole = model.addIntegral(lb=0, ub=1, name="whole")
        fixed = model.addVariable(lb=1, ub=1, name="Constant")
        model.addConstr(z[0] + z[1] + z[2] == 2, name="count")
        model.addConstr(-1 <= z[0] + 2 * z[1] - whole <= 2, name="range")
        cost = -1.5 * z[0] + 3 * z[1] + 2 * fixed + whole + 7
        model.setObjective(cost, highspy.ObjSense.kMinimize)
        return model, [*z, whole]

    def value(point: Any) -> Any:
        model, parts = built()
        for variable, bit in zip(parts, point, strict=True):
            model.changeColBounds(variable.index, bit, bit)
        model.run()
        kept = model.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return model.getObjectiveValue() if kept else None

    for suffix in ("lp", "mps"):
        built()[0].writeModel(str(HERE / f"highs.{suffix}"))
        tell(f"highs.{suffix}", "highspy", ["z0", "z1", "z2", "whole"], value)


def with_scipy() -> None:
    from scipy import io as files
    from scipy import sparse

    matrix = np.array([[-1.5, 4, 0, 0], [0, 3, -5, 0], [0, 1, 0, 0.25], [0, 0, 0, 2]])
    both = (matrix + matrix.T) / 2

    def value(point: Any) -> Any:
        return np.array(point) @ matrix @ np.array(point)

    for name, what in (("general", matrix), ("symmetric", both)):
        written = io.BytesIO()
        files.mmwrite(written, sparse.coo_array(what), symmetry=name)
        (HERE / f"scipy-{name}.mtx").write_bytes(written.getvalue())
        tell(f"scipy-{name}.mtx", "scipy", [1, 2, 3, 4], value)
    written = io.BytesIO()
    files.mmwrite(written, matrix)
    (HERE / "scipy-array.mtx").write_bytes(written.getvalue())
    tell("scipy-array.mtx", "scipy", [1, 2, 3, 4], value)
    for name, made in (("csr", sparse.csr_array), ("csc", sparse.csc_array)):
        sparse.save_npz(HERE / f"scipy-{name}.npz", made(matrix))
        tell(f"scipy-{name}.npz", "scipy", [0, 1, 2, 3], value)
    sparse.save_npz(HERE / "scipy-coo.npz", sparse.coo_array(both))
    tell("scipy-coo.npz", "scipy", [0, 1, 2, 3], value)
    np.savez(HERE / "numpy.npz", Q=matrix)
    tell("numpy.npz", "numpy", [0, 1, 2, 3], value)


MAKERS = {
    "dimod": with_dimod, "gurobipy": with_gurobipy, "pyscipopt": with_pyscipopt,
    "docplex": with_docplex, "pyomo": with_pyomo, "highspy": with_highspy, "scipy": with_scipy,
}  # fmt: skip


def main() -> None:
    path = HERE / "expected.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    for package, make in MAKERS.items():
        if importlib.util.find_spec(package) is not None:
            make()
            print(f"{package} {importlib.metadata.version(package)}", file=sys.stderr)
    whole = dict(sorted({**before, **EXPECTED}.items()))
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(said)}" for name, said in whole.items())
    path.write_text(f"{{\n{rows}\n}}\n")


if __name__ == "__main__":
    main()
