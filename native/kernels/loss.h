// Softmax cross-entropy with label smoothing, its gradient, and the predictions.
#pragma once

#include "../kernel_table.h"
#include "vector_math.h"

namespace bakeoff {
namespace {

// The gradient of the mean loss by the logits is (softmax - target) / batch with
// target = (1 - s) · one-hot + s / classes; the reported loss is the plain cross-entropy.
void softmax_loss(LossTask& task) {
  const Vec lanes = lane_numbers();
  const float classes = static_cast<float>(task.num_classes);
  const float even_share = task.label_smoothing / classes * task.inverse_batch;
  const float own_share = (1.0f - task.label_smoothing) * task.inverse_batch;
  double total = 0.0;
  int64_t num_right = 0;
  // The logarithms of a whole vector of rows are taken together.
  for (int group = 0; group < task.rows; group += kLanes) {
    int num_rows = task.rows - group < kLanes ? task.rows - group : kLanes;
    Vec sums = broadcast(1.0f);
    float own[kLanes];
    float sum_of_row[kLanes];
    for (int i = 0; i < num_rows; ++i) {
      float* z = task.logits + (group + i) * task.stride;
      int label = task.labels[group + i];
      Vec top = broadcast(-__builtin_inff());
      for (int j = 0; j < task.columns; j += kLanes) {
        Vec x = select(lanes + static_cast<float>(j) < classes, load(z + j), top);
        top = maximum(x, top);
      }
      const float highest = largest_lane(top);
      Vec sum = {};
      Vec where = broadcast(classes);
      own[i] = z[label] - highest;
      for (int j = 0; j < task.columns; j += kLanes) {
        Vec number = lanes + static_cast<float>(j);
        IntVec inside = number < classes;
        Vec x = load(z + j);
        where = minimum(where, select((x == highest) & inside, number, broadcast(classes)));
        Vec e = select(inside, exponential(x - highest), Vec{});
        sum += e;
        if (task.training) store(z + j, e);
      }
      sum_of_row[i] = sum_of_lanes(sum);
      int prediction = static_cast<int>(smallest_lane(where));
      if (prediction >= task.num_classes) prediction = 0;  // only where logits are not finite
      num_right += prediction == label;
      if (task.predictions != nullptr) task.predictions[group + i] = static_cast<uint16_t>(prediction);
      if (task.training) {
        float scale = task.inverse_batch / sum_of_row[i];
        for (int j = 0; j < task.columns; j += kLanes) {
          IntVec inside = lanes + static_cast<float>(j) < classes;
          store(z + j, select(inside, load(z + j) * scale - even_share, Vec{}));
        }
        z[label] -= own_share;
      }
    }
    for (int i = 0; i < num_rows; ++i) sums[i] = sum_of_row[i];
    Vec logs = logarithm(sums);
    for (int i = 0; i < num_rows; ++i) total += static_cast<double>(logs[i]) - own[i];
  }
  task.loss = total;
  task.num_right = num_right;
}

}  // namespace
}  // namespace bakeoff
