#include "network.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace bakeoff {

// A whole number of cache lines, and an odd one: rows whose distance is a power of two would all
// compete for the same few places of the first-level cache.
ptrdiff_t Network::odd_lines(int columns) {
  constexpr int kLine = 16;
  ptrdiff_t lines = (columns + kLine - 1) / kLine;
  return (lines | 1) * kLine;
}

Network::Network(const KernelTable& kernels, const NetworkShape& shape, const Features& features,
                 const Scaling& scaling, bool sparse, int max_rows, bool training, Arena& arena)
    : kernels_(kernels),
      shape_(shape),
      features_(features),
      scaling_(scaling),
      sparse_(sparse),
      max_rows_(max_rows) {
  next_.feature_size = features.bytes != nullptr ? 1 : sizeof(float);
  next_.row_size = features.num_features * next_.feature_size;
  next_.matrix = features.bytes != nullptr ? reinterpret_cast<const char*>(features.bytes)
                                           : reinterpret_cast<const char*>(features.floats);
  const Activation activation = shape.activation;
  rectifier_ = activation == Activation::kRelu || activation == Activation::kLeakyRelu ||
               activation == Activation::kLinear;
  rectifier_slope_ = activation == Activation::kRelu     ? 0.0f
                     : activation == Activation::kLinear ? 1.0f
                                                         : shape.negative_slope;
  const size_t rows = static_cast<size_t>(max_rows);
  layers_.resize(shape.sizes.size() - 1);
  int widest = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    DenseLayer& layer = layers_[i];
    layer.fan_in = shape.sizes[i];
    layer.fan_out = shape.sizes[i + 1];
    layer.columns = padded(layer.fan_out);
    widest = std::max(widest, layer.columns);
    if (i == 0 && sparse) {
      layer.row = layer.columns;
      layer.panel = panel();
      layer.count = static_cast<size_t>(layer.fan_in) * static_cast<size_t>(layer.columns);
    } else {
      layer.row = std::min(layer.columns, panel());
      layer.panel = layer.fan_in * layer.row;
      size_t panels = static_cast<size_t>((layer.columns + panel() - 1) / panel());
      layer.count = panels * static_cast<size_t>(layer.panel);
    }
    layer.stride = odd_lines(layer.columns);
    arena.reserve(layer.weights, layer.count);
    arena.reserve(layer.bias, static_cast<size_t>(layer.columns));
    arena.reserve(layer.outputs, rows * static_cast<size_t>(layer.stride));
    layer.slopes = nullptr;
    if (training && i + 1 < layers_.size() && (!rectifier_ || shape.dropout > 0.0))
      arena.reserve(layer.slopes, rows * static_cast<size_t>(layer.stride));
  }
  input_stride_ = odd_lines(layers_[0].fan_in);
  // Non-zero features are looked for in whole blocks, also behind the last row.
  arena.reserve(inputs_, rows * static_cast<size_t>(input_stride_) + kBlockFeatures);
  if (sparse) {
    num_blocks_ = (layers_[0].fan_in + kBlockFeatures - 1) / kBlockFeatures;
    arena.reserve(lit_, rows * static_cast<size_t>(num_blocks_));
  }
  if (training && shape.dropout > 0.0)
    arena.reserve(multipliers_, static_cast<size_t>(widest) + 8 * static_cast<size_t>(kernels.lanes));
}

void Network::set_layer(size_t index, const float* kernel, const float* bias) {
  DenseLayer& layer = layers_[index];
  for (int k = 0; k < layer.fan_in; ++k)
    for (int j = 0; j < layer.fan_out; j += panel()) {
      const int width = std::min(panel(), layer.fan_out - j);
      std::memcpy(layer.weights + (j / panel()) * layer.panel + k * layer.row,
                  kernel + static_cast<ptrdiff_t>(k) * layer.fan_out + j,
                  static_cast<size_t>(width) * sizeof(float));
    }
  std::memcpy(layer.bias, bias, static_cast<size_t>(layer.fan_out) * sizeof(float));
}

void Network::get_layer(size_t index, float* kernel, float* bias) const {
  const DenseLayer& layer = layers_[index];
  for (int k = 0; k < layer.fan_in; ++k)
    for (int j = 0; j < layer.fan_out; j += panel()) {
      const int width = std::min(panel(), layer.fan_out - j);
      std::memcpy(kernel + static_cast<ptrdiff_t>(k) * layer.fan_out + j,
                  layer.weights + (j / panel()) * layer.panel + k * layer.row,
                  static_cast<size_t>(width) * sizeof(float));
    }
  std::memcpy(bias, layer.bias, static_cast<size_t>(layer.fan_out) * sizeof(float));
}

void Network::load(const int32_t* rows, int num_rows) {
  num_rows_ = num_rows;
  kernels_.gather({features_.bytes, features_.floats, features_.num_features, rows, num_rows, scaling_.shift,
                   scaling_.factor, scaling_.per_feature, inputs_, input_stride_, lit_, max_rows_});
  next_.num_rows = 0;
}

void Network::prefetch(const int32_t* rows, int num_rows) {
  next_.rows = rows;
  next_.num_rows = num_rows;
  if (sparse_) return;  // its forward pass asks for them, a few at a time
  for (int i = 0; i < num_rows; ++i) {
    const char* row = next_.matrix + static_cast<size_t>(rows[i]) * next_.row_size;
    for (size_t offset = 0; offset < next_.row_size; offset += 64) __builtin_prefetch(row + offset);
  }
}

SparseTask Network::sparse_task(float* weights, float* outputs) const {
  const DenseLayer& layer = layers_[0];
  return {inputs_,   input_stride_, lit_,    max_rows_,    num_blocks_,   num_rows_, weights,
          layer.row, layer.fan_in,  outputs, layer.stride, layer.columns, next_};
}

void Network::forward() {
  for (size_t i = 0; i < layers_.size(); ++i) forward_layer(i, false, nullptr);
}

void Network::forward_training(const DropoutPlace& place) {
  for (size_t i = 0; i < layers_.size(); ++i) forward_layer(i, true, &place);
}

void Network::forward_layer(size_t index, bool training, const DropoutPlace* place) {
  DenseLayer& layer = layers_[index];
  const bool hidden = index + 1 < layers_.size();
  const bool keep_slopes = training && layer.slopes != nullptr;
  bool activated = !hidden;
  if (index == 0 && sparse_) {
    for (int i = 0; i < num_rows_; ++i)
      std::memcpy(layer.outputs + i * layer.stride, layer.bias,
                  static_cast<size_t>(layer.columns) * sizeof(float));
    kernels_.sparse_forward(sparse_task(layer.weights, layer.outputs));
  } else {
    MatmulTask task = {};
    task.left = index == 0 ? inputs_ : layers_[index - 1].outputs;
    task.left_row = index == 0 ? input_stride_ : layers_[index - 1].stride;
    task.left_step = 1;
    task.right = layer.weights;
    task.right_panel = layer.panel;
    task.right_step = layer.row;
    task.out = layer.outputs;
    task.out_panel = panel();
    task.out_row = layer.stride;
    task.bias = layer.bias;
    task.rows = num_rows_;
    task.columns = layer.columns;
    task.depth = layer.fan_in;
    task.end = MatmulTask::End::kStore;
    if (hidden && rectifier_ && !keep_slopes) {
      task.end = MatmulTask::End::kActivate;
      task.keep = rectifier_slope_;
      activated = true;
    }
    kernels_.matmul(task);
  }
  if (!activated)
    kernels_.activate({shape_.activation, shape_.negative_slope, layer.outputs,
                       keep_slopes ? layer.slopes : nullptr, layer.stride, num_rows_, layer.columns});
  if (hidden && training && shape_.dropout > 0.0) drop(index, *place);
}

void Network::drop(size_t index, const DropoutPlace& place) {
  DenseLayer& layer = layers_[index];
  const double rate = shape_.dropout;
  for (int i = 0; i < num_rows_; ++i) {
    DropoutTask task = {};
    task.key[0] = place.key[0];
    task.key[1] = place.key[1];
    task.layer = static_cast<uint32_t>(index);
    task.step = place.step;
    task.threshold = static_cast<uint64_t>(std::floor(rate * 4294967296.0));
    task.scale = static_cast<float>(1.0 / (1.0 - rate));
    task.first_element = (static_cast<uint64_t>(place.first_row) + static_cast<uint64_t>(i)) *
                         static_cast<uint64_t>(layer.fan_out);
    task.count = layer.fan_out;
    task.multipliers = multipliers_;
    const float* multipliers = multipliers_ + kernels_.dropout(task);
    kernels_.multiply(layer.outputs + i * layer.stride, multipliers, layer.fan_out);
    kernels_.multiply(layer.slopes + i * layer.stride, multipliers, layer.fan_out);
  }
}

}  // namespace bakeoff
