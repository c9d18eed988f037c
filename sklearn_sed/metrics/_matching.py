"""Fast counting of matched events, for loops that evaluate thousands of decodings.

Equal to the optimal matching of sed_eval, comparison by comparison, and compiled.
Importing this module imports numba: do it inside the function that counts.
"""

import numpy as np

from sklearn_sed._compile import compiled
from sklearn_sed.metrics._counts import Floats, Ints


@compiled
def _maximum_matching(starts: Ints, linked: Ints, n_est: int) -> int:
    """Count the pairs of a maximum matching: one breadth-first search per event.

    The search follows alternating paths; one that ends at a free estimated event
    pairs one event more when every pair along it is exchanged.
    """
    n_ref = len(starts) - 1
    est_of = np.full(n_ref, -1, np.int64)
    ref_of = np.full(n_est, -1, np.int64)
    reached_from = np.empty(n_est, np.int64)
    seen_by = np.full(n_est, -1, np.int64)
    queue = np.empty(n_ref, np.int64)
    n_matched = 0
    for root in range(n_ref):
        queue[0] = root
        head, tail = 0, 1
        free = -1
        while head < tail and free < 0:
            ref = queue[head]
            head += 1
            for est in linked[starts[ref] : starts[ref + 1]]:
                if seen_by[est] == root:
                    continue
                seen_by[est] = root
                reached_from[est] = ref
                if ref_of[est] < 0:
                    free = est
                    break
                queue[tail] = ref_of[est]
                tail += 1
        n_matched += free >= 0
        while free >= 0:
            ref = reached_from[free]
            ref_of[free] = ref
            est_of[ref], free = free, est_of[ref]
    return n_matched


@compiled
def count_matches(
    ref_onset: Floats,
    ref_offset: Floats,
    ref_clip: Ints,
    est_onset: Floats,
    est_offset: Floats,
    est_clip: Ints,
    t_collar: float = 0.2,
    percentage_of_length: float = 0.2,
) -> int:
    """Count the events of one class that a maximum matching pairs.

    A reference and an estimated event of one clip may be paired when their onsets
    differ by at most `t_collar` and their offsets by at most the larger of `t_collar`
    and `percentage_of_length` times the length of the reference event. Each event
    belongs to one pair at most. The count equals the true positives of sed_eval.

    Parameters
    ----------
    ref_onset, ref_offset : ndarray of shape (n_ref,), float64
        Times of the reference events of one class, in seconds.
    ref_clip : ndarray of shape (n_ref,), int64
        Clip of each reference event. Events are sorted by clip, then by onset.
    est_onset, est_offset : ndarray of shape (n_est,), float64
        Times of the estimated events of that class, in seconds.
    est_clip : ndarray of shape (n_est,), int64
        Clip of each estimated event. Events are sorted by clip, then by onset.
    t_collar : float, default=0.2
        Tolerance of onsets and offsets, in seconds.
    percentage_of_length : float, default=0.2
        Tolerance of offsets as a fraction of the length of the reference event.

    Returns
    -------
    n_matched : int
        Number of pairs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.metrics._matching import count_matches
    >>> count_matches(
    ...     np.array([0.0, 5.0]), np.array([1.0, 7.0]), np.array([0, 0]),
    ...     np.array([0.1, 5.3]), np.array([1.1, 7.0]), np.array([0, 0]),
    ... )
    1
    """
    # Reference event i may be paired with linked[starts[i] : starts[i + 1]].
    n_ref, n_est = len(ref_onset), len(est_onset)
    starts = np.zeros(n_ref + 1, np.int64)
    linked = np.empty(n_ref + n_est, np.int64)
    n_linked = first = 0
    for ref in range(n_ref):
        clip, onset, offset = ref_clip[ref], ref_onset[ref], ref_offset[ref]
        tolerance = max(t_collar, percentage_of_length * (offset - onset))
        while first < n_est and (
            est_clip[first] < clip
            or (est_clip[first] == clip and onset - est_onset[first] > t_collar)
        ):
            first += 1  # too early for this event, hence for all that follow
        for est in range(first, n_est):
            if est_clip[est] != clip or est_onset[est] - onset > t_collar:
                break
            if abs(offset - est_offset[est]) <= tolerance:
                if n_linked == len(linked):
                    linked = np.concatenate((linked, np.empty_like(linked)))
                linked[n_linked] = est
                n_linked += 1
        starts[ref + 1] = n_linked
    return _maximum_matching(starts, linked, n_est)
