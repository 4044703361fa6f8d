#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>

#include <cstdint>
#include <utility>

namespace netkit {

/// Is shown packets on their way, and leaves them as they are.
template <class O>
concept packet_observer = requires(O& observer, archetype::context here, const packet& p) {
    observer.received(here, p);
    observer.sent(here, p);
};

/// Shows every packet that goes up to Layer or comes down from it to an Observer, with the headers of Layer and those above it,
/// and changes nothing. It may stand below any layer: `ethernet<observe<packet_counter, arp>, ipv4<...>>`.
template <class Observer, class Layer>
struct observe : passes<Layer> {
    static_assert(packet_observer<Observer>, "netkit: an observer is shown packets by void received(context auto here, const packet&) and void sent(context auto here, const packet&)");

    Observer observer;

    template <class From>
        requires receives<Layer, From>
    void receive(context auto here, packet p, const From& from) {
        observer.received(here, std::as_const(p));
        NETKIT_CALL observe::pass_up(here, std::move(p), from);
    }
    errc transmit(context auto here, auto number, packet p, const auto& to) {
        observer.sent(here, std::as_const(p));
        NETKIT_CALL return observe::pass_down(here, number, std::move(p), to);
    }
};

/// An observer that counts.
struct packet_counter {
    struct count {
        std::uint64_t packets = 0, bytes = 0;
    };
    count up{}, down{};

    void received(context auto, const packet& p) { add(up, p); }
    void sent(context auto, const packet& p) { add(down, p); }

private:
    static void add(count& to, const packet& p) {
        ++to.packets;
        to.bytes += p.size();
    }
};

}  // namespace netkit
