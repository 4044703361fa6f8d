// expect: netkit: this is not a layer
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/ethernet.hpp>

struct settings {};
#ifdef NETKIT_CORRECT
using composition = netkit::ethernet<>;
#else
using composition = netkit::ethernet<settings>;
#endif
netkit::stack<composition, netkit::memory_link> host;
