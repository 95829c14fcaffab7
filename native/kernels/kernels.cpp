// The kernels of one instruction set. Compiled once per set with the set's flags and with
// BAKEOFF_SET naming it; the table at the end is the only symbol that leaves the object.
#include "activations.h"
#include "arrays.h"
#include "dropout.h"
#include "loss.h"
#include "matmul.h"
#include "sparse.h"
#include "updates.h"

namespace bakeoff {
namespace {

bool same_text(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

template <typename Function>
bool apply(Function function, const float* in, float* out, size_t count) {
  for (size_t i = 0; i < count; i += kLanes) {
    Vec x = {};
    for (int k = 0; k < kLanes && i + k < count; ++k) x[k] = in[i + k];
    Vec y = function(x);
    for (int k = 0; k < kLanes && i + k < count; ++k) out[i + k] = y[k];
  }
  return true;
}

bool evaluate(const char* name, const float* in, float* out, size_t count) {
#define BAKEOFF_FUNCTION(text, expression) \
  if (same_text(name, text)) return apply([](Vec x) { return expression; }, in, out, count)
  BAKEOFF_FUNCTION("exp", exponential(x));
  BAKEOFF_FUNCTION("log", logarithm(x));
  BAKEOFF_FUNCTION("sigmoid", activate<Activation::kSigmoid>(x, 0.0f).value);
  BAKEOFF_FUNCTION("tanh", activate<Activation::kTanh>(x, 0.0f).value);
  BAKEOFF_FUNCTION("elu", activate<Activation::kElu>(x, 0.0f).value);
  BAKEOFF_FUNCTION("selu", activate<Activation::kSelu>(x, 0.0f).value);
  BAKEOFF_FUNCTION("gelu", activate<Activation::kGelu>(x, 0.0f).value);
  BAKEOFF_FUNCTION("silu", activate<Activation::kSilu>(x, 0.0f).value);
  BAKEOFF_FUNCTION("softplus", activate<Activation::kSoftplus>(x, 0.0f).value);
  BAKEOFF_FUNCTION("gelu_slope", activate<Activation::kGelu>(x, 0.0f).slope);
  BAKEOFF_FUNCTION("silu_slope", activate<Activation::kSilu>(x, 0.0f).slope);
#undef BAKEOFF_FUNCTION
  return false;
}

// Enough independent sums to hide the latency of a multiply-add on every port.
double multiply_add_loop(int64_t rounds) {
  constexpr int kSums = kNumRegisters == 32 ? 16 : 12;
  Vec sum[kSums];
  for (int i = 0; i < kSums; ++i) sum[i] = broadcast(static_cast<float>(i));
  Vec a = broadcast(0.999f), b = broadcast(0.001f);
  // Nothing here can be left out or merged: each sum depends on its last value, and floats may not
  // be reassociated.
  for (int64_t r = 0; r < rounds; ++r) {
    BAKEOFF_UNROLL for (int i = 0; i < kSums; ++i)
      sum[i] = sum[i] * a + b;
  }
  Vec total = {};
  for (int i = 0; i < kSums; ++i) total += sum[i];
  volatile float sink = sum_of_lanes(total);
  (void)sink;
  return static_cast<double>(rounds) * kSums * kLanes * 2.0;
}

}  // namespace

#define BAKEOFF_JOIN_(a, b) a##b
#define BAKEOFF_JOIN(a, b) BAKEOFF_JOIN_(a, b)
#define BAKEOFF_TEXT_(a) #a
#define BAKEOFF_TEXT(a) BAKEOFF_TEXT_(a)

extern const KernelTable BAKEOFF_JOIN(kernels_, BAKEOFF_SET);
constexpr KernelTable BAKEOFF_JOIN(kernels_, BAKEOFF_SET) = {
    .name = BAKEOFF_TEXT(BAKEOFF_SET),
    .lanes = kLanes,
    .matmul = matmul,
    .activate = activate_layer,
    .loss = softmax_loss,
    .update = update,
    .gather = gather,
    .sparse_forward = sparse_forward,
    .sparse_backward = sparse_backward,
    .transpose = transpose,
    .dropout = dropout,
    .multiply = multiply,
    .column_sums = column_sums,
    .scale = scale,
    .health = health,
    .all_finite = all_finite,
    .evaluate = evaluate,
    .multiply_add_loop = multiply_add_loop,
};

}  // namespace bakeoff
