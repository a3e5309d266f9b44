#include "tools/evenkeel/json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace evenkeel::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

// Hides the difference between a field's only value and element `index` of a repeated one.
class FieldReader {
 public:
  FieldReader(const Message& message, const FieldDescriptor& field, int index)
      : message_(message), field_(field), access_(*message.GetReflection()), index_(index) {}

  Json Read() const {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return Get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32);
      case FieldDescriptor::CPPTYPE_INT64:
        return Get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64);
      case FieldDescriptor::CPPTYPE_UINT32:
        return Get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return Get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Finite(Get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Finite(Get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
      case FieldDescriptor::CPPTYPE_BOOL:
        return Get(&Reflection::GetBool, &Reflection::GetRepeatedBool);
      case FieldDescriptor::CPPTYPE_ENUM:
        return absl::AsciiStrToLower(
            Get(&Reflection::GetEnum, &Reflection::GetRepeatedEnum)->name());
      case FieldDescriptor::CPPTYPE_STRING:
        return Text(Get(&Reflection::GetString, &Reflection::GetRepeatedString));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return ToJson(index_ < 0 ? access_.GetMessage(message_, &field_)
                                 : access_.GetRepeatedMessage(message_, &field_, index_));
    }
    return nullptr;
  }

 private:
  template <typename T>
  T Get(T (Reflection::*one)(const Message&, const FieldDescriptor*) const,
        T (Reflection::*element)(const Message&, const FieldDescriptor*, int) const) const {
    return index_ < 0 ? (access_.*one)(message_, &field_)
                      : (access_.*element)(message_, &field_, index_);
  }

  static Json Finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

  Json Text(const std::string& value) const {
    return field_.type() == FieldDescriptor::TYPE_BYTES ? absl::BytesToHexString(value) : value;
  }

  const Message& message_;
  const FieldDescriptor& field_;
  const Reflection& access_;
  const int index_;  // below 0: the field is not repeated
};

constexpr int kNotRepeated = -1;

std::string KeyText(const Json& key) {
  return key.is_string() ? key.get<std::string>() : key.dump();
}

Json MapToJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& access = *message.GetReflection();
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  std::map<std::string, Json> sorted;
  for (int i = 0; i < access.FieldSize(message, &field); ++i) {
    const Message& entry = access.GetRepeatedMessage(message, &field, i);
    sorted.emplace(KeyText(FieldReader(entry, key, kNotRepeated).Read()),
                   FieldReader(entry, value, kNotRepeated).Read());
  }
  Json object = Json::object();
  for (auto& [name, json] : sorted) object[name] = std::move(json);
  return object;
}

Json FieldToJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& access = *message.GetReflection();
  if (field.is_map()) return MapToJson(message, field);
  if (field.is_repeated()) {
    Json array = Json::array();
    for (int i = 0; i < access.FieldSize(message, &field); ++i) {
      array.push_back(FieldReader(message, field, i).Read());
    }
    return array;
  }
  // `optional`, a message, or a member of a oneof.
  if (field.has_presence() && !access.HasField(message, &field)) return nullptr;
  return FieldReader(message, field, kNotRepeated).Read();
}

}  // namespace

Json ToJson(const Message& message) {
  Json object = Json::object();
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    object[type.field(i)->name()] = FieldToJson(message, *type.field(i));
  }
  return object;
}

Json ReplyToJson(const Message& reply) {
  Json object = ToJson(reply);
  object.erase("error");
  return object;
}

Json ToJson(const Failure& failure) {
  return Json{
      {"error", {{"code", failure.code}, {"message", failure.message}, {"hint", failure.hint}}}};
}

Json ToJson(const std::vector<Finding>& findings) {
  Json array = Json::array();
  for (const Finding& finding : findings) {
    const absl::string_view severity = SeverityName(finding.severity);
    array.push_back(Json{{"rule", finding.rule},
                         {"severity", std::string(severity)},
                         {"path", finding.path},
                         {"line", finding.line},
                         {"column", finding.column},
                         {"message", finding.message},
                         {"hint", finding.hint}});
  }
  return array;
}

std::string Dump(const Json& json, JsonLayout layout) {
  return json.dump(layout == JsonLayout::kLine ? -1 : 2, ' ', false,
                   Json::error_handler_t::replace);
}

}  // namespace evenkeel::cli
