"""simulated-bifurcation, which is written in PyTorch and draws from its global random state."""

from secateur.backends import option, preserved_global_rng, wrap


def solve(problem, options):
    import simulated_bifurcation as sb
    import torch

    with preserved_global_rng(options.seed):
        bits, _ = sb.minimize(
            torch.tensor(problem.as_matrix()),
            domain="binary",
            agents=options.agents,
            best_only=False,
            verbose=False,
        )
    return bits.numpy().round()


mine = wrap(
    solve,
    options={
        "agents": option(128, "runs at once", least=1, most=100_000),
        "seed": option(None, "random seed", least=0, most=2**31 - 1),
    },
    requires=["simulated-bifurcation"],
)
