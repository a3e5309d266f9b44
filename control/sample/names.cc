#include "control/sample/names.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "dataplane/table/digest.h"

namespace evenkeel {
namespace {

const std::string kNone;

const std::string& At(const std::vector<std::string>& names, uint16_t index) {
  return index < names.size() ? names[index] : kNone;
}

}  // namespace

ImageNames::ImageNames(const Config& config, const ImageView& image)
    : services_(image.services().size()), backends_(image.backends().size()) {
  absl::flat_hash_map<uint64_t, std::string> services;
  for (const evenkeel::Service& service : config.services) {
    services[NameId(service.name)] = service.name;
  }
  for (size_t i = 0; i < services_.size(); ++i) services_[i] = services[image.services()[i].id];

  absl::flat_hash_map<uint64_t, std::string> pools;
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, std::string> backends;
  for (const Pool& pool : config.pools) {
    const uint64_t id = NameId(pool.name);
    pools[id] = pool.name;
    for (const evenkeel::Backend& backend : pool.backends) {
      backends[{id, BackendId(backend.address.bytes())}] =
          absl::StrCat(pool.name, "/", backend.name);
    }
  }
  for (size_t i = 0; i < backends_.size(); ++i) {
    const lb_backend& record = image.backends()[i];
    if (record.family == LB_FAMILY_NONE) continue;
    const uint64_t pool = image.pools()[record.pool].id;
    backends_[i] = backends[{pool, record.id}];
    if (!backends_[i].empty()) continue;
    IpAddress::Bytes bytes;
    std::copy(std::begin(record.address), std::end(record.address), bytes.begin());
    backends_[i] = absl::StrCat(pools[pool], "/", IpAddress(bytes).ToString(), " (leaving)");
  }
}

const std::string& ImageNames::Service(uint16_t index) const { return At(services_, index); }
const std::string& ImageNames::Backend(uint16_t lease) const { return At(backends_, lease); }

}  // namespace evenkeel
