"""The backend template: one-flip descent from random starts. Put your solver into ``solve``."""

import time
from dataclasses import dataclass

import numpy as np
from secateur.backends import Backend, BackendOptions, Capabilities, Solution, option


@dataclass(frozen=True)
class TemplateOptions(BackendOptions):
    """Options of template."""

    reads: int = option(50, "random starts", least=1, most=1_000_000)
    seed: int | None = option(None, "random seed", least=0, most=2**31 - 1)


class Template(Backend):
    """Minimises ``offset + linear·z + ½ z'·couplings·z`` over zeros and ones."""

    name = "template"
    capabilities = Capabilities(stochastic=True, takes_seed=True)
    Options = TemplateOptions

    def solve(self, problem, options):
        """Flip the best bit of every row until no flip lowers its energy."""
        started = time.monotonic()
        shape = (options.reads, problem.n)
        bits = np.random.default_rng(options.seed).integers(0, 2, shape)
        noise = 1e-12 * (np.abs(problem.linear).sum() + np.abs(problem.quadratic[2]).sum())
        while True:
            change = (1 - 2 * bits) * (problem.linear + bits @ problem.couplings)
            rows = np.flatnonzero(change.min(axis=1, initial=0.0) < -noise)
            if not len(rows):
                break
            bits[rows, change[rows].argmin(axis=1)] ^= 1
        took = time.monotonic() - started
        return Solution.from_bits(problem, bits, options, took, versions={"numpy": np.__version__})
