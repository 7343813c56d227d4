#ifndef RAFTHTTP_DELIVERY_VIEW_RECEIVER_H_
#define RAFTHTTP_DELIVERY_VIEW_RECEIVER_H_

#include "rafthttp/codec/message_view.h"

namespace rafthttp {

// Takes messages that came by stream as they lie in the read buffer, without a
// copy, in place of Raft::Process: the fast path for inline delivery. What
// comes by POST goes to Raft::Process all the same.
//
// Threads: called on the loop; must not block.
class ViewReceiver {
 public:
  // `message` and what it points to is valid only during the call.
  virtual void ProcessView(const codec::MessageView& message) = 0;
  // All that one read brought has been handed out: the moment to answer.
  virtual void OnViewsEnd() {}

 protected:
  ~ViewReceiver() = default;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_DELIVERY_VIEW_RECEIVER_H_
