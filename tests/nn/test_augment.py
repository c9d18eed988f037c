"""Augmentation: what is mixed, turned and masked, and what stays as it was."""

import pytest
import torch

from sklearn_sed.nn._augment import Augment

N_FRAMES = torch.tensor([12, 5, 12, 9, 1, 7])


def batch(n_frames=N_FRAMES, n_mels=4, n_classes=6, seed=0):
    """A batch of noise, zero and NaN where clips have ended, tags one-hot by clip.

    The frames' targets are a band of the features itself, for each class: whatever
    happens to frames must happen to them.
    """
    torch.manual_seed(seed)
    x = torch.rand(len(n_frames), int(n_frames.max()), n_mels, dtype=torch.float64) + 1
    padding = torch.arange(x.shape[1]) >= n_frames[:, None]
    x[padding] = 0.0
    frames = x[..., :1].repeat(1, 1, n_classes)
    frames[padding] = torch.nan
    y = torch.eye(len(n_frames), n_classes, dtype=torch.float64)
    weight = torch.arange(1.0, len(n_frames) + 1, dtype=torch.float64)
    return {"x": x, "n_frames": n_frames}, (y, weight, frames)


def augmented(batch, **options):
    """Augment a batch of this form."""
    inputs, (y, weight, frames) = batch
    inputs, y = Augment(**options)(({**inputs, "weight": weight, "frames": frames}, y))
    return inputs, (y, inputs["weight"], inputs["frames"])


def padding():
    return torch.arange(12) >= N_FRAMES[:, None]


ALL = {"mixup": 0.5, "time_roll": True, "time_mask": 0.5, "mel_mask": 0.5}


def test_off_changes_nothing():
    inputs, target = batch()
    out, changed = augmented((inputs, target))
    assert torch.equal(out["x"], inputs["x"])
    for before, after in zip(target, changed, strict=True):
        torch.testing.assert_close(after, before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("option", ALL)
def test_every_batch_is_changed_anew(option):
    inputs, target = batch()
    first, second = (
        augmented((inputs, target), **{option: ALL[option]})[0]["x"] for _ in range(2)
    )
    assert not torch.equal(first, second)
    assert not torch.equal(first, inputs["x"])


@pytest.mark.parametrize("option", ALL)
def test_what_came_in_is_not_changed(option):
    inputs, target = batch()
    before = inputs["x"].clone(), target[0].clone(), target[2].clone()
    augmented((inputs, target), **{option: ALL[option]})
    for a, b in zip(before, (inputs["x"], target[0], target[2])):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("option", ["mixup", "time_roll", "mel_mask"])
@pytest.mark.parametrize("seed", range(5))
def test_lengths_and_weights_stay_and_padding_is_no_frame(option, seed):
    inputs, target = batch(seed=seed)
    out, (_, weight, frames) = augmented((inputs, target), **{option: ALL[option]})
    assert torch.equal(out["n_frames"], N_FRAMES)
    assert torch.equal(weight, target[1])
    assert torch.equal(frames.isnan().all(dim=-1), padding())
    assert (out["x"][~padding()].abs().sum(dim=-1) > 0).all()
    if option != "mel_mask":  # whose bands are masked to the end of the batch
        assert (out["x"][padding()] == 0).all()


# ---------------------------------------------------------------------- mixup


@pytest.mark.parametrize("seed", range(5))
def test_tags_are_mixed_by_the_same_share_as_clips(seed):
    inputs, target = batch(seed=seed)
    out, (y, _, _) = augmented((inputs, target), mixup=0.5)
    x, mixed = inputs["x"], 0
    torch.testing.assert_close(y.sum(dim=1), torch.ones(6, dtype=torch.float64))
    for i, row in enumerate(y):  # of one-hot tags: the share of every clip
        share = row[i].item()
        assert share >= 0.5
        (other,) = [j for j in range(6) if j != i and row[j] > 0] or [i]
        both = min(N_FRAMES[i], N_FRAMES[other])
        expected = x[i].clone()
        expected[:both] = share * x[i, :both] + (1 - share) * x[other, :both]
        torch.testing.assert_close(out["x"][i], expected)
        mixed += share < 0.999
    assert mixed


def test_frame_targets_are_mixed_as_their_frames():
    out, (_, _, frames) = augmented(batch(), mixup=0.5)
    expected = out["x"][..., :1].expand_as(frames)
    torch.testing.assert_close(frames[~padding()], expected[~padding()])


def test_alpha_says_how_evenly_clips_are_mixed():
    n = torch.full((400,), 1)

    def mean_share(alpha):
        _, (y, _, _) = augmented(batch(n, n_classes=400), mixup=alpha)
        return y.diagonal()[y.diagonal() < 1].mean().item()

    # The mean of max(b, 1 - b), b of Beta(alpha, alpha): 3/4 of Beta(1, 1).
    assert mean_share(1.0) == pytest.approx(0.75, abs=0.03)
    assert mean_share(50.0) == pytest.approx(0.54, abs=0.02)
    assert mean_share(0.05) > 0.9


# ----------------------------------------------------------------------- roll


@pytest.mark.parametrize("seed", range(5))
def test_clips_turn_within_their_own_length(seed):
    inputs, target = batch(seed=seed)
    out, (y, _, frames) = augmented((inputs, target), time_roll=True)
    assert torch.equal(y, target[0])
    for clip, turned, known, n in zip(inputs["x"], out["x"], frames, N_FRAMES):
        candidates = [clip[:n].roll(k, 0) for k in range(n)]
        assert any(torch.equal(turned[:n], c) for c in candidates)
        assert torch.equal(known[:n, :1], turned[:n, :1])


def test_every_turn_occurs():
    n = torch.full((300,), 6)
    inputs, target = batch(n)
    out, _ = augmented((inputs, target), time_roll=True)
    start = (out["x"][:, :1] == inputs["x"]).all(dim=-1).float().argmax(dim=1)
    assert torch.bincount(start, minlength=6).min() > 20


# ---------------------------------------------------------------------- masks


@pytest.mark.parametrize("share", [0.1, 0.4])
@pytest.mark.parametrize("option", ["time_mask", "mel_mask"])
def test_masks_cover_a_span_up_to_their_share_and_nothing_else(option, share):
    n_frames = torch.tensor([40] * 2000 + [20] * 2000)
    inputs, target = batch(n_frames, n_mels=30)
    fill = torch.arange(30, dtype=torch.float64) - 100
    out, (y, _, frames) = augmented((inputs, target), **{option: share}, fill=fill)
    assert torch.equal(y, target[0])
    torch.testing.assert_close(frames, target[2], equal_nan=True)
    masked = out["x"] == fill
    assert torch.equal(out["x"][~masked], inputs["x"][~masked])
    over = 2 if option == "time_mask" else 1
    size = n_frames if option == "time_mask" else torch.full_like(n_frames, 30)
    line = masked.any(dim=over)
    assert torch.equal(masked, line.unsqueeze(over).expand_as(masked))
    n_masked = line.sum(dim=1)
    assert (n_masked <= (share * size).ceil()).all()
    assert (line.int().diff(dim=1, prepend=torch.zeros(4000, 1)) == 1).sum(1).max() == 1
    # Spans are of every length up to the longest, lie everywhere, and have no side.
    mean = n_masked.float().mean().item()
    assert mean == pytest.approx(share / 2 * size.float().mean().item(), rel=0.2)
    position = torch.arange(line.shape[1])
    for length in size.unique():
        rows = line[size == length]
        assert rows[:, :length].any(dim=0).all()
        assert not rows[:, length:].any()
        middle = (rows * (position + 0.5)).sum() / rows.sum() / length
        assert middle.item() == pytest.approx(0.5, abs=0.02)


def test_masks_are_zero_where_no_fill_is_given():
    inputs, target = batch()
    out, _ = augmented((inputs, target), time_mask=0.9)
    changed = out["x"] != inputs["x"]
    assert changed.any()
    assert (out["x"][changed] == 0).all()
