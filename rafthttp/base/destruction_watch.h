#ifndef RAFTHTTP_BASE_DESTRUCTION_WATCH_H_
#define RAFTHTTP_BASE_DESTRUCTION_WATCH_H_

namespace rafthttp {

class DestructionWatch;

// What an object has as a member that calls out in the middle of its own work,
// and may be destroyed by that:
//
//   void Prober::Tell() {
//     const DestructionWatch watch(life_);
//     events_.OnHealthy(*this);
//     if (watch.is_over()) return;       // there is no `this` any more
//
// Not thread-safe.
class WatchedLife {
 public:
  WatchedLife() = default;
  ~WatchedLife();
  WatchedLife(const WatchedLife&) = delete;
  WatchedLife& operator=(const WatchedLife&) = delete;

  // For those who watch now, it is over, as if by destruction.
  void End();

 private:
  friend class DestructionWatch;
  DestructionWatch* innermost_ = nullptr;
};

// Stands on the stack while calls go out. Watches of one life may nest.
class DestructionWatch {
 public:
  explicit DestructionWatch(WatchedLife& life);
  ~DestructionWatch();
  DestructionWatch(const DestructionWatch&) = delete;
  DestructionWatch& operator=(const DestructionWatch&) = delete;

  bool is_over() const { return is_over_; }

 private:
  friend class WatchedLife;
  WatchedLife* life_;  // null once it is destroyed
  DestructionWatch* const outer_;
  bool is_over_ = false;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_BASE_DESTRUCTION_WATCH_H_
