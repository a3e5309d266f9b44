#include "tools/packet_lab/responder/http_helper.h"

#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace evenkeel::lab {
namespace {

constexpr size_t kChunkBytes = 64 << 10;
constexpr size_t kHeadBytesMax = 32 << 10;
constexpr int kPatternBytes = 16;

struct Request {
  std::string method;
  std::string path;
  std::string answer;  // X-Answer
  uint64_t content_length = 0;
  std::string body_start;  // what came together with the head
};

bool SendAll(int connection, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(connection, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

bool SendText(int connection, const std::string& text) {
  return SendAll(connection, text.data(), text.size());
}

// False when the peer went away or sent no HTTP.
bool ReadRequest(int connection, Request* request) {
  std::string received;
  size_t head_end;
  while ((head_end = received.find("\r\n\r\n")) == std::string::npos) {
    char chunk[4096];
    const ssize_t size = recv(connection, chunk, sizeof chunk, 0);
    if (size <= 0 || received.size() > kHeadBytesMax) return false;
    received.append(chunk, static_cast<size_t>(size));
  }
  request->body_start = received.substr(head_end + 4);
  received.resize(head_end);

  const std::vector<std::string> lines = absl::StrSplit(received, "\r\n");
  const std::vector<std::string> words = absl::StrSplit(lines[0], ' ');
  if (words.size() != 3) return false;
  request->method = words[0];
  request->path = words[1];
  for (const std::string& line : lines) {
    const std::vector<std::string> field = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (field.size() != 2) continue;
    const std::string value(absl::StripAsciiWhitespace(field[1]));
    if (absl::EqualsIgnoreCase(field[0], "X-Answer")) request->answer = value;
    if (absl::EqualsIgnoreCase(field[0], "Content-Length") &&
        !absl::SimpleAtoi(value, &request->content_length)) {
      return false;
    }
  }
  return true;
}

// Sixteen bytes for every offset that sixteen divides: fifteen decimal digits and a newline.
void WritePattern(uint64_t offset, char* out) {
  out[kPatternBytes - 1] = '\n';
  for (int digit = kPatternBytes - 2; digit >= 0; --digit) {
    out[digit] = static_cast<char>('0' + offset % 10);
    offset /= 10;
  }
}

void SendBytes(int connection, const Request& request) {
  uint64_t total = 0;
  if (!absl::SimpleAtoi(request.path.substr(strlen("/bytes/")), &total)) {
    SendText(connection, "HTTP/1.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  const std::string head = absl::StrCat(
      "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ", total, "\r\n\r\n");
  if (!SendText(connection, head) || request.method == "HEAD") return;
  const auto chunk = std::make_unique<char[]>(kChunkBytes);
  for (uint64_t offset = 0; offset < total; offset += kChunkBytes) {
    for (size_t i = 0; i < kChunkBytes; i += kPatternBytes) WritePattern(offset + i, &chunk[i]);
    if (!SendAll(connection, chunk.get(), std::min<uint64_t>(kChunkBytes, total - offset))) return;
  }
}

void ReceiveBody(int connection, const Request& request) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(),
                                                                       &EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  EVP_DigestUpdate(digest.get(), request.body_start.data(), request.body_start.size());
  uint64_t received = request.body_start.size();
  const auto chunk = std::make_unique<char[]>(kChunkBytes);
  while (received < request.content_length) {
    const ssize_t size = recv(connection, chunk.get(), kChunkBytes, 0);
    if (size <= 0) return;
    EVP_DigestUpdate(digest.get(), chunk.get(), static_cast<size_t>(size));
    received += static_cast<uint64_t>(size);
  }
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned hash_size = 0;
  EVP_DigestFinal_ex(digest.get(), hash, &hash_size);
  const std::string hex =
      absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(hash), hash_size));
  SendText(connection,
           absl::StrFormat("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                           "X-Body-Bytes: %d\r\nX-Body-SHA256: %s\r\n\r\n%s\n",
                           request.answer.size() + 1, received, hex, request.answer));
}

void ServeConnection(int connection) {
  Request request;
  if (ReadRequest(connection, &request)) {
    if (request.method != "GET" && request.method != "HEAD") {
      ReceiveBody(connection, request);
    } else {
      SendBytes(connection, request);
    }
  }
  close(connection);
}

}  // namespace

absl::StatusOr<int> OpenHttpSocket(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": too long for a Unix socket"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  unlink(path.c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, SOMAXCONN) != 0) {
    return absl::InternalError(absl::StrCat("Unix socket ", path, ": ", strerror(errno)));
  }
  return fd;
}

void ServeHttp(int listener) {
  while (true) {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) std::thread(ServeConnection, connection).detach();
  }
}

}  // namespace evenkeel::lab
