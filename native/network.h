// A dense network in the kernels' layout: its weights, the buffers of one chunk of examples, and the
// forward pass. Knows nothing of epochs and optimizers.
#pragma once

#include <cstdint>
#include <vector>

#include "arena.h"
#include "examples.h"
#include "kernel_table.h"

namespace bakeoff {

// The affine map of the features: (x - shift) · factor, with one value in all or one per feature.
struct Scaling {
  const float* shift;
  const float* factor;
  bool per_feature;
};

struct NetworkShape {
  std::vector<int> sizes;  // from the features to the classes, both included
  Activation activation = Activation::kRelu;
  float negative_slope = 0.0f;  // of leaky_relu
  double dropout = 0.0;
};

// What one layer owns. Weights lie in panels of 2 · lanes columns, or, when the layer reads sparse
// examples, in whole rows; columns are padded with zeros that stay zeros.
struct DenseLayer {
  int fan_in, fan_out, columns;
  ptrdiff_t panel, row;  // strides of the weights, in floats
  size_t count;          // floats in the weights, padding included
  float* weights;
  float* bias;
  // Buffers of one chunk, one example per row.
  ptrdiff_t stride;
  float* outputs;  // pre-activations, then activations
  float* slopes;   // derivative of the activation times the dropout multiplier; nullptr if not needed
};

class Network {
 public:
  // `sparse`: the first layer touches non-zero features only. `max_rows` bounds a chunk.
  Network(const KernelTable& kernels, const NetworkShape& shape, const Features& features,
          const Scaling& scaling, bool sparse, int max_rows, bool training, Arena& arena);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Between NumPy's layout and ours; to be called after the arena was allocated.
  void set_layer(size_t index, const float* kernel, const float* bias);
  void get_layer(size_t index, float* kernel, float* bias) const;

  // Brings the examples of these matrix rows into the chunk.
  void load(const int32_t* rows, int num_rows);
  // Says which rows will be loaded next, so that they come from memory while the loaded chunk is worked
  // on. To be called between load() and the forward pass; `rows` must stay where it is until that is over.
  void prefetch(const int32_t* rows, int num_rows);
  // Logits of the loaded chunk end up in the last layer's outputs.
  void forward();
  // The same, keeping what the backward pass needs and dropping units: the masks belong to examples
  // first_row … of the batch of training step `step`.
  struct DropoutPlace {
    uint32_t key[2];
    uint64_t step;
    int first_row;
  };
  void forward_training(const DropoutPlace& place);

  const KernelTable& kernels() const { return kernels_; }
  const NetworkShape& shape() const { return shape_; }
  std::vector<DenseLayer>& layers() { return layers_; }
  const std::vector<DenseLayer>& layers() const { return layers_; }
  size_t num_hidden() const { return layers_.size() - 1; }
  int num_rows() const { return num_rows_; }
  int max_rows() const { return max_rows_; }
  int panel() const { return 2 * kernels_.lanes; }
  bool is_sparse() const { return sparse_; }
  // relu, leaky_relu and linear: max(x, slope · x), known from the sign of the output alone.
  bool is_rectifier() const { return rectifier_; }
  float rectifier_slope() const { return rectifier_slope_; }
  // The loaded examples, scaled, and the task that both sparse passes share.
  const float* inputs() const { return inputs_; }
  ptrdiff_t input_stride() const { return input_stride_; }
  SparseTask sparse_task(float* weights, float* outputs) const;

  int padded(int width) const { return (width + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes; }
  static ptrdiff_t odd_lines(int columns);

 private:
  void forward_layer(size_t index, bool training, const DropoutPlace* place);
  void drop(size_t index, const DropoutPlace& place);

  const KernelTable& kernels_;
  NetworkShape shape_;
  Features features_;
  Scaling scaling_;
  bool sparse_;
  int max_rows_;
  bool rectifier_;
  float rectifier_slope_;
  std::vector<DenseLayer> layers_;
  int num_rows_ = 0;
  float* inputs_ = nullptr;
  ptrdiff_t input_stride_ = 0;
  uint64_t* lit_ = nullptr;
  int num_blocks_ = 0;
  NextRows next_ = {};
  float* multipliers_ = nullptr;
};

}  // namespace bakeoff
