#include "dispatch.h"

#include <stdexcept>

// This file is compiled without any instruction-set flags: it runs before the choice is made.
namespace bakeoff {

#if defined(__aarch64__)
extern const KernelTable kernels_neon;
#else
extern const KernelTable kernels_baseline;
#endif
#if defined(BAKEOFF_HAS_AVX2)
extern const KernelTable kernels_avx2;
#endif
#if defined(BAKEOFF_HAS_AVX512)
extern const KernelTable kernels_avx512;
#endif

std::vector<const KernelTable*> usable_kernels() {
  std::vector<const KernelTable*> tables;
#if defined(__aarch64__)
  tables.push_back(&kernels_neon);
#else
  tables.push_back(&kernels_baseline);
#endif
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
#if defined(BAKEOFF_HAS_AVX2)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  if (avx2) tables.push_back(&kernels_avx2);
#if defined(BAKEOFF_HAS_AVX512)
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    tables.push_back(&kernels_avx512);
#endif
#endif
  return tables;
}

const KernelTable& kernels_named(const std::string& name) {
  std::string allowed;
  for (const KernelTable* table : usable_kernels()) {
    if (name == table->name) return *table;
    allowed += allowed.empty() ? "" : ", ";
    allowed += table->name;
  }
  throw std::invalid_argument("the instruction set must be one of " + allowed + ", but got '" + name + "'");
}

}  // namespace bakeoff
