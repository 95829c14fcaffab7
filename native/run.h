// One run: a network, its optimizer state, and the loop over the steps of an epoch.
#pragma once

#include <cstdint>
#include <vector>

#include "network.h"

namespace bakeoff {

struct TrainingPlan {
  Optimizer optimizer = Optimizer::kSgd;
  float momentum = 0.0f;
  bool nesterov = false;
  double weight_decay = 0.0;
  double l2 = 0.0;
  double label_smoothing = 0.0;
  int64_t batch_size = 32;
  uint32_t dropout_key[2] = {0, 0};
};

enum class Outcome : int32_t { kFinished, kDiverged, kCancelled };

struct EpochResult {
  Outcome outcome;
  double train_loss, train_accuracy;  // means over the epoch
  double val_loss, val_accuracy;      // after it; NaN without a validation part
};

struct Health {
  double dead, saturated;
};

// Borrowed arrays: matrix rows of the two parts, and the label of every matrix row. In a regression
// each row's value to predict; where examples count differently, how much each does.
struct Parts {
  const int32_t* train_rows;
  int64_t num_train;
  const int32_t* val_rows;
  int64_t num_val;
  const int32_t* labels;
  const float* targets = nullptr;
  const float* weights = nullptr;
};

class Run {
 public:
  Run(const KernelTable& kernels, const NetworkShape& shape, const TrainingPlan& plan,
      const Features& features, const Scaling& scaling, bool sparse, const Parts& parts);

  Network& network() { return network_; }

  // Trains on train_rows[order[0]], train_rows[order[1]], … with one learning rate per step, then
  // evaluates; `cancel` is read between chunks of a step. After the last epoch `examine` also asks
  // for predictions and health.
  EpochResult epoch(const int32_t* order, const double* rates, const int32_t* cancel, bool examine);

  const std::vector<uint16_t>& predictions() const { return predictions_; }
  const std::vector<Health>& health() const { return health_; }

 private:
  // What the optimizer keeps per layer; bias arrays beside the weights'.
  struct LayerState {
    float *gradient = nullptr, *bias_gradient = nullptr;
    float *first = nullptr, *bias_first = nullptr;
    float *second = nullptr, *bias_second = nullptr;
    float* transposed = nullptr;  // of the weights, for the input gradient
    ptrdiff_t transposed_panel = 0, transposed_row = 0;
    float* deltas = nullptr;  // gradient by the pre-activations, one example per row
  };
  struct Sums {
    double loss = 0.0;
    int64_t num_right = 0;
  };

  bool cancelled(const int32_t* cancel) const { return __atomic_load_n(cancel, __ATOMIC_RELAXED) != 0; }
  // One step on order[0] … order[count - 1]; `left` entries of the epoch's order can be looked at.
  bool train_step(const int32_t* order, int64_t count, int64_t left, double rate, const int32_t* cancel,
                  Sums& sums);
  // The loss of a chunk by its outputs, which become their gradient where `scale` is given.
  void losses(const int32_t* rows, int num_rows, const double* scale, uint16_t* predictions, Sums& sums);
  void backward(bool direct, bool first_chunk, float keep);
  void input_gradient(size_t index, bool first_chunk);
  void weight_gradient(size_t index, bool direct, bool first_chunk, float keep);
  void update_all(double rate);
  bool evaluate(const int32_t* cancel, bool examine, Sums& sums);
  void add_health(std::vector<int64_t>& num_saturated);
  void finish_health(const std::vector<int64_t>& num_saturated);
  bool all_finite() const;

  const KernelTable& kernels_;
  TrainingPlan plan_;
  Parts parts_;
  Arena arena_;
  Network network_;
  std::vector<LayerState> states_;
  // Plain SGD on a step of one chunk changes the weights while it computes their gradient.
  bool direct_;
  int64_t step_ = 0;
  int32_t* chunk_rows_ = nullptr;
  int32_t* next_rows_ = nullptr;
  int32_t* chunk_labels_ = nullptr;
  std::vector<uint16_t> predictions_;
  std::vector<Health> health_;
  std::vector<float*> alive_;
};

// Logits of some rows of a matrix, dropout off; out has shape (num_rows, num_classes).
void predict_logits(Network& network, const int32_t* rows, int64_t num_rows, float* out);

// Examples per chunk: enough for the kernels, few enough for the caches and for narrow memory.
int chunk_rows(const std::vector<int>& sizes, int64_t wanted);

}  // namespace bakeoff
