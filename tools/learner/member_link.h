#ifndef TOOLS_LEARNER_MEMBER_LINK_H_
#define TOOLS_LEARNER_MEMBER_LINK_H_

#include <vector>

#include "rafthttp/base/ids.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_reader.h"
#include "raftpb/raft.pb.h"
#include "tools/learner/answer_sender.h"

namespace rafthttpctl {

// All that a learner's seat holds of one member: its two streams, dialled by
// us, and the way back for our answers.
//
// Threads: loop-confined. Lifetime: destroy it at any moment, even inside its
//   own callbacks.
class MemberLink final : private rafthttp::StreamReader::Events {
 public:
  class Events {
   public:
    virtual void OnMessage(MemberLink& link, rafthttp::StreamKind kind,
                           const rafthttp::codec::MessageView& message) = 0;
    virtual void OnStreamOpened(
        MemberLink& link, rafthttp::StreamKind kind,
        const rafthttp::StreamReader::Opened& opened) = 0;
    virtual void OnStreamClosed(
        MemberLink& link, rafthttp::StreamKind kind,
        const rafthttp::StreamReader::Closed& closed) = 0;

   protected:
    ~Events() = default;
  };

  // `urls` is not empty. The references must outlive the link.
  MemberLink(rafthttp::event::EventLoop& loop,
             rafthttp::event::Connector& connector,
             rafthttp::http1::Client& client, Events& events,
             rafthttp::MemberId member, std::vector<rafthttp::http1::Url> urls,
             const rafthttp::Identity& identity);

  void Start();
  void set_is_paused(bool is_paused);
  void UpdateUrls(std::vector<rafthttp::http1::Url> urls);
  void Answer(raftpb::Message answer) { sender_.Send(std::move(answer)); }

  rafthttp::MemberId member() const { return member_; }
  bool is_open() const { return messages_.is_open() && appends_.is_open(); }

 private:
  void OnStreamOpened(rafthttp::StreamReader& reader,
                      const rafthttp::StreamReader::Opened& opened) override;
  void OnStreamMessage(rafthttp::StreamReader& reader,
                       const rafthttp::codec::MessageView& message) override;
  void OnStreamLinkHeartbeat(rafthttp::StreamReader& reader) override;
  void OnStreamClosed(rafthttp::StreamReader& reader,
                      const rafthttp::StreamReader::Closed& closed) override;

  Events& events_;
  const rafthttp::MemberId member_;
  rafthttp::UrlPicker urls_;
  AnswerSender sender_;
  rafthttp::StreamReader messages_;
  rafthttp::StreamReader appends_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_LEARNER_MEMBER_LINK_H_
