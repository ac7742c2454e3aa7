"""What a hand did in a window of samples, in a few dozen numbers: the same however the board is mounted or held."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.features.motion_settings import LAGS_MS, MotionFeatureSettings, padded

Array = NDArray[np.float64]

_BATCH = 512  # windows at once: a few megabytes
_LEAST_G = 0.05  # of mean acceleration, for a direction to be taken from it: in free fall there is none
_SLOW_HZ, _FAST_HZ = (0.3, 2.5), (2.5, 12.0)
_DEFAULT = MotionFeatureSettings()


def motion_features(windows: ArrayLike, settings: MotionFeatureSettings = _DEFAULT) -> NDArray[np.float32]:
    """Describe the movement in each window.

    What a sensor at rest feels is one g, upwards. The mean of a window is therefore taken as its "up", and what
    changes, acceleration without its mean, is split into a vertical part along it and a horizontal part across it.
    Nothing else is known of how the board is mounted or held, and so nothing is computed for x, y or z: turn the
    board in any way, or mirror the movement, and the features stay what they are.

    - How strong, log10(RMS + 0.001): vertical, and along the longest and the shortest direction of the horizontal
      part, which are alike in a lying circle and far apart on a line. Logarithms because a shake is a thousand times
      a rest.
    - Crest, a third of peak / RMS: about 0.5 for what goes on evenly, much more for a single stroke.
    - RMS in bands of frequency, of all three directions: how fast. And which share of it is vertical, for slow and
      fast movements.
    - Circulation, 0 to 1: 1 if acceleration goes around in a circle, 0 if it goes to and fro on a line; for circles
      that stand (with a vertical part) and for those that lie.
    - The share of the energy in the strongest 1, 2, 4 and 6 eighths of the window: once, or all the time?
    - Autocorrelation, the largest and the smallest in ranges of lag: a movement that is done again and again is like
      itself after a period (towards 1), and its contrary after half of one (towards -1).
    - The size of acceleration, gravity included: how much it varies (log10), how far above and below 1 g it goes.
    - Tilt, 1 - cos of an angle: how far "up" in sixths of the window is from that of the whole, largest and third
      smallest, and from the first to the last sixth. A turned wrist that stays turned is seen only here.
    - Jerk: how abruptly acceleration changes, log10 of 10 g/s.
    - From a gyroscope: RMS and peak of the rotation (log10 of 100 deg/s), the share of it around the vertical, RMS in
      bands, and the share in the strongest 1 and 4 eighths.

    Parameters
    ----------
    windows : array, (N, length, 3) or (N, length, 6)
        Acceleration in g with gravity, x, y, z; and, if there are six, rotation in deg/s.
    settings : MotionFeatureSettings
        The rate has to be that of the samples.

    Returns
    -------
    float32 array, (N, F)
        Named by `motion_feature_names`; with nine bands, F is 38 or 52, and the first 38 of 52 are those without a
        gyroscope. Always finite, also at rest and in free fall.

    Raises
    ------
    ValueError
        Windows of another shape, shorter than 0.8 s, too short to have a spectral line in each band, or with NaN or
        infinite values.

    Notes
    -----
    The spectrum is that of Hann's window, filled up with zeros to a power of two. The board's `MotionFeatures`
    (`motion_features.h`) computes the same in float32, to 0.00005 for what a sensor measures. Most of these features
    are of common use: A. Bulling, U. Blanke and B. Schiele, "A Tutorial on Human Activity Recognition Using Body-Worn
    Inertial Sensors" (ACM Computing Surveys, 2014); splitting into vertical and horizontal is from D. Mizell, "Using
    Gravity to Estimate Accelerometer Orientation" (ISWC 2003).

    Examples
    --------
    >>> time_s = np.arange(238) / 119
    >>> line = np.stack([0 * time_s, 0 * time_s, 1 + np.sin(4 * np.pi * time_s)], axis=1)  # up and down, 2 Hz
    >>> circle = line + np.outer(np.cos(4 * np.pi * time_s), [1, 0, 0])
    >>> at = motion_feature_names(3).index("circulation_standing")
    >>> motion_features([line, circle])[:, at].round(2).tolist()
    [0.0, 1.0]
    """
    checked = _check(windows, settings)
    count, _, channels = checked.shape
    out = np.empty((count, len(motion_feature_names(channels, settings))), np.float32)
    for begin in range(0, count, _BATCH):
        batch = checked[begin : begin + _BATCH].astype(np.float64)
        out[begin : begin + _BATCH] = np.stack(_compute(batch, settings), axis=1)
    return out


def motion_feature_names(channels: int = 3, settings: MotionFeatureSettings = _DEFAULT) -> list[str]:
    """Name each column of `motion_features`, with its unit where it has one.

    Parameters
    ----------
    channels : int
        3 without a gyroscope, 6 with one.
    settings : MotionFeatureSettings

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        Another number of channels.

    Examples
    --------
    >>> motion_feature_names(3)[:5]
    ['vertical_log10_g', 'horizontal_long_log10_g', 'horizontal_short_log10_g', 'vertical_crest', 'horizontal_crest']
    """
    if channels not in (3, 6):
        raise ValueError(f"channels is {channels}, expected 3 (acceleration) or 6 (acceleration and rotation).")
    bands = [f"{low:g}_to_{high:g}_hz" for low, high in pairwise(settings.bands_hz)]
    lags = [f"{low}_to_{high}_ms" for low, high in pairwise(LAGS_MS)]
    names = ["vertical_log10_g", "horizontal_long_log10_g", "horizontal_short_log10_g"]
    names += ["vertical_crest", "horizontal_crest"]
    names += [f"band_{band}_log10_g" for band in bands]
    names += ["vertical_share_slow", "vertical_share_fast"]
    names += ["circulation_standing", "circulation_lying"]
    names += [f"energy_share_{eighths}_of_8" for eighths in (1, 2, 4, 6)]
    names += [f"autocorrelation_{which}_{lag}" for lag in lags for which in ("largest", "smallest")]
    names += ["size_deviation_log10_g", "size_above_1_g", "size_below_1_g", "mean_above_1_g"]
    names += [f"tilt_{which}_1_minus_cos" for which in ("largest", "third_smallest", "first_to_last")]
    names += ["jerk_log10_10g_s"]
    if channels == 6:
        names += ["rotation_log10_100deg_s", "rotation_peak_log10_100deg_s", "rotation_share_around_vertical"]
        names += [f"rotation_band_{band}_log10_100deg_s" for band in bands]
        names += [f"rotation_share_{eighths}_of_8" for eighths in (1, 4)]
    return names


# -- the features, for a batch of windows: each a float64 array (N,) ------------------------------------------------


def _compute(windows: Array, settings: MotionFeatureSettings) -> list[Array]:
    acceleration = windows[:, :, :3]
    mean = acceleration.mean(axis=1)
    mean_length = np.linalg.norm(mean, axis=1)
    up = mean / np.maximum(mean_length, _LEAST_G)[:, np.newaxis]
    change = acceleration - mean[:, np.newaxis]
    vertical = np.einsum("nlk,nk->nl", change, up)
    horizontal = change - vertical[..., np.newaxis] * up[:, np.newaxis]
    energy = vertical**2 + (horizontal**2).sum(axis=2)
    out = _strengths_and_crests(vertical, horizontal)
    out += _spectrum(vertical, horizontal, settings)
    out += _circulation(vertical, horizontal, up)
    out += _shares_of_eighths(energy, (1, 2, 4, 6))
    out += _autocorrelation(change, settings)
    out += _sizes(acceleration, mean_length)
    out += _tilts(acceleration, up)
    out.append(_log(np.linalg.norm(np.diff(acceleration, axis=1), axis=2).mean(axis=1) * settings.rate_hz / 10))
    if windows.shape[2] == 6:
        out += _rotation(windows[:, :, 3:] / 100, up, settings)
    return out


def _log(values: Array) -> Array:
    return np.log10(values + 1e-3)  # below a thousandth it is noise, and all the same


def _strengths_and_crests(vertical: Array, horizontal: Array) -> list[Array]:
    across = (horizontal**2).sum(axis=2)
    vertical_rms, across_rms = np.sqrt((vertical**2).mean(axis=1)), np.sqrt(across.mean(axis=1))
    # The two eigenvalues of the horizontal part's covariance (the third, along "up", is 0), from the sum of all
    # eigenvalues and the sum of their products in pairs.
    covariance = np.einsum("nli,nlj->nij", horizontal, horizontal) / horizontal.shape[1]
    half = across.mean(axis=1) / 2
    products = np.maximum(0.0, (4 * half**2 - (covariance**2).sum(axis=(1, 2))) / 2)
    apart = np.sqrt(np.maximum(0.0, half**2 - products))
    long, short = np.sqrt(half + apart), np.sqrt(np.maximum(0.0, half - apart))
    crests = (
        np.abs(vertical).max(axis=1) / (vertical_rms + 1e-3) / 3,
        np.sqrt(across.max(axis=1)) / (across_rms + 1e-3) / 3,
    )
    return [_log(vertical_rms), _log(long), _log(short), *crests]


def _spectrum(vertical: Array, horizontal: Array, settings: MotionFeatureSettings) -> list[Array]:
    of_vertical = _power(vertical)
    total = of_vertical + _power(horizontal[:, :, 0]) + _power(horizontal[:, :, 1]) + _power(horizontal[:, :, 2])
    shares = []
    for edges in (_SLOW_HZ, _FAST_HZ):
        (lines,) = settings.lines(vertical.shape[1], edges)
        shares.append(of_vertical[:, lines].sum(axis=1) / (total[:, lines].sum(axis=1) + 1e-6))
    return [*_bands(total, vertical.shape[1], settings), *shares]


def _power(signal: Array) -> Array:
    """The power of each spectral line in Hann's window: their sum grows with the signal's mean square."""
    length = signal.shape[1]
    hann = np.hanning(length + 2)[1:-1]
    lines = np.fft.rfft(signal * hann, padded(length), axis=1)
    return np.abs(lines) ** 2 / ((hann**2).sum() * length)


def _bands(power: Array, length: int, settings: MotionFeatureSettings) -> list[Array]:
    return [_log(np.sqrt(power[:, lines].sum(axis=1))) for lines in settings.lines(length)]


def _circulation(vertical: Array, horizontal: Array, up: Array) -> list[Array]:
    """The area that the tip of the acceleration sweeps, as a part of the most it could."""
    v, h = vertical[:, :-1], horizontal[:, :-1]
    dv, dh = np.diff(vertical, axis=1), np.diff(horizontal, axis=1)
    v_length, dv_length = np.sqrt((v**2).sum(axis=1)), np.sqrt((dv**2).sum(axis=1))
    h_length, dh_length = np.sqrt((h**2).sum(axis=(1, 2))), np.sqrt((dh**2).sum(axis=(1, 2)))
    standing = np.linalg.norm((v[..., np.newaxis] * dh - h * dv[..., np.newaxis]).sum(axis=1), axis=1)
    lying = np.abs((np.cross(h, dh).sum(axis=1) * up).sum(axis=1))
    return [
        standing / (v_length * dh_length + h_length * dv_length + 1e-3),
        lying / (h_length * dh_length + 1e-3),
    ]


def _shares_of_eighths(energy: Array, most: tuple[int, ...]) -> list[Array]:
    parts = np.sort(_means_of_parts(energy, 8), axis=1)[:, ::-1]
    total = parts.sum(axis=1) + 1e-4
    return [parts[:, :eighths].sum(axis=1) / total for eighths in most]


def _means_of_parts(values: Array, parts: int) -> Array:
    length = values.shape[1]
    edges = [part * length // parts for part in range(parts + 1)]
    return np.stack([values[:, begin:end].mean(axis=1) for begin, end in pairwise(edges)], axis=1)


def _autocorrelation(change: Array, settings: MotionFeatureSettings) -> list[Array]:
    length = change.shape[1]
    size = 2 * padded(length)  # so that the window's end does not meet its beginning
    power = (np.abs(np.fft.rfft(change, size, axis=1)) ** 2).sum(axis=2)
    correlation = np.fft.irfft(power, size, axis=1)[:, :length]
    correlation /= correlation[:, :1].copy() + 0.01
    out = []
    for begin, end in pairwise(settings.lags()):
        out += [correlation[:, begin:end].max(axis=1), correlation[:, begin:end].min(axis=1)]
    return out


def _sizes(acceleration: Array, mean_length: Array) -> list[Array]:
    size = np.linalg.norm(acceleration, axis=2)
    return [_log(size.std(axis=1)), size.max(axis=1) - 1, 1 - size.min(axis=1), mean_length - 1]


def _tilts(acceleration: Array, up: Array) -> list[Array]:
    means = _means_of_parts(acceleration, 6)
    ups = means / np.maximum(np.linalg.norm(means, axis=2, keepdims=True), 0.2)
    away = np.sort(1 - np.einsum("nsk,nk->ns", ups, up), axis=1)
    return [away[:, 5], away[:, 2], 1 - (ups[:, 0] * ups[:, 5]).sum(axis=1)]


def _rotation(rotation: Array, up: Array, settings: MotionFeatureSettings) -> list[Array]:
    change = rotation - rotation.mean(axis=1, keepdims=True)
    energy = (change**2).sum(axis=2)
    mean = energy.mean(axis=1)
    around = (np.einsum("nlk,nk->nl", change, up) ** 2).mean(axis=1)
    power = _power(change[:, :, 0]) + _power(change[:, :, 1]) + _power(change[:, :, 2])
    out = [_log(np.sqrt(mean)), _log(np.sqrt(energy.max(axis=1))), around / (mean + 1e-4)]
    out += _bands(power, change.shape[1], settings)
    return out + _shares_of_eighths(energy, (1, 4))


def _check(windows: ArrayLike, settings: MotionFeatureSettings) -> NDArray[np.generic]:
    found = np.asarray(windows)
    if found.ndim != 3 or found.shape[2] not in (3, 6):
        raise ValueError(
            f"windows has shape {found.shape}, expected (N, length, 3): acceleration in g; or (N, length, 6): "
            "rotation in deg/s behind it. One window is window[np.newaxis]; without a magnetometer it is "
            "windows[:, :, :6]."
        )
    if found.dtype.kind not in "biuf":
        raise ValueError(f"windows is of dtype {found.dtype}, expected real numbers.")
    settings.require_length(found.shape[1])
    bad = ~np.isfinite(found).all(axis=(1, 2))
    if bad.any():
        raise ValueError(
            f"{int(bad.sum())} of {len(found)} windows hold NaN or infinite values, the first is window "
            f"{int(np.argmax(bad))}, expected none. Cut the recording at its gaps first."
        )
    return found
