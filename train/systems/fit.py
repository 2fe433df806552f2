"""Fits one system to one corpus, and can be killed at any moment.

After every epoch `last.pt` holds all that the rest of the run depends on (weights, optimiser, generators, the best so
far); windows are drawn by their number. So, on the same machine and with the same number of threads, a run that was
interrupted ends with the same weights, bit for bit, as one that was not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the customary name)
from sklearn.metrics import f1_score
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from train.corpus.manifest import AudioCache
from train.errors import TrainingError
from train.models import build
from train.sound.augment import mixup, spec_augment
from train.sound.windows import Batch, WindowSource
from train.systems.config import Config, Stage
from train.systems.run_folder import BEST, LAST, RESULT, Epoch, FitResult, save_whole, write_curves
from train.systems.schedule import learning_rate_at, precision_of
from train.systems.validation import batched_logits, validation_batch, window_sources

_CLIP_NORM = 5.0
# A series of its own for draws within a batch, apart from those of the windows.
_BATCH_SERIES = 7_001


def fit_system(
    config: Config, cache: AudioCache, folder: Path, on_step: Callable[[int], None] | None = None
) -> FitResult:
    """Runs a config to its end, from where its folder says that it stopped.

    Args:
        config: Every number of the run.
        cache: The training recordings, decoded at the system's rate.
        folder: Of the run; holds `last.pt`, `best.pt`, `curves.csv`, `result.json` and TensorBoard's events.
        on_step: Called after every optimiser step with its number.

    Raises:
        TrainingError: The folder holds another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train, validation = window_sources(config, cache)
    trainer = _Trainer(config, cache, train, validation_batch(config, validation), folder)
    return trainer.run(on_step)


class _Trainer:
    """The state of a run, and how it moves from epoch to epoch."""

    def __init__(self, config: Config, cache: AudioCache, train: WindowSource, validation: Batch, folder: Path) -> None:
        self.config, self.train, self.validation, self.folder = config, train, validation, folder
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.precision = precision_of(config.run.precision, self.device)
        torch.manual_seed(config.run.seed)
        self.system = build(config.system.architecture, config.system.arguments).to(self.device)
        if self.system.sample_rate != cache.sample_rate:
            raise ValueError(f"the cache is at {cache.sample_rate} Hz, the system at {self.system.sample_rate}")
        self.system.to(memory_format=torch.channels_last)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        self.optimiser: torch.optim.AdamW | None = None
        # Kernels of front ends never train, not even where a stage thaws everything.
        self._fixed = {name for name, parameter in self.system.named_parameters() if not parameter.requires_grad}
        self.epochs: list[Epoch] = []
        self.best_epoch = 0
        self._resume()

    # -- the way through the stages

    def run(self, on_step: Callable[[int], None] | None) -> FitResult:
        """Trains what is left to train, and returns the result."""
        if not self._tired() and len(self.epochs) < self.config.epochs:
            self._train(on_step)
        result = FitResult(
            folder=self.folder,
            epochs=tuple(self.epochs),
            best_epoch=self.best_epoch,
            windows=len(self.epochs) * self.config.run.steps_per_epoch * self.config.run.batch_size,
            training_seconds=sum(epoch.seconds for epoch in self.epochs),
        )
        document = {**asdict(result), "folder": self.folder.name, "config": self.config.to_document()}
        (self.folder / RESULT).write_text(json.dumps(document, indent=1), encoding="utf-8")
        return result

    def _train(self, on_step: Callable[[int], None] | None) -> None:
        writer = SummaryWriter(str(self.folder), purge_step=len(self.epochs) + 1)
        per_epoch = self.config.run.steps_per_epoch
        total, done = self.config.epochs * per_epoch, len(self.epochs) * per_epoch
        with tqdm(total=total, initial=done, desc=self.config.name, unit="step", disable=None) as bar:

            def stepped(step: int) -> None:
                bar.update()
                if on_step:
                    on_step(step)

            for number, stage, within in self._remaining():
                if self._tired():
                    break
                if within == 0:
                    self._enter(stage)
                self._epoch(number, stage, within, stepped)
                latest = self.epochs[-1]
                for name, value in asdict(latest).items():
                    writer.add_scalar(name, value, number)
                bar.set_postfix(loss=f"{latest.train_loss:.3f}", macro_f1=f"{latest.macro_f1:.3f}")
        writer.close()

    def _remaining(self) -> Iterator[tuple[int, Stage, int]]:
        """For each epoch that is left: its number, its stage, and its place within the stage."""
        number = 0
        for stage in self.config.stages:
            for within in range(stage.epochs):
                number += 1
                if number > len(self.epochs):
                    yield number, stage, within

    def _tired(self) -> bool:
        return len(self.epochs) - self.best_epoch >= self.config.run.patience_epochs

    def _enter(self, stage: Stage) -> None:
        """Freezes or thaws, and starts a fresh optimiser."""
        for name, parameter in self.system.named_parameters():
            parameter.requires_grad_(not stage.frozen and name not in self._fixed)
        for parameter in self.system.heads.parameters():
            parameter.requires_grad_(True)
        parameters = [parameter for parameter in self.system.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(
            parameters, lr=stage.learning_rate, weight_decay=self.config.run.weight_decay
        )

    # -- one epoch

    def _epoch(self, number: int, stage: Stage, within: int, on_step: Callable[[int], None]) -> None:
        run = self.config.run
        clock = time.process_time if self.device.type == "cpu" else time.perf_counter
        started = clock()
        self.system.train()
        if stage.frozen:
            self.system.eval()  # batch norms keep the statistics that they came with
            self.system.heads.train()
        losses = []
        for step in range(run.steps_per_epoch):
            done = within * run.steps_per_epoch + step
            rate = learning_rate_at(stage, done, stage.epochs * run.steps_per_epoch)
            losses.append(self._step((number - 1) * run.steps_per_epoch + step, rate))
            on_step((number - 1) * run.steps_per_epoch + step)
        seconds = clock() - started
        loss, accuracy, macro_f1 = self._validate()
        self.epochs.append(Epoch(number, rate, float(np.mean(losses)), loss, accuracy, macro_f1, seconds))
        if self.best_epoch == 0 or macro_f1 > self.epochs[self.best_epoch - 1].macro_f1:
            self.best_epoch = number
            save_whole({"weights": self.system.state_dict(), "config": self.config.to_document()}, self.folder / BEST)
        self._checkpoint()

    def _step(self, number: int, learning_rate: float) -> float:
        run, augment = self.config.run, self.config.augment
        assert self.optimiser is not None
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        batch = self.train.batch(run.seed, number * run.batch_size, run.batch_size)
        rng = np.random.default_rng([_BATCH_SERIES, run.seed, number])
        audio, targets = batch.audio, (batch.dominant, batch.present)
        if augment.mixup:
            audio, targets = mixup(audio, targets, augment.mixup, rng)
        with torch.no_grad():
            spectra = self.system.spectra(audio.to(self.device))
        if augment.spec_augment:
            spectra = spec_augment(spectra, augment.spec_augment, rng)
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            logits = self.system.classify(spectra)
        loss = self._loss(logits, targets)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)
        torch.nn.utils.clip_grad_norm_(self.system.parameters(), _CLIP_NORM)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return float(loss.detach())

    def _loss(self, logits: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
        dominant, present = (target.to(self.device) for target in targets)
        run = self.config.run
        return F.cross_entropy(logits[0].float(), dominant, label_smoothing=run.label_smoothing) + (
            run.present_weight * F.binary_cross_entropy_with_logits(logits[1].float(), present)
        )

    def _validate(self) -> tuple[float, float, float]:
        """Loss, accuracy and macro F1 on the validation windows."""
        dominant, present = batched_logits(self.system, self.validation.audio)
        loss = self._loss(
            (dominant.to(self.device), present.to(self.device)), (self.validation.dominant, self.validation.present)
        )
        truth, guess = self.validation.dominant.argmax(dim=1).numpy(), dominant.argmax(dim=1).numpy()
        macro_f1 = f1_score(truth, guess, labels=np.unique(truth), average="macro", zero_division=0)
        return float(loss), float((truth == guess).mean()), float(macro_f1)

    # -- what survives a kill

    def _checkpoint(self) -> None:
        write_curves(self.epochs, self.folder)
        assert self.optimiser is not None
        state = {
            "config": self.config.to_document(),
            "weights": self.system.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generator": torch.get_rng_state(),
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "best_epoch": self.best_epoch,
        }
        if self.device.type == "cuda":
            state["cuda_generator"] = torch.cuda.get_rng_state()
        save_whole(state, self.folder / LAST)

    def _resume(self) -> None:
        """Goes on with the run in the folder, if there is one."""
        path = self.folder / LAST
        if not path.exists():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["config"] != self.config.to_document():
            raise TrainingError(f"{path}: belongs to a run with other settings.", "Give another --out, or delete it.")
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        self.best_epoch = state["best_epoch"]
        self.system.load_state_dict(state["weights"])
        self.scaler.load_state_dict(state["scaler"])
        stage = self._stage_of(len(self.epochs))
        self._enter(stage)
        assert self.optimiser is not None
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["generator"])
        if "cuda_generator" in state and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_generator"])

    def _stage_of(self, epoch: int) -> Stage:
        for stage in self.config.stages:
            if epoch <= stage.epochs:
                return stage
            epoch -= stage.epochs
        return self.config.stages[-1]
