"""The networks: sizes, shapes, masks."""

import math

import pytest
import torch

from sklearn_sed.nn import (
    CRNN,
    EmbeddingNet,
    PaperATT,
    PaperCRNN,
    PaperTagger,
    count_parameters,
    make_pooling,
)
from sklearn_sed.nn._losses import Scores
from sklearn_sed.nn._networks import MaskedBatchNorm2d, WeakLabelNet

NETWORKS = {
    "crnn": lambda n_mels, n: CRNN(n_mels, n),
    "crnn_glu_attention_8": lambda n_mels, n: CRNN(
        n_mels, n, activation="glu", attention=True, time_pooling=8
    ),
    "crnn_2": lambda n_mels, n: CRNN(n_mels, n, time_pooling=2),
    "embedding": EmbeddingNet,
    "embedding_attention": lambda n_mels, n: EmbeddingNet(n_mels, n, attention=True),
    "embedding_frames": lambda n_mels, n: EmbeddingNet(n_mels, n, n_rnn=0),
    "mil": lambda n_mels, n: PaperCRNN(n_mels, n, activation="relu"),
    "glu": lambda n_mels, n: PaperCRNN(n_mels, n, activation="glu"),
    "att": PaperATT,
    "tagger": PaperTagger,
    "recurrent_tagger": lambda n_mels, n: PaperTagger(n_mels, n, recurrent=True),
}


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (PaperTagger(64, 10), 907_018),
        (PaperCRNN(64, 10, activation="relu"), 133_706),
        (PaperCRNN(64, 10, activation="glu"), 208_586),
    ],
)
def test_published_sizes(network, expected):
    assert count_parameters(network) == expected


def wrap(name, n_mels):
    torch.manual_seed(0)
    network = NETWORKS[name](n_mels, 3)
    attends = "att" in name
    pooling = make_pooling("attention" if attends else "linear_softmax", 3)
    return WeakLabelNet(
        network, pooling, torch.full((n_mels,), 0.3), torch.ones(n_mels)
    )


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("n_mels", [1, 5, 64])
def test_padding_never_moves_a_score(name, n_mels):
    net = wrap(name, n_mels).train()
    for _ in range(3):
        net(torch.randn(4, 30, n_mels) * 3, torch.full((4,), 30))
    net.eval()
    lengths = torch.tensor([1, 2, 5, 17, 30])
    clips = [torch.randn(n, n_mels) for n in lengths]
    padded = torch.full((5, 33, n_mels), 1e3)
    for row, clip in zip(padded, clips):
        row[: len(clip)] = clip
    with torch.no_grad():
        together = net(padded, lengths)
        for i, clip in enumerate(clips):
            alone = net(clip[None], lengths[i : i + 1])
            torch.testing.assert_close(
                together.clip[i], alone.clip[0], atol=1e-5, rtol=1e-4
            )
            if alone.frame is not None:
                n = len(clip)
                torch.testing.assert_close(
                    net.frame_proba(together, 33)[i, :n],
                    net.frame_proba(alone, n)[0],
                    atol=1e-5,
                    rtol=1e-4,
                )


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_any_number_of_frames_comes_back(name):
    net = wrap(name, 8).eval()
    for n_frames in (1, 2, 3, 7, 16, 31):
        scores = net(torch.randn(2, n_frames, 8), torch.full((2,), n_frames))
        assert scores.clip.shape == (2, 3)
        if scores.frame is not None:
            assert scores.frame.shape[1] == math.ceil(n_frames / net.time_pooling)
            assert net.frame_proba(scores, n_frames).shape == (2, n_frames, 3)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_trains_on_one_clip_of_one_frame(name):
    net = wrap(name, 1).train()
    scores = net(torch.randn(1, 1, 1), torch.tensor([1]))
    scores.clip.sum().backward()
    assert torch.isfinite(scores.clip).all()


def test_masked_batch_norm_learns_from_real_frames_alone():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 6, 4)
    mask = torch.arange(6) < torch.tensor([[6], [2]])
    norm, plain = MaskedBatchNorm2d(3), torch.nn.BatchNorm1d(3)
    out = norm(x, mask)
    frames = torch.cat([x[0], x[1, :, :2]], dim=1)
    expected = plain(frames.flatten(1).T).T.reshape(3, 8, 4)
    torch.testing.assert_close(out[0], expected[:, :6])
    torch.testing.assert_close(out[1, :, :2], expected[:, 6:])
    assert out[1, :, 2:].abs().max() == 0
    torch.testing.assert_close(norm.running_mean, plain.running_mean)
    torch.testing.assert_close(norm.running_var, plain.running_var)


class Placed(torch.nn.Module):
    """Scores every n-th frame by its first band, and says where that is, or not."""

    def __init__(self, step, **attributes):
        super().__init__()
        self.step = step
        self.__dict__ |= attributes

    def forward(self, x, mask):
        return x[:, :: self.step, :1]


def placed(*args, **kwargs):
    one = torch.ones(1)
    return WeakLabelNet(Placed(*args, **kwargs), make_pooling("max", 1), 0 * one, one)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, [0.2, 0.2, 0.25, 0.35, 0.45, 0.55, 0.6]),  # centres 1.5, 5.5
        ({"first_centre": 1}, [0.2, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6]),
        ({"first_centre": 0.0}, [0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.6]),
    ],
)
def test_frames_are_interpolated_between_centres(attributes, expected):
    net = placed(4, time_pooling=4, **attributes)
    frame = torch.tensor([0.2, 0.6], dtype=torch.float64).logit()[None, :, None]
    proba = net.frame_proba(Scores(frame[:, 0], frame), 7)[0, :, 0]
    assert proba.tolist() == pytest.approx(expected)


def test_a_clip_in_a_batch_keeps_its_last_score():
    net = placed(4, time_pooling=4, first_centre=1)
    frame = torch.tensor([0.2, 0.6, 0.0], dtype=torch.float64).logit()[None, :, None]
    mask = torch.tensor([[True, True, False]])
    proba = net.frame_proba(Scores(frame[:, 0], frame, mask), 12)[0, :, 0]
    assert proba[5:].tolist() == pytest.approx([0.6] * 7)


def test_targets_are_read_at_the_centres():
    target = torch.arange(10.0)[None, :, None] / 10
    n_frames = torch.tensor([10])

    def read(target=target, n_frames=n_frames, **where):
        net = placed(4, time_pooling=4, **where)
        return net.on_own_frames(target, n_frames)[0, :, 0].tolist()

    assert read(first_centre=1) == pytest.approx([0.1, 0.5, 0.9])
    assert read() == pytest.approx([0.15, 0.55, 0.9])
    assert read(first_centre=0.75) == pytest.approx([0.075, 0.475, 0.875])
    gaps = target.clone()
    gaps[0, [2, 5, 6]] = torch.nan
    nan = pytest.approx(torch.nan, nan_ok=True)
    assert read(gaps) == [pytest.approx(0.1), nan, pytest.approx(0.9)]
    # A clip of 5 frames has two of the network's, in whatever company.
    alone = target[:, :5]
    padded = torch.cat([alone, torch.full((1, 5, 1), torch.nan)], dim=1)
    five = torch.tensor([5])
    assert read(alone, five) == pytest.approx([0.15, 0.4])
    assert read(padded, five) == [pytest.approx(0.15), pytest.approx(0.4), nan]
    one_each = placed(1).on_own_frames(gaps, n_frames)
    torch.testing.assert_close(one_each, gaps, equal_nan=True)


def test_a_network_with_another_number_of_frames_is_refused():
    message = r"Placed scored 5 frames of clips of 10, expected 10.* time_pooling is 1"
    x, n_frames = torch.zeros(1, 10, 1), torch.tensor([10])
    with pytest.raises(ValueError, match=message):
        placed(2)(x, n_frames)
    with pytest.raises(ValueError, match=r"expected 4, .* set its attribute"):
        placed(2, time_pooling=3)(x, n_frames)
    assert placed(2, time_pooling=2)(x, n_frames).frame.shape == (1, 5, 1)


@pytest.mark.parametrize(
    "name", ["crnn", "crnn_2", "crnn_glu_attention_8", "embedding_frames", "mil", "glu"]
)
def test_scores_lie_where_the_sound_is(name):
    """What a network that is symmetric in time says of one frame is centred on it."""
    net = wrap(name, 8).double().eval()
    make_symmetric(net.network)
    silence = torch.zeros(1, 96, 8, dtype=torch.float64)
    with torch.no_grad():
        base = net.frame_proba(net(silence, torch.tensor([96])), 96)
        centres = []
        for frame in range(40, 40 + 8):
            x = silence.clone()
            x[:, frame] = 1.0
            changed = net.frame_proba(net(x, torch.tensor([96])), 96) - base
            weight = changed.abs().sum(dim=2)[0]
            centre = (weight * torch.arange(96)).sum() / weight.sum()
            centres.append(centre.item() - frame)
    # Frames between the network's own are nearer to one side: on average, to none.
    assert sum(centres) / 8 == pytest.approx(0, abs=0.05)


def make_symmetric(network):
    """Make convolutions the same forwards and backwards; leave the recurrence out."""
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            kernel = module.weight.data
            module.weight.data = (kernel + kernel.flip(2)) / 2
    if getattr(network, "gru", None) is not None:
        n_out = 2 * network.gru.hidden_size
        network.gru = Folded(n_out)


class Folded(torch.nn.Module):
    """Stands in for a recurrent layer, frame by frame."""

    def __init__(self, n_out):
        super().__init__()
        self.n_out = n_out

    def forward(self, x, mask):
        repeats = -(-self.n_out // x.shape[2])
        return x.repeat(1, 1, repeats)[..., : self.n_out]


def test_time_pooling_must_be_a_known_power():
    with pytest.raises(ValueError, match="time_pooling=3 must be 2, 4 or 8"):
        CRNN(64, 10, time_pooling=3)
