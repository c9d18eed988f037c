"""The log-mel transform of many frames side by side, compiled for this processor.

Equal to the plain form in :mod:`sklearn_sed._features._logmel`, several times as fast.
Importing this module imports numba and compiles the kernel or loads it from numba's
cache: do it when there is a waveform to transform.

**Lanes.** All frames undergo the same arithmetic. So each variable of the transform is
a vector with one frame per lane, and each factor one number for all lanes. No frame
sees its neighbours, and which lane it is in changes nothing. For such vectors, samples
`hop_length` apart must lie side by side. Sample ``q * hop_length + m`` of frame t is
sample m of stretch ``t + q`` of the waveform when that is cut into stretches of
`hop_length` samples; transposing them once serves all frames that overlap.

**Fourier transform.** With ``w(n) = exp(-2πi / n)``: the windowed frame v of 2N real
samples becomes N complex numbers, ``z[j] = v[2j] + i v[2j + 1]``. Their transform Z
holds that of the even samples, ``E[k] = (Z[k] + conj(Z[N-k])) / 2``, and of the odd
ones, ``O[k] = -i (Z[k] - conj(Z[N-k])) / 2``. Then ``V[k] = E[k] + w(2N)^k O[k]`` and
``conj(V[N-k]) = E[k] - w(2N)^k O[k]``. The halves are put into the window.

Z is found in passes. A transform of n = 4m numbers is four of m numbers each:

    ``Z[4k + r] = Σ_p w(m)^(kp) · w(n)^(rp) · Σ_j (-i)^(rj) z[p + jm]``

where the inner sum takes no multiplications. A pass computes what is right of the first
sum and leaves it in place, for each r in one quarter of the n numbers. The next pass
does the same to the quarters; a factor 2 that is left takes a pass of sums and
differences. At last each Z[k] is somewhere, and a table says where. The first pass
reads the samples; then each quarter is finished while it is in the nearest cache.

**Bands.** A bin lies between the peaks of two neighbouring bands, on the falling side
of the one and the rising side of the other. The two weights are kept as one complex
number: the real part of the sum over these bins goes to the one band, the imaginary
part to the other, which is complete after the next sum.

**Rounding.** In float32 each V[k] is wrong by two kinds of error. One is spread over
all bins: it stays within ten roundings of ``sqrt(mean(abs(V)**2))``. The other is an
echo of a strong bin in a few others: up to 1.2 roundings of ``max(abs(V))``; in a band
as wide as n bins of equal weight, an echo in one of them counts at most ``2 / sqrt(n)``
as much. An error e in bins of largest weight h makes the power P of a band wrong by
``2e · sqrt(h / P)`` of itself. Where that may exceed 1e-3 dB, the band is in doubt.
Few bands matter that are: those beside loud tones or rumble, but not so quiet that
nobody asks for them. The plain form must settle them in float64.
"""

import inspect
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import binding, ir
from numba import config, njit, types
from numba.core.datamodel import default_manager
from numba.extending import intrinsic, models, overload, register_model
from numpy.polynomial import Chebyshev, Polynomial

from sklearn_sed._compile import compiled

if config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise ImportError("numba's compiler is switched off: unset NUMBA_DISABLE_JIT")

_F = np.float32
_LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8
_ROW = 2 * _LANES  # numbers in a row of complex lanes
_CHUNK = 32  # frames whose samples are transposed at a time, to stay in a cache

# 10 log10(m * 2**e) = _DB_PER_OCTAVE * e + (m - 1) * polynomial(m - 1), with m between
# sqrt(1/2) and sqrt(2)
_DB_PER_OCTAVE = _F(10 * np.log10(2))
_SQRT_HALF_BITS = int(_F(0.5**0.5).view(np.int32))
_POLYNOMIAL = Chebyshev.interpolate(
    lambda x: 10 * np.log1p(x) / (np.log(10) * x), 8, [0.5**0.5 - 1, 2**0.5 - 1]
).convert(kind=Polynomial)
_COEFFICIENTS = tuple(_F(c) for c in _POLYNOMIAL.coef[::-1])


class Tables(NamedTuple):
    """What the kernel needs to know of its parameters."""

    window: np.ndarray  # (2N,), halved
    twiddles: np.ndarray  # the factors w(n)^(rp), pass by pass
    places: np.ndarray  # (N + 1,): where Z[k] is
    turns: np.ndarray  # (N // 2 + 1,): w(2N)^k
    starts: np.ndarray  # (n_mels + 2,): first bin in which a band is the highest
    weights: np.ndarray  # (N + 1,): the band's below + i * the band's own
    spread: np.ndarray  # (n_mels,): power in doubt, per sum of abs(V)**2
    echoes: np.ndarray  # (n_mels,): power in doubt, per maximum of abs(V)**2


def log_mel_frames(
    waveform: np.ndarray,
    n_frames: int,
    hop_length: int,
    tables: Tables,
    silence_db: np.float32,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the log-mel frames of a waveform, and where rounding might show.

    Parameters
    ----------
    waveform : ndarray of shape (n_samples,), float32
    n_frames, hop_length : int
    tables : Tables
    silence_db : float32
        The least value.

    Returns
    -------
    mel : ndarray of shape (n_frames, n_mels), float32
        Decibels.
    peaks : ndarray of shape (n_frames,), float32
        Power of each frame's strongest band.
    doubts : ndarray of shape (n_frames,), float32
        Power of its strongest band that may be off by more than 1e-3 dB, or 0.
    """
    mel = np.empty((n_frames, len(tables.spread)), np.float32)
    peaks, doubts = np.empty((2, n_frames), np.float32)
    waveform = np.require(waveform, np.float32, ["C", "A"])
    _kernel(waveform, hop_length, tables, silence_db, mel, peaks, doubts)
    return mel, peaks, doubts


def make_tables(
    window: np.ndarray, filters: np.ndarray, limits: tuple[np.ndarray, np.ndarray]
) -> Tables:
    """Tabulate what the kernel needs for a window and a filter bank of triangles.

    Parameters
    ----------
    window : ndarray of shape (n_fft,)
        `n_fft` is a power of two, 8 or more.
    filters : ndarray of shape (n_mels, n_fft // 2 + 1), float32
    limits : tuple of ndarray of shape (n_mels,)
        The last two of the tables.

    Returns
    -------
    Tables
    """
    n_fft, (n_mels, n_bins) = len(window), filters.shape
    twiddles, n = [], n_fft // 2
    while n >= 4:
        exponents = np.outer(np.arange(n // 4), [1, 2, 3])
        twiddles.append(np.exp(-2j * np.pi * exponents / n).ravel())
        n //= 4
    turns = np.exp(-2j * np.pi * np.arange(n_fft // 4 + 1) / n_fft)
    # a bin lies in the highest band that weighs it, and may lie in the one below
    band = (np.arange(n_mels)[:, np.newaxis] * (filters > 0)).max(axis=0)
    band = np.maximum.accumulate(band)
    bins = np.arange(n_bins)
    below = np.where(band > 0, filters[band - 1, bins], 0)
    return Tables(
        (window / 2).astype(np.float32),
        np.concatenate(twiddles).astype(np.complex64),
        np.append(np.argsort(_frequencies(n_fft // 2)), 0),  # Z is periodic
        turns.astype(np.complex64),
        np.searchsorted(band, np.arange(n_mels + 2)),
        (below + 1j * filters[band, bins]).astype(np.complex64),
        *limits,
    )


def _frequencies(n: int) -> np.ndarray:
    """Return the k of the Z[k] in each place after the last pass."""
    if n == 1:
        return np.zeros(1, np.intp)
    radix = min(n, 4)
    quarter = _frequencies(n // radix)
    return np.concatenate([radix * quarter + r for r in range(radix)])


# Complex vectors ---------------------------------------------------------------------


class Lanes(types.Type):
    """A complex number per frame, as two vectors: all real parts, all imaginary ones.

    In a float32 array, a row holds the one and then the other.
    """


_VECTOR = ir.VectorType(ir.FloatType(), _LANES)
_PAIR = ir.LiteralStructType([_VECTOR, _VECTOR])
_INDEX = ir.IntType(32)
_INDICES = ir.VectorType(_INDEX, _LANES)
_ZERO = ir.Constant(_VECTOR, [0.0] * _LANES)
_FUSED = {"flags": ("contract",)}  # a product may be added without being rounded

_lanes = Lanes("Lanes")
_int, _float, _complex = types.intp, types.float32, types.complex64
_array = types.float32[::1]
_waveform = _array.copy(readonly=True)
_DATA = default_manager[_array].get_field_position("data")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any):
        super().__init__(manager, kind, _PAIR)


def _instruction(result: Any, *kinds: Any) -> Callable:
    """Let compiled code call what a function emits with an LLVM builder."""

    def decorate(emit: Callable) -> Any:
        def define(typing: Any, *args: Any) -> tuple:
            def lower(context: Any, b: Any, signature: Any, values: Any) -> Any:
                value = emit(b, *values)
                return context.get_dummy_value() if value is None else value

            return result(*kinds), lower

        define.__signature__ = inspect.signature(emit)  # type: ignore[attr-defined]
        return intrinsic(define)

    return decorate


def _operator(function: Callable, kind: Any) -> Callable:
    """Let an operator between lanes and something else be an instruction."""

    def decorate(instruction: Any) -> None:
        @overload(function)
        def choose(x, y):
            return (
                (lambda x, y: instruction(x, y)) if (x, y) == (_lanes, kind) else None
            )

    return decorate


def _parts(b: Any, z: Any) -> tuple[Any, Any]:
    """Return real and imaginary part, of lanes as of a complex number."""
    return b.extract_value(z, 0), b.extract_value(z, 1)


def _pair(b: Any, real: Any, imag: Any) -> Any:
    z = b.insert_value(ir.Constant(_PAIR, ir.Undefined), real, 0)
    return b.insert_value(z, imag, 1)


def _spread(b: Any, number: Any) -> Any:
    """Return a vector with one number in every lane."""
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    vector = b.insert_element(nothing, number, ir.Constant(_INDEX, 0))
    return b.shuffle_vector(vector, nothing, ir.Constant(_INDICES, [0] * _LANES))


def _maximum(b: Any, x: Any, y: Any) -> Any:
    return b.select(b.fcmp_ordered(">", x, y), x, y)


def _address(b: Any, array: Any, i: Any) -> Any:
    """Return where the vector lies that begins with element i."""
    start = b.gep(b.extract_value(array, _DATA), [i])
    return b.bitcast(start, _VECTOR.as_pointer())


@_instruction(_lanes, _array, _int, _int)
def _load(b, array, i, j):
    """Return ``array[i : i + LANES] + 1j * array[j : j + LANES]``."""
    return _pair(b, *(b.load(_address(b, array, k), align=4) for k in (i, j)))


@_instruction(types.void, _array, _int, _int, _lanes)
def _store(b, array, i, j, z):
    """Assign real parts to ``array[i : i + LANES]``, imaginary ones from j on."""
    for k, part in zip((i, j), _parts(b, z)):
        b.store(part, _address(b, array, k), align=4)


@_instruction(types.void, _array, _int, _int, _waveform, _int, _int)
def _transpose_square(b, target, i, width, source, j, step):
    """Assign ``target[i + p * width + q] = source[j + q * step + p]``, p, q < LANES."""
    rows = []
    for _ in range(_LANES):
        rows.append(b.load(_address(b, source, j), align=4))
        j = b.add(j, step)
    lanes = np.arange(_LANES)
    for bit in 2 ** np.arange(_LANES.bit_length() - 1):
        # swap this bit of the number of the row with that of the lane
        low, high = lanes & ~bit, lanes | bit
        first = np.where(lanes & bit, low + _LANES, low)
        second = np.where(lanes & bit, high + _LANES, high)
        masks = [ir.Constant(_INDICES, m.tolist()) for m in (first, second)]
        for p in lanes[lanes & bit == 0]:
            pair = rows[p], rows[p | bit]
            rows[p], rows[p | bit] = (b.shuffle_vector(*pair, m) for m in masks)
    for row in rows:
        b.store(row, _address(b, target, i), align=4)
        i = b.add(i, width)


@_instruction(_lanes)
def _zero(b):
    return _pair(b, _ZERO, _ZERO)


@_operator(operator.add, _lanes)
@_instruction(_lanes, _lanes, _lanes)
def _add(b, x, y):
    parts = zip(_parts(b, x), _parts(b, y))
    return _pair(b, *(b.fadd(p, q, **_FUSED) for p, q in parts))


@_operator(operator.sub, _lanes)
@_instruction(_lanes, _lanes, _lanes)
def _subtract(b, x, y):
    parts = zip(_parts(b, x), _parts(b, y))
    return _pair(b, *(b.fsub(p, q, **_FUSED) for p, q in parts))


@_operator(operator.mul, _complex)
@_instruction(_lanes, _lanes, _complex)
def _multiply(b, z, factor):
    (x, y), (u, v) = _parts(b, z), (_spread(b, part) for part in _parts(b, factor))
    xu, xv, yu, yv = (b.fmul(p, q, **_FUSED) for p in (x, y) for q in (u, v))
    return _pair(b, b.fsub(xu, yv, **_FUSED), b.fadd(xv, yu, **_FUSED))


@_instruction(_lanes, _lanes, _float, _float)
def _scale(b, z, p, q):
    """Multiply all real parts with p and all imaginary ones with q."""
    parts = zip(_parts(b, z), (p, q))
    return _pair(b, *(b.fmul(x, _spread(b, factor), **_FUSED) for x, factor in parts))


@_instruction(_lanes, _lanes)
def _turn(b, z):
    """Return ``-1j * z``."""
    real, imag = _parts(b, z)
    return _pair(b, imag, b.fneg(real))


@_instruction(_lanes, _lanes)
def _conj(b, z):
    real, imag = _parts(b, z)
    return _pair(b, real, b.fneg(imag))


@_instruction(_lanes, _lanes, _lanes)
def _powers(b, x, y):
    """Return ``abs(x)**2 + 1j * abs(y)**2``."""
    squares = [[b.fmul(p, p, **_FUSED) for p in _parts(b, z)] for z in (x, y)]
    return _pair(b, *(b.fadd(*pair, **_FUSED) for pair in squares))


@_instruction(_lanes, _lanes, _lanes)
def _larger(b, x, y):
    """Return the larger real parts and the larger imaginary parts."""
    parts = zip(_parts(b, x), _parts(b, y))
    return _pair(b, *(_maximum(b, p, q) for p, q in parts))


@_instruction(_lanes, _lanes, _lanes, _lanes, _lanes, _float, _float)
def _larger_doubt(b, doubt, z, sums, maxima, p, q):
    """Return doubt, or z where that is larger, but in doubt.

    It is beyond doubt from p times the sum and q times the maximum of both parts on.
    Only real parts of doubt and z count.
    """
    old, new = b.extract_value(doubt, 0), b.extract_value(z, 0)
    maximum = _maximum(b, *_parts(b, maxima))
    bound = b.fmul(b.fadd(*_parts(b, sums), **_FUSED), _spread(b, p), **_FUSED)
    bound = b.fadd(b.fmul(maximum, _spread(b, q), **_FUSED), bound, **_FUSED)
    new = b.select(b.fcmp_ordered("<", new, bound), new, _ZERO)
    return b.insert_value(doubt, _maximum(b, new, old), 0)


@_instruction(_lanes, _lanes, _array, _int, _complex)
def _add_weighted(b, total, array, i, weight):
    """Return ``total + weight * array[i : i + LANES]``."""
    row = b.load(_address(b, array, i), align=4)
    products = (b.fmul(row, _spread(b, w), **_FUSED) for w in _parts(b, weight))
    parts = zip(_parts(b, total), products)
    return _pair(b, *(b.fadd(p, q, **_FUSED) for p, q in parts))


@_instruction(_lanes, _lanes)
def _next_band(b, total):
    """Return the imaginary parts as real ones: what rose will fall."""
    return _pair(b, b.extract_value(total, 1), _ZERO)


# The kernel --------------------------------------------------------------------------

_options: dict[str, Any] = {
    "error_model": "numpy",
    "fastmath": {"contract", "nnan", "nsz"},
}
_wrappers: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_inlined: Any = njit(forceinline=True, **_options, **_wrappers)


@_inlined
def _get(rows, i):
    return _load(rows, i * _ROW, i * _ROW + _LANES)


@_inlined
def _put(rows, i, z):
    _store(rows, i * _ROW, i * _ROW + _LANES, z)


@_inlined
def _aligned(n_numbers):
    """Allocate numbers from the start of a cache line on."""
    numbers = np.empty(n_numbers + 16, np.float32)
    start = -(numbers.ctypes.data // 4) % 16
    return numbers[start : start + n_numbers]


@_inlined
def _transpose(waveform, start, hop_length, n_columns, rows, width):
    """Put ``waveform[start + q * hop_length + m]`` into column q of row m."""
    n_rows = len(rows) // width
    for q in range(0, n_columns, _LANES):
        first = start + q * hop_length
        is_inside = first >= 0 and first + _LANES * hop_length <= len(waveform)
        n_fast = n_rows // _LANES * _LANES if is_inside else 0
        for m in range(0, n_fast, _LANES):
            i = m * width + q
            _transpose_square(rows, i, width, waveform, first + m, hop_length)
        for m in range(n_fast, n_rows):
            for lane in range(_LANES):
                i = first + lane * hop_length + m
                known = 0 <= i < len(waveform)
                rows[m * width + q + lane] = waveform[i] if known else _F(0)


@_inlined
def _four(a, b, c, d):
    """Transform four numbers."""
    s, t, u, v = a + c, a - c, b + d, _turn(b - d)
    return s + u, t + v, s - u, t - v


@_inlined
def _windowed(samples, origins, t, window, j):
    z = _load(samples, origins[2 * j] + t, origins[2 * j + 1] + t)
    return _scale(z, window[2 * j], window[2 * j + 1])


@_inlined
def _first_pass(samples, origins, t, window, twiddles, z):
    m = len(window) // 8
    for p in range(m):
        a, b, c, d = _four(
            _windowed(samples, origins, t, window, p),
            _windowed(samples, origins, t, window, p + m),
            _windowed(samples, origins, t, window, p + 2 * m),
            _windowed(samples, origins, t, window, p + 3 * m),
        )
        _put(z, p, a)
        _put(z, p + m, b * twiddles[3 * p])
        _put(z, p + 2 * m, c * twiddles[3 * p + 1])
        _put(z, p + 3 * m, d * twiddles[3 * p + 2])


@_inlined
def _later_passes(z, start, n, twiddles):
    """Transform n numbers in place."""
    stop, w = start + n, 3 * n
    while n >= 4:
        m = n // 4
        for p in range(m):
            w1, w2, w3 = twiddles[w], twiddles[w + 1], twiddles[w + 2]
            w += 3
            for i in range(start + p, stop, n):
                a, b, c, d = _four(
                    _get(z, i), _get(z, i + m), _get(z, i + 2 * m), _get(z, i + 3 * m)
                )
                _put(z, i, a)
                _put(z, i + m, b * w1)
                _put(z, i + 2 * m, c * w2)
                _put(z, i + 3 * m, d * w3)
        n = m
    if n == 2:
        for i in range(start, stop, 2):
            a, b = _get(z, i), _get(z, i + 1)
            _put(z, i, a + b)
            _put(z, i + 1, a - b)


@_inlined
def _power(z, places, turns, power):
    """Fill the rows of power; return sums and maxima of those below and above n / 2."""
    n = len(places) - 1
    sums, maxima = _zero(), _zero()
    for k in range(n // 2 + 1):
        x, y = _get(z, places[k]), _conj(_get(z, places[n - k]))
        even, odd = x + y, _turn(x - y) * turns[k]
        both = _powers(even + odd, even - odd)
        _store(power, k * _LANES, (n - k) * _LANES, both)
        sums, maxima = sums + both, _larger(maxima, both)
    return sums, maxima


@_inlined
def _bands(power, starts, weights, bands):
    """Fill the rows of bands, whose real parts count."""
    total = _zero()
    for b in range(len(starts) - 1):
        total, other = _next_band(total), _zero()
        start, stop = starts[b], starts[b + 1]
        for k in range(start, stop - 1, 2):  # two sums, not to wait for one
            total = _add_weighted(total, power, k * _LANES, weights[k])
            other = _add_weighted(other, power, (k + 1) * _LANES, weights[k + 1])
        if (stop - start) % 2:
            total = _add_weighted(total, power, (stop - 1) * _LANES, weights[stop - 1])
        total = total + other
        if b > 0:  # the band below is complete
            _put(bands, b - 1, total)


@_inlined
def _doubts(bands, sums, maxima, spread, echoes):
    """Return the largest power of all bands, and of those in doubt."""
    peak, doubt = _zero(), _zero()
    for b in range(len(spread)):
        z = _get(bands, b)
        peak = _larger(peak, z)
        doubt = _larger_doubt(doubt, z, sums, maxima, spread[b], echoes[b])
    return peak, doubt


@_inlined
def _write(bands, mel, t, n_rows, n_mels):
    """Put the bands of each lane into a row of mel, from row t on."""
    n_fast = n_mels // _LANES * _LANES if n_rows >= _LANES else 0
    for b in range(0, n_fast, _LANES):
        _transpose_square(mel, t * n_mels + b, n_mels, bands, b * _ROW, _ROW)
    for b in range(n_fast, n_mels):
        for lane in range(min(n_rows, _LANES)):
            mel[(t + lane) * n_mels + b] = bands[b * _ROW + lane]


@_inlined
def _to_decibels(mel, octaves, silence_db):
    bits = mel.view(np.int32)
    for i in range(len(mel)):
        octave = (bits[i] - _SQRT_HALF_BITS) >> 23
        bits[i] -= octave << 23
        octaves[i] = octave
    for i in range(len(mel)):
        x = mel[i] - _F(1)
        y = _COEFFICIENTS[0]
        for coefficient in _COEFFICIENTS[1:]:
            y = y * x + coefficient
        mel[i] = max(silence_db, _DB_PER_OCTAVE * octaves[i] + x * y)


_integers, _factors = _int[::1], _complex[::1]
_fields = [_array, _factors, _integers, _factors, _integers, _factors, _array, _array]
_tables = types.NamedTuple(_fields, Tables)


@compiled(
    types.void(_waveform, _int, _tables, _float, _float[:, ::1], _array, _array),
    **_options,
)
def _kernel(waveform, hop_length, tables, silence_db, mel, peaks, doubts):
    """Fill mel, peaks and doubts."""
    window, twiddles, places, turns, starts, weights, spread, echoes = tables
    n_fft, (n_frames, n_mels) = len(window), mel.shape
    n = n_fft // 2
    width = -(-(_CHUNK + (n_fft - 1) // hop_length) // _LANES) * _LANES
    samples = _aligned(min(hop_length, n_fft) * width)
    origins = np.empty(n_fft, np.intp)
    for i in range(n_fft):
        origins[i] = i % hop_length * width + i // hop_length
    z, lanes = _aligned(n * _ROW), _aligned(2 * _ROW)
    power, bands = _aligned((n + 1) * _LANES), _aligned((n_mels + 1) * _ROW)
    octaves = _aligned(_CHUNK * n_mels)
    flat = mel.reshape(-1)
    for start in range(0, n_frames, _CHUNK):
        stop = min(start + _CHUNK, n_frames)
        first, n_columns = start * hop_length - n, stop - start + width - _CHUNK
        _transpose(waveform, first, hop_length, n_columns, samples, width)
        for t in range(start, stop, _LANES):
            _first_pass(samples, origins, t - start, window, twiddles, z)
            for quarter in range(0, n, n // 4):
                _later_passes(z, quarter, n // 4, twiddles)
            sums, maxima = _power(z, places, turns, power)
            _bands(power, starts, weights, bands)
            _write(bands, flat, t, stop - t, n_mels)
            peak, doubt = _doubts(bands, sums, maxima, spread, echoes)
            _put(lanes, 0, peak)
            _put(lanes, 1, doubt)
            for lane in range(min(_LANES, stop - t)):
                peaks[t + lane], doubts[t + lane] = lanes[lane], lanes[_ROW + lane]
        _to_decibels(flat[start * n_mels : stop * n_mels], octaves, silence_db)
