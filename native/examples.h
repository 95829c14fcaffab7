// The data matrix as the kernels see it, and its lit entries where most of it is zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel_table.h"

namespace bakeoff {

// A borrowed row-major matrix; exactly one of bytes and floats is given.
struct Features {
  const uint8_t* bytes = nullptr;
  const float* floats = nullptr;
  size_t num_examples = 0;
  size_t num_features = 0;
};

// Share of entries that are not exactly zero.
double density(const Features& features);

// Two words that change when any entry does: tells whether a writable matrix was changed in place.
uint64_t checksum(const Features& features);

// The entries that are not zero, row by row. Built once per matrix, then read by every run.
class SparseMatrix {
 public:
  explicit SparseMatrix(const Features& features);

  SparseRows rows(const int32_t* rows, int num_rows) const {
    return {places_.data(), byte_values_.empty() ? nullptr : byte_values_.data(),
            float_values_.empty() ? nullptr : float_values_.data(), starts_.data(),
            block_starts_.data(), num_blocks_, rows, num_rows};
  }
  size_t num_examples() const { return starts_.size() - 1; }
  size_t num_features() const { return num_features_; }
  size_t most_entries() const { return most_entries_; }
  // Asks for the memory of a row that will be needed soon.
  void prefetch(int32_t row) const;

 private:
  template <typename T>
  void build(const T* values, std::vector<T>& out);

  size_t num_features_;
  int num_blocks_;
  size_t most_entries_ = 0;
  std::vector<uint8_t> places_;
  std::vector<uint8_t> byte_values_;
  std::vector<float> float_values_;
  std::vector<uint64_t> starts_;
  std::vector<uint32_t> block_starts_;
};

}  // namespace bakeoff
