// The table of tracked flows: find, make room, store, sweep. dataplane/table/flow_records.h tells
// what an entry is, track.h what is decided by it.
//
// Firm before weak: an entry never displaces a firmer one. Pending ones (a SYN was seen) displace
// only each other and have two ways a bucket; one made by a miss displaces pending ones and those
// of its own class that are not live; firm ones are made in place, and nothing that a stranger
// sends displaces them. Closing orders eviction within a class.
//
// Bounded work: two buckets are read, 16 entries. An entry that is too old counts as absent,
// whether the sweep has met it or not, so that planes which sweep at different times decide alike.
//
// One writer a table (flow_records.h). Called by lb_track() on both planes.
#ifndef DATAPLANE_FORWARD_FLOW_TABLE_H_
#define DATAPLANE_FORWARD_FLOW_TABLE_H_

#include <stdint.h>

#include "dataplane/forward/compiler.h"
#include "dataplane/forward/table_access.h"

#define LB_FLOW_NO_PLACE 0xffffffffu  // a place: bucket * LB_FLOW_WAYS + way

// Of a flow: its entries, and the two pools whose backends it may be at.
struct lb_flow_key {
  uint64_t hash;   // of the whole tuple, whatever the service's affinity
  uint32_t pools;  // pool of the service, and of its former one << 16; LB_NONE: none
  uint32_t tick;
};
struct lb_flow_entries {
  uint64_t tracked;  // miss-made or firm; 0: none
  uint64_t pending;  // 0: none
  uint32_t tracked_place;
  uint32_t pending_place;
};

LB_INLINE uint32_t lb_flow_bucket_of(const struct lb_view* view, uint64_t hash, uint32_t choice) {
  uint32_t mask = lb_view_flow_mask(view);
  uint32_t bucket = (uint32_t)hash & mask;
  return choice ? lb_flow_other_bucket(bucket, (uint32_t)(hash >> 32), mask) : bucket;
}

// Null where the image has no such backend: then nothing goes by an entry that names it.
LB_INLINE const struct lb_backend* lb_flow_backend(const struct lb_view* view, uint32_t index) {
  if (index >= lb_view_backend_count(view)) return 0;
  const struct lb_backend* backend = lb_view_backend(view, index);
  if (!backend || backend->family == LB_FAMILY_NONE) return 0;
  return backend;
}

// Whether the backend takes packets of the flows that are its own. A suspect one does.
LB_INLINE int lb_flow_backend_lives(const struct lb_view* view, uint32_t index) {
  const struct lb_backend* backend = lb_flow_backend(view, index);
  return backend && backend->state != LB_BACKEND_DEAD;
}

// Whether an entry that names `backend` (or nobody, if that is null) counts for nothing any more.
LB_INLINE int lb_flow_is_over_at(const struct lb_view* view, const struct lb_backend* backend,
                                 uint64_t entry, uint32_t tick) {
  if (!backend) return 1;
  const struct lb_pool* pool = lb_view_pool(view, backend->pool);
  return LB_MISSING(pool) || lb_entry_is_expired(entry, tick, lb_idle_ticks(pool->idle_s));
}
LB_INLINE int lb_flow_is_over(const struct lb_view* view, uint64_t entry, uint32_t tick) {
  return lb_flow_is_over_at(view, lb_flow_backend(view, lb_entry_backend(entry)), entry, tick);
}

LB_INLINE uint64_t lb_flow_load(const struct lb_flow_bucket* bucket, uint32_t way) {
  return LB_LOAD(&bucket->entry[way & (LB_FLOW_WAYS - 1)]);
}

// Counts have one writer; others may read them at any time, and must never see half a number.
LB_INLINE void lb_flow_count(uint64_t* count, uint64_t change) { LB_STORE(count, *count + change); }

// The only place where entries are written.
LB_INLINE void lb_flow_write(struct lb_flow_bucket* bucket, uint32_t way, uint64_t entry,
                             struct lb_flow_head* head) {
  uint32_t before = lb_entry_class(lb_flow_load(bucket, way));
  uint32_t after = lb_entry_class(entry);
  LB_STORE(&bucket->entry[way & (LB_FLOW_WAYS - 1)], entry);
  if (before == after) return;
  if (before != LB_ENTRY_FREE) lb_flow_count(&head->occupied[before & 3], (uint64_t)-1);
  if (after != LB_ENTRY_FREE) {
    lb_flow_count(&head->occupied[after & 3], 1);
    lb_flow_count(&head->inserted[after & 3], 1);
  }
}

LB_SUBPROGRAM int lb_flow_store(const struct lb_view* view, uint32_t place, uint64_t entry) {
  if (LB_MISSING(view)) return 0;
  struct lb_flow_bucket* bucket = lb_view_flow_bucket(view, place / LB_FLOW_WAYS);
  struct lb_flow_head* head = lb_view_flow_head(view);
  if (LB_MISSING(bucket) || LB_MISSING(head)) return 0;
  lb_flow_write(bucket, place, entry, head);
  return 0;
}

// Entries of the flow that still count, the first of each kind. Those of other pools are other
// flows with the same signature.
LB_SUBPROGRAM int lb_flow_find(const struct lb_view* view, const struct lb_flow_key* key,
                               struct lb_flow_entries* found) {
  if (LB_MISSING(view) || LB_MISSING(key) || LB_MISSING(found)) return 0;
  uint32_t signature = (uint32_t)(key->hash >> 32);
  uint64_t tracked = 0, pending = 0;
  uint32_t tracked_place = LB_FLOW_NO_PLACE, pending_place = LB_FLOW_NO_PLACE;
  LB_UNROLL
  for (uint32_t i = 0; i < 2 * LB_FLOW_WAYS; i++) {
    uint32_t index = lb_flow_bucket_of(view, key->hash, i / LB_FLOW_WAYS);
    const struct lb_flow_bucket* bucket = lb_view_flow_bucket(view, index);
    if (LB_MISSING(bucket)) continue;
    uint64_t entry = lb_flow_load(bucket, i);
    if (LB_LIKELY(lb_entry_signature(entry) != signature)) continue;
    uint32_t kind = lb_entry_class(entry);
    const struct lb_backend* backend = lb_flow_backend(view, lb_entry_backend(entry));
    if (kind == LB_ENTRY_FREE || !backend) continue;
    if (lb_flow_is_over_at(view, backend, entry, key->tick)) continue;
    if (backend->pool != (key->pools & 0xffffu) && backend->pool != key->pools >> 16) continue;
    uint32_t place = index * LB_FLOW_WAYS + i % LB_FLOW_WAYS;
    if (kind == LB_ENTRY_PENDING) {
      if (pending) continue;
      pending = entry;
      pending_place = place;
    } else if (!tracked) {
      tracked = entry;
      tracked_place = place;
    }
  }
  found->tracked = tracked;
  found->pending = pending;
  found->tracked_place = tracked_place;
  found->pending_place = pending_place;
  return 0;
}

// What it would cost to displace an entry for one made by a miss: the least is displaced, an older
// one before a younger. From LB_COST_REFUSED on it may not be.
#define LB_COST_RANK (1u << LB_STAMP_BITS)
#define LB_COST_REFUSED (5u * LB_COST_RANK)
LB_SUBPROGRAM uint32_t lb_flow_cost(const struct lb_view* view, uint64_t entry, uint32_t tick) {
  if (LB_MISSING(view)) return LB_COST_REFUSED;
  uint32_t kind = lb_entry_class(entry);
  if (kind == LB_ENTRY_FREE || lb_flow_is_over(view, entry, tick)) return 0;
  uint32_t age = lb_entry_age(entry, tick);
  uint32_t rank = 5;
  if (kind == LB_ENTRY_PENDING) {
    rank = age >= LB_PENDING_TICKS_FULL ? 1 : 4;
  } else if (kind == LB_ENTRY_MISS) {
    if (lb_entry_is_closing(entry))
      rank = 2;
    else if (age > 1)
      rank = 3;
  }
  return rank * LB_COST_RANK + (LB_STAMP_MASK - age);
}

// Where one made by a miss may lie.
LB_SUBPROGRAM uint32_t lb_flow_room_for_miss(const struct lb_view* view, uint64_t hash,
                                             uint32_t tick) {
  if (LB_MISSING(view)) return LB_FLOW_NO_PLACE;
  uint32_t place = LB_FLOW_NO_PLACE;
  uint32_t least = LB_COST_REFUSED;
  LB_UNROLL
  for (uint32_t i = 0; i < 2 * LB_FLOW_WAYS; i++) {
    uint32_t index = lb_flow_bucket_of(view, hash, i / LB_FLOW_WAYS);
    const struct lb_flow_bucket* bucket = lb_view_flow_bucket(view, index);
    if (LB_MISSING(bucket)) continue;
    uint32_t cost = lb_flow_cost(view, lb_flow_load(bucket, i), tick);
    if (cost >= least) continue;
    least = cost;
    place = index * LB_FLOW_WAYS + i % LB_FLOW_WAYS;
  }
  return place;
}

// What a way is to a pending one. Bit 0: free, or as good as free; bit 1: pending; bits 8-11: ticks
// since then. A call and no branches, so that the verifier does not walk every combination of ways.
LB_SUBPROGRAM uint32_t lb_flow_way(const struct lb_view* view, uint64_t entry, uint32_t tick) {
  if (LB_MISSING(view)) return 0;
  uint32_t kind = lb_entry_class(entry);
  if (kind == LB_ENTRY_FREE || lb_flow_is_over(view, entry, tick)) return 1;
  return kind == LB_ENTRY_PENDING ? 2 | lb_entry_age(entry, tick) << 8 : 0;
}

// Where a pending one may lie in one bucket: in the first free way while the quota lasts, else in
// place of the oldest pending one that has had its 4 s. Bits 0-7: LB_FLOW_WAYS less a free way,
// 8-15: less that of the old one, each 0 if there is none; bit 16: the quota is used up.
LB_SUBPROGRAM uint32_t lb_flow_pending_ways(const struct lb_view* view, uint32_t index,
                                            uint32_t tick) {
  if (LB_MISSING(view)) return 0;
  const struct lb_flow_bucket* bucket = lb_view_flow_bucket(view, index);
  if (LB_MISSING(bucket)) return 0;
  uint32_t used = 0, free_way = 0, oldest = 0;
  LB_UNROLL
  for (uint32_t i = 0; i < LB_FLOW_WAYS; i++) {
    uint32_t way = lb_flow_way(view, lb_flow_load(bucket, i), tick);
    uint32_t place = LB_FLOW_WAYS - i;
    uint32_t free_place = (way & 1u) * place;
    if (free_place > free_way) free_way = free_place;
    used += way >> 1 & 1u;
    uint32_t old = (way & 0xf00u) | place;  // the older, then the first
    if (old > oldest) oldest = old;
  }
  uint32_t old_way = oldest >> 8 >= LB_PENDING_TICKS_FULL ? oldest & 0xffu : 0;
  uint32_t is_full = used >= LB_PENDING_QUOTA;
  return (is_full ? 0 : free_way) | old_way << 8 | is_full << 16;
}

// `refusal` is told why where there is none.
LB_INLINE uint32_t lb_flow_room_for_pending(const struct lb_view* view, uint64_t hash,
                                            uint32_t tick, uint32_t* refusal) {
  uint32_t first = lb_flow_bucket_of(view, hash, 0);
  uint32_t second = lb_flow_bucket_of(view, hash, 1);
  uint32_t ways = lb_flow_pending_ways(view, first, tick);
  uint32_t other_ways = lb_flow_pending_ways(view, second, tick);
  LB_UNROLL
  for (uint32_t shift = 0; shift <= 8; shift += 8) {
    uint32_t way = ways >> shift & 0xffu;
    if (way) return first * LB_FLOW_WAYS + LB_FLOW_WAYS - way;
    way = other_ways >> shift & 0xffu;
    if (way) return second * LB_FLOW_WAYS + LB_FLOW_WAYS - way;
  }
  *refusal = (ways | other_ways) >> 16 & 1u ? LB_REFUSED_QUOTA : LB_REFUSED_FULL;
  return LB_FLOW_NO_PLACE;
}

// A new entry of its class for the flow. False: refused, and counted.
LB_SUBPROGRAM int lb_flow_insert(const struct lb_view* view, const struct lb_flow_key* key,
                                 uint64_t entry) {
  if (LB_MISSING(view) || LB_MISSING(key)) return 0;
  struct lb_flow_head* head = lb_view_flow_head(view);
  if (LB_MISSING(head)) return 0;
  uint32_t refusal = LB_REFUSED_FULL;
  uint32_t place = lb_entry_class(entry) == LB_ENTRY_PENDING
                       ? lb_flow_room_for_pending(view, key->hash, key->tick, &refusal)
                       : lb_flow_room_for_miss(view, key->hash, key->tick);
  if (place == LB_FLOW_NO_PLACE) {
    lb_flow_count(&head->refused[refusal & 1], 1);
    return 0;
  }
  struct lb_flow_bucket* bucket = lb_view_flow_bucket(view, place / LB_FLOW_WAYS);
  if (LB_MISSING(bucket)) return 0;
  uint64_t displaced = lb_flow_load(bucket, place);
  uint32_t kind = lb_entry_class(displaced);
  if (kind != LB_ENTRY_FREE) {
    if (lb_flow_is_over(view, displaced, key->tick))
      lb_flow_count(&head->expired, 1);
    else
      lb_flow_count(&head->evicted[kind & 3], 1);
    lb_flow_write(bucket, place, 0, head);  // the counts of the two classes
  }
  lb_flow_write(bucket, place, entry, head);
  return 1;
}

LB_SUBPROGRAM int lb_flow_sweep_bucket(const struct lb_view* view, uint32_t index, uint32_t tick) {
  if (LB_MISSING(view)) return 0;
  struct lb_flow_bucket* bucket = lb_view_flow_bucket(view, index);
  struct lb_flow_head* head = lb_view_flow_head(view);
  if (LB_MISSING(bucket) || LB_MISSING(head)) return 0;
  LB_UNROLL
  for (uint32_t way = 0; way < LB_FLOW_WAYS; way++) {
    uint64_t entry = lb_flow_load(bucket, way);
    if (lb_entry_class(entry) == LB_ENTRY_FREE || !lb_flow_is_over(view, entry, tick)) continue;
    lb_flow_write(bucket, way, 0, head);
    lb_flow_count(&head->expired, 1);
  }
  return 0;
}

#define LB_FLOW_SWEEP_MAX 4096u
// The next `count` buckets. The writer of the table calls it often enough that every bucket is
// visited before a stamp wraps.
LB_INLINE void lb_flow_sweep(const struct lb_view* view, uint32_t count, uint32_t tick) {
  struct lb_flow_head* head = lb_view_flow_head(view);
  if (LB_MISSING(head)) return;
  uint32_t mask = lb_view_flow_mask(view);
  uint32_t next = (uint32_t)head->next_bucket & mask;
  for (uint32_t i = 0; i < LB_FLOW_SWEEP_MAX && i < count; i++) {
    lb_flow_sweep_bucket(view, next, tick);
    next = (next + 1) & mask;
    if (next == 0) lb_flow_count(&head->sweeps, 1);
  }
  LB_STORE(&head->next_bucket, next);
}

#endif  // DATAPLANE_FORWARD_FLOW_TABLE_H_
