// What `apply` says of the objects of a run: what each write did or would do, which of them may be
// judged before anything is written, and how far a run came.
#pragma once

#include <google/protobuf/repeated_field.h>
#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "sluice/gateway/v1/state.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

using Consequences = google::protobuf::RepeatedPtrField<api::Consequence>;

// One write, or its dry run.
struct Outcome {
  std::string
      object;  // "gateway", "tenants/blue", "tenants/blue/connections/site", "static routes of tenants/blue"
  bool created = false;
  bool changed = false;
  Consequences consequences;
  // Not OK: it was refused, or by the dry run would be.
  grpc::Status refusal;
};

// What a dry run, which answers OK with reasons, would have been refused for; OK when for nothing.
grpc::Status RefusalIn(const std::string& object, const Consequences& consequences);

enum class Verdict {
  kAccepted,
  kRefused,
  // Refused by what is stored now, which an object before it in the same run changes.
  kOpen,
};
struct Judgement {
  Verdict verdict = Verdict::kAccepted;
  std::string waits_for;  // kOpen: the object that may cure it
};
// Of the dry runs of a whole run, in order. What may cure a refusal is the gateway, an object's own
// tenant, or a tenant that the refusal names.
std::vector<Judgement> Judge(const std::vector<Outcome>& dry_runs);

// OK when nothing is surely refused, else a status that names all that are. `dry_run`: that
// nothing was applied goes without saying.
grpc::Status RefusedBefore(const std::vector<Outcome>& dry_runs, const std::vector<Judgement>& judgements,
                           bool dry_run);
// Of a run whose objects before `at` were applied and whose object `at` was refused, or not answered for.
grpc::Status StoppedAt(const std::vector<std::string>& objects, size_t at, const grpc::Status& refusal);

// "tenants/blue created\n" and a line per consequence.
std::string WrittenText(const Outcome& outcome, bool dry_run);
// The same of a dry run that is open.
std::string OpenText(const Outcome& outcome, const std::string& waits_for);

}  // namespace sluice::ctl
