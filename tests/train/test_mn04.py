"""mn04 as a system: it starts where the published network ended, and refuses any other file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from train.errors import TrainingError
from train.models import build
from train.models.efficientat import Mn04
from train.models.mn04 import Mn04Transfer
from train.systems.config import read_config

CONFIG = Path(__file__).parents[2] / "train/configs/systems/mn04.toml"


def test_it_hears_what_the_published_network_hears(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = Mn04().eval()
    torch.save(network.state_dict(), tmp_path / "mn04.pt")
    system = build("mn04", {"checkpoint": str(tmp_path / "mn04.pt")}).eval()
    assert isinstance(system, Mn04Transfer)
    mel = system.spectra(torch.randn(2, 96_000) * 0.1)[0]
    assert mel.shape == (2, 128, 300)
    with torch.no_grad():
        expected = network.hidden(network.pooled(mel.unsqueeze(1)))
        assert torch.allclose(system.body(mel.unsqueeze(1))[:, 0], expected, atol=1e-5)


def test_another_file_is_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(TrainingError, match=r"other\.pt: this is not EfficientAT's mn04"):
        build("mn04", {"checkpoint": str(tmp_path / "other.pt")})


def test_the_config_has_the_schedule_of_the_report() -> None:
    config = read_config(CONFIG)
    assert [(stage.epochs, stage.learning_rate, stage.frozen) for stage in config.stages] == [
        (4, 0.003, True),
        (4, 0.0002, False),
    ]
