#include "bpf/totals.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

struct Key {
  uint64_t service;
  uint64_t backend;
};

}  // namespace

absl::StatusOr<Totals> Totals::Create(uint32_t entries) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
  UniqueFd fd(bpf_map_create(BPF_MAP_TYPE_HASH, "lb_totals", sizeof(Key), sizeof(Entry), entries,
                             &options));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot make the BPF map lb_totals");
  return Totals(std::move(fd), entries);
}

absl::StatusOr<Totals> Totals::Open(const std::string& pin) {
  UniqueFd fd(bpf_obj_get(pin.c_str()));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", pin));
  bpf_map_info info{};
  uint32_t info_size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &info_size) != 0 || info.key_size != sizeof(Key) ||
      info.value_size != sizeof(Entry)) {
    return absl::DataLossError(absl::StrCat(pin, " is not the totals of this version"));
  }
  Totals totals(std::move(fd), info.max_entries);
  Key key;
  const Key* before = nullptr;
  while (bpf_map_get_next_key(totals.fd_.get(), before, &key) == 0) {
    Entry entry;
    if (bpf_map_lookup_elem(totals.fd_.get(), &key, &entry) == 0) {
      totals.entries_[{key.service, key.backend}] = entry;
    }
    before = &key;
  }
  return totals;
}

absl::Status Totals::Pin(const std::string& path) const {
  if (bpf_obj_pin(fd_.get(), path.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot pin ", path));
}

bool Totals::HasFolded(const FlowPair& pair, uint64_t generation) const {
  const auto entry = entries_.find(pair);
  return entry != entries_.end() && entry->second.folded_generation >= generation;
}

absl::Status Totals::Fold(const FlowPair& pair, const FlowSum& counted, uint64_t generation) {
  if (HasFolded(pair, generation)) return absl::OkStatus();
  Entry next;
  if (const auto entry = entries_.find(pair); entry != entries_.end()) next = entry->second;
  next.sum += counted;
  next.folded_generation = generation;
  const Key key{pair.first, pair.second};
  // The kernel puts the new value in the old one's place as a whole.
  if (bpf_map_update_elem(fd_.get(), &key, &next, BPF_ANY) != 0) {
    return absl::ErrnoToStatus(errno, "cannot keep what a former generation has counted");
  }
  entries_[pair] = next;
  return absl::OkStatus();
}

FlowSums Totals::Sums() const {
  FlowSums sums;
  sums.reserve(entries_.size());
  for (const auto& [pair, entry] : entries_) sums[pair] = entry.sum;
  return sums;
}

void Totals::Keep(const absl::flat_hash_set<FlowPair>& kept) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto at = entry++;
    if (kept.contains(at->first)) continue;
    const Key key{at->first.first, at->first.second};
    bpf_map_delete_elem(fd_.get(), &key);
    entries_.erase(at);
  }
}

}  // namespace evenkeel
