// Joins the sender to the event loop: takes the desired state in, hands it to the
// channel whenever a dataplane is attached, and wakes up for its answers.
#pragma once

#include <asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "control/api/programming_sink.h"
#include "control/io/channel_port.h"
#include "control/io/dataplane_link.h"
#include "control/io/event_loop.h"
#include "control/io/live_state.h"
#include "control/programming/sender.h"

namespace sluice::io {

// Core thread only.
class ProgrammingLoop : public api::ProgrammingSink, public LinkObserver {
 public:
  // All outlive this.
  ProgrammingLoop(EventLoop& loop, programming::Sender& sender, LiveState& state)
      : loop_(loop), sender_(sender), state_(state), wait_(loop.context()), packet_wait_(loop.context()) {}
  ~ProgrammingLoop() override;
  // Who is told that the channel died. Before anything is attached.
  void SetLink(DataplaneLink& link) { link_ = &link; }
  // Who is told what the dataplane did: `changed` before a new one is programmed and after one went,
  // `confirmed` after it answered, with the VRFs of which everything is confirmed now.
  using Confirmed = std::function<void(std::span<const uint32_t> vrfs)>;
  void SetObserver(std::function<void()> changed, Confirmed confirmed) {
    observer_ = std::move(changed);
    confirmed_ = std::move(confirmed);
  }

  void PutTenant(const programming::TenantObjects& tenant, uint64_t revision) override;
  void RemoveTenant(uint32_t vrf) override;
  void ChangeStaticSet(uint32_t vrf, std::span<const rib::RouteInput> put,
                       std::span<const net::Prefix> remove, uint64_t revision, bool complete) override;
  void ChangeMappings(uint32_t vrf, uint32_t path_id, std::span<const rib::RouteInput> put,
                      std::span<const net::Prefix> remove, uint64_t revision, bool complete) override;
  void InitialStateComplete() override;

  void Attached(const dataplane::v1::AttachReply& reply,
                std::unique_ptr<channel::ChannelClient> channel) override;
  void Changed(const dataplane::v1::StateChange& change) override { state_.Changed(change); }
  void SnapshotBegins() override { state_.SnapshotBegins(); }

  // Punted packets that nobody here wanted yet, since start.
  uint64_t punts_discarded() const { return punts_discarded_; }
  // For how long a change of the tenant has been unconfirmed; 0 = all confirmed.
  double LagSeconds(uint32_t vrf) const;
  // Bytes that wait in the update ring.
  uint64_t ring_bytes() const { return client_ ? client_->queued_bytes() : 0; }

 private:
  using Instant = std::chrono::steady_clock::time_point;
  void NoteChange(uint32_t vrf);
  void NoteSetChange(uint32_t vrf, bool complete);
  void NoteConfirmed();
  void Tell(uint32_t vrf);
  void TellRefusals();
  void Schedule();
  void Cycle();
  void Sleep();
  void WaitForDoorbell();
  void WaitForPunts();
  void DrainPunts();
  void Lost(const absl::Status& status);

  EventLoop& loop_;
  programming::Sender& sender_;
  LiveState& state_;
  DataplaneLink* link_ = nullptr;
  std::function<void()> observer_ = [] {};
  Confirmed confirmed_ = [](std::span<const uint32_t>) {};
  std::shared_ptr<channel::ChannelClient> client_;
  std::unique_ptr<ChannelPort> port_;
  asio::posix::stream_descriptor wait_;         // on a descriptor of the client's; never closed by us
  asio::posix::stream_descriptor packet_wait_;  // likewise
  bool scheduled_ = false;
  bool was_synced_ = false;
  uint64_t punts_discarded_ = 0;
  Instant attached_at_{};
  absl::flat_hash_map<uint32_t, Instant> unconfirmed_;  // VRF, since when
  absl::flat_hash_map<uint32_t, uint64_t> told_;        // VRF, revision in the log
  absl::flat_hash_set<uint32_t> refused_;               // VRFs told with something refused
};

}  // namespace sluice::io
