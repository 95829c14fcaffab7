// Small passes over arrays: gathering a dense batch, column sums, scaling, health and finiteness.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace bakeoff {
namespace {

template <bool bytes, bool per_feature>
struct ScaledRow {
  const uint8_t* byte_row;
  const float* float_row;
  const float* shift;
  const float* factor;
  Vec shift0, factor0;

  __attribute__((always_inline)) Vec lanes_from(size_t j) const {
    Vec x = bytes ? load_bytes(byte_row + j) : load(float_row + j);
    return (x - (per_feature ? load(shift + j) : shift0)) * (per_feature ? load(factor + j) : factor0);
  }
  __attribute__((always_inline)) float at(size_t j) const {
    float x = bytes ? static_cast<float>(byte_row[j]) : float_row[j];
    return (x - shift[per_feature ? j : 0]) * factor[per_feature ? j : 0];
  }
};

template <bool bytes, bool per_feature, bool find_nonzero>
void gather_rows(const GatherTask& task) {
  const size_t count = task.num_features;
  ScaledRow<bytes, per_feature> row = {};
  row.shift = task.shift;
  row.factor = task.factor;
  row.shift0 = broadcast(task.shift[0]);
  row.factor0 = broadcast(task.factor[0]);
  for (int i = 0; i < task.num_rows; ++i) {
    uint64_t* nonzero = task.nonzero + (find_nonzero ? i : 0);
    const size_t from = static_cast<size_t>(task.rows[i]) * count;
    row.byte_row = task.bytes + (bytes ? from : 0);
    row.float_row = task.floats + (bytes ? 0 : from);
    float* out = task.out + i * task.out_stride;
    size_t j = 0;
    for (; j + kBlockFeatures <= count; j += kBlockFeatures) {
      uint64_t word = 0;
      BAKEOFF_UNROLL for (int k = 0; k < kBlockFeatures; k += kLanes) {
        Vec y = row.lanes_from(j + static_cast<size_t>(k));
        store(out + j + k, y);
        word |= static_cast<uint64_t>(lit_lanes(y)) << k;
      }
      if constexpr (find_nonzero) {
        *nonzero = word;
        nonzero += task.nonzero_block;
      }
    }
    if (j == count) continue;
    uint64_t word = 0;
    const size_t start = j;
    for (; j + kLanes <= count; j += kLanes) {
      Vec y = row.lanes_from(j);
      store(out + j, y);
      word |= static_cast<uint64_t>(lit_lanes(y)) << (j - start);
    }
    for (; j < count; ++j) {
      out[j] = row.at(j);
      word |= static_cast<uint64_t>(out[j] != 0.0f) << (j - start);
    }
    if constexpr (find_nonzero) *nonzero = word;
  }
}

template <bool bytes, bool per_feature>
void gather_known(const GatherTask& task) {
  task.nonzero != nullptr ? gather_rows<bytes, per_feature, true>(task)
                          : gather_rows<bytes, per_feature, false>(task);
}

void gather(const GatherTask& task) {
  if (task.bytes != nullptr)
    return task.per_feature ? gather_known<true, true>(task) : gather_known<true, false>(task);
  return task.per_feature ? gather_known<false, true>(task) : gather_known<false, false>(task);
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
