// One exchange per call with a deadline; streams end when the caller wants: see
// the header.
#include "control/io/dataplane_calls.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>

#include <chrono>
#include <string>

namespace sluice::io {
namespace {

namespace v1 = dataplane::v1;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr milliseconds kCancellationPeriod{50};

absl::Status Translate(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      "dataplane: " + status.error_message());
}

template <typename Reply, typename Method, typename Request>
absl::StatusOr<Reply> Call(v1::Dataplane::Stub& stub, Method method, const Request& request) {
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + kExchangeTimeout);
  Reply reply;
  const grpc::Status status = (stub.*method)(&context, request, &reply);
  if (!status.ok()) return Translate(status);
  return reply;
}

template <typename Item, typename Reader>
absl::StatusOr<std::vector<Item>> Collect(Reader& reader) {
  std::vector<Item> items;
  Item item;
  while (reader->Read(&item)) items.push_back(std::move(item));
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return Translate(status);
  return items;
}

// Reads a stream and looks at `cancelled` in between, on the calling thread.
template <typename Item, typename Start>
absl::Status Follow(Start start, api::DataplaneView::Cancelled cancelled,
                    absl::FunctionRef<bool(const Item&)> each) {
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::Status status;
  Item item;
  enum Step : intptr_t { kStarted = 1, kRead, kFinished };
  const auto tag = [](Step step) { return reinterpret_cast<void*>(step); };
  bool stopped = false;
  const auto reader = start(&context, &queue, tag(kStarted));
  for (;;) {
    void* done = nullptr;
    bool ok = false;
    const auto next = queue.AsyncNext(&done, &ok, system_clock::now() + kCancellationPeriod);
    if (!stopped && cancelled()) {
      stopped = true;
      context.TryCancel();
    }
    if (next == grpc::CompletionQueue::SHUTDOWN) break;
    if (next == grpc::CompletionQueue::TIMEOUT) continue;
    const auto step = static_cast<Step>(reinterpret_cast<intptr_t>(done));
    if (step == kFinished) {
      queue.Shutdown();
      continue;
    }
    if (!ok) {
      reader->Finish(&status, tag(kFinished));
      continue;
    }
    if (step == kRead && !stopped && !each(item)) {
      stopped = true;
      context.TryCancel();
    }
    reader->Read(&item, tag(kRead));
  }
  return stopped ? absl::OkStatus() : Translate(status);
}

}  // namespace

absl::Status DataplaneCalls::Absent() const {
  const std::string absence = link_.absence();
  return absence.empty() ? absl::OkStatus() : absl::UnavailableError(absence);
}

absl::StatusOr<v1::ListPortsReply> DataplaneCalls::ListPorts() {
  if (auto absent = Absent(); !absent.ok()) return absent;
  return Call<v1::ListPortsReply>(link_.stub(), &v1::Dataplane::Stub::ListPorts, v1::ListPortsRequest());
}

absl::StatusOr<v1::ListWorkersReply> DataplaneCalls::ListWorkers() {
  if (auto absent = Absent(); !absent.ok()) return absent;
  return Call<v1::ListWorkersReply>(link_.stub(), &v1::Dataplane::Stub::ListWorkers,
                                    v1::ListWorkersRequest());
}

absl::StatusOr<v1::ListTablesReply> DataplaneCalls::ListTables() {
  if (auto absent = Absent(); !absent.ok()) return absent;
  return Call<v1::ListTablesReply>(link_.stub(), &v1::Dataplane::Stub::ListTables, v1::ListTablesRequest());
}

absl::StatusOr<v1::GetSlowPathReply> DataplaneCalls::GetSlowPath() {
  if (auto absent = Absent(); !absent.ok()) return absent;
  return Call<v1::GetSlowPathReply>(link_.stub(), &v1::Dataplane::Stub::GetSlowPath,
                                    v1::GetSlowPathRequest());
}

absl::StatusOr<v1::ListDropReasonsReply> DataplaneCalls::ListDropReasons() {
  if (auto absent = Absent(); !absent.ok()) return absent;
  return Call<v1::ListDropReasonsReply>(link_.stub(), &v1::Dataplane::Stub::ListDropReasons,
                                        v1::ListDropReasonsRequest());
}

absl::StatusOr<std::vector<v1::Neighbor>> DataplaneCalls::ListNeighbors(
    const v1::ListNeighborsRequest& request) {
  if (auto absent = Absent(); !absent.ok()) return absent;
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + kExchangeTimeout);
  const auto reader = link_.stub().ListNeighbors(&context, request);
  return Collect<v1::Neighbor>(reader);
}

absl::StatusOr<std::vector<v1::Adjacency>> DataplaneCalls::ListAdjacencies(
    const v1::ListAdjacenciesRequest& request) {
  if (auto absent = Absent(); !absent.ok()) return absent;
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + kExchangeTimeout);
  const auto reader = link_.stub().ListAdjacencies(&context, request);
  return Collect<v1::Adjacency>(reader);
}

absl::StatusOr<v1::LookupRouteReply> DataplaneCalls::LookupRoute(const v1::LookupRouteRequest& request) {
  if (auto absent = Absent(); !absent.ok()) return absent;
  return Call<v1::LookupRouteReply>(link_.stub(), &v1::Dataplane::Stub::LookupRoute, request);
}

absl::Status DataplaneCalls::Trace(const v1::TraceRequest& request, Cancelled cancelled,
                                   absl::FunctionRef<bool(const v1::TracedPacket&)> packet) {
  if (auto absent = Absent(); !absent.ok()) return absent;
  return Follow<v1::TracedPacket>(
      [&](grpc::ClientContext* context, grpc::CompletionQueue* queue, void* tag) {
        return link_.stub().AsyncTrace(context, request, queue, tag);
      },
      cancelled, packet);
}

absl::Status DataplaneCalls::Capture(const v1::CaptureRequest& request, Cancelled cancelled,
                                     absl::FunctionRef<bool(const v1::CapturedPacket&)> packet) {
  if (auto absent = Absent(); !absent.ok()) return absent;
  return Follow<v1::CapturedPacket>(
      [&](grpc::ClientContext* context, grpc::CompletionQueue* queue, void* tag) {
        return link_.stub().AsyncCapture(context, request, queue, tag);
      },
      cancelled, packet);
}

}  // namespace sluice::io
