"""OR-tools' CP-SAT, which takes the count; with whole-numbered coefficients it proves nothing."""

from secateur.backends import option, wrap


def solve(problem, options):
    from ortools.sat.python import cp_model

    matrix = problem.as_matrix(upper=True)
    largest = abs(matrix).max() or 1.0
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{k}") for k in range(problem.n)]
    terms = []
    for i, j in zip(*matrix.nonzero(), strict=True):
        product = x[i]
        if i != j:
            product = model.new_bool_var(f"x{i}x{j}")
            model.add_multiplication_equality(product, [x[i], x[j]])
        terms.append(round(1e6 * matrix[i, j] / largest) * product)
    model.minimize(sum(terms))
    if problem.count is not None:
        model.add(sum(x) == problem.count)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = options.time_limit
    solver.parameters.num_workers = 1
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return []
    return [solver.value(one) for one in x]


mine = wrap(
    solve,
    options={"time_limit": option(10.0, "stop after so long", least=0.01, unit="s")},
    native={"count"},
    requires=["ortools"],
)
