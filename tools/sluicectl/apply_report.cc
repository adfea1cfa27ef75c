// Words and judgements of `apply`; see apply_report.h.
#include "tools/sluicectl/apply_report.h"

#include <cctype>

#include "tools/sluicectl/exit_code.h"
#include "tools/sluicectl/tenant_text.h"

namespace sluice::ctl {
namespace {

std::string Listed(const std::vector<std::string>& objects, size_t begin, size_t end) {
  std::string out;
  for (size_t i = begin; i < end; ++i) out += (i == begin ? "" : ", ") + objects[i];
  return out;
}

// "tenants/blue" in "tenants/blue/connections/site", not in "tenants/blue-2".
bool Names(const std::string& text, const std::string& object) {
  for (size_t at = text.find(object); at != std::string::npos; at = text.find(object, at + 1)) {
    const char next = at + object.size() < text.size() ? text[at + object.size()] : ' ';
    if (std::isalnum(static_cast<unsigned char>(next)) == 0 && next != '-') return true;
  }
  return false;
}

// The object is named once, whether the gateway's words do or not.
std::string RefusalWords(const std::string& object, const grpc::Status& refusal) {
  const std::string& said = refusal.error_message();
  return said.rfind(object, 0) == 0 ? said : object + ": " + said;
}

}  // namespace

grpc::Status RefusalIn(const std::string& object, const Consequences& consequences) {
  std::string words;
  size_t more = 0;
  for (const auto& each : consequences) {
    if (each.kind() != api::CONSEQUENCE_KIND_REFUSED) continue;
    if (!words.empty()) {
      ++more;
      continue;
    }
    words = (each.field().empty() ? "" : each.field() + ": ") + each.description();
  }
  if (words.empty()) return grpc::Status::OK;
  if (more > 0) words += " (and " + std::to_string(more) + " more)";
  return {grpc::StatusCode::FAILED_PRECONDITION, words.rfind(object, 0) == 0 ? words : object + ": " + words};
}

std::vector<Judgement> Judge(const std::vector<Outcome>& dry_runs) {
  std::vector<Judgement> out;
  for (size_t i = 0; i < dry_runs.size(); ++i) {
    Judgement& judgement = out.emplace_back();
    if (dry_runs[i].refusal.ok()) continue;
    judgement.verdict = Verdict::kRefused;
    std::string told = dry_runs[i].object + "\n" + dry_runs[i].refusal.error_message();
    for (const auto& each : dry_runs[i].consequences)
      if (each.kind() == api::CONSEQUENCE_KIND_REFUSED) told += "\n" + each.description();
    for (size_t j = 0; j < i && judgement.verdict == Verdict::kRefused; ++j) {
      const Outcome& earlier = dry_runs[j];
      if (!earlier.changed || out[j].verdict == Verdict::kRefused) continue;
      if (earlier.object != "gateway" && !Names(told, earlier.object)) continue;
      judgement = {Verdict::kOpen, earlier.object};
    }
  }
  return out;
}

grpc::Status RefusedBefore(const std::vector<Outcome>& dry_runs, const std::vector<Judgement>& judgements,
                           bool dry_run) {
  std::string words;
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string details;
  for (size_t i = 0; i < dry_runs.size(); ++i) {
    if (judgements[i].verdict != Verdict::kRefused) continue;
    if (code == grpc::StatusCode::OK) {
      code = dry_runs[i].refusal.error_code();
      details = dry_runs[i].refusal.error_details();
    }
    words += (words.empty() ? "" : "; ") + RefusalWords(dry_runs[i].object, dry_runs[i].refusal);
  }
  if (words.empty()) return grpc::Status::OK;
  const bool says_nothing_applied = !dry_run && dry_runs.size() > 1;
  return {code, (says_nothing_applied ? "nothing was applied: " : "") + words, details};
}

grpc::Status StoppedAt(const std::vector<std::string>& objects, size_t at, const grpc::Status& refusal) {
  const std::string why = RefusalWords(objects[at], refusal);
  if (objects.size() == 1) return {refusal.error_code(), why, refusal.error_details()};
  std::string words = "applied " + std::to_string(at) + " of " + std::to_string(objects.size());
  if (at > 0) words += " (" + Listed(objects, 0, at) + ")";
  words += (ExitCodeOf(refusal.error_code()) == kUnreachable ? "; no answer about " : "; refused: ") + why;
  if (at + 1 < objects.size()) words += "; not tried: " + Listed(objects, at + 1, objects.size());
  return {refusal.error_code(), words, refusal.error_details()};
}

std::string WrittenText(const Outcome& outcome, bool dry_run) {
  std::string verb = outcome.created ? "created" : outcome.changed ? "changed" : "unchanged";
  if (dry_run) {
    verb = !outcome.refusal.ok() ? "would be refused"
           : outcome.created     ? "would be created"
           : outcome.changed     ? "would change"
                                 : "would stay";
  }
  return outcome.object + " " + verb + "\n" + ConsequencesText(outcome.consequences);
}

std::string OpenText(const Outcome& outcome, const std::string& waits_for) {
  Outcome rest = outcome;
  rest.refusal = grpc::Status::OK;
  rest.consequences.Clear();
  std::string open;
  for (const auto& each : outcome.consequences) {
    if (each.kind() != api::CONSEQUENCE_KIND_REFUSED) {
      *rest.consequences.Add() = each;
    } else {
      open += "  open: " + (each.field().empty() ? "" : each.field() + ": ") + each.description() + "\n";
    }
  }
  if (open.empty()) open = "  open: " + outcome.refusal.error_message() + "\n";
  return outcome.object + " cannot be judged before " + waits_for + " of this run is applied\n" + open +
         ConsequencesText(rest.consequences);
}

}  // namespace sluice::ctl
