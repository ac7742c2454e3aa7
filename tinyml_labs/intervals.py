"""How far a measured share or rate may be from the true one."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from statistics import NormalDist

__all__ = ["poisson_interval", "wilson_interval"]


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """How far a measured share, such as an accuracy, may be from the true one.

    Parameters
    ----------
    successes, trials
        So many right answers of so many.
    confidence
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Lower and upper end, 0 to 1. Stays inside 0 to 1 and is sensible for few trials, which the usual
        p ± 1.96·sqrt(p(1-p)/n) is not.

    Raises
    ------
    ValueError
        No trials, more successes than trials, or a confidence that is none.

    Examples
    --------
    >>> low, high = wilson_interval(81, 263)
    >>> f"{low:.4f} {high:.4f}"
    '0.2553 0.3662'

    Notes
    -----
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (JASA, 1927). The
    example is from R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (Statistics in
    Medicine, 1998), table I.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials}: expected at least 1 trial and 0 to {trials} successes.")
    _check_confidence(confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    middle = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = 0.0 if successes == 0 else (middle - half) / scale  # exactly, without rounding
    high = 1.0 if successes == trials else (middle + half) / scale
    return low, high


def poisson_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """How far a number of events that come by chance, such as false alarms, may be from the expected number.

    Divided by the time of the observation, it is the interval of a rate: none in ten minutes is 0 to 22 an hour.

    Parameters
    ----------
    count
        So many were counted.
    confidence
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Lower and upper end: the expected numbers for which so many or more, or so few or less, would be as rare as
        ``(1 - confidence) / 2``. Exact, and so rather too wide than too narrow.

    Raises
    ------
    ValueError
        A count below 0, or a confidence that is none.

    Examples
    --------
    >>> low, high = poisson_interval(3)
    >>> f"{low:.3f} {high:.3f}"
    '0.619 8.767'

    Notes
    -----
    F. Garwood, "Fiducial limits for the Poisson distribution" (Biometrika, 1936). The ends are quantiles of
    chi-squared distributions halved; here they are found by bisection.
    """
    count = operator.index(count)
    if count < 0:
        raise ValueError(f"count is {count}, expected 0 or more events.")
    _check_confidence(confidence)
    rare = (1 - confidence) / 2
    reach = count + 40.0 + 40 * math.sqrt(count + 1)  # far beyond the upper end of any confidence that is a float
    low = 0.0 if count == 0 else _bisect(lambda mean: 1 - _share_up_to(count - 1, mean) < rare, reach)
    high = _bisect(lambda mean: _share_up_to(count, mean) > rare, reach)
    return low, high


def _share_up_to(count: int, mean: float) -> float:
    """Give the probability of ``count`` or fewer events where ``mean`` are expected."""
    if mean == 0:
        return 1.0
    log_mean = math.log(mean)
    return math.fsum(math.exp(k * log_mean - mean - math.lgamma(k + 1)) for k in range(count + 1))


def _bisect(is_below: Callable[[float], bool], high: float) -> float:
    """Give the place from 0 to ``high`` up to which ``is_below`` holds."""
    low = 0.0
    while True:
        middle = (low + high) / 2
        if not low < middle < high:
            return middle
        low, high = (middle, high) if is_below(middle) else (low, middle)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, expected a number between 0 and 1, such as 0.95.")
