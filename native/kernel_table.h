// What the kernels of one instruction set offer: plain records and a table of function pointers.
//
// Every instruction set is compiled from the same source into an object that exports exactly one
// KernelTable. Only pointers and numbers cross this border, never vector types, whose calling
// convention depends on the compiler's flags. All strides are in floats.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bakeoff {

enum class Activation : int32_t {
  kLinear,
  kSigmoid,
  kTanh,
  kRelu,
  kLeakyRelu,
  kElu,
  kSelu,
  kGelu,
  kSilu,
  kSoftplus
};
enum class Optimizer : int32_t { kSgd, kAdam, kAdamW, kRmsprop };

// Which features are non-zero is told by the bits of 64-bit words.
constexpr int kBlockFeatures = 64;

// out(i, j) = sum over r of left(i, r) · right(r, j), in float32.
//
// left(i, r) = left[i · left_row + r · left_step]: any layout, read one number at a time.
// right and out hold panels of 2 · lanes columns; column j of panel p is at offset j within the panel.
struct MatmulTask {
  enum class End : int32_t {
    kStore,     // out = sum
    kBlend,     // out = keep · out + scale · sum
    kMultiply,  // out = sum · factors, element by element, factors laid out like out
    kActivate,  // out = leaky_relu(sum) with `keep` as the negative slope (0 is relu, 1 is linear)
    kSlope,     // out = sum · (factors > 0 ? 1 : keep)
  };
  const float* left;
  ptrdiff_t left_row, left_step;
  const float* right;
  ptrdiff_t right_panel, right_step;
  float* out;
  ptrdiff_t out_panel, out_row;
  const float* bias;         // added to every row; nullptr for none
  const float* factors;      // for kMultiply and kSlope
  int rows, columns, depth;  // columns: a multiple of the lanes
  End end;
  float keep, scale;
};

// Applies an activation in place; writes the derivative beside it where it is wanted.
struct ActivationTask {
  Activation kind;
  float negative_slope;
  float* values;  // in: pre-activations; out: activations
  float* slopes;  // out: derivatives, or nullptr
  ptrdiff_t stride;
  int rows, columns;
};

// Softmax cross-entropy over rows of logits.
struct LossTask {
  float* logits;  // in: logits; out, when training: gradient of the mean loss
  ptrdiff_t stride;
  int rows, columns, num_classes;
  const int32_t* labels;  // one per row
  uint16_t* predictions;  // one per row, or nullptr
  bool training;
  float label_smoothing;
  float inverse_batch;  // 1 / examples in the step
  double loss;          // out: sum over the rows, plain cross-entropy
  int64_t num_right;    // out
};

// One step of an optimizer over a flat array of weights; formulas in updates.h.
struct UpdateTask {
  Optimizer optimizer;
  float* weights;
  const float* gradient;
  float* first;   // momentum, or first moment
  float* second;  // second moment
  size_t count;   // a multiple of the lanes
  float rate;     // the step's learning rate; Adam's bias corrections already in `corrected_rate`
  float corrected_rate;
  float momentum;
  bool nesterov;
  float weight_decay;
  float l2;
};

// Examples as a dense float matrix: out = (features - shift) · factor.
struct GatherTask {
  const uint8_t* bytes;  // exactly one of bytes and floats is given
  const float* floats;
  size_t num_features;
  const int32_t* rows;
  int num_rows;
  const float* shift;
  const float* factor;
  bool per_feature;  // shift and factor have one value per feature, else one in all
  float* out;
  ptrdiff_t out_stride;  // what lies beyond num_features is left alone
  // Where wanted, which features of each example are not zero, one bit each: word i of block b, at
  // b · nonzero_block + i, tells of features 64 b … of example i.
  uint64_t* nonzero;
  ptrdiff_t nonzero_block;
};

// Rows of the data matrix that a later step reads, to be fetched while this one is worked on.
struct NextRows {
  const char* matrix;
  size_t row_size, feature_size;  // in bytes
  const int32_t* rows;
  int num_rows;
};

// First layer on examples that are mostly zeros: forward adds value · weight row into the outputs,
// backward adds value · delta row into the weights (or their gradient), for non-zero features only.
struct SparseTask {
  const float* inputs;  // scaled examples
  ptrdiff_t input_row;
  const uint64_t* nonzero;  // as gather() leaves it
  ptrdiff_t nonzero_block;
  int num_blocks;
  int rows;
  float* weights;  // one row per feature
  ptrdiff_t weight_row;
  int num_features;
  float* outputs;  // one row per example: sums, or deltas
  ptrdiff_t output_row;
  int columns;
  NextRows next;  // fetched by the forward pass, a little with every block
};

struct TransposeTask {
  const float* in;  // panels of 2 · lanes columns
  ptrdiff_t in_panel, in_row;
  int rows, columns;  // columns: the padded number
  float* out;         // panels of 2 · lanes of what were rows; what lies beyond is zero
  ptrdiff_t out_panel, out_row;
};

struct DropoutTask {
  uint32_t key[2];
  uint32_t layer;
  uint64_t step;
  uint64_t threshold;  // floor(rate · 2^32)
  float scale;         // 1 / (1 - rate)
  uint64_t first_element;
  int count;
  float* multipliers;  // out, room for count + 8 · lanes; those of this row start at the return value
};

struct HealthTask {
  const float* values;
  ptrdiff_t stride;
  int rows, columns, width;
  float middle, margin;   // saturated where |value - middle| > margin
  float* alive;           // in and out: largest |value| per unit
  int64_t num_saturated;  // out: over the real units
};

struct KernelTable {
  const char* name;
  int lanes;
  void (*matmul)(const MatmulTask&);
  void (*activate)(const ActivationTask&);
  void (*loss)(LossTask&);
  void (*update)(const UpdateTask&);
  void (*gather)(const GatherTask&);
  void (*sparse_forward)(const SparseTask&);
  void (*sparse_backward)(const SparseTask&);
  void (*transpose)(const TransposeTask&);
  int (*dropout)(const DropoutTask&);
  void (*multiply)(float* values, const float* multipliers, int count);
  void (*column_sums)(const float* values, ptrdiff_t stride, int rows, int columns, bool accumulate,
                      float* out);
  void (*scale)(float* values, size_t count, float factor);
  void (*health)(HealthTask&);
  bool (*all_finite)(const float* values, size_t count);
  // A function of vector_math.h over an array, for the tests of its error; false if unknown.
  bool (*evaluate)(const char* function, const float* in, float* out, size_t count);
  // Runs independent multiply-adds in registers; returns the number of operations.
  double (*multiply_add_loop)(int64_t rounds);
};

}  // namespace bakeoff
