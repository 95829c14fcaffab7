// The Python face of the engine: checks what it is given, then calls. No arithmetic here.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>

#include "dispatch.h"
#include "float_mode.h"
#include "run.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace bakeoff {
namespace {

// Inputs are taken as they are: a silent conversion would copy.
template <typename T, int dimensions>
using Input = nb::ndarray<const T, nb::ndim<dimensions>, nb::c_contig, nb::device::cpu>;
using AnyMatrix = nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* rule) {
  if (!holds) throw nb::value_error(rule);
}

// A view into packed bytes may begin anywhere; the kernels load whole numbers.
template <typename... Arrays>
void require_aligned(const Arrays&... arrays) {
  require((... && (reinterpret_cast<uintptr_t>(arrays.data()) % arrays.itemsize() == 0)),
          "arrays must be aligned to their numbers; copy them first");
}

const KernelTable& table(const std::string& name) {
  try {
    return kernels_named(name);
  } catch (const std::invalid_argument& error) {
    throw nb::value_error(error.what());
  }
}

Features features_of(const AnyMatrix& matrix) {
  require_aligned(matrix);
  Features features;
  features.num_examples = matrix.shape(0);
  features.num_features = matrix.shape(1);
  if (matrix.dtype() == nb::dtype<uint8_t>())
    features.bytes = static_cast<const uint8_t*>(matrix.data());
  else if (matrix.dtype() == nb::dtype<float>())
    features.floats = static_cast<const float*>(matrix.data());
  else
    throw nb::value_error("`features` must be uint8 or float32");
  require(features.num_features >= 1, "`features` must have at least one column");
  return features;
}

Scaling scaling_of(const Input<float, 1>& shift, const Input<float, 1>& factor, const Features& features,
                   bool sparse) {
  require_aligned(shift, factor);
  const size_t count = shift.shape(0);
  require(count == factor.shape(0) && (count == 1 || count == features.num_features),
          "`shift` and `factor` must have one value, or one per feature");
  if (sparse)
    for (size_t i = 0; i < count; ++i) require(shift.data()[i] == 0.0f, "`sparse` needs a `shift` of zero");
  return {shift.data(), factor.data(), count != 1};
}

void check_indices(const int32_t* values, size_t count, size_t end, const char* rule) {
  // Unsigned, so that a negative one is too large.
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t value = static_cast<uint32_t>(values[i]);
    largest = value > largest ? value : largest;
  }
  require(count == 0 || largest < end, rule);
}

void check_labels(const Input<int32_t, 1>& labels, const int32_t* rows, size_t count, int classes) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t value = static_cast<uint32_t>(labels.data()[rows[i]]);
    largest = value > largest ? value : largest;
  }
  require(count == 0 || largest < static_cast<uint32_t>(classes),
          "`0 <= label < num_classes` must hold for every label");
}

void check_values(const Input<float, 1>& values, const Features& features, const char* rule) {
  require_aligned(values);
  require(values.shape(0) == features.num_examples, rule);
  bool finite = true;
  for (size_t i = 0; i < values.shape(0); ++i) finite = finite && std::isfinite(values.data()[i]);
  require(finite, rule);
}

using LayerArrays = std::vector<std::tuple<Input<float, 2>, Input<float, 1>>>;

std::vector<int> sizes_of(const LayerArrays& layers, const Features& features) {
  require(!layers.empty(), "`layers` must hold at least the output layer");
  std::vector<int> sizes = {static_cast<int>(features.num_features)};
  for (const auto& [kernel, bias] : layers) {
    require_aligned(kernel, bias);
    require(kernel.shape(0) == static_cast<size_t>(sizes.back()) && kernel.shape(1) >= 1 &&
                kernel.shape(1) == bias.shape(0),
            "each layer's kernel must have shape (width before, width), its bias (width,)");
    sizes.push_back(static_cast<int>(kernel.shape(1)));
  }
  return sizes;
}

nb::list arrays_of(const Network& network) {
  nb::list result;
  for (size_t i = 0; i < network.layers().size(); ++i) {
    const DenseLayer& layer = network.layers()[i];
    const size_t fan_in = static_cast<size_t>(layer.fan_in);
    const size_t fan_out = static_cast<size_t>(layer.fan_out);
    float* kernel = new float[fan_in * fan_out];
    nb::capsule kernel_owner(kernel, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    float* bias = new float[fan_out];
    nb::capsule bias_owner(bias, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    network.get_layer(i, kernel, bias);
    result.append(
        nb::make_tuple(nb::ndarray<nb::numpy, float, nb::ndim<2>>(kernel, {fan_in, fan_out}, kernel_owner),
                       nb::ndarray<nb::numpy, float, nb::ndim<1>>(bias, {fan_out}, bias_owner)));
  }
  return result;
}

// Raises where a second thread enters; leaves on every way out.
class Alone {
 public:
  explicit Alone(std::atomic_flag& busy) : busy_(busy) {
    if (busy_.test_and_set(std::memory_order_acquire))
      throw std::runtime_error("a run belongs to one thread: it is in use by another one");
  }
  ~Alone() { busy_.clear(std::memory_order_release); }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;

 private:
  std::atomic_flag& busy_;
};

// A Run and references to every array it borrows.
class PyRun {
 public:
  PyRun(const std::string& instruction_set, AnyMatrix features, bool sparse, Input<int32_t, 1> labels,
        Input<int32_t, 1> train_rows, Input<int32_t, 1> val_rows, Input<float, 1> shift,
        Input<float, 1> factor, const LayerArrays& layers, int activation, float negative_slope,
        double dropout, std::tuple<uint32_t, uint32_t> dropout_key, int optimizer, float momentum,
        bool nesterov, double weight_decay, double l2, double label_smoothing, int64_t batch_size,
        std::optional<Input<float, 1>> targets, std::optional<Input<float, 1>> weights)
      : features_(features),
        targets_(targets),
        weights_(weights),
        labels_(labels),
        train_rows_(train_rows),
        val_rows_(val_rows),
        shift_(shift),
        factor_(factor) {
    const Features matrix = features_of(features);
    require_aligned(labels, train_rows, val_rows);
    require(labels.shape(0) == matrix.num_examples, "`labels` must have one value per example");
    require(train_rows.shape(0) >= 1, "`train_rows` must not be empty");
    require(batch_size >= 1, "`batch_size >= 1` must hold");
    require(activation >= 0 && activation <= static_cast<int>(Activation::kSoftplus) && optimizer >= 0 &&
                optimizer <= static_cast<int>(Optimizer::kRmsprop),
            "unknown activation or optimizer");
    require(dropout >= 0.0 && dropout < 1.0, "`0 <= dropout < 1` must hold");
    NetworkShape shape;
    shape.sizes = sizes_of(layers, matrix);
    shape.activation = static_cast<Activation>(activation);
    shape.negative_slope = negative_slope;
    shape.dropout = dropout;
    const char* rows_rule = "`0 <= row < num_examples` must hold for every row";
    check_indices(train_rows.data(), train_rows.shape(0), matrix.num_examples, rows_rule);
    check_indices(val_rows.data(), val_rows.shape(0), matrix.num_examples, rows_rule);
    check_labels(labels, train_rows.data(), train_rows.shape(0), shape.sizes.back());
    check_labels(labels, val_rows.data(), val_rows.shape(0), shape.sizes.back());
    TrainingPlan plan;
    plan.optimizer = static_cast<Optimizer>(optimizer);
    plan.momentum = momentum;
    plan.nesterov = nesterov;
    plan.weight_decay = weight_decay;
    plan.l2 = l2;
    plan.label_smoothing = label_smoothing;
    plan.batch_size = batch_size;
    plan.dropout_key[0] = std::get<0>(dropout_key);
    plan.dropout_key[1] = std::get<1>(dropout_key);
    if (targets) {
      check_values(*targets, matrix, "`targets` must have one finite value per example");
      require(shape.sizes.back() == 1, "a regression must have one output");
    }
    if (weights) check_values(*weights, matrix, "`weights` must have one finite value per example");
    const Parts parts = {train_rows.data(),
                         static_cast<int64_t>(train_rows.shape(0)),
                         val_rows.data(),
                         static_cast<int64_t>(val_rows.shape(0)),
                         labels.data(),
                         targets ? targets->data() : nullptr,
                         weights ? weights->data() : nullptr};
    run_ = std::make_unique<Run>(table(instruction_set), shape, plan, matrix,
                                 scaling_of(shift, factor, matrix, sparse), sparse, parts);
    for (size_t i = 0; i < layers.size(); ++i)
      run_->network().set_layer(i, std::get<0>(layers[i]).data(), std::get<1>(layers[i]).data());
    num_steps_ = (parts.num_train + batch_size - 1) / batch_size;
  }

  nb::tuple epoch(Input<int32_t, 1> order, Input<double, 1> rates, Input<int32_t, 1> cancel, bool examine) {
    require_aligned(order, rates, cancel);
    require(order.shape(0) == train_rows_.shape(0), "`order` must have one entry per training row");
    require(static_cast<int64_t>(rates.shape(0)) == num_steps_, "there must be one learning rate per step");
    require(cancel.shape(0) == 1, "`cancel` must have shape (1,)");
    EpochResult result;
    {
      Alone alone(busy_);
      check_indices(order.data(), order.shape(0), train_rows_.shape(0), "`0 <= order < num_train` must hold");
      nb::gil_scoped_release release;
      result = run_->epoch(order.data(), rates.data(), cancel.data(), examine);
    }
    return nb::make_tuple(static_cast<int>(result.outcome), result.train_loss, result.train_accuracy,
                          result.val_loss, result.val_accuracy);
  }

  nb::list layers() {
    Alone alone(busy_);
    return arrays_of(run_->network());
  }

  nb::object predictions() {
    Alone alone(busy_);
    const std::vector<uint16_t>& from = run_->predictions();
    uint16_t* to = new uint16_t[from.size() + 1];
    nb::capsule owner(to, [](void* p) noexcept { delete[] static_cast<uint16_t*>(p); });
    std::copy(from.begin(), from.end(), to);
    return nb::cast(nb::ndarray<nb::numpy, uint16_t, nb::ndim<1>>(to, {from.size()}, owner));
  }

  std::vector<std::tuple<double, double>> health() {
    Alone alone(busy_);
    std::vector<std::tuple<double, double>> result;
    for (const Health& layer : run_->health()) result.emplace_back(layer.dead, layer.saturated);
    return result;
  }

 private:
  AnyMatrix features_;
  std::optional<Input<float, 1>> targets_, weights_;
  Input<int32_t, 1> labels_, train_rows_, val_rows_;
  Input<float, 1> shift_, factor_;
  std::unique_ptr<Run> run_;
  int64_t num_steps_ = 0;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

nb::object logits(const std::string& instruction_set, AnyMatrix features, bool sparse, Input<int32_t, 1> rows,
                  Input<float, 1> shift, Input<float, 1> factor, const LayerArrays& layers, int activation,
                  float negative_slope) {
  const Features matrix = features_of(features);
  require_aligned(rows);
  check_indices(rows.data(), rows.shape(0), matrix.num_examples,
                "`0 <= row < num_examples` must hold for every row");
  require(activation >= 0 && activation <= static_cast<int>(Activation::kSoftplus), "unknown activation");
  NetworkShape shape;
  shape.sizes = sizes_of(layers, matrix);
  shape.activation = static_cast<Activation>(activation);
  shape.negative_slope = negative_slope;
  const size_t num_rows = rows.shape(0), num_classes = static_cast<size_t>(shape.sizes.back());
  Arena arena;
  Network network(table(instruction_set), shape, matrix, scaling_of(shift, factor, matrix, sparse), sparse,
                  chunk_rows(shape.sizes, static_cast<int64_t>(std::min<size_t>(num_rows, 32))), false,
                  arena);
  arena.allocate();
  for (size_t i = 0; i < layers.size(); ++i)
    network.set_layer(i, std::get<0>(layers[i]).data(), std::get<1>(layers[i]).data());
  float* out = new float[num_rows * num_classes + 1];
  nb::capsule owner(out, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  {
    nb::gil_scoped_release release;
    predict_logits(network, rows.data(), static_cast<int64_t>(num_rows), out);
  }
  return nb::cast(nb::ndarray<nb::numpy, float, nb::ndim<2>>(out, {num_rows, num_classes}, owner));
}

nb::object evaluate(const std::string& instruction_set, const std::string& function, Input<float, 1> x) {
  require_aligned(x);
  const size_t count = x.shape(0);
  float* out = new float[count + 1];
  nb::capsule owner(out, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  const FlushDenormals flush;
  require(table(instruction_set).evaluate(function.c_str(), x.data(), out, count), "unknown function");
  return nb::cast(nb::ndarray<nb::numpy, float, nb::ndim<1>>(out, {count}, owner));
}

// GFLOP/s of independent multiply-adds in registers: the best of slices short enough to fit between two
// turns of another process.
double fma_peak(double seconds, const std::optional<std::string>& instruction_set) {
  const KernelTable& kernels = instruction_set ? table(*instruction_set) : *usable_kernels().back();
  nb::gil_scoped_release release;
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  double best = 0.0;
  do {
    const Clock::time_point from = Clock::now();
    const double operations = kernels.multiply_add_loop(200'000);
    const double taken = std::chrono::duration<double>(Clock::now() - from).count();
    best = std::max(best, operations / taken / 1e9);
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  return best;
}

}  // namespace
}  // namespace bakeoff

NB_MODULE(_native, m) {
  using namespace bakeoff;
  m.doc() = "The compiled training kernels; use bakeoff.dense.native instead.";
  m.def(
      "instruction_sets",
      [] {
        std::vector<std::string> names;
        for (const KernelTable* table : usable_kernels()) names.emplace_back(table->name);
        return names;
      },
      "Instruction sets this machine can run, the best one last.");
  m.def("fma_peak", &fma_peak, "seconds"_a, "instruction_set"_a = nb::none(),
        "GFLOP/s of one core in a loop of multiply-adds, measured for so many seconds.");
  m.def("evaluate", &evaluate, "instruction_set"_a, "function"_a, "x"_a.noconvert(),
        "A function of vector_math.h, for the tests of its error.");
  m.def(
      "density", [](AnyMatrix features) { return density(features_of(features)); }, "features"_a.noconvert(),
      "Share of entries that are not exactly zero.");
  m.def(
      "checksum", [](AnyMatrix features) { return checksum(features_of(features)); },
      "features"_a.noconvert(), "A number that changes when any entry does.");
  nb::class_<PyRun>(m, "Run", "One run; belongs to one thread at a time.")
      .def(nb::init<const std::string&, AnyMatrix, bool, Input<int32_t, 1>, Input<int32_t, 1>,
                    Input<int32_t, 1>, Input<float, 1>, Input<float, 1>, const LayerArrays&, int, float,
                    double, std::tuple<uint32_t, uint32_t>, int, float, bool, double, double, double, int64_t,
                    std::optional<Input<float, 1>>, std::optional<Input<float, 1>>>(),
           nb::kw_only(), "instruction_set"_a, "features"_a.noconvert(), "sparse"_a, "labels"_a.noconvert(),
           "train_rows"_a.noconvert(), "val_rows"_a.noconvert(), "shift"_a.noconvert(),
           "factor"_a.noconvert(), "layers"_a, "activation"_a, "negative_slope"_a, "dropout"_a,
           "dropout_key"_a, "optimizer"_a, "momentum"_a, "nesterov"_a, "weight_decay"_a, "l2"_a,
           "label_smoothing"_a, "batch_size"_a, "targets"_a.noconvert() = nb::none(),
           "weights"_a.noconvert() = nb::none())
      .def("epoch", &PyRun::epoch, "order"_a.noconvert(), "rates"_a.noconvert(), "cancel"_a.noconvert(),
           "examine"_a,
           "Trains one epoch and evaluates: (outcome, train loss and accuracy, val loss and "
           "accuracy); outcome 0 finished, 1 diverged, 2 cancelled.")
      .def("layers", &PyRun::layers, "Copies of the weights: a list of (kernel, bias).")
      .def("predictions", &PyRun::predictions, "Classes predicted in the last examined epoch.")
      .def("health", &PyRun::health, "(dead, saturated) per hidden layer, from the same epoch.");
  m.def("logits", &logits, nb::kw_only(), "instruction_set"_a, "features"_a.noconvert(), "sparse"_a,
        "rows"_a.noconvert(), "shift"_a.noconvert(), "factor"_a.noconvert(), "layers"_a, "activation"_a,
        "negative_slope"_a, "Outputs before the softmax, float32, shape (rows, classes).");
}
