#pragma once

/// How calls between layers are inlined. A whole path (frame in, datagram out) becomes one function:
/// g++ by `flatten` on its two entries, clang by an attribute at each call between layers.
#define NETKIT_COLD [[gnu::cold, gnu::noinline]]

#if defined(__clang__)
#define NETKIT_INLINE [[gnu::always_inline]] inline
#define NETKIT_CALL [[clang::always_inline]]
#define NETKIT_LAMBDA __attribute__((always_inline))
#else
#define NETKIT_INLINE inline
#define NETKIT_CALL
#define NETKIT_LAMBDA
#endif

// NETKIT_HOT: a part of what most packets go through, of which it is one function: what is rare in it is called, as NETKIT_COLD.
//
// Flattening an instrumented stack takes minutes and gigabytes, and nobody measures one.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(NETKIT_NO_FLATTEN)
#define NETKIT_FLATTEN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define NETKIT_FLATTEN
#endif
#endif
#ifndef NETKIT_FLATTEN
#define NETKIT_FLATTEN [[gnu::flatten]]
#define NETKIT_HOT [[gnu::always_inline]] inline
#else
#define NETKIT_HOT inline
#endif
