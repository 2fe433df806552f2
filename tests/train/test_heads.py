from __future__ import annotations

from pathlib import Path

import pytest
import torch

from instag.labels import IRMAS_11, LABELS, OTHER_INDEX
from train.errors import TrainingError
from train.models.heads import FactorisedHead, NetConfig, load_checkpoint, save_checkpoint


def test_the_dominant_output_is_a_factorised_distribution() -> None:
    head = FactorisedHead(32)
    features = torch.randn(5, 3, 32)
    dominant, present = head(features)
    assert dominant.shape == present.shape == (5, len(LABELS))
    torch.testing.assert_close(dominant.exp().sum(dim=1), torch.ones(5))
    strengths = head.instruments(features)
    each = torch.logsumexp(strengths, dim=2) + head.any(features)[:, :, 0]
    heard = torch.sigmoid(each.mean(dim=1))
    torch.testing.assert_close(dominant[:, OTHER_INDEX].exp(), 1 - heard)
    say = torch.sigmoid(each) / torch.sigmoid(each).sum(dim=1, keepdim=True)
    among = (say[:, :, None] * torch.softmax(strengths, dim=2)).sum(dim=1)
    torch.testing.assert_close(dominant[:, : len(IRMAS_11)].exp(), heard[:, None] * among)


def test_a_patch_in_which_nothing_is_heard_has_no_say_in_which_it_is() -> None:
    head = FactorisedHead(8)
    with torch.no_grad():
        head.any.weight.zero_()
        head.any.weight[0, 0] = 50.0
    music, pause = torch.randn(4, 1, 8), torch.randn(4, 1, 8)
    music[:, :, 0], pause[:, :, 0] = 1.0, -1.0
    both, _ = head(torch.cat([music, pause], dim=1))
    alone, _ = head(music)
    torch.testing.assert_close(
        torch.softmax(both[:, :OTHER_INDEX], dim=1), torch.softmax(alone[:, :OTHER_INDEX], dim=1)
    )


def test_the_shift_says_nothing_of_which() -> None:
    head = FactorisedHead(8)
    features = torch.randn(4, 2, 8)
    before, _ = head(features)
    head.shift += 3.0
    after, _ = head(features)
    assert (after[:, OTHER_INDEX] < before[:, OTHER_INDEX]).all()
    torch.testing.assert_close(
        torch.softmax(before[:, :OTHER_INDEX], dim=1), torch.softmax(after[:, :OTHER_INDEX], dim=1)
    )


def test_a_checkpoint_gives_back_network_and_document(tmp_path: Path) -> None:
    config = NetConfig(width=0.125, blocks=((64, 1), (128, 2)), patches=1, places=5)
    net = config.build().eval()
    path = tmp_path / "runs" / "net.pt"
    save_checkpoint(path, net, config, {"version": "1", "recipe": {"seed": 3}})
    again, document = load_checkpoint(path)
    assert again.body.front_end.places == 5
    assert document["recipe"] == {"seed": 3} and document["version"] == "1"
    audio = torch.randn(2, 48000) * 0.1
    with torch.no_grad():
        for one, other in zip(net(audio), again(audio), strict=True):
            torch.testing.assert_close(one, other)
    torch.save({"kind": "something"}, path)
    with pytest.raises(TrainingError, match=r"net\.pt"):
        load_checkpoint(path)
