// Dense products: a block of rows × 2 vectors of the result stays in registers while the depth runs.
//
// With 32 registers the block is 12 × 2 vectors, with 16 it is 6 × 2: per step of the depth two
// vectors of the right matrix are loaded, each of the rows' numbers is broadcast, and every load feeds
// two multiply-adds or more. One kernel serves all three products of a layer, because the left matrix
// is read number by number and so may be strided either way:
//
//   forward            Z  = A · W + b     left = A
//   weight gradient    G  = Aᵀ · D        left = A, its strides swapped
//   input gradient     D' = D · Wᵀ        left = D, right = a transposed copy of W
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace bakeoff {
namespace {

constexpr int kRowTile = kNumRegisters == 32 ? 12 : 6;
constexpr int kPanel = 2 * kLanes;
// Depth of one pass: a panel of that many rows (32 KiB with 16 lanes) stays in the first-level cache.
constexpr int kDepthBlock = 256;

template <int rows, int vectors, bool adjacent_rows>
void multiply_tile(const MatmulTask& task, const float* left, const float* right, const float* bias,
                   ptrdiff_t out_offset, int depth, bool first, bool last) {
  const ptrdiff_t row = adjacent_rows ? 1 : task.left_row;
  const ptrdiff_t step = task.left_step;
  const ptrdiff_t right_step = task.right_step;
  float* out = task.out + out_offset;
  Vec sum[rows][vectors];
  if (first) {
    BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) {
      Vec start = bias != nullptr ? load(bias + v * kLanes) : Vec{};
      BAKEOFF_UNROLL for (int i = 0; i < rows; ++i)
        sum[i][v] = start;
    }
  } else {
    BAKEOFF_UNROLL for (int i = 0; i < rows; ++i) {
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) {
        sum[i][v] = load(out + i * task.out_row + v * kLanes);
      }
    }
  }
  // What is blended into at the end is on its way while the depth runs: weights may be far off.
  if (task.end == MatmulTask::End::kBlend) {
    BAKEOFF_UNROLL for (int i = 0; i < rows; ++i) {
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) {
        __builtin_prefetch(out + i * task.out_row + v * kLanes, 1);
      }
    }
  }
  // Every third row has a pointer of its own: three rows are reached from one with the address
  // modes [p], [p + row] and [p + 2 row], so that twelve rows need five registers.
  const float* base[(rows + 2) / 3];
  BAKEOFF_UNROLL for (int g = 0; g < (rows + 2) / 3; ++g)
    base[g] = left + 3 * g * row;
  for (int r = 0; r < depth; ++r) {
    Vec b[vectors];
    BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
      b[v] = load(right + v * kLanes);
    BAKEOFF_UNROLL for (int i = 0; i < rows; ++i) {
      Vec a = broadcast(base[i / 3][(i % 3) * row]);
      BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v)
        sum[i][v] += a * b[v];
    }
    BAKEOFF_UNROLL for (int g = 0; g < (rows + 2) / 3; ++g)
      base[g] += step;
    right += right_step;
  }
  const MatmulTask::End end = last ? task.end : MatmulTask::End::kStore;
  const float* factors = task.factors + out_offset;
  BAKEOFF_UNROLL for (int i = 0; i < rows; ++i) {
    BAKEOFF_UNROLL for (int v = 0; v < vectors; ++v) {
      float* place = out + i * task.out_row + v * kLanes;
      Vec x = sum[i][v];
      switch (end) {
        case MatmulTask::End::kStore:
          break;
        case MatmulTask::End::kBlend:
          x = task.keep * load(place) + task.scale * x;
          break;
        case MatmulTask::End::kMultiply:
          x = x * load(factors + i * task.out_row + v * kLanes);
          break;
        case MatmulTask::End::kActivate:
          x = select(x > 0.0f, x, x * task.keep);
          break;
        case MatmulTask::End::kSlope:
          x = select(load(factors + i * task.out_row + v * kLanes) > 0.0f, x, x * task.keep);
          break;
      }
      store(place, x);
    }
  }
}

template <int vectors, bool adjacent_rows, int rows = kRowTile>
BAKEOFF_INLINE void multiply_rows(int count, const MatmulTask& task, const float* left, const float* right,
                                  const float* bias, ptrdiff_t out_offset, int depth, bool first, bool last) {
  if constexpr (rows > 0) {
    if (count == rows)
      multiply_tile<rows, vectors, adjacent_rows>(task, left, right, bias, out_offset, depth, first, last);
    else
      multiply_rows<vectors, adjacent_rows, rows - 1>(count, task, left, right, bias, out_offset, depth,
                                                      first, last);
  }
}

template <bool adjacent_rows>
void multiply_block(const MatmulTask& task, int panel, int row, int num_rows, int from, int depth) {
  const float* left = task.left + row * task.left_row + from * task.left_step;
  const float* right = task.right + panel * task.right_panel + from * task.right_step;
  const float* bias = task.bias != nullptr ? task.bias + panel * kPanel : nullptr;
  ptrdiff_t out_offset = panel * task.out_panel + row * task.out_row;
  bool last = from + depth == task.depth;
  if (task.columns - panel * kPanel >= kPanel)
    multiply_rows<2, adjacent_rows>(num_rows, task, left, right, bias, out_offset, depth, from == 0, last);
  else
    multiply_rows<1, adjacent_rows>(num_rows, task, left, right, bias, out_offset, depth, from == 0, last);
}

template <bool adjacent_rows>
void multiply_matrices(const MatmulTask& task) {
  const int num_panels = (task.columns + kPanel - 1) / kPanel;
  const int num_tiles = (task.rows + kRowTile - 1) / kRowTile;
  // Rows are shared out evenly (32 become 11, 11 and 10): a thin last tile would wait for latency.
  const int tile = task.rows / num_tiles, wide_tiles = task.rows % num_tiles;
  // The gradient's depth is the batch: its right matrix fits the first-level cache as a whole, and
  // then each strip of the left one is read only once.
  const bool strips_first = adjacent_rows && task.depth * task.columns <= 6144;
  for (int from = 0; from < task.depth; from += kDepthBlock) {
    const int depth = task.depth - from < kDepthBlock ? task.depth - from : kDepthBlock;
    if (strips_first) {
      for (int t = 0, row = 0; t < num_tiles; ++t) {
        int num_rows = tile + (t < wide_tiles);
        for (int panel = 0; panel < num_panels; ++panel)
          multiply_block<adjacent_rows>(task, panel, row, num_rows, from, depth);
        row += num_rows;
      }
    } else {
      for (int panel = 0; panel < num_panels; ++panel)
        for (int t = 0, row = 0; t < num_tiles; ++t) {
          int num_rows = tile + (t < wide_tiles);
          multiply_block<adjacent_rows>(task, panel, row, num_rows, from, depth);
          row += num_rows;
        }
    }
  }
}

void matmul(const MatmulTask& task) {
  if (task.left_row == 1)
    multiply_matrices<true>(task);
  else
    multiply_matrices<false>(task);
}

// Writes a matrix in panels as the panels of its transpose, a square of lanes × lanes at a time.
BAKEOFF_INLINE void transpose_square(Vec (&x)[kLanes]) {
#if defined(__AVX512F__)
#define BAKEOFF_LANES(F, d)                                                                           \
  F(0, d), F(1, d), F(2, d), F(3, d), F(4, d), F(5, d), F(6, d), F(7, d), F(8, d), F(9, d), F(10, d), \
      F(11, d), F(12, d), F(13, d), F(14, d), F(15, d)
#elif defined(__AVX2__)
#define BAKEOFF_LANES(F, d) F(0, d), F(1, d), F(2, d), F(3, d), F(4, d), F(5, d), F(6, d), F(7, d)
#else
#define BAKEOFF_LANES(F, d) F(0, d), F(1, d), F(2, d), F(3, d)
#endif
#define BAKEOFF_UPPER(k, d) (((k) & (d)) ? kLanes + (k) - (d) : (k))
#define BAKEOFF_LOWER(k, d) (((k) & (d)) ? kLanes + (k) : (k) + (d))
  // Swaps the off-diagonal squares of side d within every square of side 2d.
#define BAKEOFF_SWAP_SQUARES(d)                                            \
  if constexpr (kLanes > (d)) {                                            \
    constexpr int e = (d) % kLanes;                                        \
    BAKEOFF_UNROLL for (int i = 0; i < kLanes; ++i)                        \
      if (!(i & e)) {                                                      \
        Vec a = x[i], b = x[i + e];                                        \
        x[i] = BAKEOFF_SHUFFLE(a, b, BAKEOFF_LANES(BAKEOFF_UPPER, e));     \
        x[i + e] = BAKEOFF_SHUFFLE(a, b, BAKEOFF_LANES(BAKEOFF_LOWER, e)); \
      }                                                                    \
  }
  BAKEOFF_SWAP_SQUARES(8)
  BAKEOFF_SWAP_SQUARES(4)
  BAKEOFF_SWAP_SQUARES(2)
  BAKEOFF_SWAP_SQUARES(1)
#undef BAKEOFF_SWAP_SQUARES
#undef BAKEOFF_UPPER
#undef BAKEOFF_LOWER
#undef BAKEOFF_LANES
}

// Up to kLanes rows of kLanes numbers as columns: missing rows are zeros, and the first `num_stored` of
// the results are stored.
BAKEOFF_INLINE void transpose_rows(const float* in, ptrdiff_t in_row, int num_rows, float* out,
                                   ptrdiff_t out_row, int num_stored) {
  Vec x[kLanes];
  if (num_rows == kLanes) {
    BAKEOFF_UNROLL for (int k = 0; k < kLanes; ++k)
      x[k] = load(in + k * in_row);
  } else {
    BAKEOFF_UNROLL for (int k = 0; k < kLanes; ++k)
      x[k] = k < num_rows ? load(in + k * in_row) : Vec{};
  }
  transpose_square(x);
  BAKEOFF_UNROLL for (int k = 0; k < kLanes; ++k)
    if (k < num_stored) store(out + k * out_row, x[k]);
}

void transpose(const TransposeTask& task) {
  for (int i = 0; i < task.rows; i += kLanes) {
    int num_rows = task.rows - i < kLanes ? task.rows - i : kLanes;
    float* out = task.out + (i / kPanel) * task.out_panel + i % kPanel;
    for (int j = 0; j < task.columns; j += kLanes) {
      const float* in = task.in + (j / kPanel) * task.in_panel + i * task.in_row + j % kPanel;
      transpose_rows(in, task.in_row, num_rows, out + j * task.out_row, task.out_row, kLanes);
    }
  }
}

}  // namespace
}  // namespace bakeoff
