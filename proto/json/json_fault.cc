// A reader of JSON that builds nothing: it walks the text beside the message's description until
// something does not fit. Protobuf has refused the text by then, and accepts more than this does.
#include "proto/json/json_fault.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sluice::json {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

constexpr int kDepthMax = 100;
constexpr size_t kShownMax = 60;

std::string Shown(std::string_view text) {
  return absl::StrCat("\"", std::string(text.substr(0, kShownMax)), text.size() > kShownMax ? "…" : "", "\"");
}

// Changes of one letter that make one word of the other (Levenshtein).
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

const FieldDescriptor* FieldOf(const Descriptor& type, std::string_view name) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.name() == name || field.json_name() == name) return &field;
  }
  return nullptr;
}

std::string UnknownField(const Descriptor& type, std::string_view name,
                         const std::set<std::string>& besides) {
  const bool snake = name.find('_') != std::string_view::npos;
  std::vector<std::string> known(besides.begin(), besides.end());
  for (int i = 0; i < type.field_count(); ++i)
    known.push_back(snake ? type.field(i)->name() : type.field(i)->json_name());
  const std::string_view looked_up = name.substr(0, kShownMax);
  std::string nearest;
  size_t least = 1 + std::max<size_t>(2, looked_up.size() / 3);
  for (const std::string& each : known) {
    const size_t distance = Distance(looked_up, each);
    if (distance < least && distance < each.size()) {
      least = distance;
      nearest = each;
    }
  }
  const std::string unknown = absl::StrCat("unknown field ", Shown(name));
  if (!nearest.empty()) return absl::StrCat(unknown, "; did you mean \"", nearest, "\"?");
  return absl::StrCat(unknown, "; known: ", absl::StrJoin(known, ", "));
}

std::string NotAmong(const EnumDescriptor& type, std::string_view word) {
  std::vector<std::string> known;
  for (int i = 0; i < type.value_count(); ++i)
    if (type.value(i)->number() != 0 || type.value_count() == 1) known.push_back(type.value(i)->name());
  return absl::StrCat(Shown(word), " is not one of ", absl::StrJoin(known, ", "));
}

// Messages with a JSON form of their own, which protobuf judges.
bool HasFormOfItsOwn(const Descriptor& type) {
  return type.full_name().rfind("google.protobuf.", 0) == 0;
}

// What a number of this kind must be; null for what is no whole number.
struct Range {
  double least;
  double most;
  const char* words;
};
const Range* RangeOf(const FieldDescriptor& field) {
  static const Range kInt32 = {-2147483648.0, 2147483647.0, "-2147483648 to 2147483647"};
  static const Range kUint32 = {0, 4294967295.0, "0 to 4294967295"};
  static const Range kInt64 = {-9223372036854775808.0, 9223372036854775808.0, "-2^63 to 2^63 - 1"};
  static const Range kUint64 = {0, 18446744073709551616.0, "0 to 2^64 - 1"};
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return &kInt32;
    case FieldDescriptor::CPPTYPE_UINT32:
      return &kUint32;
    case FieldDescriptor::CPPTYPE_INT64:
      return &kInt64;
    case FieldDescriptor::CPPTYPE_UINT64:
      return &kUint64;
    default:
      return nullptr;
  }
}

class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  std::string Run(const Descriptor* type, const Place& place) {
    place_ = &place;
    if (Root(type)) {
      Space();
      if (at_ < text_.size()) Complain("there is more after the end of the JSON");
    }
    return fault_;
  }

 private:
  // Each of these passes what it is named for; false when there is a fault.
  bool Root(const Descriptor* type) {
    Space();
    if (place_->item < 0) return Message(type, true);
    if (Peek() != '[') return Complain("a list is wanted");
    int item = 0;
    return Sequence('[', ']', [&] { return Message(item++ == place_->item ? type : nullptr, true); });
  }

  bool Message(const Descriptor* type, bool root = false) {
    if (type == nullptr || HasFormOfItsOwn(*type)) return Anything();
    if (Literal("null")) return true;
    if (Peek() != '{') return Complain(absl::StrCat(Named(), "an object {…} is wanted"));
    return Sequence('{', '}', [&] {
      std::string key;
      if (!Key(key)) return false;
      const bool ours = root && place_->besides.count(key) != 0;
      const FieldDescriptor* field = ours ? nullptr : FieldOf(*type, key);
      if (field == nullptr && !ours)
        return Complain(absl::StrCat(Named(), UnknownField(*type, key, root ? place_->besides : kNone)));
      const size_t length = path_.size();
      absl::StrAppend(&path_, path_.empty() ? "" : ".", key);
      const bool well = field == nullptr ? Anything() : Field(*field);
      if (well) path_.resize(length);
      return well;
    });
  }

  bool Field(const FieldDescriptor& field) {
    if (Literal("null")) return true;
    if (field.is_map()) {
      if (Peek() != '{') return Complain(absl::StrCat(Named(), "an object {…} is wanted"));
      return Sequence('{', '}', [&] {
        std::string key;
        return Key(key) && One(*field.message_type()->map_value());
      });
    }
    // Protobuf takes a single element for the list of it.
    if (!field.is_repeated() || Peek() != '[') return One(field);
    int item = 0;
    return Sequence('[', ']', [&] {
      const size_t length = path_.size();
      absl::StrAppend(&path_, "[", item++, "]");
      const bool well = One(field);
      if (well) path_.resize(length);
      return well;
    });
  }

  bool One(const FieldDescriptor& field) {
    Space();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return Message(field.message_type());
    const int line = line_;
    const char first = Peek();
    if (first == '{' || first == '[')
      return Complain(
          absl::StrCat(Named(), "one value is wanted, not ", first == '{' ? "an object" : "a list"));
    std::string word;
    const bool quoted = first == '"';
    if (!(quoted ? String(word) : Word(word))) return false;
    if (word == "null" && !quoted) return true;
    const std::string wrong = WrongValue(field, word, quoted);
    if (wrong.empty()) return true;
    line_ = line;
    return Complain(absl::StrCat(Named(), wrong));
  }

  static std::string WrongValue(const FieldDescriptor& field, const std::string& word, bool quoted) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING)
      return quoted ? ""
                    : absl::StrCat("text in quotes is wanted, such as \"", word.substr(0, kShownMax), "\"");
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL)
      return quoted || word == "true" || word == "false" ? "" : "true or false is wanted";
    double number = 0;
    const bool numeric = absl::SimpleAtod(word, &number);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      const EnumDescriptor& type = *field.enum_type();
      return numeric || type.FindValueByName(word) != nullptr ? "" : NotAmong(type, word);
    }
    if (!numeric) return absl::StrCat(Shown(word), " is no number");
    const Range* range = RangeOf(field);
    if (range == nullptr) return "";
    if (std::floor(number) != number || number < range->least || number > range->most)
      return absl::StrCat(word.substr(0, kShownMax), " is not a whole number from ", range->words);
    return "";
  }

  bool Anything() {
    Space();
    if (++depth_ > kDepthMax) return Complain("it is nested too deep");
    bool well = true;
    std::string word;
    if (Peek() == '{') {
      well = Sequence('{', '}', [&] { return Key(word) && Anything(); });
    } else if (Peek() == '[') {
      well = Sequence('[', ']', [&] { return Anything(); });
    } else {
      well = Peek() == '"' ? String(word) : Word(word);
    }
    --depth_;
    return well;
  }

  template <typename Element>
  bool Sequence(char open, char close, Element element) {
    if (++depth_ > kDepthMax) return Complain("it is nested too deep");
    const int opened = line_;
    ++at_;  // the bracket, which the caller has seen
    Space();
    for (bool first = true; Peek() != close; first = false) {
      if (!first) {
        if (at_ >= text_.size()) return Unclosed(open, opened);
        if (Peek() != ',')
          return Complain(absl::StrCat("a comma or ", std::string(1, close), " is missing before ", Next()));
        ++at_;
        Space();
        if (Peek() == close) break;  // a comma behind the last is allowed
      }
      if (at_ >= text_.size()) return Unclosed(open, opened);
      if (!element()) return false;
      Space();
    }
    ++at_;
    --depth_;
    return true;
  }

  bool Key(std::string& key) {
    Space();
    if (Peek() != '"') return Complain(absl::StrCat("a field's name in quotes is wanted before ", Next()));
    if (!String(key)) return false;
    Space();
    if (Peek() != ':') return Complain(absl::StrCat("a colon is missing after ", Shown(key)));
    ++at_;
    Space();
    return true;
  }

  bool String(std::string& out) {
    out.clear();
    for (++at_; at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) out += text_[at_++];
      out += text_[at_];
    }
    if (Peek() != '"') return Complain(absl::StrCat("a quote is missing after ", Shown(out)));
    ++at_;
    return true;
  }

  // A number, true, false or null.
  bool Word(std::string& out) {
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || IsSign(text_[at_])))
      ++at_;
    out = std::string(text_.substr(begin, at_ - begin));
    double number = 0;
    if (out == "true" || out == "false" || out == "null" || absl::SimpleAtod(out, &number)) return true;
    at_ = begin;
    return Complain(absl::StrCat(Named(), "a value is wanted in front of ", Next()));
  }
  static bool IsSign(char c) { return c == '-' || c == '+' || c == '.' || c == '_'; }

  bool Literal(std::string_view word) {
    Space();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool Unclosed(char open, int line) {
    return Complain(
        absl::StrCat("the text ends, and the ", std::string(1, open), " of line ", line, " is still open"));
  }

  bool Complain(const std::string& words) {
    if (fault_.empty()) fault_ = absl::StrCat("line ", line_, ": ", words);
    return false;
  }

  void Space() {
    for (; at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0; ++at_)
      line_ += text_[at_] == '\n' ? 1 : 0;
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  std::string Next() const {
    if (at_ >= text_.size()) return "the end of the text";
    const std::string_view rest = text_.substr(at_, 20);
    return absl::StrCat("\"", std::string(rest.substr(0, rest.find('\n'))), "\"");
  }
  std::string Named() const { return path_.empty() ? "" : absl::StrCat(path_, ": "); }

  inline static const std::set<std::string> kNone;
  std::string_view text_;
  const Place* place_ = nullptr;
  size_t at_ = 0;
  int line_ = 1;
  int depth_ = 0;
  std::string path_;
  std::string fault_;
};

}  // namespace

std::string Fault(std::string_view text, const Descriptor* type, std::string_view refusal,
                  const Place& place) {
  std::string fault = Walk(text).Run(type, place);
  if (!fault.empty()) return fault;
  // Below its first line the library draws a caret into a text that is not shown.
  std::string_view words = refusal.substr(0, refusal.find('\n'));
  constexpr std::string_view kCode = "INVALID_ARGUMENT:";
  if (words.substr(0, kCode.size()) == kCode) words.remove_prefix(kCode.size());
  return std::string(words);
}

absl::Status Parse(const std::string& text, google::protobuf::Message& message) {
  const auto status = google::protobuf::util::JsonStringToMessage(text, &message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(Fault(text, message.GetDescriptor(), std::string(status.message())));
}

}  // namespace sluice::json
