// In which examples each feature is non-zero, from which features are non-zero in each example: a
// matrix of bits, transposed 32 × 32 at a time.
//
// Squares of bits off the diagonal are swapped, of side 16, then 8, 4, 2 and 1 (Warren, Hacker's
// Delight, section 7-3). The 32 words lie in vectors: words at a distance of a vector or more are
// swapped between vectors, nearer ones between the lanes of each vector.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace bakeoff {
namespace {

constexpr int kGroup = 32;  // examples whose bits are transposed together
constexpr int kGroupVectors = kGroup / kLanes;

template <int side>
BAKEOFF_INLINE void swap_squares(WordVec (&x)[kGroupVectors], uint32_t mask) {
  if constexpr (side >= kLanes) {
    constexpr int apart = side / kLanes;
    BAKEOFF_UNROLL for (int i = 0; i < kGroupVectors; ++i) {
      if ((i & apart) == 0) {
        WordVec change = ((x[i] >> side) ^ x[i + apart]) & mask;
        x[i] ^= change << side;
        x[i + apart] ^= change;
      }
    }
  } else {
    WordVec is_first, keep;
    for (int i = 0; i < kLanes; ++i) {
      is_first[i] = (i & side) == 0 ? ~0u : 0u;
      keep[i] = (i & side) == 0 ? mask : ~mask;
    }
    BAKEOFF_UNROLL for (int i = 0; i < kGroupVectors; ++i) {
      const WordVec other = reinterpret_cast<WordVec>(swap_lanes<side>(reinterpret_cast<Vec>(x[i])));
      const WordVec moved = (is_first & (other << side)) | (~is_first & (other >> side));
      x[i] = (x[i] & keep) | (moved & ~keep);
    }
  }
}

// Bit k of word i against bit i of word k, in place.
BAKEOFF_INLINE void transpose_bits(uint32_t* words) {
  WordVec x[kGroupVectors];
  BAKEOFF_UNROLL for (int i = 0; i < kGroupVectors; ++i)
    x[i] = reinterpret_cast<WordVec>(load(reinterpret_cast<const float*>(words + i * kLanes)));
  swap_squares<16>(x, 0x0000ffffu);
  swap_squares<8>(x, 0x00ff00ffu);
  swap_squares<4>(x, 0x0f0f0f0fu);
  swap_squares<2>(x, 0x33333333u);
  swap_squares<1>(x, 0x55555555u);
  BAKEOFF_UNROLL for (int i = 0; i < kGroupVectors; ++i)
    store(reinterpret_cast<float*>(words + i * kLanes), reinterpret_cast<Vec>(x[i]));
}

// From the non-zero words of up to 32 examples (one word of 64 features each) to one word per feature,
// whose bit i belongs to example i.
BAKEOFF_INLINE void examples_of_features(const uint64_t* nonzero, int num_examples, uint32_t* examples_of) {
  uint32_t* low = examples_of;
  uint32_t* high = examples_of + kGroup;
  for (int i = 0; i < kGroup; ++i) {
    const uint64_t word = i < num_examples ? nonzero[i] : 0;
    low[i] = static_cast<uint32_t>(word);
    high[i] = static_cast<uint32_t>(word >> 32);
  }
  transpose_bits(low);
  transpose_bits(high);
}

}  // namespace
}  // namespace bakeoff
