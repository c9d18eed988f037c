"""Fast counting of matched events, for loops that evaluate thousands of decodings.

Equal to the optimal matching of sed_eval, comparison by comparison.
Importing this module imports numba: do it inside the function that counts.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from sklearn_sed._compile import compiled
from sklearn_sed.metrics._counts import Floats, Ints

Events = tuple[Floats, Floats, Ints]


def count_matches(
    reference: Events,
    estimated: Events,
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
    reference, estimated : tuple of ndarray of shape (n_events,)
        Onsets and offsets (float64, in seconds) of the events of one class, and the
        clip (int64) of each. They are sorted by clip, then by onset.
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
    ...     (np.array([0.0, 5.0]), np.array([1.0, 7.0]), np.array([0, 0])),
    ...     (np.array([0.1, 5.3]), np.array([1.1, 7.0]), np.array([0, 0])),
    ... )
    1
    """
    graph = pairs(reference, estimated, t_collar, percentage_of_length)
    return int(np.count_nonzero(maximum_bipartite_matching(graph) >= 0))


def pairs(
    reference: Events, estimated: Events, t_collar: float, percentage_of_length: float
) -> csr_array:
    """Return which reference events (rows) and estimated events may be paired."""
    starts, linked = link(reference, estimated, t_collar, percentage_of_length)
    links = np.ones(len(linked), bool), linked, starts
    return csr_array(links, shape=(len(reference[0]), len(estimated[0])))


def matched(graph: csr_array) -> NDArray[np.bool_]:
    """Tell which rows make a maximum matching of the rows so far larger by one.

    They and the columns that ``matched(graph.T)`` tells are those of one matching.
    """
    rows = csr_array(graph)
    starts, linked = (part.astype(np.int64) for part in (rows.indptr, rows.indices))
    return pair_in_turn(starts, linked, rows.shape[1]) > 0


@compiled
def link(
    reference: Events, estimated: Events, t_collar: float, percentage_of_length: float
) -> tuple[Ints, Ints]:
    """Find the pairs: reference event i with ``linked[starts[i] : starts[i + 1]]``."""
    ref_onset, ref_offset, ref_clip = reference
    est_onset, est_offset, est_clip = estimated
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
    return starts, linked[:n_linked]


@compiled
def pair_in_turn(starts: Ints, linked: Ints, n_others: int) -> Ints:
    """Pair events in turn; tell which make a maximum matching larger by one.

    Event i may be paired with others ``linked[starts[i] : starts[i + 1]]``. One that
    finds no partner, however earlier pairs are exchanged, finds none later either: so
    the sum up to each event is the size of a maximum matching of the events so far.
    """
    n_events = len(starts) - 1
    partner = np.full(n_others, -1, np.int64)
    reached_from = np.empty(n_others, np.int64)
    seen_by = np.full(n_others, -1, np.int64)
    other_of = np.full(n_events, -1, np.int64)
    queue = np.empty(n_events, np.int64)
    paired = np.zeros(n_events, np.int64)
    for root in range(n_events):
        queue[0] = root
        head, tail = 0, 1
        free = -1
        while head < tail and free < 0:
            event = queue[head]
            head += 1
            for other in linked[starts[event] : starts[event + 1]]:
                if seen_by[other] == root:
                    continue
                seen_by[other] = root
                reached_from[other] = event
                if partner[other] < 0:
                    free = other
                    break
                queue[tail] = partner[other]
                tail += 1
        paired[root] = free >= 0
        while free >= 0:  # exchange the pairs along the path
            event = reached_from[free]
            partner[free] = event
            free, other_of[event] = other_of[event], free
    return paired
