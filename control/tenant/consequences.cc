// Differences of two specs by protobuf's own comparison, told per object.
#include "control/tenant/consequences.h"

#include <google/protobuf/util/message_differencer.h>

#include "absl/strings/str_cat.h"
#include "control/tenant/spec_text.h"
#include "sluice/gateway/v1/secret.pb.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;
using FieldPath = std::vector<MessageDifferencer::SpecificField>;

// Of these fields a change stops the connection's traffic for a moment.
bool Interrupts(const FieldDescriptor& field) {
  return field.name() == "port" || field.name() == "vlan" || field.name() == "untagged" ||
         field.name() == "enabled" || field.name() == "mtu" || field.name() == "key" ||
         field.name() == "send_key" || field.name() == "public_address" || field.name() == "remote_address" ||
         field.name() == "encapsulation" || field.name() == "provider_address" ||
         field.name() == "network_id" || field.name() == "udp_port" || field.name() == "gateway_mac";
}

constexpr size_t kConsequencesMax = 1000;

// The differencer hands over the innermost messages; names on the way there are
// found from the roots.
class Collector : public MessageDifferencer::Reporter {
 public:
  Collector(std::string object, const Message& before, const Message& after,
            std::vector<v1::Consequence>& out)
      : object_(std::move(object)), before_(before), after_(after), out_(out) {}

  // Those that were not told, because one answer holds only so many.
  size_t left_out() const { return count_ > kConsequencesMax ? count_ - kConsequencesMax : 0; }

  void ReportAdded(const Message&, const Message& after, const FieldPath& path) override {
    const Told told = Tell(path, false);
    const std::string value = Value(after, path, false);
    // An element without a key is told by its value alone.
    Add(v1::CONSEQUENCE_KIND_ADDED, told,
        told.keyed ? absl::StrCat(told.words, " is added", value.empty() ? "" : ": ", value)
                   : absl::StrCat(told.words, " ", value, " is added"));
  }
  void ReportDeleted(const Message& before, const Message&, const FieldPath& path) override {
    const Told told = Tell(path, true);
    const std::string value = Value(before, path, true);
    Add(v1::CONSEQUENCE_KIND_REMOVED, told,
        told.keyed ? absl::StrCat(told.words, " is removed", value.empty() ? "" : "; it was ", value)
                   : absl::StrCat(told.words, " ", value, " is removed"));
  }
  void ReportModified(const Message& before, const Message& after, const FieldPath& path) override {
    // A message that changed is told by its fields.
    if (path.back().field != nullptr && path.back().field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
        path.back().field->message_type() != v1::Secret::descriptor())
      return;
    const bool interrupts = path.back().field != nullptr && Interrupts(*path.back().field);
    const Told told = Tell(path, false);
    Add(interrupts ? v1::CONSEQUENCE_KIND_INTERRUPTED : v1::CONSEQUENCE_KIND_CHANGED, told,
        absl::StrCat(told.words, " changes from ", Value(before, path, true), " to ",
                     Value(after, path, false), interrupts ? "; traffic stops for a moment" : ""));
  }

 private:
  static int Index(const MessageDifferencer::SpecificField& step, bool old) {
    return old ? step.index : step.new_index;
  }

  // Where a change is: for programs, and in words.
  struct Told {
    std::string object;
    std::string field = "spec";
    std::string words;   // "connection la: l3 vlan"
    bool keyed = false;  // the words end with what the element is called
  };

  static std::string Value(const Message& parent, const FieldPath& path, bool old) {
    const auto& last = path.back();
    if (last.field == nullptr) return "(unknown)";
    if (last.field->is_repeated() && !last.field->is_map() &&
        last.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Message& element =
          parent.GetReflection()->GetRepeatedMessage(parent, last.field, Index(last, old));
      if (!KeyOf(element).empty()) return MessageText(element);
    }
    return ValueText(parent, *last.field, Index(last, old));
  }

  Told Tell(const FieldPath& path, bool old) const {
    Told told{object_};
    const Message* at = old ? &before_ : &after_;
    for (const auto& step : path) {
      if (step.field == nullptr) break;
      absl::StrAppend(&told.field, ".", step.field->name());
      if (step.field->is_map() || step.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
        const bool element = step.field->is_repeated();
        if (element && !step.field->is_map()) absl::StrAppend(&told.field, "[", Index(step, old), "]");
        absl::StrAppend(&told.words, element ? ElementWords(*step.field) : FieldWords(*step.field));
        told.keyed = !element;
        break;
      }
      const auto& reflection = *at->GetReflection();
      if (!step.field->is_repeated()) {
        at = &reflection.GetMessage(*at, step.field);
        absl::StrAppend(&told.words, FieldWords(*step.field), &step == &path.back() ? "" : " ");
        told.keyed = true;
        continue;
      }
      at = &reflection.GetRepeatedMessage(*at, step.field, Index(step, old));
      const std::string key = KeyOf(*at);
      const bool last = &step == &path.back();
      absl::StrAppend(&told.field, "[", key.empty() ? absl::StrCat(Index(step, old)) : key, "]");
      if (at->GetDescriptor()->FindFieldByName("name") != nullptr && !key.empty())
        absl::StrAppend(&told.object, "/", step.field->name(), "/", key);
      absl::StrAppend(&told.words, ElementWords(*step.field), key.empty() ? "" : " ", key, last ? "" : ": ");
      told.keyed = !key.empty();
    }
    return told;
  }

  void Add(v1::ConsequenceKind kind, const Told& told, std::string words) {
    if (++count_ > kConsequencesMax) return;
    v1::Consequence consequence;
    consequence.set_kind(kind);
    consequence.set_object(told.object);
    consequence.set_field(told.field);
    consequence.set_description(std::move(words));
    out_.push_back(std::move(consequence));
  }

  std::string object_;
  const Message& before_;
  const Message& after_;
  std::vector<v1::Consequence>& out_;
  size_t count_ = 0;
};

void TreatAsSet(MessageDifferencer& differencer, const google::protobuf::Descriptor& type,
                const char* field) {
  differencer.TreatAsSet(type.FindFieldByName(field));
}

void MapByName(MessageDifferencer& differencer, const google::protobuf::Descriptor& type, const char* field,
               const char* key) {
  const auto* list = type.FindFieldByName(field);
  differencer.TreatAsMap(list, list->message_type()->FindFieldByName(key));
}

void MatchParts(MessageDifferencer& differencer) {
  const auto& tenant = *v1::TenantSpec::descriptor();
  MapByName(differencer, tenant, "connections", "name");
  MapByName(differencer, tenant, "virtual_networks", "name");
  MapByName(differencer, *v1::VirtualNetwork::descriptor(), "subnets", "name");
  MapByName(differencer, tenant, "policy_maps", "name");
  MapByName(differencer, *v1::BgpRouter::descriptor(), "peers", "name");
  MapByName(differencer, *v1::Connection::descriptor(), "routes", "prefix");
  MapByName(differencer, *v1::L3Connection::descriptor(), "static_neighbors", "address");
  MapByName(differencer, *v1::GatewaySpec::descriptor(), "underlay_interfaces", "name");
  MapByName(differencer, *v1::GatewaySpec::descriptor(), "underlay_routes", "prefix");
  TreatAsSet(differencer, tenant, "router_addresses");
  TreatAsSet(differencer, *v1::Connection::descriptor(), "peer_addresses");
}

std::vector<v1::Consequence> Compare(const std::string& object, const Message& before, const Message& after) {
  std::vector<v1::Consequence> found;
  Collector collector(object, before, after, found);
  MessageDifferencer differencer;
  MatchParts(differencer);
  differencer.ReportDifferencesTo(&collector);
  differencer.Compare(before, after);
  if (collector.left_out() == 0) return found;
  auto& rest = found.emplace_back();
  rest.set_kind(v1::CONSEQUENCE_KIND_CHANGED);
  rest.set_object(object);
  rest.set_field("spec");
  rest.set_description(absl::StrCat("and ", collector.left_out(), " more changes"));
  return found;
}

}  // namespace

std::vector<v1::Consequence> Consequences(std::string_view object, const v1::TenantSpec& before,
                                          const v1::TenantSpec& after) {
  return Compare(std::string(object), before, after);
}

std::vector<v1::Consequence> Consequences(const v1::GatewaySpec& before, const v1::GatewaySpec& after) {
  return Compare("gateway", before, after);
}

std::string ToLine(const v1::Consequence& consequence) {
  return consequence.description();
}

}  // namespace sluice::tenant
