// The activation functions of Keras 3 and their derivatives (https://keras.io/api/layers/activations).
#pragma once

#include "../kernel_table.h"
#include "vector_math.h"

namespace bakeoff {
namespace {

// keras.activations.selu: the two constants of Klambauer et al. 2017, equation 14.
constexpr float kSeluScale = 1.05070098f;
constexpr float kSeluAlpha = 1.67326324f;

struct Activated {
  Vec value;
  Vec slope;  // derivative at the pre-activation
};

template <Activation kind>
BAKEOFF_INLINE Activated activate(Vec z, float negative_slope) {
  Vec one = broadcast(1.0f);
  if constexpr (kind == Activation::kLinear) {
    return {z, one};
  } else if constexpr (kind == Activation::kSigmoid) {
    Logistic s = logistic_and_slope(z);
    return {s.value, s.variance};
  } else if constexpr (kind == Activation::kTanh) {
    Vec y = hyperbolic_tangent(z);
    return {y, 1.0f - y * y};
  } else if constexpr (kind == Activation::kRelu) {
    return {maximum(Vec{}, z), select(z > 0.0f, one, Vec{})};
  } else if constexpr (kind == Activation::kLeakyRelu) {
    Vec slope = select(z > 0.0f, one, broadcast(negative_slope));
    return {z * slope, slope};
  } else if constexpr (kind == Activation::kElu) {
    Vec y = exponential_minus_one(minimum(Vec{}, z));
    return {select(z > 0.0f, z, y), select(z > 0.0f, one, y + 1.0f)};
  } else if constexpr (kind == Activation::kSelu) {
    Vec y = kSeluAlpha * exponential_minus_one(minimum(Vec{}, z));
    return {kSeluScale * select(z > 0.0f, z, y), kSeluScale * select(z > 0.0f, one, y + kSeluAlpha)};
  } else if constexpr (kind == Activation::kGelu) {
    Normal n = normal(z);
    return {n.x_cdf, n.cdf + z * n.density};
  } else if constexpr (kind == Activation::kSilu) {
    Logistic s = logistic_and_slope(z);
    return {z * s.value, s.value + z * s.variance};
  } else {
    return {softplus(z), logistic(z)};
  }
}

template <Activation kind>
void activate_rows(const ActivationTask& task) {
  for (int row = 0; row < task.rows; ++row) {
    float* values = task.values + row * task.stride;
    if (task.slopes != nullptr) {
      float* slopes = task.slopes + row * task.stride;
      for (int j = 0; j < task.columns; j += kLanes) {
        Activated a = activate<kind>(load(values + j), task.negative_slope);
        store(values + j, a.value);
        store(slopes + j, a.slope);
      }
    } else {
      for (int j = 0; j < task.columns; j += kLanes)
        store(values + j, activate<kind>(load(values + j), task.negative_slope).value);
    }
  }
}

void activate_layer(const ActivationTask& task) {
  switch (task.kind) {
    case Activation::kLinear:
      return activate_rows<Activation::kLinear>(task);
    case Activation::kSigmoid:
      return activate_rows<Activation::kSigmoid>(task);
    case Activation::kTanh:
      return activate_rows<Activation::kTanh>(task);
    case Activation::kRelu:
      return activate_rows<Activation::kRelu>(task);
    case Activation::kLeakyRelu:
      return activate_rows<Activation::kLeakyRelu>(task);
    case Activation::kElu:
      return activate_rows<Activation::kElu>(task);
    case Activation::kSelu:
      return activate_rows<Activation::kSelu>(task);
    case Activation::kGelu:
      return activate_rows<Activation::kGelu>(task);
    case Activation::kSilu:
      return activate_rows<Activation::kSilu>(task);
    case Activation::kSoftplus:
      return activate_rows<Activation::kSoftplus>(task);
  }
}

}  // namespace
}  // namespace bakeoff
