// Small passes over arrays: gathering a dense batch, column sums, scaling, health and finiteness.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace bakeoff {
namespace {

template <bool bytes, bool per_feature>
void gather_rows(const GatherTask& task) {
  const size_t count = task.num_features;
  const Vec shift0 = broadcast(task.shift[0]), factor0 = broadcast(task.factor[0]);
  for (int i = 0; i < task.num_rows; ++i) {
    size_t from = static_cast<size_t>(task.rows[i]) * count;
    float* out = task.out + i * task.out_stride;
    size_t j = 0;
    for (; j + kLanes <= count; j += kLanes) {
      Vec x = bytes ? load_bytes(task.bytes + from + j) : load(task.floats + from + j);
      Vec shift = per_feature ? load(task.shift + j) : shift0;
      Vec factor = per_feature ? load(task.factor + j) : factor0;
      store(out + j, (x - shift) * factor);
    }
    for (; j < count; ++j) {
      float x = bytes ? static_cast<float>(task.bytes[from + j]) : task.floats[from + j];
      size_t k = per_feature ? j : 0;
      out[j] = (x - task.shift[k]) * task.factor[k];
    }
  }
}

void gather(const GatherTask& task) {
  if (task.bytes != nullptr)
    return task.per_feature ? gather_rows<true, true>(task) : gather_rows<true, false>(task);
  return task.per_feature ? gather_rows<false, true>(task) : gather_rows<false, false>(task);
}

void column_sums(const float* values, ptrdiff_t stride, int rows, int columns, bool accumulate, float* out) {
  for (int j = 0; j < columns; j += kLanes) {
    Vec even = accumulate ? load(out + j) : Vec{}, odd = {};
    int i = 0;
    for (; i + 2 <= rows; i += 2) {
      even += load(values + i * stride + j);
      odd += load(values + (i + 1) * stride + j);
    }
    if (i < rows) even += load(values + i * stride + j);
    store(out + j, even + odd);
  }
}

void multiply(float* values, const float* multipliers, int count) {
  int j = 0;
  for (; j + kLanes <= count; j += kLanes) store(values + j, load(values + j) * load(multipliers + j));
  for (; j < count; ++j) values[j] *= multipliers[j];
}

void scale(float* values, size_t count, float factor) {
  for (size_t i = 0; i < count; i += kLanes) store(values + i, load(values + i) * factor);
}

bool all_finite(const float* values, size_t count) {
  // x - x is zero unless x is infinite or not a number.
  Vec sum = {};
  for (size_t i = 0; i < count; i += kLanes) {
    Vec x = load(values + i);
    sum += absolute(x - x);
  }
  return sum_of_lanes(sum) == 0.0f;
}

void health(HealthTask& task) {
  const Vec lanes = lane_numbers();
  const float width = static_cast<float>(task.width);
  int64_t num_saturated = 0;
  for (int j = 0; j < task.columns; j += kLanes) {
    IntVec inside = lanes + static_cast<float>(j) < width;
    Vec alive = load(task.alive + j);
    IntVec saturated = {};
    for (int i = 0; i < task.rows; ++i) {
      Vec x = load(task.values + i * task.stride + j);
      alive = maximum(alive, absolute(x));
      saturated -= (absolute(x - task.middle) > task.margin) & inside;  // true is -1
    }
    store(task.alive + j, alive);
    for (int k = 0; k < kLanes; ++k) num_saturated += saturated[k];
  }
  task.num_saturated = num_saturated;
}

}  // namespace
}  // namespace bakeoff
