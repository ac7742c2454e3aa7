"""Fractions as integers, rounded as TensorFlow Lite Micro rounds them: what tables and multipliers are computed with.

Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR
2018: a real number is a 32-bit fraction and a shift. The functions are those of Google's gemmlowp (fixedpoint.h),
and their twins in C are in ``kernels/requantize.h``. A number in "q4" has 4 bits before the binary point: it counts
in steps of 2**-27.
"""

from __future__ import annotations

import math

_LARGEST = 2**31 - 1
_SMALLEST = -(2**31)
_EXP_OF_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)  # of -2**-2, -2**-1, ... -2**4


def round_half_away(value: float) -> int:
    """Round to the nearest integer; halves go away from zero, as C's ``round()`` does.

    >>> round_half_away(-2.5)
    -3
    """
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Write a real number as ``multiplier / 2**31 * 2**shift``, as TensorFlow Lite does.

    >>> quantize_multiplier(0.25)
    (1073741824, -1)
    """
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def multiply_high(a: int, b: int) -> int:
    """Return a * b / 2**31, rounded: gemmlowp's SaturatingRoundingDoublingHighMul."""
    if a == b == _SMALLEST:
        return _LARGEST
    product = a * b
    product += 2**30 if product >= 0 else 1 - 2**30
    return product // 2**31 if product >= 0 else -(-product // 2**31)


def divide_by_power_of_two(value: int, exponent: int) -> int:
    """Return value / 2**exponent, rounded; halves go away from zero."""
    mask = (1 << exponent) - 1
    rest = value & mask
    return (value >> exponent) + (rest > (mask >> 1) + (value < 0))


def requantize(value: int, multiplier: int, shift: int) -> int:
    """Return value * multiplier / 2**31 * 2**shift: one rounding for the product, one for a shift to the right."""
    shifted = _wrap(value << max(shift, 0))
    return divide_by_power_of_two(multiply_high(shifted, multiplier), max(-shift, 0))


def exp_on_negative(value: int, integer_bits: int) -> int:
    """Return exp of a number <= 0 with so many integer bits, in q0."""
    if value == 0:
        return _LARGEST
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    rest = (value & (quarter - 1)) - quarter
    result = _exp_between_minus_a_quarter_and_0(_saturate(rest << integer_bits))
    powers = rest - value
    for exponent, factor in zip(range(-2, 5), _EXP_OF_POWERS, strict=True):
        if integer_bits > exponent and powers >> (fraction_bits + exponent) & 1:
            result = multiply_high(result, factor)
    return result


def _exp_between_minus_a_quarter_and_0(value: int) -> int:
    exp_of_minus_an_eighth, third = 1895147668, 715827883
    x = value + 2**28
    x2 = multiply_high(x, x)
    x3 = multiply_high(x2, x)
    x4 = multiply_high(x2, x2)
    series = multiply_high(divide_by_power_of_two(x4, 2) + x3, third) + x2
    return exp_of_minus_an_eighth + multiply_high(exp_of_minus_an_eighth, x + divide_by_power_of_two(series, 1))


def _newton_reciprocal(value: int) -> int:
    """Return 2 / (1 + value) in q2, for 0 <= value <= 1 in q0: three steps of Newton's method."""
    half = (value + _LARGEST + 1) // 2
    x = 1515870810 + multiply_high(half, -1010580540)  # 48/17 - 32/17 * half
    for _ in range(3):
        error = 2**29 - multiply_high(half, x)
        x += _saturate(multiply_high(x, error) << 2)
    return x


def logistic(value: int) -> int:
    """Return 1 / (1 + exp(-value)) in q0, for a value in q4."""
    if value == 0:
        return 2**30
    result = _saturate(_newton_reciprocal(exp_on_negative(-abs(value), 4)) << 1)
    return result if value > 0 else _LARGEST - result


def tanh(value: int) -> int:
    """Return tanh in q0, for a value in q4."""
    if value == 0:
        return 0
    # Twice a q4 is the same integer read as q5.
    result = _saturate((_newton_reciprocal(exp_on_negative(-abs(value), 5)) - 2**29) << 2)
    return result if value > 0 else -result


def _saturate(value: int) -> int:
    return min(max(value, _SMALLEST), _LARGEST)


def _wrap(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31
