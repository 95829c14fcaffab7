// The engine without Python, so that AddressSanitizer and UBSan see every access: kernels against
// plain loops on awkward shapes, then whole runs of every kind, for each instruction set.
//
//   cmake -S . -B build/sanitize -DBAKEOFF_SANITIZE=ON && cmake --build build/sanitize -t native_tests
//   build/sanitize/native_tests
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "dispatch.h"
#include "float_mode.h"
#include "run.h"

using namespace bakeoff;

namespace {

int num_failed = 0;

#define CHECK(condition, ...)                                                   \
  do {                                                                          \
    if (!(condition)) {                                                         \
      ++num_failed;                                                             \
      std::printf("%s:%d: %s does not hold: ", __FILE__, __LINE__, #condition); \
      std::printf(__VA_ARGS__);                                                 \
      std::printf("\n");                                                        \
    }                                                                           \
  } while (false)

// Exactly as long as asked for, so that one step beyond the end is caught.
std::vector<float> random_floats(size_t count, uint32_t seed, double nonzero = 1.0) {
  std::mt19937 draw(seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<float> values(count);
  for (float& value : values) value = uniform(draw) < nonzero ? normal(draw) : 0.0f;
  return values;
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-4 * (1.0 + std::abs(b)); }

// out = left · right and its variants, with both readings of the left matrix.
void test_matmul(const KernelTable& kernels) {
  const int lanes = kernels.lanes, panel = 2 * lanes;
  for (int rows : {1, 2, 5, 7, 12, 13, 25, 32})
    for (int columns : {lanes, 2 * lanes, 3 * lanes, 5 * lanes})
      for (int depth : {1, 3, 64, 300})
        for (bool swapped : {false, true}) {
          if (swapped && depth > 256) continue;  // a gradient's depth is a chunk
          const size_t left_count = static_cast<size_t>(rows) * static_cast<size_t>(depth);
          const int panels = (columns + panel - 1) / panel;
          const int row = columns < panel ? columns : panel;
          std::vector<float> left = random_floats(left_count, 1);
          std::vector<float> right = random_floats(static_cast<size_t>(panels * depth * row), 2);
          std::vector<float> bias = random_floats(static_cast<size_t>(columns), 3);
          std::vector<float> out(static_cast<size_t>(rows * columns), 0.5f);
          MatmulTask task = {};
          task.left = left.data();
          task.left_row = swapped ? 1 : depth;
          task.left_step = swapped ? rows : 1;
          task.right = right.data();
          task.right_panel = static_cast<ptrdiff_t>(depth) * row;
          task.right_step = row;
          task.out = out.data();
          task.out_panel = panel;
          task.out_row = columns;
          task.bias = swapped ? nullptr : bias.data();
          task.rows = rows;
          task.columns = columns;
          task.depth = depth;
          task.end = swapped ? MatmulTask::End::kBlend : MatmulTask::End::kActivate;
          task.keep = 0.25f;
          task.scale = 2.0f;
          kernels.matmul(task);
          for (int i = 0; i < rows; ++i)
            for (int j = 0; j < columns; ++j) {
              double sum = swapped ? 0.0 : bias[static_cast<size_t>(j)];
              for (int r = 0; r < depth; ++r)
                sum +=
                    static_cast<double>(left[static_cast<size_t>(i * task.left_row + r * task.left_step)]) *
                    right[static_cast<size_t>(j / panel * task.right_panel + r * row + j % panel)];
              const double expected = swapped ? 0.25 * 0.5 + 2.0 * sum : sum > 0 ? sum : 0.25 * sum;
              CHECK(close(out[static_cast<size_t>(i * columns + j)], expected),
                    "%s matmul %dx%dx%d at (%d, %d): %g, not %g", kernels.name, rows, columns, depth, i, j,
                    static_cast<double>(out[static_cast<size_t>(i * columns + j)]), expected);
            }
        }
}

void test_sparse(const KernelTable& kernels) {
  for (int features : {1, 63, 64, 65, 200})
    for (int rows : {1, 3, 8, 31, 32, 33, 70})
      for (int vectors : {1, 2, 3, 7, 8, 11}) {
        const int columns = vectors * kernels.lanes, num_blocks = (features + 63) / 64;
        const int stride = features + 3;
        std::vector<float> inputs = random_floats(static_cast<size_t>(rows * features), 4, 0.3);
        std::vector<float> weights = random_floats(static_cast<size_t>(features * columns), 5);
        std::vector<float> outputs = random_floats(static_cast<size_t>(rows * columns), 6);
        const std::vector<float> weights0 = weights, outputs0 = outputs;
        // More room than rows, as a chunk has that is not full; what lies there must not matter.
        const int nonzero_block = rows + 5;
        std::vector<uint64_t> nonzero(static_cast<size_t>(nonzero_block * num_blocks), ~uint64_t{0});
        std::vector<int32_t> all_rows(static_cast<size_t>(rows));
        std::iota(all_rows.begin(), all_rows.end(), 0);
        const float shift = 0.0f, factor = 1.0f;
        std::vector<float> gathered(static_cast<size_t>(rows * stride + 64));
        GatherTask gather = {};
        gather.floats = inputs.data();
        gather.num_features = static_cast<size_t>(features);
        gather.rows = all_rows.data();
        gather.num_rows = rows;
        gather.shift = &shift;
        gather.factor = &factor;
        gather.out = gathered.data();
        gather.out_stride = stride;
        gather.nonzero = nonzero.data();
        gather.nonzero_block = nonzero_block;
        kernels.gather(gather);
        for (int i = 0; i < rows; ++i)
          for (int k = 0; k < num_blocks * 64; ++k) {
            const bool found = nonzero[static_cast<size_t>(k / 64 * nonzero_block + i)] >> (k % 64) & 1;
            const bool expected = k < features && inputs[static_cast<size_t>(i * features + k)] != 0.0f;
            CHECK(found == expected, "%s non-zero %d of example %d", kernels.name, k, i);
          }
        const NextRows next = {reinterpret_cast<const char*>(inputs.data()),
                               static_cast<size_t>(features) * sizeof(float), sizeof(float), all_rows.data(),
                               rows};
        const SparseTask task = {
            gathered.data(), stride,   nonzero.data(), nonzero_block, num_blocks, rows, weights.data(),
            columns,         features, outputs.data(), columns,       columns,    next};
        auto at = [](const std::vector<float>& x, int i, int stride_of, int j) {
          return static_cast<double>(x[static_cast<size_t>(i * stride_of + j)]);
        };
        kernels.sparse_forward(task);
        for (int i = 0; i < rows; ++i)
          for (int j = 0; j < columns; ++j) {
            double sum = at(outputs0, i, columns, j);
            for (int k = 0; k < features; ++k) sum += at(inputs, i, features, k) * at(weights, k, columns, j);
            CHECK(close(at(outputs, i, columns, j), sum), "%s sparse forward", kernels.name);
          }
        kernels.sparse_backward(task);
        for (int k = 0; k < features; ++k)
          for (int j = 0; j < columns; ++j) {
            double sum = at(weights0, k, columns, j);
            for (int i = 0; i < rows; ++i) sum += at(inputs, i, features, k) * at(outputs, i, columns, j);
            CHECK(close(at(weights, k, columns, j), sum), "%s sparse backward", kernels.name);
          }
      }
}

void test_transpose(const KernelTable& kernels) {
  const int panel = 2 * kernels.lanes;
  for (int rows : {1, 5, kernels.lanes, panel + 3})
    for (int columns : {kernels.lanes, panel, 3 * kernels.lanes}) {
      const int row = columns < panel ? columns : panel;
      const int padded = (rows + kernels.lanes - 1) / kernels.lanes * kernels.lanes;
      const int out_row = padded < panel ? padded : panel;
      std::vector<float> in =
          random_floats(static_cast<size_t>((columns + panel - 1) / panel * rows * row), 7);
      std::vector<float> out(static_cast<size_t>((padded + panel - 1) / panel * columns * out_row), 9.0f);
      kernels.transpose({in.data(), static_cast<ptrdiff_t>(rows) * row, row, rows, columns, out.data(),
                         static_cast<ptrdiff_t>(columns) * out_row, out_row});
      for (int i = 0; i < padded; ++i)
        for (int j = 0; j < columns; ++j) {
          const float expected =
              i < rows ? in[static_cast<size_t>(j / panel * rows * row + i * row + j % panel)] : 0.0f;
          const float found =
              out[static_cast<size_t>(i / panel * columns * out_row + j * out_row + i % panel)];
          CHECK(found == expected, "%s transpose %dx%d", kernels.name, rows, columns);
        }
    }
}

// A whole run on random data; the loss must fall, and a second run must give the same bits.
void test_run(const KernelTable& kernels, const std::vector<int>& sizes, Activation activation,
              Optimizer optimizer, bool bytes, bool sparse, int64_t batch_size, double dropout) {
  const size_t num_features = static_cast<size_t>(sizes.front()), num_examples = 90;
  std::vector<float> floats = random_floats(num_examples * num_features, 8, sparse ? 0.2 : 1.0);
  std::vector<uint8_t> words;
  for (float value : floats) words.push_back(static_cast<uint8_t>(std::min(255.0f, std::abs(value) * 80.0f)));
  std::vector<int32_t> labels, train_rows, val_rows, order;
  for (int32_t i = 0; i < 90; ++i) {
    labels.push_back(floats[static_cast<size_t>(i) * num_features] > 0 ? sizes.back() - 1 : 0);
    (i % 3 == 0 ? val_rows : train_rows).push_back(i);
  }
  for (int32_t i = 0; i < 60; ++i) order.push_back(59 - i);
  const float shift = sparse ? 0.0f : 0.5f, factor = bytes ? 1.0f / 255.0f : 1.0f;
  const Features features = {bytes ? words.data() : nullptr, bytes ? nullptr : floats.data(), num_examples,
                             num_features};
  NetworkShape shape;
  shape.sizes = sizes;
  shape.activation = activation;
  shape.negative_slope = 0.1f;
  shape.dropout = dropout;
  TrainingPlan plan;
  plan.optimizer = optimizer;
  plan.momentum = activation == Activation::kTanh ? 0.5f : 0.0f;
  plan.weight_decay = 0.01;
  plan.l2 = 1e-3;
  plan.label_smoothing = 0.05;
  plan.batch_size = batch_size;
  std::vector<double> rates(static_cast<size_t>((60 + batch_size - 1) / batch_size), 0.01);
  const Parts parts = {train_rows.data(), 60, val_rows.data(), 30, labels.data()};
  int32_t cancel = 0;
  std::vector<float> first_kernel;
  for (int repeat = 0; repeat < 2; ++repeat) {
    Run run(kernels, shape, plan, features, {&shift, &factor, false}, sparse, parts);
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      const size_t count = static_cast<size_t>(sizes[i]) * static_cast<size_t>(sizes[i + 1]);
      std::vector<float> kernel = random_floats(count, static_cast<uint32_t>(10 + i));
      for (float& w : kernel) w /= std::sqrt(static_cast<float>(sizes[i]));
      run.network().set_layer(i, kernel.data(), std::vector<float>(static_cast<size_t>(sizes[i + 1])).data());
    }
    EpochResult first = {}, last = {};
    for (int epoch = 0; epoch < 12; ++epoch) {
      last = run.epoch(order.data(), rates.data(), &cancel, true);
      if (epoch == 0) first = last;
      CHECK(last.outcome == Outcome::kFinished, "%s epoch %d", kernels.name, epoch);
    }
    CHECK(dropout > 0 || last.train_loss < first.train_loss, "%s: loss %g, then %g", kernels.name,
          first.train_loss, last.train_loss);
    CHECK(run.predictions().size() == 30 && run.health().size() + 2 == sizes.size(), "%s", kernels.name);
    std::vector<float> kernel(static_cast<size_t>(sizes[0]) * static_cast<size_t>(sizes[1]));
    std::vector<float> bias(static_cast<size_t>(sizes[1]));
    run.network().get_layer(0, kernel.data(), bias.data());
    if (repeat == 0) first_kernel = kernel;
    CHECK(std::memcmp(kernel.data(), first_kernel.data(), kernel.size() * sizeof(float)) == 0,
          "%s: other bits", kernels.name);
    cancel = 1;
    CHECK(run.epoch(order.data(), rates.data(), &cancel, true).outcome == Outcome::kCancelled, "%s",
          kernels.name);
    cancel = 0;
  }
}

void test_runs(const KernelTable& kernels) {
  int number = 0;
  for (const std::vector<int>& sizes : std::vector<std::vector<int>>{
           {5, 2}, {1, 3, 2}, {37, 19, 33, 5}, {130, 40, 20}, {64, 128, 64, 10}, {7, 1, 1, 3}})
    for (Optimizer optimizer : {Optimizer::kSgd, Optimizer::kAdam, Optimizer::kAdamW, Optimizer::kRmsprop})
      for (bool sparse : {false, true})
        for (int64_t batch_size : {1, 7, 32, 1000}) {
          const Activation activation = static_cast<Activation>(number % 10);
          test_run(kernels, sizes, activation, optimizer, number % 2 == 0, sparse, batch_size,
                   number % 3 == 0 ? 0.3 : 0.0);
          ++number;
        }
}

void test_float_mode() {
  volatile double small = std::numeric_limits<double>::min();
  {
    const FlushDenormals flush;
  }
  CHECK(small / 2 != 0.0, "the float mode was not restored");
}

}  // namespace

int main() {
  for (const KernelTable* kernels : usable_kernels()) {
    test_matmul(*kernels);
    test_sparse(*kernels);
    test_transpose(*kernels);
    test_runs(*kernels);
    std::printf("%s: done\n", kernels->name);
  }
  test_float_mode();
  std::printf("%d failed\n", num_failed);
  return num_failed == 0 ? 0 : 1;
}
