// What the compilers that build the core do not agree on: g++, clang++, and clang for BPF.
#ifndef DATAPLANE_FORWARD_COMPILER_H_
#define DATAPLANE_FORWARD_COMPILER_H_

#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the core reads packets and tables as little-endian words"
#endif

#define LB_INLINE static inline __attribute__((always_inline))

// A function that the verifier checks once, by itself, instead of at every call: for loops. Its
// arguments are numbers and pointers to structs of numbers, at most five; it must ask LB_MISSING()
// of the pointers.
#ifdef __bpf__
#define LB_SUBPROGRAM __attribute__((noinline))
#else
#define LB_SUBPROGRAM static inline
#endif

// What few packets come to, kept out of the way of the others. Not so in BPF, where a pointer into
// the packet can be handed to no subprogram.
#ifdef __bpf__
#define LB_SELDOM static inline __attribute__((always_inline))
#else
#define LB_SELDOM static __attribute__((noinline, cold, unused))
#endif

// Makes clang forget what it knows of a number, so that a bound which it would prove away stays for
// the verifier to see.
#ifdef __bpf__
#define LB_FORGET(number) __asm__ volatile("" : "+r"(number))
#else
#define LB_FORGET(number) (void)(number)
#endif

// Before a short loop: BPF gets it unrolled. Verifiers before Linux 6.4 refuse a loop that clang
// has laid out so that its end falls through to its beginning.
#ifdef __bpf__
#define LB_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LB_UNROLL
#endif

// A word that others may read or write at the same time: whole, and in no order with anything else.
// The BPF compiler has no atomic loads and stores; an aligned word is one access there too.
#ifdef __bpf__
#define LB_LOAD(word) (*(const volatile uint64_t*)(word))
#define LB_STORE(word, value) (*(volatile uint64_t*)(word) = (value))
#else
#define LB_LOAD(word) __atomic_load_n(word, __ATOMIC_RELAXED)
#define LB_STORE(word, value) __atomic_store_n(word, value, __ATOMIC_RELAXED)
#endif

#define LB_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define LB_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

// The empty asm keeps g++ from taking a function that only prefetches for one without effect, and
// its calls for superfluous.
#define LB_PREFETCH(address)                 \
  do {                                       \
    const void* lb_target = (address);       \
    __asm__ volatile("" : : "r"(lb_target)); \
    __builtin_prefetch(lb_target);           \
  } while (0)

// A header as it lies in a packet: at any address, aliasing bytes. BPF has no wide load from an
// address that the compiler takes for unaligned, while the kernels that run it here do.
#ifdef __bpf__
#define LB_WIRE __attribute__((may_alias))
#else
#define LB_WIRE __attribute__((packed, may_alias))
#endif

#endif  // DATAPLANE_FORWARD_COMPILER_H_
