// Which instruction sets were compiled in, and which of them this machine can run.
#pragma once

#include <string>
#include <vector>

#include "kernel_table.h"

namespace bakeoff {

// Sets this machine can run, the best one last.
std::vector<const KernelTable*> usable_kernels();

// The table of that name. Throws std::invalid_argument naming the allowed ones.
const KernelTable& kernels_named(const std::string& name);

}  // namespace bakeoff
