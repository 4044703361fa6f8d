#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/coalescing.hpp>
#include <netkit/compose/checks.hpp>
#include <netkit/compose/device.hpp>
#include <netkit/compose/environment.hpp>
#include <netkit/compose/layer.hpp>
#include <netkit/compose/position.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/compose/transmit_queue.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/ip_address.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace netkit {

/// A root layer over any number of interfaces: the whole protocol state of a host, in one object. Device is what its
/// interfaces' devices are; any_of<...> where they differ. All calls come from one thread at a time.
template <class Root, class Device, environment Environment = system_environment>
class stack final : public stack_core {
    static_assert(device<Device>, "netkit: this is not a device (expected: std::size_t receive(const buffer_source&, std::span<packet>), std::size_t transmit(std::span<packet>), mtu() const; movable)");
    static_assert(receives<Root, no_link>, "netkit: this layer cannot stand on a device");
    static_assert(detail::fits<Root>());
    static constexpr std::size_t burst = transmit_queue::burst;

public:
    using root_type = Root;
    using device_type = Device;
    using environment_type = Environment;

    /// Packets that wait at most for an interface's device.
    static constexpr std::size_t default_queue_limit = transmit_queue::default_limit;

    explicit stack(Environment e = Environment()) : environment_(std::move(e)) {
        now_ = environment_.now();
        add({.name = "lo", .mac = {}, .mtu = 65535, .link = link_type::ip, .can = {.checksum = true, .scatter = true, .segmentation = true}, .takes_super_segments = true}, no_device{});
        for_each_position([&](auto here) {
            using layer = typename decltype(here)::layer_type;
            if constexpr (requires { typename layer::socket_functions; }) add_functions(&layer::template functions<decltype(here)>);
            if constexpr (requires { here->opened(here); }) here->opened(here);
        });
    }
    ~stack() {
        // While the layers still stand: what is queued is counted, what sockets hold is let go of by the layers themselves.
        deferred_.clear();
    }

    /// Adds an interface. Throws std::invalid_argument where the composition cannot stand on the device.
    interface_id attach(Device d, mac_address mac = {}, std::string name = {}) {
        netkit::interface i{.name = std::move(name), .mac = mac, .mtu = static_cast<std::uint32_t>(d.mtu()), .link = link_of(d), .can = offloads_of(d)};
        if (i.mac.is_zero()) i.mac = mac_of(d);
        if (i.name.empty()) i.name = "if" + std::to_string(ports_.size());
        i.takes_super_segments = true;
        check_attachable(i, nullptr);
        return announce(add(std::move(i), std::move(d)));
    }
    /// Adds an interface for which the layer at `speaker` speaks (a VLAN's, a tunnel's inside): see position::attach_virtual.
    interface_id attach_virtual(netkit::interface i, const void* speaker) {
        check_attachable(i, speaker);
        const auto id = add(std::move(i), no_device{});
        ports_[static_cast<std::size_t>(id)]->speaker = speaker;
        return announce(id);
    }

    /// Gives an interface an address, in the layer that owns addresses of its family there. Throws std::invalid_argument where
    /// the stack has no such layer.
    void add_address(interface_id on, const address_prefix& a) {
        on_family(on, a.address, [&](auto here, const auto& address) { here->add_address(here, address, a.length, on); });
    }
    void add_address(interface_id on, std::string_view text) { add_address(on, address_prefix::parse(text)); }
    /// Adds a route to `net` by way of `gateway`, which must be on `out`'s link; an unspecified gateway means the link itself.
    void add_route(const address_prefix& net, const ip_address& gateway, interface_id out) {
        on_family(out, net.address, [&]<class A>(auto here, const A& address) {
            const auto hop = gateway.is_any() ? ip_address(A{}) : gateway;
            if (hop.is_v6() != A::is_v6) throw std::invalid_argument("netkit: the gateway " + to_string(gateway) + " is not of the family of " + to_string(net));
            hop.visit([&]<class G>(const G& g) {
                if constexpr (std::same_as<A, G>) here->add_route(address, net.length, out, g);
            });
        });
    }
    /// The default route of the gateway's family.
    void add_gateway(const ip_address& gateway, interface_id out) {
        add_route({gateway.is_v6() ? ip_address(ipv6_address{}) : ip_address(ipv4_address{}), 0}, gateway, out);
    }
    void add_gateway(std::string_view text, interface_id out) { add_gateway(ip_address::parse(text), out); }

    /// The position of a layer, by type or by template name: `at<icmp>()`, `at<ipv4>()`. Where there are several, of the one
    /// that stands on another: `at<overlay, ipv4<icmp>>()`.
    template <class... Layer>
    auto at() {
        return only<detail::exactly<Layer>...>();
    }
    template <template <class...> class Layer>
    auto at() {
        return only<detail::any_made_from<Layer>>();
    }
    /// Whether the stack has exactly one such layer.
    template <class... Layer>
    static constexpr bool has = std::tuple_size_v<detail::found<stack, detail::exactly<Layer>...>> == 1;

    Root& root() { return root_; }
    Environment& environment_of() { return environment_; }
    std::uint64_t random() { return environment_.random(); }
    netkit::interface& interface(interface_id id) override { return *ports_[static_cast<std::size_t>(id)]; }
    std::size_t interface_count() const override { return ports_.size(); }
    /// The device of an interface that was attached with one.
    Device& device_of(interface_id id) { return *ports_[static_cast<std::size_t>(id)]->device.template get<Device>(); }
    int native_handle(interface_id id) const override { return ports_[static_cast<std::size_t>(id)]->device.native_handle(); }
    bool wake_on_ready(interface_id id, void (*wake)(void*), void* context) override { return ports_[static_cast<std::size_t>(id)]->device.on_ready(wake, context); }
    bool output_blocked(interface_id id) const override { return ports_[static_cast<std::size_t>(id)]->queue.blocked(); }

    /// Bytes that the deepest way out of this stack puts in front: what devices keep free in front of what they receive.
    static constexpr std::size_t deepest_headroom() {
        std::size_t most = 0;
        detail::for_each_position<stack, Root>(std::index_sequence<>{}, [&]<class Position>(Position*) {
            if (Position::headroom() > most) most = Position::headroom();
        });
        return most;
    }

    /// Whether a layer has use for received segments being joined.
    static constexpr bool takes_super_segments() {
        bool any = false;
        detail::for_each_position<stack, Root>(std::index_sequence<>{}, [&]<class Position>(Position*) {
            if constexpr (requires { Position::layer_type::takes_super_segments; }) any = true;
        });
        return any;
    }

    std::size_t poll_interface(interface_id id, std::size_t weight) override {
        begin();
        auto& from = *ports_[static_cast<std::size_t>(id)];
        const buffer_source source{buffers_, deepest_headroom()};
        std::size_t done = 0;
        while (done < weight) {
            const auto room = std::min(weight - done, burst);
            const auto got = from.device.receive(source, std::span(arrived_).first(room));
            input(std::span(arrived_).first(got), id);
            done += got;
            if (got < room) break;
        }
        return done;
    }
    void finish() override {
        finish_requested_ = false;
        {
            begin();
            const ending ends{polling_, time_stands_};
            timers_.run(static_cast<stack_core*>(this), now_);
            if (!deferred_.empty()) [[unlikely]] run_deferred();
            ready_.run();
            for (std::size_t i = 0; i < ports_.size(); ++i)
                if (!ports_[i]->queue.empty()) flush(*ports_[i]);
        }
        if (!deferred_.empty() || !ready_.empty()) request_finish();
    }
    std::size_t poll(std::size_t weight = 64) override {
        std::size_t frames = 0;
        for (std::size_t i = 1; i < ports_.size(); ++i) frames += poll_interface(interface_id(i), weight);
        frames += deferred_.size();
        finish();
        return frames;
    }
    bool unfinished() const override {
        if (!deferred_.empty() || !ready_.empty()) return true;
        for (const auto& each : ports_)
            if (each->queue.holds_frames()) return true;
        return false;
    }

    /// Frames in, all of which are taken. Here, and where a socket sends, everything is inlined.
    NETKIT_FLATTEN void input(std::span<packet> frames, interface_id id) {
        auto& in = interface(id);
        in.received.packets += frames.size();
        counters_.received += frames.size();
        for (auto& frame : frames) {
            in.received.bytes += frame.size();
            frame.frames(1);
        }
        if constexpr (takes_super_segments())
            if (in.coalesces && frames.size() > 1) frames = frames.first(coalesce(frames, in.link));
        for (auto& frame : frames) {
            packet p(std::move(frame));
            p.interface(id);
            NETKIT_CALL root_.receive(position<stack>(*this), std::move(p), no_link{});
        }
    }
    void input(packet frame, interface_id id) { input(std::span(&frame, 1), id); }
    /// A packet out by the interface it is on: what its device cannot do is done here.
    NETKIT_INLINE errc output(packet p) {
        auto& out = *ports_[static_cast<std::size_t>(p.interface())];
        if (!out.up) [[unlikely]] return refuse(std::move(p), errc::interface_down, drop_reason::interface_down);
        if (p.gso_size() != 0 && !out.can.segmentation) [[unlikely]] return output_cut(std::move(p));
        if (p.slices() && !out.can.scatter) {
            const bool done = out.can.checksum ? p.linearize() : p.linearize_and_complete();
            if (!done) return refuse(std::move(p), errc::no_buffers, drop_reason::no_buffers);
        }
        if (p.checksum() == checksum_state::partial && !out.can.checksum) p.complete_checksum();
        if (p.frames()) [[unlikely]] count_forwarded(p);
        ++out.sent.packets;
        out.sent.bytes += p.size();
        if (out.queue.hold(std::move(p))) [[unlikely]] flush(out);
        else if (!polling_) [[unlikely]] leave_to_finish(out);
        return errc::ok;
    }
    void defer(packet p, void (*run)(stack_core&, packet&&)) {
        p.control(run);
        deferred_.push_back(std::move(p));
        request_finish();
    }

private:
    struct port : netkit::interface {
        any_of<no_device, Device> device;
        transmit_queue queue;
        const void* speaker = nullptr;  // the layer that speaks for it; null: its device
        port(netkit::interface i, any_of<no_device, Device> d) : netkit::interface(std::move(i)), device(std::move(d)) {}
    };
    using deferred_action = void (*)(stack_core&, packet&&);

    /// Ends a batch even where a program's handler throws: time must not stand still after that.
    struct ending {
        bool& polling;
        bool& time_stands;
        ~ending() { polling = time_stands = false; }
    };

    time_point read_clock() override { return environment_.now(); }
    void begin() {
        if (polling_) return;
        now_ = environment_.now();
        polling_ = time_stands_ = true;
    }
    template <class F>
    void for_each_position(F&& f) {
        detail::for_each_position<stack, Root>(std::index_sequence<>{}, [&]<class Position>(Position*) { f(Position(*this)); });
    }
    template <class... Want>
    auto only() {
        using found = detail::found<stack, Want...>;
        constexpr auto hits = std::tuple_size_v<found>;
        static_assert(hits != 0, "netkit: this stack has no such layer");
        static_assert(hits < 2, "netkit: this stack has several such layers: name one above which it stands, at<outer, layer>()");
        if constexpr (hits == 1) return std::remove_pointer_t<std::tuple_element_t<0, found>>(*this);
    }
    template <class F>
    void on_family(interface_id on, const ip_address& address, F&& f) {
        if (static_cast<std::size_t>(on) >= ports_.size()) throw std::invalid_argument("netkit: this stack has no interface " + std::to_string(static_cast<std::size_t>(on)));
        const auto* speaker = ports_[static_cast<std::size_t>(on)]->speaker;
        bool found = false;
        for_each_position([&](auto here) {
            address.visit([&]<class A>(const A& a) {
                if constexpr (requires { here->add_address(here, a, 0u, interface_id{}); })
                    if (!found && (on == interface_id::loopback || here.speaker() == speaker)) {
                        found = true;
                        f(here, a);
                    }
            });
        });
        if (!found) throw std::invalid_argument(std::string("netkit: this stack has no layer for ") + (address.is_v6() ? "IPv6" : "IPv4") + " addresses such as " + to_string(address) + " on the interface '" + interface(on).name + "'");
    }
    interface_id add(netkit::interface i, any_of<no_device, Device> d) {
        if (ports_.size() >= static_cast<std::size_t>(interface_id::none)) throw std::length_error("netkit: a stack has at most 65535 interfaces");
        ports_.push_back(std::make_unique<port>(std::move(i), std::move(d)));
        return static_cast<interface_id>(ports_.size() - 1);
    }
    void check_attachable(const netkit::interface& i, const void* speaker) {
        if (i.link == link_type::ethernet && i.mac.is_group()) throw std::invalid_argument("netkit: interface '" + i.name + "' cannot have the group address " + to_string(i.mac) + " as its own");
        for_each_position([&](auto here) {
            using layer = typename decltype(here)::layer_type;
            if constexpr (requires { layer::least_mtu; })
                if (here.speaker() == speaker && i.mtu < layer::least_mtu)
                    throw std::invalid_argument("netkit: interface '" + i.name + "' has an MTU of " + std::to_string(i.mtu) + " bytes, too small for this composition, which needs " + std::to_string(layer::least_mtu) + ": give it a larger one, or leave out the layer that needs that (IPv6 needs 1280)");
        });
    }
    interface_id announce(interface_id id) {
        for_each_position([&](auto here) {
            if constexpr (requires { here->attached(here, id); })
                if (here.speaker() == ports_[static_cast<std::size_t>(id)]->speaker) here->attached(here, id);
        });
        return id;
    }

    auto count_lost() {
        return [this](packet p, drop_reason why) { count_drop(std::move(p), why); };
    }
    void flush(port& out) { out.queue.flush(out.device, out, buffers_, count_lost()); }
    /// Outside of a poll: sends go out soon, or at once where nobody would see to it.
    void leave_to_finish(port& out) {
        if (wake_) request_finish();
        else flush(out);
    }
    /// A super-segment to a device that cannot cut them.
    [[gnu::noinline]] errc output_cut(packet whole) {
        auto& out = *ports_[static_cast<std::size_t>(whole.interface())];
        const auto frames = whole.frames();
        const auto result = out.queue.hold_cut(std::move(whole), out.device, out, buffers_, count_lost());
        if (result == errc::ok) counters_.forwarded += frames;
        if (!polling_) [[unlikely]] leave_to_finish(out);
        return result;
    }
    NETKIT_COLD errc refuse(packet p, errc error, drop_reason why) {
        count_drop(std::move(p), why);
        return error;
    }
    NETKIT_COLD void run_deferred() {
        packet_queue now(std::move(deferred_));
        while (auto p = now.pop_front()) {
            const auto run = p.template control<deferred_action>();
            auto& loopback = *ports_[0];
            ++loopback.received.packets;
            loopback.received.bytes += p.size();
            ++counters_.received;
            p.frames(1);
            run(*this, std::move(p));
        }
    }

    Environment environment_;
    std::vector<std::unique_ptr<port>> ports_;
    std::array<packet, burst> arrived_{};
    Root root_;
};

}  // namespace netkit
