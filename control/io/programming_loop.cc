// Pumping, sleeping and losing the channel: see the header.
#include "control/io/programming_loop.h"

#include <spdlog/spdlog.h>

#include <array>
#include <utility>

namespace sluice::io {
namespace {

uint32_t LimitOf(const dataplane::v1::AttachReply& reply, const std::string& name, uint32_t otherwise) {
  for (const dataplane::v1::TableFill& fill : reply.limits()) {
    if (fill.name() == name && fill.limit() > 0) return static_cast<uint32_t>(fill.limit());
  }
  return otherwise;
}

}  // namespace

ProgrammingLoop::~ProgrammingLoop() {
  // The descriptors are the client's.
  if (wait_.is_open()) wait_.release();
  if (packet_wait_.is_open()) packet_wait_.release();
}

void ProgrammingLoop::PutTenant(const programming::TenantObjects& tenant, uint64_t revision) {
  sender_.PutTenant(tenant, revision);
  NoteChange(tenant.vrf.vrf);
  Schedule();
}

void ProgrammingLoop::RemoveTenant(uint32_t vrf) {
  sender_.RemoveTenant(vrf);
  unconfirmed_.erase(vrf);
  told_.erase(vrf);
  refused_.erase(vrf);
  Schedule();
}

void ProgrammingLoop::ChangeStaticSet(uint32_t vrf, std::span<const rib::RouteInput> put,
                                      std::span<const net::Prefix> remove, uint64_t revision, bool complete) {
  sender_.ChangeStaticRoutes(vrf, put, remove, revision, complete);
  NoteSetChange(vrf, complete);
}

void ProgrammingLoop::ChangeMappings(uint32_t vrf, uint32_t path_id, std::span<const rib::RouteInput> put,
                                     std::span<const net::Prefix> remove, uint64_t revision, bool complete) {
  sender_.ChangeMappings(vrf, path_id, put, remove, revision, complete);
  NoteSetChange(vrf, complete);
}

void ProgrammingLoop::NoteSetChange(uint32_t vrf, bool complete) {
  NoteChange(vrf);
  // A large set comes in many calls without a turn of the loop in between: the
  // dataplane works on the first routes while the next are still compiled.
  if (client_ && !complete) {
    sender_.TakeAnswers();
    sender_.Pump();
  }
  Schedule();
}

void ProgrammingLoop::NoteChange(uint32_t vrf) {
  unconfirmed_.try_emplace(vrf, std::chrono::steady_clock::now());
}

double ProgrammingLoop::LagSeconds(uint32_t vrf) const {
  const auto at = unconfirmed_.find(vrf);
  if (at == unconfirmed_.end()) return 0;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - at->second).count();
}

void ProgrammingLoop::NoteConfirmed() {
  std::vector<uint32_t> confirmed;
  for (auto at = unconfirmed_.begin(); at != unconfirmed_.end();) {
    const auto here = at++;
    if (sender_.unanswered(here->first) > 0) continue;
    Tell(here->first);
    confirmed.push_back(here->first);
    unconfirmed_.erase(here);
  }
  // Something else left, and what was refused had another chance.
  for (auto at = refused_.begin(); at != refused_.end();) {
    const uint32_t vrf = *at++;
    if (sender_.unanswered(vrf) > 0 || sender_.problem_count(vrf) > 0) continue;
    Tell(vrf);
    confirmed.push_back(vrf);
  }
  if (!confirmed.empty()) confirmed_(confirmed);
}

void ProgrammingLoop::Tell(uint32_t vrf) {
  const programming::TenantProgress progress = sender_.Progress(vrf);
  const bool recovered = progress.problem_count == 0 && refused_.erase(vrf) > 0;
  // A set that comes in pieces is confirmed many times before it is complete.
  const bool told = std::exchange(told_[vrf], progress.stated_revision) == progress.stated_revision;
  const programming::TenantObjects* tenant = sender_.tenant(vrf);
  if (tenant == nullptr || (told && !recovered)) return;
  const auto took_ms = static_cast<int64_t>(LagSeconds(vrf) * 1000);
  if (progress.problem_count == 0 && !tenant->left_out.empty()) {
    spdlog::warn("{}: programmed without what cannot be in force: {}; revision {}, {} ms", tenant->vrf.name,
                 tenant->left_out, progress.stated_revision, took_ms);
    return;
  }
  if (progress.problem_count == 0) {
    spdlog::info("{}: programmed, revision {}, {} ms", tenant->vrf.name, progress.stated_revision, took_ms);
    return;
  }
  refused_.insert(vrf);
  spdlog::warn("{}: programmed with {} refused, revision {}, {} ms", tenant->vrf.name, progress.problem_count,
               progress.stated_revision, took_ms);
}

void ProgrammingLoop::TellRefusals() {
  for (const programming::Problem& problem : sender_.TakeRefusals()) {
    spdlog::warn("{}: refused: {}", problem.name, problem.reason);
  }
}

void ProgrammingLoop::InitialStateComplete() {
  sender_.InitialStateComplete();
  Schedule();
}

void ProgrammingLoop::Attached(const dataplane::v1::AttachReply& reply,
                               std::unique_ptr<channel::ChannelClient> channel) {
  if (client_) Lost(absl::UnavailableError("another attachment took its place"));
  client_ = std::move(channel);
  port_ = std::make_unique<ChannelPort>(*client_);
  attached_at_ = std::chrono::steady_clock::now();
  was_synced_ = false;
  programming::Attachment attachment;
  for (const dataplane::v1::PortState& port : reply.ports()) {
    attachment.ports[port.name()] = static_cast<uint16_t>(port.number());
  }
  attachment.adjacencies_max = LimitOf(reply, "adjacencies", attachment.adjacencies_max);
  attachment.groups_max = LimitOf(reply, "next_hop_groups", attachment.groups_max);
  state_.Attached(reply, client_);
  observer_();  // its ports decide what tenants get
  sender_.Attach(*port_, std::move(attachment));
  spdlog::info("dataplane attached: instance {}, version {}, epoch {}, {} ports, {} workers",
               reply.instance(), reply.version(), client_->epoch(), reply.ports_size(), reply.workers());
  wait_.assign(client_->poll_fd());
  packet_wait_.assign(client_->packet_poll_fd());
  WaitForDoorbell();
  DrainPunts();
  WaitForPunts();
  Schedule();
}

void ProgrammingLoop::Schedule() {
  if (scheduled_ || !client_) return;
  scheduled_ = true;
  loop_.Post([this] {
    scheduled_ = false;
    Cycle();
  });
}

void ProgrammingLoop::Cycle() {
  if (!client_) return;
  const bool answers = sender_.TakeAnswers();
  const bool more = sender_.Pump();
  if (client_->broken()) return Lost(absl::UnavailableError("the dataplane broke the channel's rings"));
  if (!was_synced_ && sender_.synced()) {
    was_synced_ = true;
    const auto took = std::chrono::steady_clock::now() - attached_at_;
    spdlog::info("dataplane in sync: {} records sent in {} ms", sender_.sent_count(),
                 std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  }
  if (answers) {
    TellRefusals();
    NoteConfirmed();
  }
  if (answers || more) return Schedule();
  Sleep();
}

void ProgrammingLoop::Sleep() {
  // False: what we would sleep for has happened.
  if (!client_->PrepareToSleep(sender_.wake_sequence())) Schedule();
}

void ProgrammingLoop::WaitForDoorbell() {
  wait_.async_wait(asio::posix::stream_descriptor::wait_read,
                   [this, client = client_](const asio::error_code& error) {
                     if (error || client != client_) return;
                     if (const absl::Status status = client_->Service(); !status.ok()) return Lost(status);
                     WaitForDoorbell();
                     Cycle();
                   });
}

void ProgrammingLoop::WaitForPunts() {
  packet_wait_.async_wait(asio::posix::stream_descriptor::wait_read,
                          [this, client = client_](const asio::error_code& error) {
                            if (error || client != client_) return;
                            // Its death is seen on the other socket.
                            if (!client_->ServicePackets().ok()) return;
                            DrainPunts();
                            WaitForPunts();
                          });
}

// No protocol of ours listens yet: what is punted is counted, so that the ring
// does not stay full.
void ProgrammingLoop::DrainPunts() {
  std::array<std::byte, channel::kPacketBytesMax> packet;
  do {
    while (client_->NextPunt(packet)) ++punts_discarded_;
    client_->ReleasePunts();
  } while (!client_->PrepareToSleepForPunts());
}

void ProgrammingLoop::Lost(const absl::Status& status) {
  spdlog::warn("dataplane lost: {}", std::string(status.message()));
  wait_.release();
  packet_wait_.release();
  sender_.Detach();
  state_.Detached();
  told_.clear();
  refused_.clear();
  for (const auto& [vrf, tenant] : sender_.tenants()) NoteChange(vrf);
  port_.reset();
  client_.reset();
  if (link_ != nullptr) link_->Reconnect();
  observer_();
}

}  // namespace sluice::io
