// All memory of a run in one zeroed allocation: asked for piece by piece, then allocated at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace bakeoff {

class Arena {
 public:
  // Every piece starts on a boundary of two cache lines, which are fetched in pairs.
  static constexpr size_t kAlignment = 128;

  // `place` is set by allocate() and must stay where it is until then.
  template <typename T>
  void reserve(T*& place, size_t count) {
    requests_.push_back({reinterpret_cast<void**>(&place), size_});
    size_ += (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
  }

  void allocate() {
    memory_.reset(std::calloc(size_ + kAlignment, 1));
    if (memory_ == nullptr) throw std::bad_alloc();
    uintptr_t start = reinterpret_cast<uintptr_t>(memory_.get());
    start = (start + kAlignment - 1) / kAlignment * kAlignment;
    for (const Request& request : requests_) *request.place = reinterpret_cast<void*>(start + request.offset);
    requests_.clear();
  }

 private:
  struct Request {
    void** place;
    size_t offset;
  };
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::vector<Request> requests_;
  size_t size_ = 0;
  std::unique_ptr<void, Free> memory_;
};

}  // namespace bakeoff
