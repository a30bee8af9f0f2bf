"""A cluster that Ray runs: jobs go to whichever machine has room.

``ray`` takes the cluster that ``RAY_ADDRESS`` names or that runs on this machine; ``ray:ADDRESS``
another one, of which this machine must be a part.
"""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.jobs.executor import ExecutorModule, Opening
from harness.jobs.executors._remote import TICK_S, Flight, LostError, Remote
from harness.jobs.transport import Answer, File, Refusal, machine, perform, software
from harness.system.environment import Machine

CONNECT_S = 10.0
PATIENCE = {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}
"""Ray itself would end this process, without a sentence, a minute after its head is lost."""
PROBE_S = 120.0
"""How long a machine may take to say what it is."""


class RayExecutor(Remote):
    """One job per processor of the cluster, or per GPU."""

    def __init__(self) -> None:
        super().__init__()
        import ray

        self._ray = ray
        self._software = software()
        self._perform = ray.remote(max_retries=0)(_perform)
        self._machine = ray.remote(max_retries=0)(machine)
        self._whole: dict[str, Any] | None = None
        self._all: list[dict[str, Any]] = []
        self._listed = float("-inf")
        self._head = ray.get_runtime_context().gcs_address
        self._head_is_lost = False

    def machine(self, device: str) -> Machine:
        """The machine that latency is measured on: of those with a GPU, if one is asked for or
        there is any, the one with most processors.

        Raises:
            ConfigError: a GPU is asked for and no machine has one, or no machine can be used.
        """
        nodes = self._nodes()
        with_gpu = [node for node in nodes if node["Resources"].get("GPU")]
        if device == "cuda" and not with_gpu:
            cpus = sum(int(node["Resources"].get("CPU", 0)) for node in nodes)
            raise ConfigError(
                f"--device cuda: no machine of the Ray cluster has a GPU ({len(nodes)} machines, "
                f"{cpus} processors); use --device cpu, or let one that has join it"
            )
        found = "cuda" if with_gpu and device != "cpu" else "cpu"
        chosen = with_gpu if found == "cuda" else nodes
        for node in sorted(chosen, key=lambda n: (-n["Resources"].get("CPU", 0), n["NodeID"])):
            answer = self._ask(node, found)
            if isinstance(answer, Machine):
                self._whole = node
                return answer
            if isinstance(answer, Refusal):
                self._refuse(answer)
        raise ConfigError(f"--executor ray: no machine can be used: {self.why_nobody()}")

    def _ask(self, node: Mapping[str, Any], device: str) -> Machine | Refusal | None:
        """None where it does not answer."""
        cpus = max(1, int(node["Resources"].get("CPU", 1)))
        asked = self._machine.options(num_cpus=0, **_only_on(node))
        found = asked.remote(self._software, node["NodeID"], device, cpus)
        try:
            answer: Machine | Refusal = self._ray.get(found, timeout=PROBE_S)
        except self._ray.exceptions.RayError as error:
            self.tell(f"Note: a machine does not answer: {_sentence(error)}")
            return None
        return answer

    def _nodes(self) -> list[dict[str, Any]]:
        """Machines that are there and take jobs."""
        if time.monotonic() - self._listed > TICK_S:
            try:
                _check_answers(self._head)
                self._all, self._head_is_lost = self._ray.nodes(), False
            except OSError:
                self._all, self._head_is_lost = [], True
            self._listed = time.monotonic()
        return [node for node in self._all if node["Alive"] and node["NodeID"] not in self.refused]

    def slots(self, device: str) -> int:
        what = "GPU" if device == "cuda" else "CPU"
        return sum(int(node["Resources"].get(what, 0)) for node in self._nodes())

    def why_nobody(self) -> str:
        return "the head of the Ray cluster is lost" if self._head_is_lost else super().why_nobody()

    def start(self, flight: Flight, parcels: bytes, handles: dict[str, Any]) -> Any:
        options: dict[str, Any] = {"num_cpus": 1}
        if flight.alone:
            options = self._whole_machine()
        else:
            if flight.jobs[0].inputs.get("device") == "cuda":
                options["num_gpus"] = 1
            if self.refused:
                options["label_selector"] = {"ray.io/node-id": f"!in({','.join(self.refused)})"}
        # Within a list, so that Ray does not fetch what the machine may have.
        sent = {sha256: [handle] for sha256, handle in handles.items()}
        return self._perform.options(**options).remote(self._software, parcels, sent, flight.do)

    def _whole_machine(self) -> dict[str, Any]:
        """What reserves all of the machine that latency was planned for, or of one like it."""
        node = self._whole
        if node is None or node["NodeID"] not in {each["NodeID"] for each in self._nodes()}:
            # A machine of another model refuses what was planned for this one.
            self.machine("cuda" if node and node["Resources"].get("GPU") else "cpu")
            node = self._whole
        assert node is not None
        whole = node["Resources"]
        return {
            "num_cpus": whole.get("CPU", 0),
            "num_gpus": whole.get("GPU", 0),
            **_only_on(node),
        }

    def wait(self, tokens: Sequence[Any], timeout_s: float) -> list[Any]:
        if not tokens:
            return []
        self._ray.wait(list(tokens), num_returns=1, timeout=timeout_s)
        # One is enough to wait for; take all that are there.
        done, _ = self._ray.wait(list(tokens), num_returns=len(tokens), timeout=0)
        return [*done]

    def answer(self, token: Any) -> Answer:
        errors = self._ray.exceptions
        try:
            found: Answer = self._ray.get(token)
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, ImportError) or "failed to import on the worker" in str(cause):
                raise ConfigError(
                    "a machine of the Ray cluster cannot import this program "
                    f"({_sentence(cause)}); install it there in the Python that `ray start` runs in"
                ) from error
            raise
        except errors.RayError as error:
            raise LostError(_sentence(error)) from error
        return found

    def put(self, file: File) -> Any:
        return self._ray.put(Path(file.path).read_bytes())


def _perform(
    wanted: Mapping[str, str],
    parcels: bytes,
    sent: Mapping[str, list[Any]],
    do: Any,
) -> Answer:
    """In a worker process of Ray's."""
    import ray

    context = ray.get_runtime_context()
    cpus = int(context.get_assigned_resources().get("CPU", 1))
    _share(cpus)

    def fetched(reference: Any) -> Callable[[], bytes]:
        return lambda: bytes(ray.get(reference))

    fetch = {sha256: fetched(reference) for sha256, (reference,) in sent.items()}
    return perform(wanted, context.get_node_id(), parcels, fetch, do)


def _share(cpus: int) -> None:
    """Share processors and memory with the other worker processes of this machine."""
    import ray
    import torch

    from harness.jobs.quality.samples import CACHE

    torch.set_num_threads(cpus)
    here = ray.get_runtime_context().get_node_id()
    processors = [n["Resources"].get("CPU", 1) for n in ray.nodes() if n["NodeID"] == here]
    CACHE.share(max(1, int(sum(processors)) // cpus))


def _only_on(node: Mapping[str, Any]) -> dict[str, Any]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)}


def _sentence(error: Exception) -> str:
    """The first sentence of what Ray says, which goes on for many lines."""
    first = " ".join(str(error).split("\n\n")[0].split())
    return first.split(". ")[0].rstrip(".") or type(error).__name__


def _check_answers(address: str) -> None:
    """OSError at once where nobody listens at HOST:PORT: Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), CONNECT_S).close()


@contextmanager
def _open(opening: Opening) -> Iterator[RayExecutor]:
    """Join the cluster.

    Raises:
        ConfigError: there is none.
    """
    os.environ.update({**PATIENCE, **os.environ})
    import ray

    before = signal.getsignal(signal.SIGTERM)
    try:
        _check_answers(opening.address)
        ray.init(
            address=opening.address or "auto",
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError) as error:
        where = f"at {opening.address}" if opening.address else "here"
        raise ConfigError(
            f"no Ray cluster {where} that this machine is part of ({_sentence(error)}); start one "
            "with `ray start --head`, and join it from other machines with "
            "`ray start --address=HOST:6379`"
        ) from error
    finally:
        # Ray answers SIGTERM in a way of its own.
        signal.signal(signal.SIGTERM, before)
    try:
        yield RayExecutor()
    finally:
        ray.shutdown()


EXECUTOR = ExecutorModule(open=_open, package="ray", address="ADDRESS")
