// Streams of mappings.
#include "control/api/mapping_service.h"

#include "absl/strings/str_cat.h"
#include "control/api/collect_later.h"
#include "control/api/refusal.h"
#include "control/api/write_rules.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// Mappings stored or read per turn on the core thread: some ten milliseconds.
constexpr size_t kMappingsPerTurn = 4'000;

absl::Status MappingsHeaderMissing() {
  return InvalidField("header",
                      "the first message of the stream has no header; accepted: one that names the "
                      "tenant and the virtual network");
}

// Which mappings a list asks for, and from where on.
struct ListQuery {
  std::string tenant;
  std::string network;
  std::optional<net::Prefix> within;
  std::optional<net::Address> provider;
  net::Prefix from;
  std::optional<uint64_t> version;  // of the first page
  uint64_t left = 0;
};

struct ListPage {
  v1::ListMappingsResponse answer;
  std::optional<net::Prefix> next;
};

absl::StatusOr<ListQuery> QueryOf(const v1::ListMappingsRequest& request) {
  ListQuery query;
  query.tenant = LabelOf("tenants", request.tenant());
  query.network = LabelOf("virtualNetworks", request.virtual_network());
  query.left = request.limit() == 0 ? UINT64_MAX : request.limit();
  if (request.has_within()) {
    query.within = tenant::ParseCustomerPrefix(request.within());
    if (!query.within)
      return InvalidField("within", absl::StrCat("\"", request.within().substr(0, 80),
                                                 "\" is no prefix; accepted: such as 10.1.0.0/24"));
    query.from = *query.within;
  }
  if (request.has_provider_address()) {
    query.provider = net::Address::Parse(request.provider_address());
    if (!query.provider)
      return InvalidField("provider_address", absl::StrCat("\"", request.provider_address().substr(0, 80),
                                                           "\" is no address; accepted: such as 192.0.2.7"));
  }
  return query;
}

absl::StatusOr<ListPage> ReadPage(const DesiredState& state, const ListQuery& query) {
  const auto at = state.tenants().find(query.tenant);
  if (at == state.tenants().end()) return NoSuchTenant(query.tenant);
  const TenantRecord& record = *at->second;
  const auto network = record.networks.find(query.network);
  if (network == record.networks.end())
    return absl::NotFoundError(absl::StrCat("tenant ", query.tenant, " has no virtual network \"",
                                            query.network.substr(0, 80), "\""));
  const uint64_t version = record.row.mappings.at(query.network).version;
  if (query.version && *query.version != version)
    return absl::AbortedError(absl::StrCat("the mappings changed from version ", *query.version, " to ",
                                           version, " while they were listed; list them again"));
  ListPage page;
  page.answer.set_version(version);
  const tenant::MappingSet& set = network->second.mappings;
  size_t seen = 0;
  for (auto each = set.mappings().lower_bound(query.from); each != set.mappings().end(); ++each) {
    if (query.within && !query.within->Contains(each->first)) {
      if (each->first.family() == query.within->family() && query.within->Contains(each->first.address()))
        continue;
      break;
    }
    if (++seen > kMappingsPerTurn) {
      page.next = each->first;
      break;
    }
    if (query.provider && each->second.provider != *query.provider) continue;
    ToProto(set.At(each), *page.answer.add_mappings());
    if (static_cast<uint64_t>(page.answer.mappings_size()) >= query.left) break;
  }
  return page;
}

}  // namespace

absl::StatusOr<MappingTerms> MappingService::Begin(const v1::MappingsHeader& header, bool replace,
                                                   const std::string& who) {
  return Flatten<MappingTerms>(
      RunOnCore(core_.executor, [&] { return writes_.Begin(header, replace, who); }));
}

absl::Status MappingService::Refuse(const v1::MappingsHeader& header, bool replace, const std::string& who,
                                    absl::Status refusal) {
  RunOnCore(core_.executor, [&] {
    writes_.Refused(header, replace, who, refusal);
    return true;
  });
  return refusal;
}

grpc::Status MappingService::ReplaceMappings(grpc::ServerContext* context,
                                             grpc::ServerReader<v1::ReplaceMappingsRequest>* reader,
                                             v1::MappingsResult* response) {
  const Seats::Seat seat(seats_);
  if (!seat.status().ok()) return ToGrpc(seat.status());
  const std::string who = CallerOf(*context);
  v1::ReplaceMappingsRequest message;
  if (!reader->Read(&message) || !message.has_header()) return ToGrpc(MappingsHeaderMissing());
  const v1::MappingsHeader header = message.header();
  auto terms = Begin(header, true, who);
  if (!terms.ok()) return ToGrpc(terms.status());
  MappingStream stream(*std::move(terms));
  tenant::MappingSet mappings;
  absl::Status status;
  do {
    status = stream.AddToSet(message.mappings(), mappings);
  } while (status.ok() && reader->Read(&message));
  // A caller that went away has not said that this was all.
  if (context->IsCancelled()) return {grpc::StatusCode::CANCELLED, "the caller went away"};
  if (status.ok()) status = stream.Finish(header);
  if (!status.ok()) return ToGrpc(Refuse(header, true, who, status));
  auto result = StoreReplace(header, stream.terms(), std::move(mappings), who);
  if (!result.ok()) return ToGrpc(result.status());
  *response = *std::move(result);
  return grpc::Status::OK;
}

absl::Status MappingService::FillSet(int64_t set, const tenant::MappingSet& mappings) {
  std::vector<tenant::Mapping> portion;
  portion.reserve(kMappingsPerTurn);
  auto at = mappings.mappings().begin();
  while (at != mappings.mappings().end()) {
    portion.clear();
    for (; at != mappings.mappings().end() && portion.size() < kMappingsPerTurn; ++at)
      portion.push_back(mappings.At(at));
    const auto filled = RunOnCore(core_.executor, [&] { return writes_.Fill(set, portion); });
    if (!filled) return ShuttingDown();
    if (!filled->ok()) return *filled;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::MappingsResult> MappingService::StoreReplace(const v1::MappingsHeader& header,
                                                                const MappingTerms& terms,
                                                                tenant::MappingSet mappings,
                                                                const std::string& who) {
  if (header.validate_only())
    return Flatten<v1::MappingsResult>(
        RunOnCore(core_.executor, [&] { return writes_.DryReplace(header, terms, mappings); }));
  const auto set = Flatten<int64_t>(RunOnCore(core_.executor, [&] { return writes_.CreateSet(terms); }));
  if (!set.ok()) return set.status();
  absl::Status filled = FillSet(*set, mappings);
  auto result =
      Flatten<v1::MappingsResult>(RunOnCore(core_.executor, [&]() -> absl::StatusOr<v1::MappingsResult> {
        writes_.Abandon(*set);
        if (!filled.ok()) return filled;
        return writes_.CommitReplace(header, terms, *set, mappings, who);
      }));
  if (result.ok()) FeedAll(terms, *result);
  CollectLater();
  return result;
}

// The core thread does other work between portions; what is large is destroyed here.
void MappingService::FeedAll(const MappingTerms& terms, v1::MappingsResult& result) {
  while (true) {
    const auto portion = RunOnCore(core_.executor, [&] { return writes_.Feed(terms, result); });
    if (!portion || *portion) return;
  }
}

void MappingService::CollectLater() {
  api::CollectLater<MappingWrites>(core_);
}

grpc::Status MappingService::UpdateMappings(grpc::ServerContext* context,
                                            grpc::ServerReader<v1::UpdateMappingsRequest>* reader,
                                            v1::MappingsResult* response) {
  const Seats::Seat seat(seats_);
  if (!seat.status().ok()) return ToGrpc(seat.status());
  const std::string who = CallerOf(*context);
  v1::UpdateMappingsRequest message;
  if (!reader->Read(&message) || !message.has_header()) return ToGrpc(MappingsHeaderMissing());
  const v1::MappingsHeader header = message.header();
  auto terms = Begin(header, false, who);
  if (!terms.ok()) return ToGrpc(terms.status());
  MappingStream stream(*std::move(terms));
  std::vector<tenant::Mapping> put;
  std::vector<net::Prefix> remove;
  absl::Status status;
  do {
    status = stream.AddToList(message.put(), put);
    if (status.ok()) status = stream.AddPrefixes(message.remove(), remove);
  } while (status.ok() && reader->Read(&message));
  if (context->IsCancelled()) return {grpc::StatusCode::CANCELLED, "the caller went away"};
  if (status.ok()) status = stream.Finish(header);
  if (!status.ok()) return ToGrpc(Refuse(header, false, who, status));
  return OnCore(core_, response, [&] { return writes_.Update(header, stream.terms(), put, remove, who); });
}

grpc::Status MappingService::ListMappings(grpc::ServerContext*, const v1::ListMappingsRequest* request,
                                          grpc::ServerWriter<v1::ListMappingsResponse>* writer) {
  auto query = QueryOf(*request);
  if (!query.ok()) return ToGrpc(query.status());
  while (true) {
    const auto page =
        Flatten<ListPage>(RunOnCore(core_.executor, [&] { return ReadPage(core_.state, *query); }));
    if (!page.ok()) return ToGrpc(page.status());
    if (!writer->Write(page->answer)) return {grpc::StatusCode::CANCELLED, "the caller went away"};
    query->left -= static_cast<uint64_t>(page->answer.mappings_size());
    if (!page->next || query->left == 0) return grpc::Status::OK;
    query->version = page->answer.version();
    query->from = *page->next;
  }
}

}  // namespace sluice::api
