#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/intrusive_list.hpp>
#include <netkit/layers/link_socket.hpp>
#include <netkit/wire/ethernet.hpp>

#include <cstddef>
#include <utility>

namespace netkit {

/// Lets link sockets hear what comes in and send frames of their own: `link_sockets<ethernet<...>>`, the root of a stack. Frames go
/// on up as if it were not there; each socket that wants one gets a copy.
template <class Layer>
struct link_sockets : passes<Layer> {
    using socket_functions = link_functions;

    link_sockets() = default;
    link_sockets(link_sockets&&) = delete;
    ~link_sockets() {
        sockets_.for_each([](link_socket& s) { s.close(); });
    }

    template <class From>
        requires receives<Layer, From>
    void receive(context auto here, packet p, const From& from) {
        if (!sockets_.empty()) [[unlikely]] show(here, p);
        NETKIT_CALL link_sockets::pass_up(here, std::move(p), from);
    }
    errc transmit(context auto here, auto number, packet p, const auto& to) { NETKIT_CALL return link_sockets::pass_down(here, number, std::move(p), to); }

private:
    NETKIT_COLD void show(context auto here, const packet& p) {
        if (here.interface(p.interface()).link != link_type::ethernet) return;
        const auto* h = p.template peek<ethernet_header>();
        if (!h) return;
        const link_socket::notes notes{h->source, h->target, h->protocol(), p.interface()};
        sockets_.for_each([&](link_socket& s) {
            if (!s.hears(notes.type)) return;
            auto copy = p.copy();
            if (!copy) return;
            copy.frames(0);
            copy.pull(sizeof(ethernet_header));
            copy.control(notes);
            s.frames_.push_back(std::move(copy));
            here.make_ready(s);
        });
    }
    static errc send(context auto here, packet p, interface_id on, const mac_address& target, ether_type type) {
        if (static_cast<std::size_t>(on) >= here.interface_count() || here.interface(on).link != link_type::ethernet) {
            here.drop(std::move(p), drop_reason::malformed);
            return errc::invalid_argument;
        }
        p.interface(on);
        p.push(ethernet_header{target, here.interface(on).mac, static_cast<std::uint16_t>(type)});
        return here.down(std::move(p), no_link{});
    }

    intrusive_list<link_socket> sockets_;

public:
    /// What the stack registers for sockets. Last, since its initialiser needs all of the above.
    template <class Here>
    static constexpr link_functions functions{
        [](stack_core& s, link_socket& socket) { Here::in(s)->sockets_.push_back(socket); },
        [](stack_core& s, std::size_t size) { return packet(s.buffers(), sizeof(ethernet_header), size); },
        [](stack_core& s, packet&& p, interface_id on, const mac_address& target, ether_type type) { return send(Here::in(s), std::move(p), on, target, type); }};
};

}  // namespace netkit
