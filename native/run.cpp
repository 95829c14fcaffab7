#include "run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "float_mode.h"

namespace bakeoff {

namespace {

// The gradient's depth is a chunk, and the kernel takes at most 256 of depth in one pass.
constexpr int kMostChunkRows = 256;

}  // namespace

int chunk_rows(const std::vector<int>& sizes, int64_t wanted) {
  const int widest = *std::max_element(sizes.begin(), sizes.end());
  const int fits = std::clamp((1 << 19) / widest / 8 * 8, 8, kMostChunkRows);
  return static_cast<int>(std::clamp<int64_t>(wanted, 1, fits));
}

Run::Run(const KernelTable& kernels, const NetworkShape& shape, const TrainingPlan& plan,
         const Features& features, const Scaling& scaling, bool sparse, const Parts& parts)
    : kernels_(kernels),
      plan_(plan),
      parts_(parts),
      network_(kernels, shape, features, scaling, sparse,
               chunk_rows(shape.sizes, std::max(std::min(plan.batch_size, parts.num_train),
                                                std::min<int64_t>(parts.num_val, 32))),
               true, arena_) {
  plan_.batch_size = std::min(plan.batch_size, parts.num_train);
  const size_t rows = static_cast<size_t>(network_.max_rows());
  direct_ =
      plan.optimizer == Optimizer::kSgd && plan.momentum == 0.0f && plan_.batch_size <= network_.max_rows();
  const bool moments = plan.optimizer == Optimizer::kAdam || plan.optimizer == Optimizer::kAdamW;
  const bool first = moments || (plan.optimizer == Optimizer::kSgd && plan.momentum != 0.0f);
  const bool second = moments || plan.optimizer == Optimizer::kRmsprop;
  const std::vector<DenseLayer>& layers = network_.layers();
  states_.resize(layers.size());
  alive_.resize(network_.num_hidden());
  for (size_t i = 0; i < layers.size(); ++i) {
    const DenseLayer& layer = layers[i];
    LayerState& state = states_[i];
    const size_t columns = static_cast<size_t>(layer.columns);
    if (!direct_) {
      arena_.reserve(state.gradient, layer.count);
      arena_.reserve(state.bias_gradient, columns);
    }
    if (first) {
      arena_.reserve(state.first, layer.count);
      arena_.reserve(state.bias_first, columns);
    }
    if (second) {
      arena_.reserve(state.second, layer.count);
      arena_.reserve(state.bias_second, columns);
    }
    if (i > 0) {
      // Its columns are the units of the layer before, its rows the padded units of this one.
      const int width = layers[i - 1].columns;
      state.transposed_row = std::min(width, network_.panel());
      state.transposed_panel = layer.columns * state.transposed_row;
      const size_t panels = static_cast<size_t>((width + network_.panel() - 1) / network_.panel());
      arena_.reserve(state.transposed, panels * static_cast<size_t>(state.transposed_panel));
    }
    if (i + 1 < layers.size()) {
      arena_.reserve(state.deltas, rows * static_cast<size_t>(layer.stride));
      arena_.reserve(alive_[i], columns);
    }
  }
  arena_.reserve(chunk_rows_, rows);
  arena_.reserve(next_rows_, rows);
  arena_.reserve(chunk_labels_, rows);
  arena_.allocate();
  states_.back().deltas = layers.back().outputs;  // the loss turns logits into their gradient
}

EpochResult Run::epoch(const int32_t* order, const double* rates, const int32_t* cancel, bool examine) {
  const FlushDenormals flush;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EpochResult result = {Outcome::kFinished, nan, nan, nan, nan};
  Sums train;
  int64_t index = 0;
  for (int64_t from = 0; from < parts_.num_train; from += plan_.batch_size, ++index) {
    const int64_t count = std::min(plan_.batch_size, parts_.num_train - from);
    if (!train_step(order + from, count, parts_.num_train - from, rates[index], cancel, train)) {
      result.outcome = Outcome::kCancelled;
      return result;
    }
    if (!std::isfinite(train.loss)) {
      result.outcome = Outcome::kDiverged;
      return result;
    }
  }
  if (!all_finite()) {
    result.outcome = Outcome::kDiverged;
    return result;
  }
  const double num_train = static_cast<double>(parts_.num_train);
  result.train_loss = train.loss / num_train;
  result.train_accuracy = static_cast<double>(train.num_right) / num_train;
  if (parts_.num_val == 0) return result;
  Sums val;
  if (!evaluate(cancel, examine, val)) {
    result.outcome = Outcome::kCancelled;
    return result;
  }
  const double num_val = static_cast<double>(parts_.num_val);
  result.val_loss = val.loss / num_val;
  result.val_accuracy = static_cast<double>(val.num_right) / num_val;
  return result;
}

bool Run::train_step(const int32_t* order, int64_t count, int64_t left, double rate, const int32_t* cancel,
                     Sums& sums) {
  const int chunk = network_.max_rows();
  // In a direct step the deltas carry minus the learning rate, so that weights += inputᵀ · deltas.
  const double scale = (direct_ ? -rate : 1.0) / static_cast<double>(count);
  const float keep = direct_ ? static_cast<float>(1.0 - 2.0 * plan_.l2 * rate) : 1.0f;
  for (int64_t from = 0; from < count; from += chunk) {
    if (cancelled(cancel)) return false;
    const int num_rows = static_cast<int>(std::min<int64_t>(chunk, count - from));
    for (int i = 0; i < num_rows; ++i) chunk_rows_[i] = parts_.train_rows[order[from + i]];
    network_.load(chunk_rows_, num_rows);
    // Examples are visited in random order: the next ones come from memory while these are worked on.
    const int64_t next = from + num_rows;
    const int num_next = static_cast<int>(std::min<int64_t>(num_rows, left - next));
    for (int i = 0; i < num_next; ++i) next_rows_[i] = parts_.train_rows[order[next + i]];
    network_.prefetch(next_rows_, num_next);
    network_.forward_training(
        {{plan_.dropout_key[0], plan_.dropout_key[1]}, static_cast<uint64_t>(step_), static_cast<int>(from)});
    losses(chunk_rows_, num_rows, &scale, nullptr, sums);
    backward(direct_, from == 0, keep);
  }
  ++step_;
  if (!direct_) update_all(rate);
  return true;
}

void Run::losses(const int32_t* rows, int num_rows, const double* scale, uint16_t* predictions, Sums& sums) {
  const DenseLayer& output = network_.layers().back();
  if (parts_.targets != nullptr) {
    // Mean squared error of one output; the columns beside it are padding.
    for (int i = 0; i < num_rows; ++i) {
      float* outputs = output.outputs + i * output.stride;
      const double error = static_cast<double>(outputs[0]) - static_cast<double>(parts_.targets[rows[i]]);
      sums.loss += error * error;
      if (scale == nullptr) continue;
      std::fill_n(outputs, output.columns, 0.0f);
      outputs[0] = static_cast<float>(2.0 * *scale * error);
    }
  } else {
    for (int i = 0; i < num_rows; ++i) chunk_labels_[i] = parts_.labels[rows[i]];
    LossTask loss = {};
    loss.logits = output.outputs;
    loss.stride = output.stride;
    loss.rows = num_rows;
    loss.columns = output.columns;
    loss.num_classes = output.fan_out;
    loss.labels = chunk_labels_;
    loss.predictions = predictions;
    loss.training = scale != nullptr;
    loss.label_smoothing = static_cast<float>(plan_.label_smoothing);
    loss.inverse_batch = scale == nullptr ? 0.0f : static_cast<float>(*scale);
    kernels_.loss(loss);
    sums.loss += loss.loss;
    sums.num_right += loss.num_right;
  }
  if (scale == nullptr || parts_.weights == nullptr) return;
  for (int i = 0; i < num_rows; ++i) {
    const float weight = parts_.weights[rows[i]];
    float* outputs = output.outputs + i * output.stride;
    for (int j = 0; j < output.fan_out; ++j) outputs[j] *= weight;
  }
}

void Run::backward(bool direct, bool first_chunk, float keep) {
  for (size_t i = states_.size(); i-- > 0;) {
    if (i > 0) input_gradient(i, first_chunk);
    weight_gradient(i, direct, first_chunk, keep);
  }
}

// Gradient by the pre-activations of the layer before, through this layer's weights.
void Run::input_gradient(size_t index, bool first_chunk) {
  const DenseLayer& layer = network_.layers()[index];
  const DenseLayer& before = network_.layers()[index - 1];
  const LayerState& state = states_[index];
  if (first_chunk)
    kernels_.transpose({layer.weights, layer.panel, layer.row, layer.fan_in, layer.columns, state.transposed,
                        state.transposed_panel, state.transposed_row});
  MatmulTask task = {};
  task.left = state.deltas;
  task.left_row = layer.stride;
  task.left_step = 1;
  task.right = state.transposed;
  task.right_panel = state.transposed_panel;
  task.right_step = state.transposed_row;
  task.out = states_[index - 1].deltas;
  task.out_panel = network_.panel();
  task.out_row = before.stride;
  task.rows = network_.num_rows();
  task.columns = before.columns;
  task.depth = layer.fan_out;
  if (before.slopes != nullptr) {
    task.end = MatmulTask::End::kMultiply;
    task.factors = before.slopes;
  } else {
    task.end = MatmulTask::End::kSlope;
    task.factors = before.outputs;
    task.keep = network_.rectifier_slope();
  }
  kernels_.matmul(task);
}

// Adds inputᵀ · deltas to the weights (direct) or to their gradient.
void Run::weight_gradient(size_t index, bool direct, bool first_chunk, float keep) {
  DenseLayer& layer = network_.layers()[index];
  LayerState& state = states_[index];
  float* target = direct ? layer.weights : state.gradient;
  if (index == 0 && network_.is_sparse()) {
    if (direct) {
      if (keep != 1.0f) kernels_.scale(target, layer.count, keep);
    } else if (first_chunk) {
      std::memset(target, 0, layer.count * sizeof(float));
    }
    kernels_.sparse_backward(network_.sparse_task(target, state.deltas));
  } else {
    MatmulTask task = {};
    task.left = index == 0 ? network_.inputs() : network_.layers()[index - 1].outputs;
    task.left_row = 1;
    task.left_step = index == 0 ? network_.input_stride() : network_.layers()[index - 1].stride;
    task.right = state.deltas;
    task.right_panel = network_.panel();
    task.right_step = layer.stride;
    task.out = target;
    task.out_panel = layer.panel;
    task.out_row = layer.row;
    task.rows = layer.fan_in;
    task.columns = layer.columns;
    task.depth = network_.num_rows();
    task.end = direct || !first_chunk ? MatmulTask::End::kBlend : MatmulTask::End::kStore;
    task.keep = keep;
    task.scale = 1.0f;
    kernels_.matmul(task);
  }
  kernels_.column_sums(state.deltas, layer.stride, network_.num_rows(), layer.columns, direct || !first_chunk,
                       direct ? layer.bias : state.bias_gradient);
}

void Run::update_all(double rate) {
  UpdateTask task = {};
  task.optimizer = plan_.optimizer;
  task.rate = static_cast<float>(rate);
  task.momentum = plan_.momentum;
  task.nesterov = plan_.nesterov;
  task.weight_decay = static_cast<float>(plan_.weight_decay);
  // Adam's bias corrections (Kingma & Ba 2015, end of section 2), in double: 1 - 0.999^t cancels.
  const double t = static_cast<double>(step_);
  task.corrected_rate =
      static_cast<float>(rate * std::sqrt(1.0 - std::pow(0.999, t)) / (1.0 - std::pow(0.9, t)));
  for (size_t i = 0; i < states_.size(); ++i) {
    DenseLayer& layer = network_.layers()[i];
    LayerState& state = states_[i];
    task.weights = layer.weights;
    task.gradient = state.gradient;
    task.first = state.first;
    task.second = state.second;
    task.count = layer.count;
    task.l2 = static_cast<float>(plan_.l2);
    kernels_.update(task);
    task.weights = layer.bias;
    task.gradient = state.bias_gradient;
    task.first = state.bias_first;
    task.second = state.bias_second;
    task.count = static_cast<size_t>(layer.columns);
    task.l2 = 0.0f;
    kernels_.update(task);
  }
}

bool Run::evaluate(const int32_t* cancel, bool examine, Sums& sums) {
  std::vector<int64_t> num_saturated(network_.num_hidden(), 0);
  if (examine) {
    predictions_.assign(static_cast<size_t>(parts_.num_val), 0);
    for (size_t i = 0; i < alive_.size(); ++i) std::fill_n(alive_[i], network_.layers()[i].columns, 0.0f);
  }
  const int chunk = network_.max_rows();
  for (int64_t from = 0; from < parts_.num_val; from += chunk) {
    if (cancelled(cancel)) return false;
    const int num_rows = static_cast<int>(std::min<int64_t>(chunk, parts_.num_val - from));
    const int32_t* rows = parts_.val_rows + from;
    network_.load(rows, num_rows);
    network_.prefetch(rows + num_rows,
                      static_cast<int>(std::min<int64_t>(num_rows, parts_.num_val - from - num_rows)));
    network_.forward();
    losses(rows, num_rows, nullptr, examine ? predictions_.data() + from : nullptr, sums);
    if (examine) add_health(num_saturated);
  }
  if (examine) finish_health(num_saturated);
  return true;
}

void Run::add_health(std::vector<int64_t>& num_saturated) {
  const bool sigmoid = network_.shape().activation == Activation::kSigmoid;
  for (size_t i = 0; i < network_.num_hidden(); ++i) {
    const DenseLayer& layer = network_.layers()[i];
    // Within 1 % of the range of an end.
    HealthTask task = {layer.outputs,           layer.stride,  network_.num_rows(),
                       layer.columns,           layer.fan_out, sigmoid ? 0.5f : 0.0f,
                       sigmoid ? 0.49f : 0.98f, alive_[i],     0};
    kernels_.health(task);
    num_saturated[i] += task.num_saturated;
  }
}

void Run::finish_health(const std::vector<int64_t>& num_saturated) {
  const Activation activation = network_.shape().activation;
  const bool bounded = activation == Activation::kSigmoid || activation == Activation::kTanh;
  health_.clear();
  for (size_t i = 0; i < num_saturated.size(); ++i) {
    const int width = network_.layers()[i].fan_out;
    int64_t dead = 0;
    for (int j = 0; j < width; ++j) dead += alive_[i][j] == 0.0f;
    const double pairs = static_cast<double>(width) * static_cast<double>(parts_.num_val);
    health_.push_back({activation == Activation::kRelu ? static_cast<double>(dead) / width : 0.0,
                       bounded ? static_cast<double>(num_saturated[i]) / pairs : 0.0});
  }
}

bool Run::all_finite() const {
  for (const DenseLayer& layer : network_.layers()) {
    if (!kernels_.all_finite(layer.weights, layer.count)) return false;
    if (!kernels_.all_finite(layer.bias, static_cast<size_t>(layer.columns))) return false;
  }
  return true;
}

void predict_logits(Network& network, const int32_t* rows, int64_t num_rows, float* out) {
  const FlushDenormals flush;
  const DenseLayer& output = network.layers().back();
  for (int64_t from = 0; from < num_rows; from += network.max_rows()) {
    const int count = static_cast<int>(std::min<int64_t>(network.max_rows(), num_rows - from));
    network.load(rows + from, count);
    network.prefetch(rows + from + count,
                     static_cast<int>(std::min<int64_t>(count, num_rows - from - count)));
    network.forward();
    for (int i = 0; i < count; ++i)
      std::memcpy(out + (from + i) * output.fan_out, output.outputs + i * output.stride,
                  static_cast<size_t>(output.fan_out) * sizeof(float));
  }
}

}  // namespace bakeoff
