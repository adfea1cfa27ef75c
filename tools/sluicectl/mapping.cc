// `mapping replace`, `update` and `list`: where the customer addresses of a virtual network are.
#include <algorithm>

#include "proto/json/json_fault.h"
#include "sluice/gateway/v1/virtual_network.grpc.pb.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/readable.h"
#include "tools/sluicectl/virtual_network_text.h"

namespace sluice::ctl {
namespace {

constexpr int kMappingsPerMessage = 4096;

struct AskedMapping {
  Selection selection;  // TENANT/NETWORK
  std::string file;
  uint64_t version = 0;
  uint64_t base_version = 0;
  bool has_version = false, has_base_version = false;
  bool dry_run = false, overwrite = false, break_glass = false;
  std::string host;
};

grpc::Status NetworkOf(Selection& selection) {
  if (auto s = SplitTenant(selection); !s.ok()) return s;
  return NeedTenant(selection);
}

void FillHeader(const AskedMapping& asked, api::MappingsHeader& header) {
  header.set_tenant(asked.selection.tenant);
  header.set_virtual_network(asked.selection.name);
  if (asked.has_version) header.set_version(asked.version);
  if (asked.has_base_version) header.set_base_version(asked.base_version);
  header.set_validate_only(asked.dry_run);
  header.set_overwrite(asked.overwrite);
  header.set_break_glass(asked.break_glass);
}

template <typename Request>
grpc::Status ParseFile(const std::string& file, Request& request) {
  std::string content;
  if (auto s = ReadFile(file, content); !s.ok()) return s;
  const absl::Status status = json::Parse(content, request);
  if (status.ok()) return grpc::Status::OK;
  return {grpc::StatusCode::INVALID_ARGUMENT, FileName(file) + ": " + std::string(status.message())};
}

grpc::Status Replace(Session& session, AskedMapping asked) {
  if (auto s = NetworkOf(asked.selection); !s.ok()) return s;
  api::ReplaceMappingsRequest all;
  if (auto s = ParseFile(asked.file, all); !s.ok()) return s;
  grpc::ClientContext context;
  session.LimitTime(context);
  api::MappingsResult result;
  const auto stream = session.Stub<api::MappingService>()->ReplaceMappings(&context, &result);
  api::ReplaceMappingsRequest request;
  FillHeader(asked, *request.mutable_header());
  request.mutable_header()->set_expected_mappings(static_cast<uint64_t>(all.mappings_size()));
  bool going = true;
  for (int i = 0; going && (i == 0 || i < all.mappings_size()); i += kMappingsPerMessage) {
    for (int j = i; j < std::min(i + kMappingsPerMessage, all.mappings_size()); ++j)
      *request.add_mappings() = all.mappings(j);
    going = stream->Write(request);
    request.Clear();
  }
  stream->WritesDone();
  auto s = stream->Finish();
  const std::string network = asked.selection.tenant + "/" + asked.selection.name;
  if (s.ok()) session.ShowLine(result, [&] { return MappingsResultText(network, result); });
  return s;
}

grpc::Status Update(Session& session, AskedMapping asked) {
  if (auto s = NetworkOf(asked.selection); !s.ok()) return s;
  api::UpdateMappingsRequest request;
  if (auto s = ParseFile(asked.file, request); !s.ok()) return s;
  grpc::ClientContext context;
  session.LimitTime(context);
  api::MappingsResult result;
  const auto stream = session.Stub<api::MappingService>()->UpdateMappings(&context, &result);
  FillHeader(asked, *request.mutable_header());
  stream->Write(request);
  stream->WritesDone();
  auto s = stream->Finish();
  const std::string network = asked.selection.tenant + "/" + asked.selection.name;
  if (s.ok()) session.ShowLine(result, [&] { return MappingsResultText(network, result); });
  return s;
}

grpc::Status List(Session& session, AskedMapping asked) {
  if (auto s = NetworkOf(asked.selection); !s.ok()) return s;
  grpc::ClientContext context;
  session.LimitTime(context);
  api::ListMappingsRequest request;
  request.set_tenant(asked.selection.tenant);
  request.set_virtual_network(asked.selection.name);
  if (!asked.selection.within.empty()) request.set_within(asked.selection.within);
  if (!asked.host.empty()) request.set_provider_address(asked.host);
  request.set_limit(asked.selection.limit);
  const auto reader = session.Stub<api::MappingService>()->ListMappings(&context, request);
  api::ListMappingsResponse all;
  api::ListMappingsResponse page;
  while (reader->Read(&page)) all.MergeFrom(page);
  if (auto s = reader->Finish(); !s.ok()) return s;
  std::vector<std::string> names;
  for (const api::Mapping& mapping : all.mappings()) names.push_back(mapping.prefix());
  session.Show(
      all,
      [&] {
        return MappingsTable({all.mappings().begin(), all.mappings().end()});
      },
      names);
  return grpc::Status::OK;
}

CLI::App* AddChange(CLI::App& mapping, const char* name, const char* what, const char* form,
                    AskedMapping& asked) {
  auto* change = mapping.add_subcommand(name, what);
  change->add_option("NETWORK", asked.selection.name, "TENANT/NETWORK")->required();
  change->add_option("-f,--file", asked.file, form)->required();
  change->add_option("--version", asked.version, "of the set afterwards")->each([&asked](const std::string&) {
    asked.has_version = true;
  });
  change->add_flag("--dry-run", asked.dry_run, "change nothing, show what would happen");
  change->add_flag("--break-glass", asked.break_glass,
                   "write although another identity manages the tenant (audited)");
  return change;
}

}  // namespace

void AddMappingCommands(CLI::App& app, Session& session, Action& chosen) {
  auto asked = std::make_shared<AskedMapping>();
  auto* mapping = app.add_subcommand("mapping", "Where the customer addresses of a virtual network are")
                      ->require_subcommand(1);
  auto* replace = AddChange(*mapping, "replace", "Replaces all mappings, or changes nothing",
                            "JSON {\"mappings\": [...]}; - is standard input", *asked);
  replace->add_flag("--overwrite", asked->overwrite, "also when the stored version is higher");
  replace->callback(
      [&session, &chosen, asked] { chosen = [&session, asked] { return Replace(session, *asked); }; });

  auto* update = AddChange(*mapping, "update", "Adds, changes and removes single mappings, all or nothing",
                           "JSON {\"put\": [...], \"remove\": [...]}; - is standard input", *asked);
  update->add_option("--base-version", asked->base_version, "only when the stored version is this one")
      ->each([asked](const std::string&) { asked->has_base_version = true; });
  update->callback(
      [&session, &chosen, asked] { chosen = [&session, asked] { return Update(session, *asked); }; });

  auto* list = mapping->add_subcommand("list", "Mappings in order of prefix");
  list->add_option("NETWORK", asked->selection.name, "TENANT/NETWORK")->required();
  list->add_option("--within", asked->selection.within, "only inside this prefix");
  list->add_option("--host", asked->host, "only to this provider address");
  list->add_option("--limit", asked->selection.limit, "stop after this many");
  list->callback(
      [&session, &chosen, asked] { chosen = [&session, asked] { return List(session, *asked); }; });
}

}  // namespace sluice::ctl
