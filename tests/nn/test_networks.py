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
from sklearn_sed.nn._networks import MaskedBatchNorm2d, WeakLabelNet, frame_proba

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
                    frame_proba(together, 33, net.time_pooling)[i, :n],
                    frame_proba(alone, n, net.time_pooling)[0],
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
            assert frame_proba(scores, n_frames, net.time_pooling).shape == (
                2,
                n_frames,
                3,
            )


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


def test_frames_are_interpolated_between_centres():
    frame = torch.tensor([0.2, 0.6], dtype=torch.float64).logit()[None, :, None]
    proba = frame_proba(Scores(frame[:, 0], frame), 7, 4)[0, :, 0]
    expected = [0.2, 0.2, 0.25, 0.35, 0.45, 0.55, 0.6]
    assert proba.tolist() == pytest.approx(expected)


def test_time_pooling_must_be_a_known_power():
    with pytest.raises(ValueError, match="time_pooling=3 must be 2, 4 or 8"):
        CRNN(64, 10, time_pooling=3)
