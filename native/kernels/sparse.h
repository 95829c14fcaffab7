// The first layer on examples that are mostly zeros: only lit features are touched, nothing is
// approximated. See docs/engine.md for the drawing and for the count of loads and stores.
//
// Features come in blocks of 64, so that the 64 weight rows of a block (32 KiB for 8 vectors of 16
// lanes) stay in the first-level cache while every example of the batch passes over them. Forward, an
// example's sums live in 8 registers during a block; backward, its deltas do.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace bakeoff {
namespace {

// The entries of one example in one block.
struct Lit {
  const uint8_t* places;
  const float* values;
  uint32_t count;
};

BAKEOFF_INLINE Lit lit_entries(const SparseTask& task, int example, int block) {
  const SparseRows& m = task.matrix;
  size_t row = static_cast<size_t>(m.rows[example]);
  const uint32_t* block_starts = m.block_starts + row * (m.num_blocks + 1) + block;
  uint32_t from = block_starts[0];
  return {m.places + m.starts[row] + from, task.values + task.offsets[example] + from,
          block_starts[1] - from};
}

template <int vectors>
void forward_columns(const SparseTask& task, int column) {
  // Narrow layers keep several sets of sums, or each addition would wait for the one before.
  constexpr int kSets = vectors >= 8 ? 1 : vectors == 4 ? 2 : 4;
  const ptrdiff_t weight_row = task.weight_row;
  for (int block = 0; block < task.matrix.num_blocks; ++block) {
    const float* weights = task.weights + block * kBlockFeatures * weight_row + column;
    for (int example = 0; example < task.matrix.num_rows; ++example) {
      Lit lit = lit_entries(task, example, block);
      if (lit.count == 0) continue;
      float* out = task.outputs + example * task.output_row + column;
      Vec sum[kSets][vectors];
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) {
        sum[0][v] = load(out + v * kLanes);
        BAKEOFF_UNROLL for (int s = 1; s < kSets; ++s) sum[s][v] = Vec{};
      }
      uint32_t e = 0;
      for (; e + kSets <= lit.count; e += kSets) {
        BAKEOFF_UNROLL for (int s = 0; s < kSets; ++s) {
          Vec value = broadcast(lit.values[e + s]);
          const float* w = weights + lit.places[e + s] * weight_row;
          BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) sum[s][v] += value * load(w + v * kLanes);
        }
      }
      if constexpr (kSets > 1) {
        for (; e < lit.count; ++e) {
          Vec value = broadcast(lit.values[e]);
          const float* w = weights + lit.places[e] * weight_row;
          BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) sum[0][v] += value * load(w + v * kLanes);
        }
        BAKEOFF_UNROLL for (int s = kSets / 2; s > 0; s /= 2)
          BAKEOFF_UNROLL for (int t = 0; t < s; ++t)
            BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) sum[t][v] += sum[t + s][v];
      }
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) store(out + v * kLanes, sum[0][v]);
    }
  }
}

template <int vectors>
void backward_columns(const SparseTask& task, int column) {
  const ptrdiff_t weight_row = task.weight_row;
  for (int block = 0; block < task.matrix.num_blocks; ++block) {
    float* weights = task.weights + block * kBlockFeatures * weight_row + column;
    for (int example = 0; example < task.matrix.num_rows; ++example) {
      Lit lit = lit_entries(task, example, block);
      if (lit.count == 0) continue;
      const float* deltas = task.outputs + example * task.output_row + column;
      Vec delta[vectors];
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) delta[v] = load(deltas + v * kLanes);
      for (uint32_t e = 0; e < lit.count; ++e) {
        Vec value = broadcast(lit.values[e]);
        float* w = weights + lit.places[e] * weight_row;
        BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
          store(w + v * kLanes, load(w + v * kLanes) + value * delta[v]);
      }
    }
  }
}

template <bool forward, int vectors>
BAKEOFF_INLINE int take_columns(const SparseTask& task, int column) {
  for (; task.columns - column >= vectors * kLanes; column += vectors * kLanes) {
    if constexpr (forward)
      forward_columns<vectors>(task, column);
    else
      backward_columns<vectors>(task, column);
  }
  return column;
}

template <bool forward>
BAKEOFF_INLINE void all_columns(const SparseTask& task) {
  int column = take_columns<forward, 8>(task, 0);
  column = take_columns<forward, 4>(task, column);
  column = take_columns<forward, 2>(task, column);
  take_columns<forward, 1>(task, column);
}

void sparse_forward(const SparseTask& task) { all_columns<true>(task); }
void sparse_backward(const SparseTask& task) { all_columns<false>(task); }

// Scales the entries of a batch into one array, so that both passes read plain floats.
void expand(const ExpandTask& task) {
  const SparseRows& m = task.matrix;
  size_t total = 0;
  const float constant = task.factor[0] * task.multiplier;
  for (int example = 0; example < m.num_rows; ++example) {
    size_t row = static_cast<size_t>(m.rows[example]);
    const uint32_t* block_starts = m.block_starts + row * (m.num_blocks + 1);
    size_t start = m.starts[row], count = block_starts[m.num_blocks];
    float* out = task.values + total;
    task.offsets[example] = total;
    total += count;
    if (task.per_feature) {
      for (int block = 0; block < m.num_blocks; ++block)
        for (uint32_t e = block_starts[block]; e < block_starts[block + 1]; ++e) {
          float x = m.byte_values != nullptr ? m.byte_values[start + e] : m.float_values[start + e];
          out[e] = x * (task.factor[block * kBlockFeatures + m.places[start + e]] * task.multiplier);
        }
    } else if (m.byte_values != nullptr) {
      // Whole vectors: what is written beyond the end is overwritten by the next example, and the
      // array has room for one vector more.
      for (size_t e = 0; e < count; e += kLanes)
        store(out + e, load_bytes(m.byte_values + start + e) * constant);
    } else {
      for (size_t e = 0; e < count; e += kLanes)
        store(out + e, load(m.float_values + start + e) * constant);
    }
  }
}

}  // namespace
}  // namespace bakeoff
