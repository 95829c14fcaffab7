// Vectors of floats for the instruction set this translation unit is compiled for. This is the only
// file that asks which set that is; everything above it is written once against these names.
//
// Kernel headers include nothing but <cstddef>, <cstdint> and intrinsics, and keep every name in an
// unnamed namespace: an inline function that two instruction sets shared would be merged by the
// linker, and the wide one could then run on a machine that lacks it.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define BAKEOFF_INLINE static inline __attribute__((always_inline))
#define BAKEOFF_UNROLL _Pragma("GCC unroll 16")

namespace bakeoff {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kNumRegisters = 32;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kNumRegisters = 16;
#elif defined(__aarch64__)
constexpr int kLanes = 4;
constexpr int kNumRegisters = 32;
#else
constexpr int kLanes = 4;
constexpr int kNumRegisters = 16;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t IntVec __attribute__((vector_size(kLanes * 4)));
typedef uint32_t WordVec __attribute__((vector_size(kLanes * 4)));
typedef uint64_t LongVec __attribute__((vector_size(kLanes * 4)));
typedef uint8_t ByteVec __attribute__((vector_size(kLanes)));
// The same in memory, at any address.
typedef float VecMemory __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef int32_t IntVecMemory __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef uint8_t ByteVecMemory __attribute__((vector_size(kLanes), aligned(1), may_alias));

BAKEOFF_INLINE Vec load(const float* p) { return *reinterpret_cast<const VecMemory*>(p); }
BAKEOFF_INLINE void store(float* p, Vec x) { *reinterpret_cast<VecMemory*>(p) = x; }
BAKEOFF_INLINE Vec broadcast(float x) { return x - Vec{}; }
BAKEOFF_INLINE IntVec bits_of(Vec x) { return reinterpret_cast<IntVec>(x); }
BAKEOFF_INLINE Vec float_of(IntVec x) { return reinterpret_cast<Vec>(x); }

// Left to itself, GCC converts bytes to floats one by one.
BAKEOFF_INLINE Vec load_bytes(const uint8_t* p) {
#if defined(__AVX512F__)
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(__AVX2__)
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#elif defined(__x86_64__)
  int32_t four;
  __builtin_memcpy(&four, p, 4);
  const __m128i zero = _mm_setzero_si128();
  return _mm_cvtepi32_ps(_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(four), zero), zero));
#else
  return __builtin_convertvector(*reinterpret_cast<const ByteVecMemory*>(p), Vec);
#endif
}

// Bit i is set where lane i is not zero.
BAKEOFF_INLINE uint32_t lit_lanes(Vec x) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
#elif defined(__AVX2__)
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_UQ)));
#elif defined(__x86_64__)
  return static_cast<uint32_t>(_mm_movemask_ps(_mm_cmpneq_ps(x, _mm_setzero_ps())));
#elif defined(__aarch64__)
  const IntVec bit = {1, 2, 4, 8};
  return vaddvq_u32(reinterpret_cast<uint32x4_t>((x != 0.0f) & bit));
#else
  uint32_t bits = 0;
  for (int i = 0; i < kLanes; ++i) bits |= static_cast<uint32_t>(x[i] != 0.0f) << i;
  return bits;
#endif
}

// Lane i of the result is x where the condition's lane is all ones, else y.
BAKEOFF_INLINE Vec select(IntVec condition, Vec x, Vec y) { return condition ? x : y; }

BAKEOFF_INLINE Vec absolute(Vec x) { return float_of(bits_of(x) & 0x7fffffff); }

#if defined(__AVX512F__)
BAKEOFF_INLINE Vec maximum(Vec x, Vec y) { return _mm512_max_ps(x, y); }
BAKEOFF_INLINE Vec minimum(Vec x, Vec y) { return _mm512_min_ps(x, y); }
BAKEOFF_INLINE Vec square_root(Vec x) { return _mm512_sqrt_ps(x); }
BAKEOFF_INLINE LongVec multiply_words(LongVec x, LongVec y) {
  return reinterpret_cast<LongVec>(
      _mm512_mul_epu32(reinterpret_cast<__m512i>(x), reinterpret_cast<__m512i>(y)));
}
#elif defined(__AVX2__)
BAKEOFF_INLINE Vec maximum(Vec x, Vec y) { return _mm256_max_ps(x, y); }
BAKEOFF_INLINE Vec minimum(Vec x, Vec y) { return _mm256_min_ps(x, y); }
BAKEOFF_INLINE Vec square_root(Vec x) { return _mm256_sqrt_ps(x); }
BAKEOFF_INLINE LongVec multiply_words(LongVec x, LongVec y) {
  return reinterpret_cast<LongVec>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(x), reinterpret_cast<__m256i>(y)));
}
#elif defined(__x86_64__)
BAKEOFF_INLINE Vec maximum(Vec x, Vec y) { return _mm_max_ps(x, y); }
BAKEOFF_INLINE Vec minimum(Vec x, Vec y) { return _mm_min_ps(x, y); }
BAKEOFF_INLINE Vec square_root(Vec x) { return _mm_sqrt_ps(x); }
BAKEOFF_INLINE LongVec multiply_words(LongVec x, LongVec y) {
  return reinterpret_cast<LongVec>(_mm_mul_epu32(reinterpret_cast<__m128i>(x), reinterpret_cast<__m128i>(y)));
}
#else
BAKEOFF_INLINE Vec maximum(Vec x, Vec y) { return select(x > y, x, y); }
BAKEOFF_INLINE Vec minimum(Vec x, Vec y) { return select(x < y, x, y); }
#if defined(__aarch64__)
BAKEOFF_INLINE Vec square_root(Vec x) {
  return reinterpret_cast<Vec>(vsqrtq_f32(reinterpret_cast<float32x4_t>(x)));
}
#else
BAKEOFF_INLINE Vec square_root(Vec x) {
  for (int i = 0; i < kLanes; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
}
#endif
// The low halves of the 64-bit lanes, multiplied to 64 bits.
BAKEOFF_INLINE LongVec multiply_words(LongVec x, LongVec y) { return (x & 0xffffffffu) * (y & 0xffffffffu); }
#endif

// x · 2^n for integral n between -300 and 300, in two exact steps so that no partial power
// overflows where the result does not.
BAKEOFF_INLINE Vec scale_by_power(Vec x, Vec n) {
#if defined(__AVX512F__)
  return _mm512_scalef_ps(x, n);
#else
  IntVec whole = __builtin_convertvector(n, IntVec);
  IntVec half = whole >> 1;
  Vec first = float_of((half + 127) << 23);
  Vec second = float_of((whole - half + 127) << 23);
  return x * first * second;
#endif
}

// The nearest integer, for |x| below 2^22: adding 1.5 · 2^23 leaves no room for a fraction.
BAKEOFF_INLINE Vec nearest(Vec x) {
  Vec shifter = broadcast(12582912.0f);
  return (x + shifter) - shifter;
}

// Lanes of x and y (which follow x's in the numbering), picked by constant numbers.
#if defined(__clang__)
#define BAKEOFF_SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define BAKEOFF_SHUFFLE(x, y, ...) __builtin_shuffle(x, y, IntVec{__VA_ARGS__})
#endif

// Lane i gets lane i XOR distance.
template <int distance>
BAKEOFF_INLINE Vec swap_lanes(Vec x) {
  constexpr int d = distance;
#if defined(__AVX512F__)
  return BAKEOFF_SHUFFLE(x, x, 0 ^ d, 1 ^ d, 2 ^ d, 3 ^ d, 4 ^ d, 5 ^ d, 6 ^ d, 7 ^ d, 8 ^ d, 9 ^ d, 10 ^ d,
                         11 ^ d, 12 ^ d, 13 ^ d, 14 ^ d, 15 ^ d);
#elif defined(__AVX2__)
  return BAKEOFF_SHUFFLE(x, x, 0 ^ d, 1 ^ d, 2 ^ d, 3 ^ d, 4 ^ d, 5 ^ d, 6 ^ d, 7 ^ d);
#else
  return BAKEOFF_SHUFFLE(x, x, 0 ^ d, 1 ^ d, 2 ^ d, 3 ^ d);
#endif
}

BAKEOFF_INLINE Vec lane_numbers() {
  Vec x;
  for (int i = 0; i < kLanes; ++i) x[i] = static_cast<float>(i);
  return x;
}

#define BAKEOFF_REDUCE(name, combine)                                    \
  BAKEOFF_INLINE float name(Vec x) {                                     \
    if constexpr (kLanes > 8) x = combine(x, swap_lanes<8 % kLanes>(x)); \
    if constexpr (kLanes > 4) x = combine(x, swap_lanes<4 % kLanes>(x)); \
    x = combine(x, swap_lanes<2>(x));                                    \
    x = combine(x, swap_lanes<1>(x));                                    \
    return x[0];                                                         \
  }
BAKEOFF_INLINE Vec add(Vec x, Vec y) { return x + y; }
BAKEOFF_REDUCE(sum_of_lanes, add)
BAKEOFF_REDUCE(largest_lane, maximum)
BAKEOFF_REDUCE(smallest_lane, minimum)
#undef BAKEOFF_REDUCE

}  // namespace
}  // namespace bakeoff
