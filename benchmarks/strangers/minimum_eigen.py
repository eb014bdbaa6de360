"""qiskit-optimization's MinimumEigenOptimizer with its own QAOA, simulated."""

from secateur.backends import option, wrap


def make(*, reps: int = 1, seed: int | None = None):
    from qiskit.primitives import StatevectorSampler
    from qiskit_optimization.algorithms import MinimumEigenOptimizer
    from qiskit_optimization.minimum_eigensolvers import QAOA
    from qiskit_optimization.optimizers import COBYLA
    from qiskit_optimization.utils import algorithm_globals

    algorithm_globals.random_seed = seed
    sampler = StatevectorSampler(seed=seed)
    return MinimumEigenOptimizer(QAOA(sampler, COBYLA(maxiter=20), reps=reps))


mine = wrap(
    make,
    options={
        "reps": option(1, "layers", least=1, most=10),
        "seed": option(None, "random seed", least=0, most=2**31 - 1),
    },
    max_variables=8,
    requires=["qiskit-optimization"],
)
