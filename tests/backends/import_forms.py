"""Functions that import what is charged for, in every form, or what is not; none is called."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any

import dwave.cloud as global_cloud
import dwave.system as global_system
import qiskit_ibm_runtime as global_runtime
from qiskit_ibm_runtime import fake_provider as global_fake

HOME, PACKAGE, NAME = "dwave.system", "dwave", "DWaveSampler"
CHOICES = {"client": "dwave.cloud", "runtime": "qiskit_ibm_runtime"}


# --- charged for: imports in the function


def runtime_as(problem: Any) -> Any:
    import qiskit_ibm_runtime as q

    return q.Sampler(mode=problem).run([])


def runtime_names(problem: Any) -> Any:
    from qiskit_ibm_runtime import EstimatorV2 as Estimator

    return Estimator(mode=problem)


def runtime_session(problem: Any) -> Any:
    import qiskit_ibm_runtime

    with qiskit_ibm_runtime.Session(backend=problem) as session:
        return session


def runtime_behind_a_fake(problem: Any) -> Any:
    import qiskit_ibm_runtime.fake_provider

    return qiskit_ibm_runtime.SamplerV2(mode=problem)


def system_as(problem: Any) -> Any:
    import dwave.system as ds

    return ds.LeapHybridCQMSampler()


def system_whole(problem: Any) -> Any:
    import dwave.system

    return dwave.system.DWaveCliqueSampler()


def system_named(problem: Any) -> Any:
    from dwave.system import LeapHybridNLSampler as Best

    return Best()


def system_behind_testing(problem: Any) -> Any:
    import dwave.system.testing

    return dwave.system.DWaveSampler()


def package_named(problem: Any) -> Any:
    from dwave import cloud as c

    return c.Client.from_config()


def cloud_behind_testing(problem: Any) -> Any:
    import dwave.cloud.testing

    return dwave.cloud.Client.from_config()


def cloud_within(problem: Any) -> Any:
    from dwave.cloud.client import Client as Asked

    return Asked.from_config()


def cloud_api(problem: Any) -> Any:
    from dwave.cloud import api

    return api.Problems.from_config()


def samplers_within(problem: Any) -> Any:
    import dwave.system.samplers as s

    return s


# --- by their names, as texts


def by_import_module(problem: Any) -> Any:
    return importlib.import_module("dwave.system").DWaveSampler()


def by_import_module_and_getattr(problem: Any) -> Any:
    module = importlib.import_module("qiskit_ibm_runtime")
    return getattr(module, "Batch")(backend=problem)  # noqa: B009


def by_relative_name(problem: Any) -> Any:
    return importlib.import_module(".system", "dwave").LeapHybridSampler()


def by_relative_name_and_keyword(problem: Any) -> Any:
    return importlib.import_module(".cloud", package="dwave").Client()


def by_dunder(problem: Any) -> Any:
    return __import__("dwave.system", fromlist=["DWaveSampler"]).DWaveSampler()


def by_sys_modules(problem: Any) -> Any:
    return sys.modules["dwave.system"].DWaveSampler()


def by_global_text(problem: Any) -> Any:
    return getattr(importlib.import_module(HOME), NAME)()


def by_text_in_a_table(problem: Any) -> Any:
    return importlib.import_module(CHOICES["client"]).Client()


def by_default_text(problem: Any, home: str = "dwave.system") -> Any:
    return importlib.import_module(home).DWaveSampler()


# --- through names that are bound elsewhere


def global_alias(problem: Any) -> Any:
    return global_system.LeapHybridBQMSampler()


def global_lazy_attribute(problem: Any) -> Any:
    return global_cloud.Client.from_config()


def global_runtime_alias(problem: Any) -> Any:
    return global_runtime.SamplerV2(mode=problem)


def in_a_lambda(problem: Any) -> Any:
    import dwave.system as ds

    return (lambda: ds.DWaveSampler())()


def in_a_function_within(problem: Any) -> Any:
    def ask() -> Any:
        import dwave.system as ds

        return [ds.DWaveSampler() for _ in range(2)]

    return ask()


def in_a_class_within(problem: Any) -> Any:
    class Asks:
        def ask(self) -> Any:
            import qiskit_ibm_runtime as q

            return q.QiskitRuntimeService()

    return Asks().ask()


def closed_over() -> Any:
    import dwave.system as ds

    def ask(problem: Any) -> Any:
        return ds.DWaveSampler()

    return ask


def _module() -> Any:
    import dwave.system as ds

    return ds


def by_a_helper(problem: Any) -> Any:
    return _module().DWaveSampler()


def by_a_helper_of_a_module(problem: Any) -> Any:
    from tests.backends import import_forms as ours

    return ours.runtime_as(problem)


def by_a_helper_of_a_relative_module(problem: Any) -> Any:
    from . import import_forms as ours

    return ours.system_as(problem)


def by_a_relative_helper(problem: Any) -> Any:
    from .import_forms import package_named as ask

    return ask(problem)


class Binds:
    """One method imports, another uses."""

    def __init__(self) -> None:
        self.vendor = importlib.import_module("qiskit_ibm_runtime")

    def __call__(self, problem: Any) -> Any:
        return self.vendor.EstimatorV2(mode=problem)


class BindsLate:
    def __call__(self, problem: Any) -> Any:
        self._load()
        return self.vendor.DWaveSampler()

    def _load(self) -> None:
        import dwave.system as vendor

        self.vendor = vendor


def has_an_attribute(problem: Any) -> Any:
    return has_an_attribute.vendor.DWaveSampler()  # type: ignore[attr-defined]


has_an_attribute.vendor = global_system  # type: ignore[attr-defined]


def asks_by_partial() -> Any:
    return functools.partial(getattr, global_system, "DWaveSampler")


PAID: dict[str, Any] = {
    function.__name__: function
    for function in (
        runtime_as,
        runtime_names,
        runtime_session,
        runtime_behind_a_fake,
        system_as,
        system_whole,
        system_named,
        system_behind_testing,
        package_named,
        cloud_behind_testing,
        cloud_within,
        cloud_api,
        samplers_within,
        by_import_module,
        by_import_module_and_getattr,
        by_relative_name,
        by_relative_name_and_keyword,
        by_dunder,
        by_sys_modules,
        by_global_text,
        by_text_in_a_table,
        by_default_text,
        global_alias,
        global_lazy_attribute,
        global_runtime_alias,
        in_a_lambda,
        in_a_function_within,
        in_a_class_within,
        by_a_helper,
        by_a_helper_of_a_module,
        by_a_helper_of_a_relative_module,
        by_a_relative_helper,
        has_an_attribute,
    )
}
PAID |= {"closed_over": closed_over(), "partial": asks_by_partial()}
PAID |= {"class": Binds, "instance": Binds(), "late class": BindsLate, "late": BindsLate()}


# --- not charged for


def dimod_as(problem: Any) -> Any:
    import dimod as d

    return d.ExactSolver().sample(problem.bqm)


def samplers_as(problem: Any) -> Any:
    import dwave.samplers as s

    return s.SimulatedAnnealingSampler().sample(problem.bqm)


def samplers_by_name(problem: Any) -> Any:
    return importlib.import_module("dwave.samplers").TabuSampler().sample(problem.bqm)


def fake_device(problem: Any) -> Any:
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2 as Device

    return Device()


def fake_module(problem: Any) -> Any:
    import qiskit_ibm_runtime as q

    return q.fake_provider.FakeManilaV2()


def fake_module_named(problem: Any) -> Any:
    from qiskit_ibm_runtime import fake_provider as f

    return f.FakeManilaV2()


def fake_by_name(problem: Any) -> Any:
    return importlib.import_module("qiskit_ibm_runtime.fake_provider").FakeManilaV2()


def fake_global(problem: Any) -> Any:
    return global_fake.FakeManilaV2()


def aer_on_a_fake_device(problem: Any) -> Any:
    """Aer's primitive has the name that IBM's has."""
    from qiskit_aer.primitives import SamplerV2
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    return SamplerV2.from_backend(FakeManilaV2())


def catches_the_vendors_errors(problem: Any) -> Any:
    from qiskit_ibm_runtime import IBMRuntimeError
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    try:
        return FakeManilaV2()
    except (IBMRuntimeError, global_runtime.RuntimeJobFailureError):
        return None


def settings_alone(problem: Any) -> Any:
    from qiskit_ibm_runtime.options import SamplerOptions

    return SamplerOptions(), global_runtime.RuntimeEncoder


def composites_alone(problem: Any) -> Any:
    import dwave.system as ds

    return ds.EmbeddingComposite


def another_client(problem: Any) -> Any:
    import http.client as cloud

    return cloud.HTTPConnection("localhost"), problem.Client, problem.Session


FREE = [
    dimod_as,
    samplers_as,
    samplers_by_name,
    fake_device,
    fake_module,
    fake_module_named,
    fake_by_name,
    fake_global,
    aer_on_a_fake_device,
    catches_the_vendors_errors,
    settings_alone,
    composites_alone,
    another_client,
]
