// expect: deleted
#include <netkit/buffer/packet.hpp>

netkit::packet twice(const netkit::packet& p) {
#ifdef NETKIT_CORRECT
    return p.copy();
#else
    return p;
#endif
}
