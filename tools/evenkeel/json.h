// Messages of control/api as the JSON of the public interface.
//
// Protobuf's own printer writes 64-bit numbers as strings and leaves out what is unset; the
// interface wants numbers, and every field there. So: fields under their own names in the order of
// the .proto file; an unset `optional` field or message is null; repeated fields are arrays, maps
// are objects sorted by key; bytes are lower-case hex; a number that is not finite is null.
//
//   console.PrintJson(ReplyToJson(status_reply));
#ifndef TOOLS_EVENKEEL_JSON_H_
#define TOOLS_EVENKEEL_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "control/config/finding.h"
#include "tools/evenkeel/failure.h"

namespace google::protobuf {
class Message;
}

namespace evenkeel::cli {

// Every field of the message.
nlohmann::ordered_json ToJson(const google::protobuf::Message& message);

// A reply without its field `error`, which is not part of the object that operators see: where it
// is set, the call has failed and ToJson(Failure) is printed instead.
nlohmann::ordered_json ReplyToJson(const google::protobuf::Message& reply);

// {error: {code, message, hint}}
nlohmann::ordered_json ToJson(const Failure& failure);

nlohmann::ordered_json ToJson(const std::vector<Finding>& findings);

// Bytes that are not UTF-8 are replaced by U+FFFD; never throws. On one line, or indented.
enum class JsonLayout { kLine, kIndented };
std::string Dump(const nlohmann::ordered_json& json, JsonLayout layout);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_JSON_H_
