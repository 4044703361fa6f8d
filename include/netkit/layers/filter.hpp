#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>

#include <concepts>
#include <cstdint>
#include <utility>

namespace netkit {

/// What a filter does with a packet.
enum class filter_verdict : std::uint8_t {
    pass,
    drop,    ///< loses it; a sender of ours is not told
    reject,  ///< loses it, and tells the sender: our own by errc::access_denied, another host by ICMP
};

/// Says of each packet what is to become of it.
template <class R>
concept filter_rule = requires(R& rule, archetype::context here, const packet& p) {
    { rule.received(here, p) } -> std::same_as<filter_verdict>;
    { rule.sent(here, p) } -> std::same_as<filter_verdict>;
};

/// Lets pass what a Rule allows to go up to Layer or to come down from it; the rest is counted as filtered. Another host can be
/// told of a rejection where the packet is known to be of IP: by a filter below a transport.
template <class Rule, class Layer>
struct filter : passes<Layer> {
    static_assert(filter_rule<Rule>, "netkit: a filter's rule says filter_verdict received(context auto here, const packet&) and filter_verdict sent(context auto here, const packet&)");

    Rule rule;

    template <class From>
        requires receives<Layer, From>
    void receive(context auto here, packet p, const From& from) {
        const auto what = rule.received(here, std::as_const(p));
        if (what != filter_verdict::pass) [[unlikely]] return refuse(here, std::move(p), from, what);
        NETKIT_CALL filter::pass_up(here, std::move(p), from);
    }
    errc transmit(context auto here, auto number, packet p, const auto& to) {
        const auto what = rule.sent(here, std::as_const(p));
        if (what != filter_verdict::pass) [[unlikely]] return withhold(here, std::move(p), what);
        NETKIT_CALL return filter::pass_down(here, number, std::move(p), to);
    }

private:
    template <class From>
    NETKIT_COLD static void refuse(context auto here, packet p, const From& from, filter_verdict what) {
        if (what == filter_verdict::reject) tell_sender(here, p, from);
        here.drop(std::move(p), drop_reason::filtered);
    }
    NETKIT_COLD static errc withhold(context auto here, packet p, filter_verdict what) {
        here.drop(std::move(p), drop_reason::filtered);
        return what == filter_verdict::reject ? errc::access_denied : errc::ok;
    }
    static void tell_sender(context auto, packet&, const auto&) {}
    template <class A>
    static void tell_sender(context auto here, packet& p, const ip_from<A>& from) {
        using Here = decltype(here);
        if constexpr (Here::template near<reporter_to<A>>()) {
            p.push(from.header_size);
            auto reporter = here.template nearest<reporter_to<A>>();
            reporter->report(reporter, std::as_const(p), from, network_error::administratively_prohibited, 0);
        }
    }
};

}  // namespace netkit
