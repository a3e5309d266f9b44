#include <cstring>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "dataplane/table/fill.h"
#include "dataplane/table/flow_records.h"
#include "dataplane/table/layout.h"
#include "dataplane/table/refusal.h"
#include "dataplane/table/verify_steps.h"

namespace evenkeel {
namespace {

Address AddressOf(const uint8_t (&bytes)[16]) {
  Address address;
  std::memcpy(address.data(), bytes, sizeof(bytes));
  return address;
}

template <typename... Args>
absl::Status BadRecord(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return Refuse(NackCode::kRecord, absl::StrFormat(format, args...));
}

template <typename... Args>
absl::Status BadIndex(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return Refuse(NackCode::kIndex, absl::StrFormat(format, args...));
}

class RecordVerifier {
 public:
  RecordVerifier(const ImageView& image, std::span<const lb_backend> known)
      : image_(image), known_(known) {}

  absl::Status Run() const {
    for (auto step :
         {&RecordVerifier::Params, &RecordVerifier::NextHops, &RecordVerifier::Backends,
          &RecordVerifier::Pools, &RecordVerifier::Services, &RecordVerifier::Transitions}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Params() const;
  absl::Status NextHops() const;
  absl::Status Backends() const;
  absl::Status Backend(uint32_t index, const lb_backend& backend) const;
  absl::Status Pools() const;
  absl::Status Pool(uint32_t index, const lb_pool& pool) const;
  absl::Status Members(uint32_t index, const lb_pool& pool) const;
  absl::Status Services() const;
  absl::Status Service(uint32_t index, const lb_service& service, bool is_former) const;
  absl::Status ServiceTable(uint32_t index, const lb_service& service, bool is_former) const;
  absl::Status Transitions() const;
  bool IsInUse(uint16_t backend) const;

  const ImageView& image_;
  std::span<const lb_backend> known_;
};

absl::Status RecordVerifier::Params() const {
  const lb_params& params = image_.params();
  if (params.generation != image_.generation()) {
    return BadRecord("params are of generation %d, the image is %d", params.generation,
                     image_.generation());
  }
  if (params.vlan > 4094) return BadRecord("vlan %d: 0..4094 are possible", params.vlan);
  for (int family = 0; family < 2; family++) {
    if (params.prefix_count[family] > LB_PREFIX_LENGTHS_MAX) {
      return BadRecord("%d prefix lengths: at most %d are possible", params.prefix_count[family],
                       LB_PREFIX_LENGTHS_MAX);
    }
  }
  return absl::OkStatus();
}

absl::Status RecordVerifier::NextHops() const {
  for (size_t i = 0; i < image_.next_hops().size(); i++) {
    const lb_next_hop& hop = image_.next_hops()[i];
    if (hop.family != FamilyOf(AddressOf(hop.address)) || hop.has_static_mac > 1) {
      return BadRecord("next hop %d: family %d or MAC flag %d is impossible", i, hop.family,
                       hop.has_static_mac);
    }
  }
  return absl::OkStatus();
}

absl::Status RecordVerifier::Backends() const {
  for (uint32_t i = 0; i < image_.backends().size(); i++) {
    const lb_backend& backend = image_.backends()[i];
    if (backend.family == LB_FAMILY_NONE) continue;
    if (absl::Status status = Backend(i, backend); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RecordVerifier::Backend(uint32_t index, const lb_backend& backend) const {
  const Address address = AddressOf(backend.address);
  if (backend.family != FamilyOf(address)) {
    return BadRecord("backend %d: family %d does not fit %s", index, backend.family,
                     AddressText(address));
  }
  if (backend.encap > LB_ENCAP_L2DSR || backend.state > LB_BACKEND_DEAD ||
      backend.withheld >= LB_RAMP_STEPS ||
      (backend.flags & ~(LB_BACKEND_LEAVING | LB_BACKEND_DRAINED)) != 0) {
    return BadRecord("backend %d: encapsulation %d, state %d or flags %d is impossible", index,
                     backend.encap, backend.state, backend.flags);
  }
  if (backend.pool >= image_.pools().size()) {
    return BadIndex("backend %d names pool %d of %d", index, backend.pool, image_.pools().size());
  }
  if (backend.next_hop >= image_.next_hops().size()) {
    return BadIndex("backend %d names next hop %d of %d", index, backend.next_hop,
                    image_.next_hops().size());
  }
  const lb_pool& pool = image_.pools()[backend.pool];
  if (backend.pool_pos >= pool.member_count) {
    return BadIndex("backend %d claims position %d of %d in pool %d", index, backend.pool_pos,
                    pool.member_count, backend.pool);
  }
  const bool has_outer4 = backend.encap == LB_ENCAP_IPIP && backend.family == LB_IPV4;
  const uint32_t outer_sum = has_outer4 ? lb_outer_sum(&image_.params(), &backend.address[12]) : 0;
  if (backend.outer_sum != outer_sum) {
    return BadRecord("backend %d: outer sum %x instead of %x", index, backend.outer_sum, outer_sum);
  }
  const bool is_known =
      index < known_.size() && known_[index].family != LB_FAMILY_NONE &&
      known_[index].id == backend.id &&
      std::memcmp(known_[index].address, backend.address, sizeof(backend.address)) == 0;
  if (!is_known && backend.id != BackendId(address)) {
    return BadRecord("backend %d: id %016x is not that of %s", index, backend.id,
                     AddressText(address));
  }
  return absl::OkStatus();
}

absl::Status RecordVerifier::Pools() const {
  absl::flat_hash_set<uint64_t> ids;
  uint32_t member_next = 0;
  for (uint32_t i = 0; i < image_.pools().size(); i++) {
    const lb_pool& pool = image_.pools()[i];
    if (!ids.insert(pool.id).second) return BadRecord("pool %d: another one has its id", i);
    if (pool.member_first != member_next ||
        pool.member_count > image_.members().size() - member_next) {
      return BadIndex("pool %d: members %d+%d of %d; expected from %d on", i, pool.member_first,
                      pool.member_count, image_.members().size(), member_next);
    }
    member_next += pool.member_count;
    if (absl::Status status = Pool(i, pool); !status.ok()) return status;
  }
  if (member_next != image_.members().size()) {
    return BadIndex("%d members, of which pools name %d", image_.members().size(), member_next);
  }
  size_t in_use = 0;
  for (const lb_backend& backend : image_.backends()) in_use += backend.family != LB_FAMILY_NONE;
  if (in_use != image_.members().size()) {
    return BadIndex("%d backends are in use, but there are %d members", in_use,
                    image_.members().size());
  }
  return absl::OkStatus();
}

absl::Status RecordVerifier::Pool(uint32_t index, const lb_pool& pool) const {
  if (pool.slots_log2 < LB_SLOTS_LOG2_MIN || pool.slots_log2 > LB_SLOTS_LOG2_MAX ||
      pool.fill > LB_FILL_MAGLEV) {
    return BadRecord("pool %d: 2^%d slots or fill %d is impossible", index, pool.slots_log2,
                     pool.fill);
  }
  if (pool.idle_s > LB_IDLE_S_MAX) {
    return BadRecord("pool %d: idle of %d s, %d are possible", index, pool.idle_s, LB_IDLE_S_MAX);
  }
  const bool has_tables = pool.table != LB_TABLE_NONE;
  if (has_tables != (pool.base_table != LB_TABLE_NONE)) {
    return BadIndex("pool %d has only one of base and effective table", index);
  }
  const size_t table_count = image_.table_refs().size();
  if (has_tables && (pool.table >= table_count || pool.base_table >= table_count)) {
    return BadIndex("pool %d names tables %d and %d of %d", index, pool.table, pool.base_table,
                    table_count);
  }
  return Members(index, pool);
}

absl::Status RecordVerifier::Members(uint32_t index, const lb_pool& pool) const {
  uint64_t slots = 0;
  for (uint32_t position = 0; position < pool.member_count; position++) {
    const lb_member& member = image_.members_of(pool)[position];
    if (member.backend >= image_.backends().size()) {
      return BadIndex("member %d of pool %d names backend %d of %d", position, index,
                      member.backend, image_.backends().size());
    }
    const lb_backend& backend = image_.backends()[member.backend];
    if (backend.family == LB_FAMILY_NONE || backend.pool != index || backend.pool_pos != position) {
      return BadIndex("member %d of pool %d names backend %d, which is another's", position, index,
                      member.backend);
    }
    if (member.weight > kWeightMax || (backend.flags != 0 && member.slots != 0)) {
      return BadRecord("member %d of pool %d: weight %d, %d slots and flags %d do not fit together",
                       position, index, member.weight, member.slots, backend.flags);
    }
    slots += member.slots;
  }
  const uint64_t expected = pool.table == LB_TABLE_NONE ? 0 : uint64_t{1} << pool.slots_log2;
  if (slots == expected) return absl::OkStatus();
  return Refuse(NackCode::kQuota,
                absl::StrFormat("pool %d: the stated quotas sum to %d slots instead of %d", index,
                                slots, expected));
}

absl::Status RecordVerifier::Services() const {
  absl::flat_hash_set<uint64_t> ids;
  uint64_t counter_next = 0;
  const std::vector<bool> is_former = FormerServices(image_);
  for (uint32_t i = 0; i < image_.services().size(); i++) {
    const lb_service& service = image_.services()[i];
    if (!is_former[i] && !ids.insert(service.id).second) {
      return BadRecord("service %d: another one has its id", i);
    }
    if (absl::Status status = Service(i, service, is_former[i]); !status.ok()) return status;
    if (service.counter_base != counter_next) {
      return BadIndex("service %d: its counters begin at %d instead of %d", i, service.counter_base,
                      counter_next);
    }
    counter_next += image_.pools()[service.pool].member_count;
  }
  if (counter_next != image_.root().counters) {
    return BadIndex("%d counters are stated, services use %d", image_.root().counters,
                    counter_next);
  }
  return absl::OkStatus();
}

absl::Status RecordVerifier::Service(uint32_t index, const lb_service& service,
                                     bool is_former) const {
  if (service.pool >= image_.pools().size()) {
    return BadIndex("service %d names pool %d of %d", index, service.pool, image_.pools().size());
  }
  if (service.vip >= image_.vips().size()) {
    return BadIndex("service %d names VIP %d of %d", index, service.vip, image_.vips().size());
  }
  if (absl::Status s = ServiceTable(index, service, is_former); !s.ok()) return s;
  if (service.plane_word != 0 || service.transport >= LB_TRANSPORTS ||
      service.affinity > LB_AFFINITY_CLIENT ||
      service.family != image_.vips()[service.vip].family) {
    return BadRecord("service %d: transport %d, affinity %d, family %d or plane word is impossible",
                     index, service.transport, service.affinity, service.family);
  }
  if (service.former == LB_NONE) return absl::OkStatus();
  if (service.former >= image_.services().size() || service.former == index ||
      image_.services()[service.former].former != LB_NONE) {
    return BadIndex("service %d: its former service %d is missing or has a former one itself",
                    index, service.former);
  }
  // One record for each: what is counted there is this service's.
  const lb_service& former = image_.services()[service.former];
  if (former.id != service.id || former.vip != service.vip ||
      former.transport != service.transport) {
    return BadRecord("service %d: its former service %d is another one's", index, service.former);
  }
  return absl::OkStatus();
}

// A former service may have its pool's table of before the pool's number of slots changed.
absl::Status RecordVerifier::ServiceTable(uint32_t index, const lb_service& service,
                                          bool is_former) const {
  const lb_pool& pool = image_.pools()[service.pool];
  if (service.table == pool.table && service.slot_shift == 64 - pool.slots_log2) {
    return absl::OkStatus();
  }
  if (is_former && service.table < image_.table_refs().size()) {
    const lb_table_ref& ref = image_.table_refs()[service.table];
    if (ref.pool == service.pool && service.slot_shift == 64 - ref.slots_log2) {
      return absl::OkStatus();
    }
  }
  return BadIndex("service %d: table %d and shift %d are not those of its pool", index,
                  service.table, service.slot_shift);
}

bool RecordVerifier::IsInUse(uint16_t backend) const {
  return backend < image_.backends().size() && image_.backends()[backend].family != LB_FAMILY_NONE;
}

absl::Status RecordVerifier::Transitions() const {
  for (size_t i = 1; i < image_.transitions().size(); i++) {
    const lb_transition& transition = image_.transitions()[i];
    if (transition.state < 1 || transition.state > 2) {
      return BadRecord("transition %d: state %d is impossible", i, transition.state);
    }
    const bool lacks_previous = transition.state == LB_SLOT_TAIL && transition.previous == LB_NONE;
    if (!lacks_previous && !IsInUse(transition.previous)) {
      return BadIndex("transition %d names backend %d, which is not in use", i,
                      transition.previous);
    }
    if (transition.armed_until_ns != 0 && !IsInUse(transition.armed_previous)) {
      return BadIndex("transition %d names backend %d for UDP, which is not in use", i,
                      transition.armed_previous);
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<bool> FormerServices(const ImageView& image) {
  std::vector<bool> is_former(image.services().size());
  for (const lb_service& service : image.services()) {
    if (service.former < is_former.size()) is_former[service.former] = true;
  }
  return is_former;
}

absl::Status VerifyRecords(const ImageView& image, std::span<const lb_backend> known) {
  return RecordVerifier(image, known).Run();
}

}  // namespace evenkeel
