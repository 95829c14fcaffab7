// The first layer on examples that are mostly zeros: only non-zero features are touched, nothing is
// approximated. docs/engine.md has the drawing and the count of loads and stores.
//
// Features come in blocks of 64, so that a block's 64 weight rows (32 KiB for 8 vectors of 16 lanes)
// stay in the first-level cache while every example passes over them. One word per example and block
// tells which of its features are non-zero.
//
//   forward    by example: its sums stay in 8 registers during a block; a non-zero feature costs 8
//              multiply-adds whose weights come straight from the cache.
//   backward   by feature: two neighbours, often non-zero together, keep their weight rows in 16
//              registers; the words of 32 examples, transposed as a matrix of bits, tell which
//              examples have either. Each costs 8 deltas from the cache for 16 multiply-adds, and the
//              rows are stored once. By example instead, every non-zero entry would cost 8 stores.
#pragma once

#include "../kernel_table.h"
#include "bits.h"
#include "simd.h"

namespace bakeoff {
namespace {

// Below this many examples a weight row is rarely used twice, and transposing does not pay.
constexpr int kFewExamples = 8;

BAKEOFF_INLINE int take_lowest(uint64_t& word) {
  int place = __builtin_ctzll(word);
  word &= word - 1;
  return place;
}

// Adds the non-zero features of `together` examples from `example` on, of `num_words` blocks from `block` on.
template <int vectors, int together>
BAKEOFF_INLINE void forward_examples(const SparseTask& task, int column, int block, int num_words,
                                     int example) {
  const ptrdiff_t weight_row = task.weight_row, output_row = task.output_row;
  const float* x[together];
  float* out = task.outputs + example * output_row + column;
  Vec sum[together][vectors];
  BAKEOFF_UNROLL for (int k = 0; k < together; ++k) {
    x[k] = task.inputs + (example + k) * task.input_row + block * kBlockFeatures;
    BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
      sum[k][v] = load(out + k * output_row + v * kLanes);
  }
  const uint64_t* nonzero_of = task.nonzero + block * task.nonzero_block + example;
  const float* weights = task.weights + block * kBlockFeatures * weight_row + column;
  for (int word = 0; word < num_words; ++word) {
    uint64_t nonzero = 0;
    BAKEOFF_UNROLL for (int k = 0; k < together; ++k)
      nonzero |= nonzero_of[k];
    while (nonzero != 0) {
      const int place = take_lowest(nonzero);
      const float* w = weights + place * weight_row;
      BAKEOFF_UNROLL for (int k = 0; k < together; ++k) {
        Vec value = broadcast(x[k][place]);
        BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
          sum[k][v] += value * load(w + v * kLanes);
      }
    }
    nonzero_of += task.nonzero_block;
    weights += kBlockFeatures * weight_row;
    BAKEOFF_UNROLL for (int k = 0; k < together; ++k)
      x[k] += kBlockFeatures;
  }
  BAKEOFF_UNROLL for (int k = 0; k < together; ++k) {
    BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
      store(out + k * output_row + v * kLanes, sum[k][v]);
  }
}

template <int vectors>
void forward_columns(const SparseTask& task, int column) {
  // Narrow layers take several examples together, where any of them is non-zero: eight sums that do not wait
  // for each other, a weight row read once, and one mispredicted end of a loop instead of several.
  constexpr int kTogether = vectors >= 8 ? 1 : vectors == 4 ? 2 : 4;
  // Blocks whose weight rows fill the cache together.
  constexpr int kWords = 8 / vectors;
  // Vectors may be stored over anything: what is read through the task is read again after every store.
  const NextRows next = task.next;
  const int num_next = column == 0 ? next.num_rows : 0;
  for (int block = 0; block < task.num_blocks; block += kWords) {
    const int num_words = task.num_blocks - block < kWords ? task.num_blocks - block : kWords;
    const size_t next_from = static_cast<size_t>(block * kBlockFeatures) * next.feature_size;
    const size_t next_size = static_cast<size_t>(num_words * kBlockFeatures) * next.feature_size;
    const size_t next_to = next_from + next_size < next.row_size ? next_from + next_size : next.row_size;
    for (int i = 0, rows = task.rows; i < rows;) {
      const int count = i + kTogether <= rows ? kTogether : 1;
      // The next rows of the data matrix, a line or a few at a time: asked for all at once, they would fill
      // the queue of cache misses and stop everything.
      for (int k = i; k < i + count && k < num_next; ++k) {
        const char* row = next.matrix + static_cast<size_t>(next.rows[k]) * next.row_size;
        for (size_t offset = next_from; offset < next_to; offset += 64) __builtin_prefetch(row + offset);
      }
      if (count == kTogether)
        forward_examples<vectors, kTogether>(task, column, block, num_words, i);
      else
        forward_examples<vectors, 1>(task, column, block, num_words, i);
      i += count;
    }
  }
}

// By example, for a few of them.
template <int vectors>
void backward_examples(const SparseTask& task, int column) {
  const ptrdiff_t weight_row = task.weight_row;
  for (int i = 0; i < task.rows; ++i) {
    const float* deltas = task.outputs + i * task.output_row + column;
    Vec delta[vectors];
    BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
      delta[v] = load(deltas + v * kLanes);
    for (int block = 0; block < task.num_blocks; ++block) {
      const float* inputs = task.inputs + i * task.input_row + block * kBlockFeatures;
      float* weights = task.weights + block * kBlockFeatures * weight_row + column;
      uint64_t nonzero = task.nonzero[block * task.nonzero_block + i];
      while (nonzero != 0) {
        int place = take_lowest(nonzero);
        Vec value = broadcast(inputs[place]);
        float* w = weights + place * weight_row;
        BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
          store(w + v * kLanes, load(w + v * kLanes) + value * delta[v]);
      }
    }
  }
}

// By feature, for up to 32 examples from `first` on and the columns of one block of features, taking
// neighbouring features together, which are often non-zero in the same examples.
template <int vectors>
void backward_features(const SparseTask& task, int column, int first, int block,
                       const uint32_t* examples_of) {
  // Sixteen rows' vectors want thirty-two registers.
  constexpr int kTogether = vectors >= 8 && kNumRegisters < 32 ? 1 : vectors >= 4 ? 2 : 4;
  const ptrdiff_t weight_row = task.weight_row, input_row = task.input_row;
  const ptrdiff_t output_row = task.output_row;
  const float* deltas = task.outputs + first * output_row + column;
  const float* inputs = task.inputs + first * input_row + block * kBlockFeatures;
  float* weights = task.weights + block * kBlockFeatures * weight_row + column;
  for (int place = 0; place < kBlockFeatures; place += kTogether) {
    uint64_t examples = 0;
    BAKEOFF_UNROLL for (int k = 0; k < kTogether; ++k)
      examples |= examples_of[place + k];
    if (examples == 0) continue;
    // Beyond the last feature there are no weights: its row stands in, and is not stored.
    float* row[kTogether];
    Vec sum[kTogether][vectors];
    BAKEOFF_UNROLL for (int k = 0; k < kTogether; ++k) {
      row[k] = weights + (examples_of[place + k] != 0 ? place + k : place) * weight_row;
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
        sum[k][v] = load(row[k] + v * kLanes);
    }
    do {
      int i = take_lowest(examples);
      const float* value = inputs + i * input_row + place;
      const float* delta = deltas + i * output_row;
      Vec d[vectors];
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
        d[v] = load(delta + v * kLanes);
      BAKEOFF_UNROLL for (int k = 0; k < kTogether; ++k) {
        Vec x = broadcast(value[k]);
        BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
          sum[k][v] += x * d[v];
      }
    } while (examples != 0);
    BAKEOFF_UNROLL for (int k = 0; k < kTogether; ++k) {
      if (k > 0 && examples_of[place + k] == 0) continue;
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
        store(row[k] + v * kLanes, sum[k][v]);
    }
  }
}

template <int vectors, typename Pass>
BAKEOFF_INLINE int take_columns(const SparseTask& task, int column, Pass pass) {
  for (; task.columns - column >= vectors * kLanes; column += vectors * kLanes)
    pass.template run<vectors>(column);
  return column;
}

// Splits the columns into groups of 8, 4, 2 and 1 vectors.
template <typename Pass>
BAKEOFF_INLINE void all_columns(const SparseTask& task, Pass pass) {
  int column = take_columns<8>(task, 0, pass);
  column = take_columns<4>(task, column, pass);
  column = take_columns<2>(task, column, pass);
  take_columns<1>(task, column, pass);
}

struct ForwardPass {
  const SparseTask& task;
  template <int vectors>
  void run(int column) const {
    forward_columns<vectors>(task, column);
  }
};
struct ExamplesPass {
  const SparseTask& task;
  template <int vectors>
  void run(int column) const {
    backward_examples<vectors>(task, column);
  }
};
struct FeaturesPass {
  const SparseTask& task;
  int first, block;
  const uint32_t* examples_of;
  template <int vectors>
  void run(int column) const {
    backward_features<vectors>(task, column, first, block, examples_of);
  }
};

void sparse_forward(const SparseTask& task) { all_columns(task, ForwardPass{task}); }

void sparse_backward(const SparseTask& task) {
  if (task.rows < kFewExamples) return all_columns(task, ExamplesPass{task});
  for (int first = 0; first < task.rows; first += kGroup) {
    const int count = task.rows - first < kGroup ? task.rows - first : kGroup;
    for (int block = 0; block < task.num_blocks; ++block) {
      uint32_t examples_of[kBlockFeatures];
      examples_of_features(task.nonzero + block * task.nonzero_block + first, count, examples_of);
      all_columns(task, FeaturesPass{task, first, block, examples_of});
    }
  }
}

}  // namespace
}  // namespace bakeoff
