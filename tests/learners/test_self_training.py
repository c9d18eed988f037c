"""What a trained network's own events teach the next one."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_sed import WeakEventDetector, WeakTagger
from sklearn_sed.nn._augment import mix, roll
from sklearn_sed.nn._losses import Scores, WeakLabelLoss, frame_loss
from sklearn_sed.nn._networks import PaperTagger
from tests._networks import EXACT, FAST, tones

torch = pytest.importorskip("torch")
X, Y = tones()


def test_frame_loss_by_hand():
    logits = torch.tensor([[[0.0], [2.0], [-1.0]]])
    target = torch.tensor([[[1.0], [0.0], [torch.nan]]])
    expected = (np.log(2) + np.log1p(np.exp(2))) / 2
    assert frame_loss(logits, target).item() == pytest.approx(expected, rel=1e-6)


def test_frame_loss_of_nothing_known_is_zero_with_a_finite_gradient():
    logits = torch.zeros(1, 2, 1, requires_grad=True)
    loss = frame_loss(logits, torch.full((1, 2, 1), torch.nan)).sum()
    loss.backward()
    assert loss.item() == 0
    assert_array_equal(logits.grad.numpy(), 0)


def test_the_loss_adds_the_frames_to_the_tags():
    scores = Scores(torch.zeros(1, 1), torch.zeros(1, 4, 1))
    y, weight = torch.ones(1, 1), torch.ones(1)
    alone = WeakLabelLoss()(scores, (y, weight))
    both = WeakLabelLoss()(scores, (y, weight, torch.ones(1, 4, 1)))
    assert both.item() == pytest.approx(2 * alone.item())


def test_targets_move_and_mix_with_their_frames():
    torch.manual_seed(0)
    x = torch.rand(6, 9, 3)
    n_frames = torch.tensor([9, 9, 4, 9, 6, 9])
    frames = x[..., :2].clone()
    x, frames = roll([x, frames], n_frames)
    assert torch.equal(x[..., :2], frames)
    (x, frames), _ = mix([x, frames], n_frames, torch.rand(6, 2), 0.5)
    assert torch.equal(x[..., :2], frames)


@pytest.mark.parametrize("learner", [WeakTagger, WeakEventDetector])
def test_it_learns_in_rounds(learner):
    model = learner(**EXACT | {"self_training": 2}).fit(X, Y)
    assert model.score(X, Y) > 0.9
    assert model.n_iter_ == 60


def test_the_next_network_learns_the_frames_of_the_one_before():
    once = WeakEventDetector(**EXACT).fit(X, Y)
    again = WeakEventDetector(**EXACT | {"self_training": 1}).fit(X, Y)
    taught = np.asarray(once.predict_frame_proba(X)) * Y[:, None]
    learned = np.asarray(again.predict_frame_proba(X))
    assert np.corrcoef(learned.ravel(), taught.ravel())[0, 1] > 0.9
    assert np.abs(learned - taught).mean() < 0.05


@pytest.mark.parametrize("learner", [WeakTagger, WeakEventDetector])
def test_clips_without_tags_teach(learner):
    y = Y.copy()
    y[12:] = -1
    params = FAST | {"validation_fraction": 0.0}
    rounds = {**params, "self_training": 1}
    with_them = learner(**rounds).fit(X, y).predict_proba(X)
    without = learner(**rounds).fit(X[:12], y[:12]).predict_proba(X)
    assert not np.allclose(with_them, without)
    tags_alone = {**params, "self_training": 0}
    with_them = learner(**tags_alone).fit(X, y).predict_proba(X)
    without = learner(**tags_alone).fit(X[:12], y[:12]).predict_proba(X)
    assert_array_equal(with_them, without)


def test_going_on_from_what_was_learned():
    model = WeakEventDetector(**FAST | {"self_training": 1}, warm_start=True)
    net = model.fit(X, Y).net_
    assert model.fit(X, Y).net_ is net
    assert model.n_iter_ == 4


def test_interrupted_rounds_go_on_from_the_checkpoint(tmp_path):
    params = FAST | {"self_training": 2}
    whole = WeakEventDetector(**params).fit(X, Y)
    stopped = WeakEventDetector(**params, checkpoint=tmp_path).fit(X, Y)
    assert len(list(tmp_path.glob("*.checkpoint"))) == 3
    assert_array_equal(stopped.predict_proba(X), whole.predict_proba(X))
    sorted(tmp_path.glob("*.checkpoint"))[-1].unlink()
    resumed = WeakEventDetector(**params, checkpoint=tmp_path).fit(X, Y)
    assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))


def test_a_network_without_frames_learns_tags_alone():
    X, Y = np.random.default_rng(0).normal(size=(6, 16, 16)), [["a"], []] * 3
    params = {"network": PaperTagger, "max_epochs": 1, "random_state": 0}
    once = WeakTagger(**params, self_training=0).fit(X, Y)
    again = WeakTagger(**params, self_training=1).fit(X, Y)
    assert_array_equal(again.predict_proba(X), once.predict_proba(X))
    y = np.array([[1], [0], [1], [-1], [-1], [-1]])
    more = WeakTagger(**params, self_training=1).fit(X, y).predict_proba(X)
    fewer = WeakTagger(**params, self_training=0).fit(X, y).predict_proba(X)
    assert not np.array_equal(more, fewer)
    detector = WeakEventDetector(**params | {"time_resolution": 0.1}, cosine_weight=0)
    with pytest.raises(ValueError, match="scores clips alone"):
        detector.fit(X, Y).predict(X)
