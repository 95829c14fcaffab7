#include "examples.h"

#include <cstring>

namespace bakeoff {

namespace {

// Room behind the entries, because kernels read whole vectors.
constexpr size_t kPadding = 64;

template <typename T>
size_t num_lit(const T* values, size_t count) {
  size_t total = 0;
  while (count > 0) {
    // A short inner count of 32 bits is what compilers turn into vectors.
    size_t part = count < 4096 ? count : 4096;
    uint32_t lit = 0;
    for (size_t i = 0; i < part; ++i) lit += values[i] != T{};
    total += lit;
    values += part;
    count -= part;
  }
  return total;
}

}  // namespace

double density(const Features& features) {
  const size_t count = features.num_examples * features.num_features;
  if (count == 0) return 1.0;
  const size_t lit = features.bytes != nullptr ? num_lit(features.bytes, count)
                                               : num_lit(features.floats, count);
  return static_cast<double>(lit) / static_cast<double>(count);
}

uint64_t checksum(const Features& features) {
  const size_t size = features.num_examples * features.num_features *
                      (features.bytes != nullptr ? 1 : sizeof(float));
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

SparseMatrix::SparseMatrix(const Features& features)
    : num_features_(features.num_features),
      num_blocks_(static_cast<int>((features.num_features + kBlockFeatures - 1) / kBlockFeatures)) {
  starts_.reserve(features.num_examples + 1);
  block_starts_.resize(features.num_examples * (static_cast<size_t>(num_blocks_) + 1));
  const size_t count = features.num_examples * features.num_features;
  if (features.bytes != nullptr) {
    const size_t lit = num_lit(features.bytes, count);
    byte_values_.resize(lit + kPadding);
    places_.resize(lit + kPadding);
    build(features.bytes, byte_values_);
  } else {
    const size_t lit = num_lit(features.floats, count);
    float_values_.resize(lit + kPadding);
    places_.resize(lit + kPadding);
    build(features.floats, float_values_);
  }
}

template <typename T>
void SparseMatrix::build(const T* values, std::vector<T>& out) {
  const size_t num_examples = block_starts_.size() / (static_cast<size_t>(num_blocks_) + 1);
  size_t next = 0;
  uint32_t* block_start = block_starts_.data();
  for (size_t row = 0; row < num_examples; ++row) {
    const size_t start = next;
    starts_.push_back(start);
    const T* x = values + row * num_features_;
    for (int block = 0; block < num_blocks_; ++block) {
      *block_start++ = static_cast<uint32_t>(next - start);
      const size_t first = static_cast<size_t>(block) * kBlockFeatures;
      const size_t width = num_features_ - first < kBlockFeatures ? num_features_ - first
                                                                  : size_t{kBlockFeatures};
      for (size_t i = 0; i < width; ++i) {
        // Written always, kept when it is lit: no branch that MNIST would make unpredictable. The
        // padding takes the last write.
        out[next] = x[first + i];
        places_[next] = static_cast<uint8_t>(i);
        next += x[first + i] != T{};
      }
    }
    *block_start++ = static_cast<uint32_t>(next - start);
    if (next - start > most_entries_) most_entries_ = next - start;
  }
  starts_.push_back(next);
}

void SparseMatrix::prefetch(int32_t row) const {
  const size_t from = starts_[static_cast<size_t>(row)], to = starts_[static_cast<size_t>(row) + 1];
  for (size_t i = from; i < to; i += 64) {
    __builtin_prefetch(places_.data() + i);
    if (!byte_values_.empty()) __builtin_prefetch(byte_values_.data() + i);
  }
  if (!float_values_.empty())
    for (size_t i = from; i < to; i += 16) __builtin_prefetch(float_values_.data() + i);
  __builtin_prefetch(block_starts_.data() +
                     static_cast<size_t>(row) * (static_cast<size_t>(num_blocks_) + 1));
}

}  // namespace bakeoff
