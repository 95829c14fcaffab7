// Dropout masks from Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"),
// the same on every instruction set and in src/bakeoff/dense/network.py.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace bakeoff {
namespace {

constexpr int kBlocks = kLanes / 2;  // counters side by side, one per 64-bit lane

struct Words {
  LongVec w[4];  // the low halves hold the numbers
};

BAKEOFF_INLINE Words philox(LongVec block, uint32_t layer, uint64_t step, uint32_t key0, uint32_t key1) {
  const LongVec low = LongVec{} + uint64_t{0xffffffff};
  LongVec c0 = block & low, c1 = LongVec{} + layer;
  LongVec c2 = LongVec{} + (step & uint64_t{0xffffffff}), c3 = LongVec{} + (step >> 32);
  for (int round = 0; round < 10; ++round) {
    LongVec p0 = multiply_words(c0, LongVec{} + uint64_t{0xD2511F53});
    LongVec p1 = multiply_words(c2, LongVec{} + uint64_t{0xCD9E8D57});
    c0 = (p1 >> 32) ^ c1 ^ (LongVec{} + key0);
    c1 = p1 & low;
    c2 = (p0 >> 32) ^ c3 ^ (LongVec{} + key1);
    c3 = p0 & low;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// Multipliers of `count` elements from first_element on: 0 where dropped, else scale. Blocks of four
// elements are drawn whole; returns where in the array the first element landed.
int dropout(const DropoutTask& task) {
  const uint64_t first_block = task.first_element / 4;
  const int lead = static_cast<int>(task.first_element % 4);
  LongVec number;
  for (int i = 0; i < kBlocks; ++i) number[i] = static_cast<uint64_t>(i);
  const LongVec threshold = LongVec{} + task.threshold;
  const LongVec scale = LongVec{} + [](float x) {
    union {
      float f;
      uint32_t u;
    } bits = {x};
    return static_cast<uint64_t>(bits.u);
  }(task.scale);
  for (int done = 0; done < lead + task.count; done += 4 * kBlocks) {
    Words words = philox(number + (first_block + static_cast<uint64_t>(done / 4)), task.layer, task.step,
                         task.key[0], task.key[1]);
    LongVec kept[4];
    for (int w = 0; w < 4; ++w) kept[w] = reinterpret_cast<LongVec>(words.w[w] >= threshold) & scale;
    LongVec first = kept[0] | (kept[1] << 32), second = kept[2] | (kept[3] << 32);
    for (int i = 0; i < kBlocks; ++i) {
      typedef uint64_t Memory __attribute__((aligned(4), may_alias));
      Memory* out = reinterpret_cast<Memory*>(task.multipliers + done + 4 * i);
      out[0] = first[i];
      out[1] = second[i];
    }
  }
  return lead;
}

}  // namespace
}  // namespace bakeoff
