// Reads back what packets are decided by, and holds it against what the set's root states: every
// record of every map, every slot of every table, counted and digested anew. What control remembers
// is not asked.
//
//   MapAudit audit(maps, set);                                  // copies the root and the records
//   for (size_t i = 0; i < audit.tables(); ++i) { audit.CopyTable(i); audit.CheckTable(i); }
//   ImageFacts facts = audit.Finish();
//
// Only the constructor and CopyTable() read the maps: a caller locks for those, checks that the set
// is still in use, and lets others publish meanwhile. One thread.
#ifndef BPF_MAP_AUDIT_H_
#define BPF_MAP_AUDIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "bpf/instance.h"
#include "bpf/set_root.h"
#include "dataplane/table/image_audit.h"

namespace evenkeel {

class MapAudit {
 public:
  MapAudit(const LbMaps& maps, uint32_t set);

  size_t tables() const { return id_digests_.size(); }
  void CopyTable(size_t i);
  void CheckTable(size_t i);
  ImageFacts Finish();

 private:
  template <typename Record>
  std::span<const Record> Stated(lb_section section) const;
  template <typename Record>
  void CheckRecords(absl::string_view name, lb_section section, std::span<const Record> map);
  void CheckServices();
  void CheckUnusedBackends();
  void CheckNextHops();
  void CheckShares(size_t table);
  std::string PoolName(uint32_t pool) const;
  const lb_root& root() const { return *reinterpret_cast<const lb_root*>(read_.root.data()); }

  const LbMaps& maps_;
  const uint32_t set_;
  SetRoot read_;
  std::vector<lb_backend> backends_;  // as they lie in the map
  std::vector<lb_slot> slots_;        // of the table that was copied last
  std::vector<Digest> id_digests_;
  ImageFacts facts_;
};

}  // namespace evenkeel

#endif  // BPF_MAP_AUDIT_H_
