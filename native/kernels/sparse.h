// The first layer on examples that are mostly zeros: only lit features are touched, nothing is
// approximated. docs/engine.md has the drawing and the count of loads and stores.
//
// Features come in blocks of 64, so that a block's 64 weight rows (32 KiB for 8 vectors of 16 lanes)
// stay in the first-level cache while every example passes over them. One word per example and block
// tells which of its features are lit.
//
//   forward    by example: its sums stay in 8 registers during a block; a lit feature costs 8
//              multiply-adds whose weights come straight from the cache.
//   backward   by feature: its weight row stays in 8 registers; the words of 32 examples, transposed
//              as a matrix of bits, tell which examples light it. Each costs 8 multiply-adds whose
//              deltas come straight from the cache, and the row is stored once. By example instead,
//              every lit entry would cost 8 stores.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace bakeoff {
namespace {

constexpr int kGroup = 32;  // examples whose bits are transposed together
// Below this many examples a weight row is rarely used twice, and transposing does not pay.
constexpr int kFewExamples = 8;

void find_lit(const LitTask& task) {
  const int num_blocks = (task.num_features + kBlockFeatures - 1) / kBlockFeatures;
  // What lies behind the last feature is not an input.
  const int rest = task.num_features % kBlockFeatures;
  const uint64_t last = rest == 0 ? ~uint64_t{0} : (uint64_t{1} << rest) - 1;
  for (int i = 0; i < task.rows; ++i) {
    const float* x = task.inputs + i * task.input_row;
    uint64_t* lit = task.lit + static_cast<ptrdiff_t>(i) * num_blocks;
    for (int block = 0; block < num_blocks; ++block, x += kBlockFeatures) {
      uint64_t word = 0;
      for (int k = 0; k < kBlockFeatures; k += kLanes)
        word |= static_cast<uint64_t>(lit_lanes(load(x + k))) << k;
      lit[block] = word;
    }
    lit[num_blocks - 1] &= last;
  }
}

BAKEOFF_INLINE int take_lowest(uint64_t& word) {
  int place = __builtin_ctzll(word);
  word &= word - 1;
  return place;
}

template <int vectors>
void forward_columns(const SparseTask& task, int column) {
  // Narrow layers keep several sets of sums, or each addition would wait for the one before, and
  // take several words at a time: the weight rows of eight vectors' worth fill the cache.
  constexpr int kSets = vectors >= 8 ? 1 : vectors == 4 ? 2 : 4;
  constexpr int kWords = 8 / vectors;
  static constexpr float kNothing = 0.0f;
  const ptrdiff_t weight_row = task.weight_row, input_row = task.input_row;
  const int num_blocks = task.num_blocks, rows = task.rows;
  for (int first = 0; first < num_blocks; first += kWords) {
    const int num_words = num_blocks - first < kWords ? num_blocks - first : kWords;
    const float* inputs = task.inputs + first * kBlockFeatures;
    const uint64_t* words = task.lit + first;
    float* out = task.outputs + column;
    for (int i = 0; i < rows; ++i, inputs += input_row, words += num_blocks, out += task.output_row) {
      Vec sum[kSets][vectors];
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) {
        sum[0][v] = load(out + v * kLanes);
        BAKEOFF_UNROLL for (int s = 1; s < kSets; ++s)
          sum[s][v] = Vec{};
      }
      const float* weights = task.weights + first * kBlockFeatures * weight_row + column;
      const float* x = inputs;
      for (int word = 0; word < num_words; ++word) {
        uint64_t lit = words[word];
        while (lit != 0) {
          BAKEOFF_UNROLL for (int s = 0; s < kSets; ++s) {
            // A set that finds no lit feature left adds nothing, which is quicker than a branch.
            const float* value_at = &kNothing;
            int place = 0;
            if (s == 0 || lit != 0) {
              place = __builtin_ctzll(lit);
              value_at = x + place;
              lit &= lit - 1;
            }
            Vec value = broadcast(*value_at);
            const float* w = weights + place * weight_row;
            BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
              sum[s][v] += value * load(w + v * kLanes);
          }
        }
        weights += kBlockFeatures * weight_row;
        x += kBlockFeatures;
      }
      BAKEOFF_UNROLL for (int s = kSets / 2; s > 0; s /= 2) {
        BAKEOFF_UNROLL for (int t = 0; t < s; ++t) {
          BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
            sum[t][v] += sum[t + s][v];
        }
      }
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
        store(out + v * kLanes, sum[0][v]);
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
      uint64_t lit = task.lit[static_cast<ptrdiff_t>(i) * task.num_blocks + block];
      while (lit != 0) {
        int place = take_lowest(lit);
        Vec value = broadcast(inputs[place]);
        float* w = weights + place * weight_row;
        BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
          store(w + v * kLanes, load(w + v * kLanes) + value * delta[v]);
      }
    }
  }
}

// Transposes a matrix of 32 × 32 bits, bit k of word i against bit i of word k: squares off the
// diagonal are swapped, of side 16, then 8, 4, 2 and 1.
template <int side>
BAKEOFF_INLINE void swap_bit_squares(uint32_t* words, uint32_t mask) {
  for (int from = 0; from < 32; from += 2 * side)
    for (int k = from; k < from + side; ++k) {
      uint32_t change = ((words[k] >> side) ^ words[k + side]) & mask;
      words[k] ^= change << side;
      words[k + side] ^= change;
    }
}

BAKEOFF_INLINE void transpose_bits(uint32_t* words) {
  swap_bit_squares<16>(words, 0x0000ffffu);
  swap_bit_squares<8>(words, 0x00ff00ffu);
  swap_bit_squares<4>(words, 0x0f0f0f0fu);
  swap_bit_squares<2>(words, 0x33333333u);
  swap_bit_squares<1>(words, 0x55555555u);
}

// By feature, for up to 32 examples from `first` on and the columns of one block of features. Narrow
// layers take neighbouring features together, which are often lit by the same examples.
template <int vectors>
void backward_features(const SparseTask& task, int column, int first, int block,
                       const uint32_t* examples_of) {
  constexpr int kTogether = vectors >= 8 ? 1 : vectors == 4 ? 2 : 4;
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
      uint32_t examples_of[kBlockFeatures] = {};
      const uint64_t* words = task.lit + static_cast<ptrdiff_t>(first) * task.num_blocks + block;
      for (int i = 0; i < count; ++i, words += task.num_blocks) {
        examples_of[i] = static_cast<uint32_t>(*words);
        examples_of[kGroup + i] = static_cast<uint32_t>(*words >> 32);
      }
      transpose_bits(examples_of);
      transpose_bits(examples_of + kGroup);
      all_columns(task, FeaturesPass{task, first, block, examples_of});
    }
  }
}

}  // namespace
}  // namespace bakeoff
