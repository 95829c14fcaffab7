// One step of each optimizer, as Keras 3 computes it (keras/src/optimizers), over flat arrays.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace bakeoff {
namespace {

constexpr float kAdamKeepFirst = 0.1f;     // 1 - beta_1
constexpr float kAdamKeepSecond = 0.001f;  // 1 - beta_2
constexpr float kRmspropRho = 0.9f;
constexpr float kEpsilon = 1e-7f;

// The gradient with the penalty l2 · sum(w²) of the loss.
BAKEOFF_INLINE Vec penalised(const UpdateTask& task, size_t i, Vec weights) {
  return load(task.gradient + i) + (2.0f * task.l2) * weights;
}

void update_sgd(const UpdateTask& task) {
  for (size_t i = 0; i < task.count; i += kLanes) {
    Vec w = load(task.weights + i);
    store(task.weights + i, w - task.rate * penalised(task, i, w));
  }
}

// m = momentum · m - rate · g;  w += m, or with Nesterov's w += momentum · m - rate · g.
template <bool nesterov>
void update_momentum(const UpdateTask& task) {
  for (size_t i = 0; i < task.count; i += kLanes) {
    Vec w = load(task.weights + i);
    Vec step = task.rate * penalised(task, i, w);
    Vec m = task.momentum * load(task.first + i) - step;
    store(task.first + i, m);
    store(task.weights + i, w + (nesterov ? task.momentum * m - step : m));
  }
}

// m += (g - m)(1 - beta_1);  v += (g² - v)(1 - beta_2);  w -= corrected_rate · m / (sqrt(v) + eps),
// after w -= w · weight_decay · rate for AdamW.
template <bool decay>
void update_adam(const UpdateTask& task) {
  const float kept = 1.0f - task.weight_decay * task.rate;
  for (size_t i = 0; i < task.count; i += kLanes) {
    Vec w = load(task.weights + i);
    Vec g = penalised(task, i, w);
    Vec m = load(task.first + i);
    Vec v = load(task.second + i);
    m += (g - m) * kAdamKeepFirst;
    v += (g * g - v) * kAdamKeepSecond;
    store(task.first + i, m);
    store(task.second + i, v);
    if (decay) w *= kept;
    store(task.weights + i, w - task.corrected_rate * m / (square_root(v) + kEpsilon));
  }
}

// v = rho · v + (1 - rho) g²;  w -= rate · g / sqrt(v + eps).
void update_rmsprop(const UpdateTask& task) {
  for (size_t i = 0; i < task.count; i += kLanes) {
    Vec w = load(task.weights + i);
    Vec g = penalised(task, i, w);
    Vec v = kRmspropRho * load(task.second + i) + (1.0f - kRmspropRho) * (g * g);
    store(task.second + i, v);
    store(task.weights + i, w - task.rate * g / square_root(v + kEpsilon));
  }
}

void update(const UpdateTask& task) {
  switch (task.optimizer) {
    case Optimizer::kSgd:
      if (task.first == nullptr) return update_sgd(task);
      return task.nesterov ? update_momentum<true>(task) : update_momentum<false>(task);
    case Optimizer::kAdam:
      return update_adam<false>(task);
    case Optimizer::kAdamW:
      return update_adam<true>(task);
    case Optimizer::kRmsprop:
      return update_rmsprop(task);
  }
}

}  // namespace
}  // namespace bakeoff
