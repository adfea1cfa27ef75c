// Attachment, death and back-off: see the header.
#include "control/io/dataplane_link.h"

#include <grpcpp/create_channel.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>
#include <utility>

#include "absl/strings/str_format.h"
#include "proto/channel/records.h"

namespace sluice::io {
namespace {

namespace v1 = dataplane::v1;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr milliseconds kBackOffMin{50};
// A look at a local socket is cheap, and while it is not there tenants are cut off.
constexpr milliseconds kBackOffMax{200};

std::unique_ptr<v1::Dataplane::Stub> MakeStub(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  // In effect the time that one connection attempt gets, also on a busy machine.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  // Routes of a dump and captured packets come in large streams of small messages.
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return v1::Dataplane::NewStub(
      grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments));
}

std::string ClockText() {
  const std::time_t now = system_clock::to_time_t(system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace

DataplaneLink::DataplaneLink(std::string grpc_socket, std::string channel_socket, uint64_t instance,
                             api::Executor& core, LinkObserver& observer)
    : grpc_socket_(std::move(grpc_socket)),
      channel_socket_(std::move(channel_socket)),
      instance_(instance),
      core_(core),
      observer_(observer),
      stub_(MakeStub(grpc_socket_)) {
  NoteAbsence("not looked for yet");
}

DataplaneLink::~DataplaneLink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (watching_ != nullptr) watching_->TryCancel();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void DataplaneLink::Start() {
  thread_ = std::thread([this] { Run(); });
}

void DataplaneLink::Reconnect() {
  {
    const std::lock_guard lock(mutex_);
    attached_ = false;
    if (watching_ != nullptr) watching_->TryCancel();
  }
  NoteAbsence("it closed the channel");
  changed_.notify_all();
}

std::string DataplaneLink::absence() const {
  const std::lock_guard lock(mutex_);
  return attached_ ? "" : absence_;
}

void DataplaneLink::NoteAbsence(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (why == why_absent_) return;
  if (why_absent_.empty() || absence_.empty()) absence_ = "no dataplane is attached since " + ClockText();
  why_absent_ = why;
}

bool DataplaneLink::Ended(uint64_t attachment) const {
  return stopping_ || !attached_ || attachment_ != attachment;
}

void DataplaneLink::Run() {
  milliseconds back_off = kBackOffMin;
  for (;;) {
    if (TryAttach()) {
      back_off = kBackOffMin;
      Watch(attachment_);
    }
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, back_off, [this] { return stopping_; })) return;
    back_off = std::min(back_off * 2, kBackOffMax);
  }
}

bool DataplaneLink::TryAttach() {
  v1::AttachReply reply;
  std::unique_ptr<channel::ChannelClient> channel;
  const absl::Status status = Attach(&reply, &channel);
  if (!status.ok()) {
    const std::string why(status.message());
    bool is_news = false;
    {
      const std::lock_guard lock(mutex_);
      is_news = why != why_absent_;
    }
    NoteAbsence(why);
    // Once per reason, not once per attempt.
    if (is_news) spdlog::warn("dataplane absent: {}", why);
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    ++attachment_;
    attached_ = true;
    absence_.clear();
    why_absent_.clear();
  }
  core_.Post([this, reply = std::move(reply), channel = std::move(channel)]() mutable {
    observer_.Attached(reply, std::move(channel));
  });
  return true;
}

absl::Status DataplaneLink::Attach(v1::AttachReply* reply, std::unique_ptr<channel::ChannelClient>* channel) {
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + kExchangeTimeout);
  v1::AttachRequest request;
  request.set_record_version(channel::kRecordVersion);
  request.set_control_instance(absl::StrFormat("%016x", instance_));
  const grpc::Status status = stub_->Attach(&context, request, reply);
  if (!status.ok()) {
    return absl::UnavailableError(absl::StrFormat("socket %s: %s", grpc_socket_, status.error_message()));
  }
  if (reply->record_version() != channel::kRecordVersion) {
    return absl::FailedPreconditionError(
        absl::StrFormat("dataplane %s speaks version %d of the channel's records, this gateway version %d",
                        reply->version(), reply->record_version(), channel::kRecordVersion));
  }
  const std::string& path = channel_socket_.empty() ? reply->channel_socket() : channel_socket_;
  auto client = channel::ChannelClient::Connect(path, instance_, kExchangeTimeout);
  if (!client.ok()) return client.status();
  *channel = *std::move(client);
  return absl::OkStatus();
}

void DataplaneLink::Watch(uint64_t attachment) {
  for (;;) {
    grpc::ClientContext context;
    {
      const std::lock_guard lock(mutex_);
      if (Ended(attachment)) return;
      watching_ = &context;
    }
    ReadChanges(attachment, context);
    std::unique_lock lock(mutex_);
    watching_ = nullptr;
    // The channel decides whether the dataplane is dead; until it says so the
    // stream is opened again.
    if (changed_.wait_for(lock, milliseconds(200), [&] { return Ended(attachment); })) return;
  }
}

void DataplaneLink::ReadChanges(uint64_t attachment, grpc::ClientContext& context) {
  const auto reader = stub_->WatchState(&context, v1::WatchStateRequest());
  core_.Post([this] { observer_.SnapshotBegins(); });
  v1::StateChange change;
  while (reader->Read(&change)) {
    {
      const std::lock_guard lock(mutex_);
      if (Ended(attachment)) context.TryCancel();
    }
    core_.Post([this, change = std::move(change)] { observer_.Changed(change); });
    change = {};
  }
  reader->Finish();
}

}  // namespace sluice::io
