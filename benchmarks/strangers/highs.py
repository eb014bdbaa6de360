"""HiGHS on the linearised problem, which takes the count and proves."""

from time import monotonic

from secateur.backends import Solution, Status, Stopped, option, wrap


def solve(problem, options):
    import highspy

    started = monotonic()
    matrix = problem.as_matrix(upper=True)
    largest = abs(matrix).max() or 1.0
    model = highspy.Highs()
    model.silent()
    model.setOptionValue("threads", 1)
    model.setOptionValue("mip_rel_gap", 0.0)
    model.setOptionValue("time_limit", options.time_limit)
    x = [model.addBinary() for _ in range(problem.n)]
    terms = []
    for i, j in zip(*matrix.nonzero(), strict=True):
        product = x[i]
        if i != j:
            product = model.addVariable(0, 1)
            model.addConstr(product <= x[i])
            model.addConstr(product <= x[j])
            model.addConstr(product >= x[i] + x[j] - 1)
        terms.append(matrix[i, j] / largest * product)
    if problem.count is not None:
        model.addConstr(sum(x) == problem.count)
    model.minimize(sum(terms, 0.0 * x[0]))
    if model.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return []
    bits = [[round(value) for value in model.vals(x)]]
    energy = float(problem.energies(bits)[0])
    proven = model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    told = abs(matrix[matrix.nonzero()]).min(initial=largest) > 1e-6 * largest
    return Solution.from_bits(
        problem,
        bits,
        options,
        monotonic() - started,
        status=Status.OPTIMAL if proven and told else Status.FEASIBLE,
        stopped=Stopped.COMPLETED if proven else Stopped.TIME_LIMIT,
        bound=energy if proven and told else None,
    )


mine = wrap(
    solve,
    options={"time_limit": option(10.0, "stop after so long", least=0.01, unit="s")},
    native={"count"},
    exact=True,
    requires=["highspy"],
)
