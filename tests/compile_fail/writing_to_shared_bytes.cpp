// expect: assign
#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/shared_packet.hpp>

void scribble(netkit::shared_packet shared) {
#ifdef NETKIT_CORRECT
    auto own = std::move(shared).unshare();
    own.head()[0] = std::byte{1};
#else
    shared.bytes()[0] = std::byte{1};
#endif
}
