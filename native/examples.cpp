#include "examples.h"

#include <cstring>

namespace bakeoff {

namespace {

template <typename T>
size_t num_lit(const T* values, size_t count) {
  size_t total = 0;
  while (count > 0) {
    // A short inner count of 32 bits is what compilers turn into vectors.
    size_t part = count < 4096 ? count : 4096;
    uint32_t nonzero = 0;
    for (size_t i = 0; i < part; ++i) nonzero += values[i] != T{};
    total += nonzero;
    values += part;
    count -= part;
  }
  return total;
}

}  // namespace

double density(const Features& features) {
  const size_t count = features.num_examples * features.num_features;
  if (count == 0) return 1.0;
  const size_t nonzero =
      features.bytes != nullptr ? num_lit(features.bytes, count) : num_lit(features.floats, count);
  return static_cast<double>(nonzero) / static_cast<double>(count);
}

uint64_t checksum(const Features& features) {
  const size_t size =
      features.num_examples * features.num_features * (features.bytes != nullptr ? 1 : sizeof(float));
  const char* bytes = features.bytes != nullptr ? reinterpret_cast<const char*>(features.bytes)
                                                : reinterpret_cast<const char*>(features.floats);
  // Eight independent multiplicative hashes over interleaved words; multiplication by an odd number
  // loses nothing, so any single changed word changes the result.
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15ull;
  uint64_t state[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  size_t i = 0;
  for (; i + 64 <= size; i += 64) {
    uint64_t words[8];
    std::memcpy(words, bytes + i, 64);
    for (int k = 0; k < 8; ++k) state[k] = (state[k] ^ words[k]) * kOdd;
  }
  uint64_t words[8] = {};
  std::memcpy(words, bytes + i, size - i);
  uint64_t total = size;
  for (int k = 0; k < 8; ++k) {
    state[k] = (state[k] ^ words[k]) * kOdd;
    total = (total ^ (state[k] >> 29) ^ state[k]) * kOdd;
  }
  return total;
}

}  // namespace bakeoff
