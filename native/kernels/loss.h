// Softmax cross-entropy with label smoothing, its gradient, and the predictions.
#pragma once

#include "../kernel_table.h"
#include "matmul.h"
#include "vector_math.h"

namespace bakeoff {
namespace {

// The gradient of the mean loss by the logits is (softmax - target) / batch with
// target = (1 - s) · one-hot + s / classes; the reported loss is the plain cross-entropy.

// Columns of logits that are turned on the stack: at most 4 KiB.
constexpr int kFewColumns = 64;

// Few classes: as many rows at a time as a vector has lanes, one row in each lane, so that nothing is
// summed or compared across lanes.
void softmax_loss_by_lane(LossTask& task) {
  const float classes = static_cast<float>(task.num_classes);
  const float even_share = task.label_smoothing / classes * task.inverse_batch;
  const float own_share = (1.0f - task.label_smoothing) * task.inverse_batch;
  double total = 0.0;
  int64_t num_right = 0;
  float logits[kFewColumns * kLanes];
  for (int group = 0; group < task.rows; group += kLanes) {
    const int num_rows = task.rows - group < kLanes ? task.rows - group : kLanes;
    float* rows = task.logits + group * task.stride;
    for (int j = 0; j < task.columns; j += kLanes)
      transpose_rows(rows + j, task.stride, num_rows, logits + j * kLanes, kLanes, kLanes);
    Vec highest = load(logits), first = {};
    for (int j = 1; j < task.num_classes; ++j) {
      const Vec z = load(logits + j * kLanes);
      const IntVec higher = z > highest;
      highest = select(higher, z, highest);
      first = select(higher, broadcast(static_cast<float>(j)), first);
    }
    Vec own = {}, sum = {};
    for (int i = 0; i < num_rows; ++i) {
      const int label = task.labels[group + i], prediction = static_cast<int>(first[i]);
      own[i] = rows[i * task.stride + label];
      num_right += prediction == label;
      if (task.predictions != nullptr) task.predictions[group + i] = static_cast<uint16_t>(prediction);
    }
    for (int j = 0; j < task.num_classes; ++j) {
      const Vec e = exponential(load(logits + j * kLanes) - highest);
      sum += e;
      store(logits + j * kLanes, e);
    }
    const Vec losses = logarithm(sum) - (own - highest);
    for (int i = 0; i < num_rows; ++i) total += static_cast<double>(losses[i]);
    if (!task.training) continue;
    const Vec scale = task.inverse_batch / sum;
    for (int j = 0; j < task.num_classes; ++j)
      store(logits + j * kLanes, load(logits + j * kLanes) * scale - even_share);
    for (int j = task.num_classes; j < task.columns; ++j) store(logits + j * kLanes, Vec{});
    for (int j = 0; j < task.columns; j += kLanes)
      transpose_rows(logits + j * kLanes, kLanes, kLanes, rows + j, task.stride, num_rows);
    for (int i = 0; i < num_rows; ++i) rows[i * task.stride + task.labels[group + i]] -= own_share;
  }
  task.loss = total;
  task.num_right = num_right;
}

// Many classes or hardly any rows: one row after the other, its classes in lanes.
void softmax_loss_by_row(LossTask& task) {
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

void softmax_loss(LossTask& task) {
  // Half-empty vectors cost as much as full ones.
  if (2 * task.rows >= kLanes && task.columns <= kFewColumns)
    softmax_loss_by_lane(task);
  else
    softmax_loss_by_row(task);
}

}  // namespace
}  // namespace bakeoff
