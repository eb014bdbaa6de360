"""A workflow of dwave-hybrid without a QPU: tabu search races annealing on parts."""

from secateur.backends import option, wrap


def make(*, time_limit: float = 1.0):
    import hybrid

    parts = (
        hybrid.EnergyImpactDecomposer(size=10, rolling=True)
        | hybrid.SimulatedAnnealingSubproblemSampler()
        | hybrid.SplatComposer()
    )
    step = hybrid.RacingBranches(hybrid.InterruptableTabuSampler(), parts) | hybrid.ArgMin()
    return hybrid.HybridSampler(hybrid.Loop(step, convergence=2, max_time=time_limit))


mine = wrap(
    make,
    options={"time_limit": option(1.0, "stop after so long", least=0.01, unit="s")},
    stochastic=True,
    requires=["dwave-hybrid"],
)
