"""The training loop: steps, averaged weights, logs and checkpoints."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from harness.errors import HarnessError
from harness.system.interrupts import raise_interrupt
from harness.training.checkpoint import NAME, damaged, read_checkpoint, write_checkpoint
from harness.training.engine import wants_bf16
from harness.training.log import CsvLog, Row
from harness.training.loss import Objective
from harness.training.optim import make_optimizers, rate_factor, set_rates
from harness.training.patches import PatchBank, PatchBatch, Pyramid
from harness.training.prefetch import Prefetcher
from harness.training.progress import Progress
from harness.training.recipe import Recipe
from harness.training.rng import SCALE, generator
from harness.training.teacher import Teacher
from harness.training.validation import validate
from variants.backbones.base import SRModel
from variants.catalog import SCALES

LOG_NAME = "log.csv"


class DivergedError(HarnessError):
    """The loss or its gradient stopped being a number."""


@dataclass
class Outcome:
    """What a finished loop leaves: averaged weights, time and the validation curve."""

    network: SRModel
    steps: int
    wall_s: float
    curve: list[dict[str, float]] = field(default_factory=list)


@dataclass
class _Window:
    """Sums since the last logged step."""

    losses: list[Tensor] = field(default_factory=list)
    norms: list[Tensor] = field(default_factory=list)
    levels: Tensor | None = None
    images: int = 0
    input_s: float = 0.0
    start: float = field(default_factory=time.monotonic)


class Loop:
    """One training run, resumable at its checkpoint.

    Args:
        network: initialised; it is trained in place.
        recipe: what to do.
        trained: scales trained in every step or drawn from, by ``recipe.per_step``.
        validated: scales whose PSNR is measured: all that the network serves.
        bank: training patches.
        held_out: validation images.
        folder: receives the checkpoint and the log.
        identity: of this run; a checkpoint of another one is refused.
        belongs: which network it is, as weights files record it.
        fabric: launched.
        title: for people.
        shown: whether progress is printed.
        teacher: that it learns from beside the truth.
    """

    def __init__(
        self,
        network: SRModel,
        recipe: Recipe,
        *,
        trained: Sequence[int],
        validated: Sequence[int],
        bank: PatchBank,
        held_out: Sequence[Pyramid],
        folder: Path,
        identity: str,
        belongs: Mapping[str, str],
        fabric: Fabric,
        title: str,
        shown: bool,
        teacher: Teacher | None = None,
    ) -> None:
        self._recipe, self._bank, self._held_out = recipe, bank, held_out
        self._trained, self._validated = tuple(trained), tuple(validated)
        self._folder, self._identity, self._fabric = folder, identity, fabric
        self._belongs = dict(belongs)
        self._title, self._shown = title, shown and fabric.is_global_zero
        self._network = network.train()
        self._bf16 = wants_bf16(recipe.precision, fabric.device.type)
        if teacher is not None:
            teacher.to(fabric.device)
        objective = Objective(
            network, recipe.loss, fabric.world_size, bf16=self._bf16, teacher=teacher
        )
        self._objective = fabric.setup_module(objective)
        self._optimizers: list[Any] = [
            fabric.setup_optimizers(o) for o in make_optimizers(self._network, recipe)
        ]
        self._average = copy.deepcopy(network).requires_grad_(False).eval()
        self._done, self._wall_s = 0, 0.0
        self._curve: list[dict[str, float]] = []

    @property
    def _checkpoint(self) -> Path:
        return self._folder / NAME

    def run(self, on_step: Callable[[int, Tensor], None] | None = None) -> Outcome:
        """Train to the recipe's last step, from the checkpoint if there is one.

        Args:
            on_step: called with the finished step's number (from 1) and this process' loss.

        Raises:
            DivergedError: a loss or gradient is not finite.
            ConfigError: the checkpoint or the log that it goes on from is damaged.
            OSError: the folder cannot be written; what it holds is intact.
        """
        self._resume()
        log = CsvLog(self._folder / LOG_NAME, self._done) if self._fabric.is_global_zero else None
        ahead = self._fabric.device.type != "cpu"
        progress = Progress(self._title, self._recipe.steps, self._done, self._shown)
        window, saved = _Window(), time.monotonic()
        with progress, Prefetcher(self._draw, self._recipe.steps - 1, ahead=ahead) as patches:
            for step in range(self._done, self._recipe.steps):
                raise_interrupt()
                loss = self._step(step, patches, window)
                self._done = step + 1
                progress.advance()
                if on_step:
                    on_step(self._done, loss)
                last = self._done == self._recipe.steps
                if not last and self._done % self._recipe.log_every:
                    continue
                row, scores = self._summarise(window, step)
                progress.report(float(row["loss"] or 0), float(row["images_per_s"] or 0), scores)
                if log:
                    log.append(row)
                window = _Window()
                if last or time.monotonic() - saved >= self._recipe.checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
        return Outcome(self._average, self._done, self._wall_s, self._curve)

    def _step(self, step: int, patches: Prefetcher, window: _Window) -> Tensor:
        start = time.monotonic()
        batches = patches(step)
        window.input_s += time.monotonic() - start
        set_rates(self._optimizers, rate_factor(self._recipe, step))
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        loss, levels = self._objective(batches)
        self._fabric.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(
            self._network.parameters(), self._recipe.clip or float("inf")
        )
        for optimizer in self._optimizers:
            optimizer.step()
        self._update_average(step)
        result: Tensor = loss.detach()
        window.losses.append(result)
        window.norms.append(norm)
        window.levels = levels if window.levels is None else window.levels + levels
        window.images += sum(batch.global_images for batch in batches)
        return result

    def _draw(self, step: int) -> list[PatchBatch]:
        recipe, seed = self._recipe, self._recipe.seed
        scales = list(self._trained)
        if recipe.per_step == "one" and len(scales) > 1:
            shares = [recipe.batches[s].share for s in scales]  # type: ignore[index]
            chances = [share / sum(shares) for share in shares]
            scales = [int(generator(seed, step, SCALE).choice(scales, p=chances))]
        rank, world = self._fabric.global_rank, self._fabric.world_size
        return [
            self._bank.draw(
                scale,
                recipe.batches[scale],  # type: ignore[index]
                seed=seed,
                step=step,
                rank=rank,
                world=world,
            ).to(self._fabric.device)
            for scale in scales
        ]

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        # Early on the average follows closely, or it would remember the initial weights.
        decay = min(self._recipe.ema, (1 + step) / (10 + step))
        averages: list[Tensor] = list(self._average.parameters())
        currents: list[Tensor] = list(self._network.parameters())
        torch._foreach_lerp_(averages, currents, 1 - decay)

    def _summarise(self, window: _Window, step: int) -> tuple[Row, dict[int, float]]:
        losses = torch.stack(window.losses)
        norms = torch.stack(window.norms)
        self._check_finite(losses, norms, step)
        assert window.levels is not None
        seconds = time.monotonic() - window.start
        self._wall_s += seconds
        means = self._fabric.all_reduce(losses.mean())
        levels = self._fabric.all_reduce(window.levels, reduce_op="sum")
        assert isinstance(means, Tensor)
        assert isinstance(levels, Tensor)
        row: Row = {
            "step": self._done,
            "lr_factor": rate_factor(self._recipe, step),
            "loss": float(means),
            "grad_norm": float(norms.mean()),
            "images_per_s": window.images / seconds,
            "input_share": window.input_s / seconds,
        }
        for scale, (total, pixels) in zip(SCALES, levels.tolist(), strict=True):
            row[f"loss_{scale}x"] = total / pixels if pixels else None
        scores = self._validate()
        row["wall_s"] = self._wall_s
        row.update({f"val_psnr_{scale}x": value for scale, value in scores.items()})
        return row, scores

    def _validate(self) -> dict[int, float]:
        last = self._done == self._recipe.steps
        due = last or self._done % self._recipe.validate_every == 0
        if not due or not self._held_out or not self._fabric.is_global_zero:
            return {}
        start = time.monotonic()
        with torch.autocast(self._fabric.device.type, torch.bfloat16, enabled=self._bf16):
            scores = validate(self._average, self._held_out, self._validated, self._fabric.device)
        self._wall_s += time.monotonic() - start
        self._curve.append(
            {"step": self._done, **{f"psnr_{s}x": round(v, 4) for s, v in scores.items()}}
        )
        return scores

    def _check_finite(self, losses: Tensor, norms: Tensor, step: int) -> None:
        bad = ~(losses.isfinite() & norms.isfinite())
        if not bad.any():
            return
        first = step + 1 - len(losses) + int(bad.nonzero()[0])
        rates = ", ".join(
            f"{group['peak_lr'] * rate_factor(self._recipe, first):.3g}"
            for optimizer in self._optimizers
            for group in optimizer.param_groups
        )
        kept = (
            f"the last good checkpoint is {self._checkpoint}"
            if self._checkpoint.is_file()
            else "there is no checkpoint yet"
        )
        raise DivergedError(
            f"training {self._title} diverged in step {first + 1} at learning rate {rates}: loss "
            f"{float(losses[bad][0])}, gradient norm {float(norms[bad][0])}; {kept}. "
            "Lower the learning rate, or clip gradients."
        )

    def _save(self) -> None:
        if not self._fabric.is_global_zero:
            return
        state: dict[str, Any] = {
            "fingerprint": self._identity,
            "metadata": self._belongs,
            "step": self._done,
            "wall_s": self._wall_s,
            "curve": self._curve,
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
        }
        write_checkpoint(self._checkpoint, state)

    def _resume(self) -> None:
        state = read_checkpoint(self._checkpoint, self._identity)
        if state is None:
            return
        if state["step"] > self._recipe.steps:
            raise damaged(self._checkpoint, "its step is beyond the recipe's last")
        try:
            self._network.load_state_dict(state["network"])
            self._average.load_state_dict(state["average"])
            for optimizer, stored in zip(self._optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(stored)
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise damaged(self._checkpoint, error) from error
        self._done, self._wall_s, self._curve = state["step"], state["wall_s"], state["curve"]
