#include "tools/rafthttpctl/peer_dial.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "tools/rafthttpctl/peer_api.h"

namespace rafthttpctl {

using rafthttp::CloseReason;
using rafthttp::StreamReader;

namespace {

// The first probe warms the connection up; the quickest of the rest counts,
// since it bounds the clock offset best.
constexpr int kProbes = 4;
// etcd warns beyond this.
constexpr absl::Duration kClockOffsetMax = absl::Seconds(1);

}  // namespace

PeerDial::PeerDial(rafthttp::event::EventLoop& loop,
                   rafthttp::event::Connector& connector, Options options)
    : loop_(loop),
      connector_(connector),
      options_(std::move(options)),
      client_(loop, connector, {.connect_timeout = options_.target.timeout}),
      picker_({options_.target.url}),
      finish_timer_(loop.NewTimer([this] { Finish(); })) {
  report_.json["v"] = 1;
  report_.json["url"] = options_.target.url.ToString();
}

PeerDial::~PeerDial() = default;

void PeerDial::Start(absl::AnyInvocable<void(Report)> on_report) {
  on_report_ = std::move(on_report);
  started_at_ = absl::Now();
  attempt_ = connector_.Connect(
      options_.target.url.address(), {.timeout = options_.target.timeout},
      [this](
          absl::StatusOr<std::unique_ptr<rafthttp::event::ByteStream>> stream) {
        OnConnected(std::move(stream));
      });
}

void PeerDial::OnConnected(
    absl::StatusOr<std::unique_ptr<rafthttp::event::ByteStream>> stream) {
  attempt_.reset();
  if (!stream.ok()) {
    Problem(ExitCode::kUnreachable, std::string(stream.status().message()));
    finish_timer_->Start(absl::ZeroDuration());
    return;
  }
  report_.json["address"] = (*stream)->peer_address();
  report_.json["connectSeconds"] =
      absl::ToDoubleSeconds(absl::Now() - started_at_);
  // It has told what it can; the rest has connections of its own.
  stream->reset();
  call_ = GetFromPeer(client_, options_.target.url, "/version",
                      options_.target.timeout,
                      [this](const absl::StatusOr<Response>& response) {
                        OnVersion(response);
                      });
}

void PeerDial::Problem(ExitCode code, std::string text) {
  if (report_.code == ExitCode::kDone) report_.code = code;
  report_.problems.push_back(std::move(text));
}

void PeerDial::OnVersion(const absl::StatusOr<Response>& response) {
  if (!response.ok()) {
    // A TLS alert and an SSH banner are no peer that we reach, either.
    Problem(ExitCode::kUnreachable, std::string(response.status().message()));
    finish_timer_->Start(absl::ZeroDuration());
    return;
  }
  const absl::StatusOr<PeerVersion> version = ReadVersion(*response);
  if (version.ok()) {
    report_.version = *version;
    report_.json["version"] = {{"etcdserver", version->server},
                               {"etcdcluster", version->cluster}};
  } else {
    Problem(ExitCode::kCheckFailed,
            absl::StrCat("/version: ", version.status().message(),
                         response->body.find("HTTPS") != std::string::npos
                             ? ", since it speaks TLS"
                             : ""));
  }
  call_ = GetFromPeer(
      client_, options_.target.url, "/members", options_.target.timeout,
      [this](const absl::StatusOr<Response>& answer) { OnMembers(answer); });
}

void PeerDial::OnMembers(const absl::StatusOr<Response>& response) {
  absl::StatusOr<PeerMembers> members =
      response.ok() ? ReadMembers(*response) : response.status();
  if (members.ok()) {
    report_.members = *members;
    report_.json["clusterId"] = members->cluster.ToHex();
    report_.json["members"] = members->members.size();
    bool lists_url = false;
    for (const PeerMember& member : members->members) {
      for (const std::string& url : member.peer_urls) {
        if (url != options_.target.url.ToString()) continue;
        lists_url = true;
        report_.json["id"] = member.id.ToHex();
        report_.json["name"] = member.name;
      }
    }
    if (!lists_url) report_.json["isListed"] = false;
    if (options_.target.cluster &&
        members->cluster != *options_.target.cluster) {
      Problem(ExitCode::kIdentityMismatch,
              absl::StrCat("it is in cluster ", members->cluster.ToHex(),
                           ", not ", options_.target.cluster->ToHex()));
    }
  } else {
    Problem(ExitCode::kCheckFailed,
            absl::StrCat("/members: ", members.status().message(),
                         absl::IsNotFound(members.status())
                             ? "; this is a client port, or no etcd"
                             : ""));
  }
  probes_left_ = kProbes;
  Probe();
}

void PeerDial::Probe() {
  const absl::Time wall_time = absl::Now();
  call_ = GetFromPeer(
      client_, options_.target.url, "/raft/probing", options_.target.timeout,
      [this, wall_time](const absl::StatusOr<Response>& response) {
        OnProbe(response, wall_time);
      });
}

void PeerDial::OnProbe(const absl::StatusOr<Response>& response,
                       absl::Time wall_time) {
  const absl::Duration round_trip = absl::Now() - wall_time;
  const absl::StatusOr<PeerProbe> probe =
      response.ok() ? ReadProbe(*response) : response.status();
  if (!probe.ok()) {
    Problem(ExitCode::kCheckFailed,
            absl::StrCat("/raft/probing: ", probe.status().message()));
  } else {
    const bool is_warm = probes_left_ < kProbes;
    if (is_warm && (!round_trip_ || round_trip < *round_trip_)) {
      round_trip_ = round_trip;
      clock_offset_ = probe->now - (wall_time + round_trip / 2);
    }
    if (--probes_left_ > 0) {
      Probe();
      return;
    }
  }
  if (round_trip_) {
    report_.round_trip = round_trip_;
    report_.clock_offset = clock_offset_;
    report_.json["probe"] = {
        {"roundTripSeconds", absl::ToDoubleSeconds(*round_trip_)},
        {"clockOffsetSeconds", absl::ToDoubleSeconds(clock_offset_)},
        {"clockOffsetErrorSeconds", absl::ToDoubleSeconds(*round_trip_ / 2)}};
    if (absl::AbsDuration(clock_offset_) - *round_trip_ / 2 > kClockOffsetMax) {
      Problem(
          ExitCode::kCheckFailed,
          absl::StrCat(
              "its clock is ",
              absl::FormatDuration(absl::AbsDuration(clock_offset_)),
              clock_offset_ > absl::ZeroDuration() ? " ahead of" : " behind",
              " ours"));
    }
  }
  if (!options_.stream) {
    Finish();
    return;
  }
  preflight_.emplace(client_, options_.target);
  preflight_->Start([this](StreamPreflight::Result result) {
    if (const auto* refused = std::get_if<StreamPreflight::Refused>(&result)) {
      Problem(refused->code, refused->why);
      finish_timer_->Start(absl::ZeroDuration());
      return;
    }
    target_ = std::get<StreamPreflight::Cleared>(std::move(result));
    OpenStream();
  });
}

void PeerDial::OpenStream() {
  StreamReader::Options options;
  options.kind = *options_.stream;
  options.peer = target_.addressees.front();
  options.identity = target_.identity;
  options.dial_timeout = options_.target.timeout;
  reader_ = std::make_unique<StreamReader>(
      loop_, connector_, picker_, static_cast<StreamReader::Events&>(*this),
      options);
  reader_->Start();
}

void PeerDial::OnStreamOpened(StreamReader& reader,
                              const StreamReader::Opened& opened) {
  report_.json["stream"] = {
      {"kind", std::string(StreamKindName(reader.kind()))},
      {"to", reader.peer().ToHex()},
      {"answer", "opened"},
      {"version", opened.version.ToString()}};
  finish_timer_->Start(absl::ZeroDuration());
}

void PeerDial::OnStreamMessage(StreamReader&,
                               const rafthttp::codec::MessageView&) {}
void PeerDial::OnStreamLinkHeartbeat(StreamReader&) {}

void PeerDial::OnStreamClosed(StreamReader& reader,
                              const StreamReader::Closed& closed) {
  if (closed.was_open || report_.json.contains("stream")) return;
  if (closed.reason == CloseReason::kToMismatch &&
      target_.addressees.size() > 1) {
    target_.addressees.erase(target_.addressees.begin());
    // Replaces `reader`, which allows it.
    OpenStream();
    return;
  }
  report_.json["stream"] = {
      {"kind", std::string(StreamKindName(reader.kind()))},
      {"to", reader.peer().ToHex()},
      {"answer", std::string(CloseReasonName(closed.reason))}};
  Problem(ExitCodeOf(closed.reason),
          absl::StrCat(CloseReasonName(closed.reason), ": ",
                       closed.status.message()));
  finish_timer_->Start(absl::ZeroDuration());
}

void PeerDial::Finish() {
  call_.reset();
  reader_.reset();
  report_.json["problems"] = report_.problems;
  std::exchange(on_report_, nullptr)(std::move(report_));
}

}  // namespace rafthttpctl
