"""D-Wave's quantum computers, through minor embedding.

A dense QUBO does not fit the wires of the chip: every variable becomes a chain of qubits. A dense
problem gets the regular embedding of a clique, which is quick and has chains of one length; a
sparse one a heuristic embedding. The steps are those of Ocean's ``EmbeddingComposite``, taken one
by one: the embedding has to be in the journal before the job is sent, since an answer that is
fetched by a later process cannot be read without it.
"""

from __future__ import annotations

import dataclasses
import importlib
import time
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from secateur.backends import (
    Applicability,
    BackendOptions,
    Capabilities,
    Solution,
    Stopped,
    option,
)
from secateur.errors import BackendUnsuitable
from secateur.lazy import dimod
from secateur.problem import Problem
from secateur.seeds import LARGEST_SEED
from secateur_backends.leap import positional, service_of
from secateur_backends.leap_answer import Read, read_answer, solution, understood, untyped
from secateur_backends.leap_cost import Estimate, shape
from secateur_backends.leap_jobs import Job, State
from secateur_backends.leap_options import LeapOptions, installed
from secateur_backends.leap_run import LeapBackend, Plan

_DENSE = 0.3
"""Above this density the heuristic finds nothing better than the regular embedding of a clique."""

Embedding = dict[int, tuple[int, ...]]

CITATION = """
@article{johnson2011quantum,
  author  = {Johnson, M. W. and Amin, M. H. S. and Gildert, S. and others},
  title   = {Quantum annealing with manufactured spins},
  journal = {Nature},
  volume  = {473},
  pages   = {194--198},
  year    = {2011},
  doi     = {10.1038/nature10012}
}
@misc{cai2014practical,
  author        = {Cai, Jun and Macready, William G. and Roy, Aidan},
  title         = {A practical heuristic for finding graph minors},
  year          = {2014},
  eprint        = {1406.2741},
  archivePrefix = {arXiv}
}
"""


@dataclass(frozen=True)
class LeapQPUOptions(LeapOptions):
    """Options of the quantum computers."""

    num_reads: int = option(100, "samples to take", least=1, most=10_000)
    annealing_time: float | None = option(
        None, "of one sample; None: the solver's default", least=0, unit="µs"
    )
    chain_strength: float | None = option(
        None, "coupling inside a chain; None: by uniform torque compensation", least=0
    )
    embedding_seed: int = option(
        0, "seed of the heuristic embedding (the samples have none)", least=0, most=LARGEST_SEED
    )
    embedding_timeout: float = option(60.0, "give up looking for an embedding", least=0.1, unit="s")


class LeapQPU(LeapBackend):
    """A quantum computer of Leap.

    Arguments:
        sampler: for rehearsals: a ``dimod.Structured`` sampler in place of the service, such as
            ``dwave.system.testing.MockDWaveSampler()``. Embedding, chains and reading are the
            same; nothing is sent, journalled or charged, and no token is needed.
    """

    name: ClassVar[str] = "leap-qpu"
    qpu: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ("dwave-system", "dwave-cloud-client", "dimod")
    capabilities: ClassVar[Capabilities] = Capabilities(
        # the largest complete graph that fits today's chips is about 180 when every qubit works
        max_variables=150,
        stochastic=True,
        metered=True,
    )
    Options: ClassVar[type[BackendOptions]] = LeapQPUOptions
    citation: ClassVar[str] = CITATION

    def __init__(self, sampler: Any = None) -> None:
        self._sampler = sampler

    def kind(self, problem: Problem, options: Any) -> str:
        """Always "qpu"; a wanted count is not looked at, as the capabilities say."""
        most = self.capabilities.max_variables or 0
        if problem.n > most:
            raise BackendUnsuitable(
                f"backend {self.name!r}: {problem.n} variables, and chips of today embed at most "
                f"about {most} that are densely coupled; nothing was sent",
                backend=self.name,
                remedy="use 'leap', or solve it in parts",
            )
        return "qpu"

    def determines(self, options: Any) -> dict[str, Any]:
        """The service and the options of sampling, as they were asked for."""
        names = ("num_reads", "annealing_time", "chain_strength")
        return service_of(options) | {name: getattr(options, name) for name in names}

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """By size; the charge depends on the embedding and so on the chip."""
        base = super().applicability(problem, options)
        if not base.applicable:
            return base
        note = "the charge is known once the problem is embedded: `dry_run` tells it, at no charge"
        return Applicability(True, reason=note)

    def solve(self, problem: Problem, options: Any) -> Solution:
        """Sample on the chip, or on the rehearsal's sampler."""
        if self._sampler is None or problem.n == 0:
            return super().solve(problem, options)
        began = time.monotonic()
        self.kind(problem, options)
        sampler = self._sampler
        topology = dict(sampler.properties.get("topology", {}))
        made = self._embedded(problem, options, sampler.nodelist, sampler.edgelist, topology)
        embedding, strength, embedded = made
        samples = sampler.sample(embedded, **_sampling(options))
        samples.resolve()
        job = Job(
            key="",
            label="rehearsal",
            state=State.ANSWERED,
            backend=self.name,
            kind="qpu",
            solver=type(sampler).__name__,
            n=problem.n,
            extra=_kept(embedding, strength),
        )
        read = self.read(problem, job, samples)
        if read.error is not None:
            raise read.error
        found = solution(
            problem,
            job,
            read,
            began,
            stopped=Stopped.COMPLETED,
            versions=installed(self.packages),
            options=options.public(),
        )
        # whatever a stand-in says that it charges
        return dataclasses.replace(found, timings=dataclasses.replace(found.timings, access=0.0))

    def plan(self, problem: Problem, options: Any, kind: str, solver: Any) -> Plan:
        """Embed the problem, and estimate the charge by the solver's own timing model."""
        self._check_ranges(options, solver)
        topology = dict(solver.properties.get("topology", {}))
        embedding, strength, embedded = self._embedded(
            problem, options, solver.nodes, solver.undirected_edges, topology
        )
        qubits = sum(len(chain) for chain in embedding.values())
        charge, note = None, ""
        try:
            charge = solver.estimate_qpu_access_time(qubits, **_sampling(options)) * 1e-6
        except (KeyError, ValueError):
            note = "the solver does not say how long it takes"
        estimate = Estimate(
            solver=solver.name, qubits=qubits, charge_s=charge, note=note, **shape(problem, kind)
        )
        params = _sampling(options)

        def send(data: str | None, label: str) -> Any:
            return solver.sample_bqm(embedded, label=label, **params)

        return Plan(estimate, params, send, extra=_kept(embedding, strength))

    def read(self, problem: Problem, job: Job, samples: dimod.SampleSet) -> Read:
        """Verify the answer over the qubits, then let each chain vote."""
        from dwave.embedding import embed_bqm, unembed_sampleset

        model = positional(problem)
        embedding = {int(v): tuple(chain) for v, chain in job.extra["embedding"].items()}
        # neighbours on the chip are not needed to know which of them the model uses
        couplers = [tuple(pair) for pair in job.extra["couplers"]]
        adjacency = _adjacency((q for chain in embedding.values() for q in chain), couplers)
        embedded = embed_bqm(
            model, embedding, adjacency, chain_strength=float(job.extra["chain_strength"])
        )
        embedded.offset = 0.0
        bits, wrong = read_answer(samples, embedded)
        rows = understood(samples, bits, wrong, job)
        if wrong is not None:
            return rows
        over_qubits = untyped.SampleSet.from_samples(
            (bits, list(embedded.variables)),
            vartype="BINARY",
            energy=embedded.energies((bits, list(embedded.variables))),
            num_occurrences=rows.occurrences,
        )
        voted = unembed_sampleset(over_qubits, embedding, model, chain_break_fraction=True)
        order = [list(voted.variables).index(i) for i in range(problem.n)]
        broken = float(np.average(voted.record.chain_break_fraction, weights=rows.occurrences))
        return Read(
            bits=np.asarray(voted.record.sample[:, order], np.int8),
            occurrences=np.asarray(voted.record.num_occurrences, np.intp),
            info=dict(rows.info) | {"chain_break_fraction": broken},
            charge_s=rows.charge_s,
            solve_s=rows.solve_s,
        )

    def _embedded(
        self,
        problem: Problem,
        options: Any,
        nodes: Iterable[int],
        edges: Iterable[tuple[int, int]],
        topology: Mapping[str, Any],
    ) -> tuple[Embedding, tuple[float, list[tuple[int, int]]], dimod.BinaryQuadraticModel]:
        """The embedding, the chain strength with the couplers used, and the embedded model."""
        from dwave.embedding import embed_bqm
        from dwave.embedding.chain_strength import uniform_torque_compensation

        model = positional(problem)
        nodes, edges = sorted(nodes), sorted(edges)
        embedding = _clique(problem, nodes, edges, topology) or _heuristic(
            model, edges, options.embedding_seed, options.embedding_timeout
        )
        if len(embedding) < problem.n:
            raise BackendUnsuitable(
                f"backend {self.name!r}: no embedding of {problem.n} variables with "
                f"{model.num_interactions} couplings on {len(nodes)} qubits was found in "
                f"{options.embedding_timeout:g} s; nothing was sent",
                backend=self.name,
                remedy="raise `embedding_timeout`, try another `embedding_seed`, or use 'leap'",
            )
        strength = options.chain_strength
        if strength is None:
            strength = float(uniform_torque_compensation(model, embedding))
        adjacency = _adjacency(nodes, edges)
        embedded = embed_bqm(model, embedding, adjacency, chain_strength=strength)
        # the service does not keep an offset: an answer fetched by id would state other energies
        embedded.offset = 0.0
        used = {q for chain in embedding.values() for q in chain}
        couplers = [(u, v) for u, v in edges if u in used and v in used]
        return embedding, (strength, couplers), embedded

    def _check_ranges(self, options: Any, solver: Any) -> None:
        for name, value in _sampling(options).items():
            low, high = solver.properties.get(f"{name}_range", (value, value))
            if not low <= value <= high:
                raise BackendUnsuitable(
                    f"backend {self.name!r}: `{name}` is {value:g}, and {solver.name} takes "
                    f"{low:g} to {high:g}; nothing was sent",
                    backend=self.name,
                    remedy=f"choose a value of `{name}` in this range",
                )


def _sampling(options: Any) -> dict[str, Any]:
    params = {"num_reads": options.num_reads, "annealing_time": options.annealing_time}
    return {name: value for name, value in params.items() if value is not None}


def _kept(embedding: Embedding, strength: tuple[float, list[tuple[int, int]]]) -> dict[str, Any]:
    return {
        "embedding": {str(v): [int(q) for q in chain] for v, chain in embedding.items()},
        "chain_strength": strength[0],
        "couplers": [[int(u), int(v)] for u, v in strength[1]],
    }


def _adjacency(
    nodes: Iterable[int], edges: Iterable[tuple[int, int]]
) -> dict[Hashable, set[Hashable]]:
    found: dict[Hashable, set[Hashable]] = {node: set() for node in nodes}
    for u, v in edges:
        found[u].add(v)
        found[v].add(u)
    return found


def _clique(
    problem: Problem,
    nodes: list[int],
    edges: list[tuple[int, int]],
    topology: Mapping[str, Any],
) -> Embedding:
    """The regular embedding of a complete graph, for dense problems on a chip of known shape."""
    from minorminer import busclique

    make = getattr(_graphs(), f"{topology.get('type')}_graph", None)
    if make is None or shape(problem, "qpu")["density"] < _DENSE:
        return {}
    chip = make(*topology["shape"], node_list=nodes, edge_list=edges)
    found = busclique.find_clique_embedding(problem.n, chip, use_cache=False)
    return {int(v): tuple(map(int, chain)) for v, chain in found.items()}


def _graphs() -> Any:
    """The package with the chips' graphs, which was renamed; None if there is neither."""
    for name in ("dwave.graphs", "dwave_networkx"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _heuristic(
    model: dimod.BinaryQuadraticModel, edges: list[tuple[int, int]], seed: int, timeout: float
) -> Embedding:
    """An embedding by minorminer."""
    from minorminer import find_embedding  # type: ignore[import-untyped,unused-ignore]

    # an edge to itself, so that a variable without couplings gets a qubit, too
    source = [*model.quadratic, *((v, v) for v in model.variables)]
    found = find_embedding(source, edges, random_seed=seed, timeout=timeout)
    return {int(v): tuple(map(int, chain)) for v, chain in found.items()}
