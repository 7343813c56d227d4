#include "tools/learner/member_link.h"

#include <utility>

namespace rafthttpctl {

using rafthttp::StreamKind;
using rafthttp::StreamReader;

namespace {

StreamReader::Options ReaderOptions(StreamKind kind, rafthttp::MemberId member,
                                    const rafthttp::Identity& identity) {
  StreamReader::Options options;
  options.kind = kind;
  options.peer = member;
  options.identity = identity;
  return options;
}

}  // namespace

MemberLink::MemberLink(rafthttp::event::EventLoop& loop,
                       rafthttp::event::Connector& connector,
                       rafthttp::http1::Client& client, Events& events,
                       rafthttp::MemberId member,
                       std::vector<rafthttp::http1::Url> urls,
                       const rafthttp::Identity& identity)
    : events_(events),
      member_(member),
      urls_(std::move(urls)),
      sender_(client, urls_, identity),
      messages_(loop, connector, urls_, *this,
                ReaderOptions(StreamKind::kMessage, member, identity)),
      appends_(loop, connector, urls_, *this,
               ReaderOptions(StreamKind::kMsgApp, member, identity)) {}

void MemberLink::Start() {
  messages_.Start();
  appends_.Start();
}

void MemberLink::set_is_paused(bool is_paused) {
  messages_.set_is_paused(is_paused);
  appends_.set_is_paused(is_paused);
}

void MemberLink::UpdateUrls(std::vector<rafthttp::http1::Url> urls) {
  urls_.Update(std::move(urls));
}

void MemberLink::OnStreamOpened(StreamReader& reader,
                                const StreamReader::Opened& opened) {
  events_.OnStreamOpened(*this, reader.kind(), opened);
}

void MemberLink::OnStreamMessage(StreamReader& reader,
                                 const rafthttp::codec::MessageView& message) {
  events_.OnMessage(*this, reader.kind(), message);
}

void MemberLink::OnStreamLinkHeartbeat(StreamReader&) {}

void MemberLink::OnStreamClosed(StreamReader& reader,
                                const StreamReader::Closed& closed) {
  events_.OnStreamClosed(*this, reader.kind(), closed);
}

}  // namespace rafthttpctl
