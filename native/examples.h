// The data matrix as the kernels see it, and what is measured of it once.
#pragma once

#include <cstddef>
#include <cstdint>

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

}  // namespace bakeoff
