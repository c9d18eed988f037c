"""What a trained network's own events teach the next one."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_sed import WeakEventDetector, WeakTagger
from sklearn_sed._self_training import learn_frames, learn_tags
from sklearn_sed.nn._augment import mix, roll
from sklearn_sed.nn._losses import Scores, WeakLabelLoss, frame_loss
from sklearn_sed.nn._networks import PaperTagger

from ._networks import EXACT
from .test_learners import FAST, tones

torch = pytest.importorskip("torch")
X, Y = tones()


def test_tags_that_are_known_stay():
    indicator = np.array([[1, 0], [-1, -1]])
    proba = np.array([[0.2, 0.9], [0.3, 0.7]])
    assert_array_equal(learn_tags(indicator, proba), [[1, 0], [0.3, 0.7]])


def test_frames_of_events_are_one_and_others_zero():
    curve = np.full((10, 2), 0.01)
    curve[3:6] = 0.2  # heard at all: the event reaches as far
    curve[4] = 0.9
    (target,) = learn_frames([curve], np.array([[1.0, 0.0]]), None)
    assert_array_equal(target[:, 0], [0, 0, 0, 1, 1, 1, 0, 0, 0, 0])
    assert_array_equal(target[:, 1], 0)


def test_what_is_not_sure_is_unknown():
    quiet = np.full((4, 3), 0.01)
    (target,) = learn_frames([quiet], np.array([[1.0, 0.5, 0.1]]), 0.1)
    assert np.isnan(target[:, :2]).all()  # a tag without an event, half a tag
    assert_array_equal(target[:, 2], 0)


def test_clips_of_different_lengths():
    targets = learn_frames([np.ones((3, 1)), np.ones((5, 1))], np.ones((2, 1)), 0.1)
    assert [target.tolist() for target in targets] == [[[1]] * 3, [[1]] * 5]


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


@pytest.mark.parametrize(("n_in", "n_out"), [(8, 2), (9, 3), (5, 2), (1, 1)])
def test_targets_are_read_in_the_middle_of_pooled_frames(n_in, n_out):
    step = -(-n_in // n_out)
    target = torch.arange(n_in, dtype=torch.float32)[None, :, None] / 10
    logits = torch.zeros(1, n_out, 1, requires_grad=True)
    frame_loss(logits, target).sum().backward()
    middle = [min(k * step + step // 2, n_in - 1) / 10 for k in range(n_out)]
    expected = (0.5 - np.array(middle)) / n_out
    np.testing.assert_allclose(logits.grad[0, :, 0], expected, atol=1e-6)


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


def test_frames_are_learned():
    once = WeakEventDetector(**EXACT, self_training=0).fit(X, Y)
    again = WeakEventDetector(**EXACT, self_training=1).fit(X, Y)
    heard = np.stack(learn_frames(once.predict_frame_proba(X), Y, X.time_resolution))
    active = np.asarray(again.predict_frame_proba(X)) > 0.5
    known = ~np.isnan(heard)
    assert (active == heard)[known].mean() > 0.95
    assert (active == heard)[known].mean() > (
        (np.asarray(once.predict_frame_proba(X)) > 0.5) == heard
    )[known].mean()


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
    model = WeakEventDetector(**FAST, self_training=1, warm_start=True)
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


def test_a_network_without_frames_cannot():
    model = WeakTagger(
        network=PaperTagger, max_epochs=1, self_training=1, random_state=0
    )
    with pytest.raises(ValueError, match="one that scores frames"):
        model.fit(np.zeros((4, 16, 16), np.float32), [["a"], []] * 2)
