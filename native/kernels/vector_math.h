// exp and its relatives, lane by lane. Each stays within 2e-7 relative error or 4 units in the last
// place of the exact value (tests/dense/test_native_math.py measures it); results below the
// smallest normal number become zero. fit_coefficients.py prints the polynomials.
#pragma once

#include "simd.h"

namespace bakeoff {
namespace {

constexpr float kLog2E = 1.44269504f;
// ln 2 in two parts; the first has 9 significant bits, so n · kLn2High is exact.
constexpr float kLn2High = 0.693359375f;
constexpr float kLn2Low = -2.12194440e-4f;

struct Reduced {
  Vec n;      // integral
  Vec r;      // x - n ln 2
  Vec expm1;  // e^r - 1
};

BAKEOFF_INLINE Reduced reduce_exponent(Vec x) {
  Vec n = nearest(x * kLog2E);
  Vec r = x - n * kLn2High;
  r = r - n * kLn2Low;
  Vec p = broadcast(0.000198911031f);
  p = p * r + 0.0013933751f;
  p = p * r + 0.00833331048f;
  p = p * r + 0.041666463f;
  p = p * r + 0.166666672f;
  p = p * r + 0.5f;
  return {n, r, r + (r * r) * p};
}

BAKEOFF_INLINE Vec exponential(Vec x) {
  // Beyond these ends the result is 0 or infinity whatever the polynomial says; a NaN stays one
  // because minimum and maximum return their second operand then.
  x = minimum(broadcast(89.0f), maximum(broadcast(-104.0f), x));
  Reduced e = reduce_exponent(x);
  return scale_by_power(1.0f + e.expm1, e.n);
}

// e^x - 1 for x <= 0, without the cancellation near zero.
BAKEOFF_INLINE Vec exponential_minus_one(Vec x) {
  x = maximum(broadcast(-20.0f), x);
  Reduced e = reduce_exponent(x);
  Vec power = scale_by_power(broadcast(1.0f), e.n);
  return power * e.expm1 + (power - 1.0f);
}

// log(1 + u) for 0 <= u <= 1: 2 atanh(u / (2 + u)).
BAKEOFF_INLINE Vec log_one_plus_fraction(Vec u) {
  Vec s = u / (2.0f + u);
  Vec t = s * s;
  Vec p = broadcast(0.10393808f);
  p = p * t + 0.0873235092f;
  p = p * t + 0.111323558f;
  p = p * t + 0.142851532f;
  p = p * t + 0.200000048f;
  p = p * t + 0.333333343f;
  return 2.0f * (s + s * t * p);
}

// log(x) for normal x >= 1, for the sum of a softmax.
BAKEOFF_INLINE Vec logarithm(Vec x) {
  // x = 2^n · (1 + u) with 0 <= u < 1.
  IntVec exponent = (bits_of(x) >> 23) - 127;
  Vec n = __builtin_convertvector(exponent, Vec);
  Vec u = float_of((bits_of(x) & 0x007fffff) | 0x3f800000) - 1.0f;
  Vec result = n * kLn2High + (n * kLn2Low + log_one_plus_fraction(u));
  return select(x < __builtin_inff(), result, x);
}

BAKEOFF_INLINE Vec logistic(Vec x) { return 1.0f / (1.0f + exponential(-x)); }

struct Logistic {
  Vec value;     // s(x)
  Vec variance;  // s(x) · (1 - s(x)), the derivative, without cancellation where s is near 1
};

BAKEOFF_INLINE Logistic logistic_and_slope(Vec x) {
  Vec e = exponential(-absolute(x));
  Vec larger = 1.0f / (1.0f + e);
  Vec smaller = e * larger;
  return {select(x < 0.0f, smaller, larger), smaller * larger};
}

BAKEOFF_INLINE Vec hyperbolic_tangent(Vec x) {
  Vec a = absolute(x);
  Vec t = x * x;
  Vec p = broadcast(0.00226950157f);
  p = p * t - 0.00832318701f;
  p = p * t + 0.0217625033f;
  p = p * t - 0.0539584607f;
  p = p * t + 0.133332998f;
  p = p * t - 0.333333343f;
  Vec near = x + x * t * p;
  Vec far = 1.0f - 2.0f / (exponential(a + a) + 1.0f);
  far = float_of(bits_of(far) | (bits_of(x) & static_cast<int32_t>(0x80000000)));
  return select(a < 0.625f, near, far);
}

// log(1 + e^x), the larger term taken out so that nothing overflows.
BAKEOFF_INLINE Vec softplus(Vec x) {
  return maximum(Vec{}, x) + log_one_plus_fraction(exponential(-absolute(x)));
}

struct Normal {
  Vec cdf;      // Φ(x)
  Vec x_cdf;    // x · Φ(x), also where Φ(x) alone would underflow
  Vec density;  // φ(x)
};

// The normal distribution with full relative precision in its lower tail:
// Φ(-t) = e^(-t²/2) · P((t - 3) / (t + 3)) / (1 + t).
BAKEOFF_INLINE Normal normal(Vec x) {
  Vec t = minimum(broadcast(16.0f), absolute(x));
  // t² / 2 as an exact high part plus a small rest; rounding t² first would cost 80 units in the
  // last place at t = 13.
  Vec high = float_of(bits_of(t) & static_cast<int32_t>(0xfffff000));
  Vec rest = (t - high) * (t + high);
  Vec bell = exponential(-0.5f * high * high) * exponential(-0.5f * rest);
  Vec u = (t - 3.0f) / (t + 3.0f);
  Vec p = broadcast(5.0963441e-05f);
  p = p * u + 2.10775161e-05f;
  p = p * u - 0.000469029415f;
  p = p * u - 0.000348275935f;
  p = p * u + 0.00298822275f;
  p = p * u + 0.00115741533f;
  p = p * u - 0.0227256659f;
  p = p * u + 0.0451643914f;
  p = p * u - 0.0164324529f;
  p = p * u - 0.0965267718f;
  p = p * u + 0.486055791f;
  Vec share = 1.0f / (1.0f + t);
  Vec tail = bell * p * share;
  IntVec negative = x < 0.0f;
  return {select(negative, tail, 1.0f - tail), select(negative, (bell * p) * (x * share), x - x * tail),
          bell * 0.39894228f};
}

}  // namespace
}  // namespace bakeoff
