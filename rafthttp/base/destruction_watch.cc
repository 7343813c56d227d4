#include "rafthttp/base/destruction_watch.h"

namespace rafthttp {

WatchedLife::~WatchedLife() {
  End();
  for (DestructionWatch* watch = innermost_; watch != nullptr;
       watch = watch->outer_) {
    watch->life_ = nullptr;
  }
}

void WatchedLife::End() {
  for (DestructionWatch* watch = innermost_; watch != nullptr;
       watch = watch->outer_) {
    watch->is_over_ = true;
  }
}

DestructionWatch::DestructionWatch(WatchedLife& life)
    : life_(&life), outer_(life.innermost_) {
  life.innermost_ = this;
}

DestructionWatch::~DestructionWatch() {
  if (life_ != nullptr) life_->innermost_ = outer_;
}

}  // namespace rafthttp
