#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/checks.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/compose/search.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/inline.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace netkit {

/// Where a layer stands in a stack: `here`. One pointer wide, the place is in the type.
template <class Stack, std::size_t... Path>
class position {
    using node = detail::node<typename Stack::root_type, Path...>;

public:
    using layer_type = typename node::type;
    using stack_type = Stack;

    explicit constexpr position(Stack& s) : stack_(&s) {}
    /// For what is kept without the stack's type; `s` must be a Stack.
    static position in(stack_core& s) { return position(static_cast<Stack&>(s)); }

    Stack& stack() const { return *stack_; }
    layer_type& layer() const { return node::get(stack_->root()); }
    layer_type* operator->() const { return &layer(); }

    time_point now() const { return stack_->now(); }
    std::uint64_t random() const { return stack_->random(); }
    netkit::interface& interface(interface_id id) const { return stack_->interface(id); }
    /// Interfaces are numbered from 0 (the loopback) to interface_count() - 1.
    std::size_t interface_count() const { return stack_->interface_count(); }
    pool& buffers() const { return stack_->buffers(); }

    /// Ends a packet's life; counted under its reason, once for each received frame it stands for.
    NETKIT_COLD void drop(packet p, drop_reason why) const { stack_->count_drop(std::move(p), why); }
    /// Counts a packet as arrived. From then on it is the holder's, to keep, to free, or to send as its own.
    void deliver(packet& p) const { stack_->count_delivered(p); }
    /// Counts a packet as passed on for someone else.
    void forwarded(packet& p) const { stack_->count_forwarded(p); }
    /// Has a copy of a received packet count as another frame received.
    void received_again(packet& copy) const { stack_->count_received(copy); }
    /// Has item run after the batch.
    void make_ready(ready_item& item) const { stack_->make_ready(item); }

    /// Calls layer.expired(here, t) once `when` has come, unless disarmed or armed anew.
    template <std::derived_from<timer> Timer>
    void arm(Timer& t, time_point when) const {
        stack_->timers().arm(t, when, [](void* s, timer& expired) {
            auto here = in(*static_cast<stack_core*>(s));
            here->expired(here, static_cast<Timer&>(expired));
        });
    }
    /// Has this layer receive the packet anew, later: how a host speaks to itself.
    errc again(packet p) const {
        stack_->defer(std::move(p), [](stack_core& s, packet&& q) {
            auto here = in(s);
            here->receive(here, std::move(q), no_link{});
        });
        return errc::ok;
    }
    /// Adds an interface for which this layer speaks, which must say `has_interfaces`: a VLAN's or a tunnel's inside.
    interface_id attach_virtual(netkit::interface i) const {
        static_assert(netkit::has_interfaces<layer_type>, "netkit: a layer that adds interfaces says so (declare: static constexpr bool has_interfaces = true)");
        return stack_->attach_virtual(std::move(i), &layer());
    }
    /// Which layer's interfaces this one stands on; null where they are devices'.
    const void* speaker() const {
        if constexpr (sizeof...(Path) == 0) return nullptr;
        else if constexpr (netkit::has_interfaces<typename below_type::layer_type>) return &below().layer();
        else return below().speaker();
    }

    /// Bytes that every layer from here down to the wire may put in front of what `Upper` sends, or this layer itself: known
    /// when compiling.
    template <class Upper>
    static constexpr std::size_t room_under() {
        if constexpr (sizeof...(Path) == 0) return detail::room<layer_type, Upper>();
        else return detail::room<layer_type, Upper>() + below_type::template room_under<layer_type>();
    }
    static constexpr std::size_t headroom() {
        if constexpr (sizeof...(Path) == 0) return layer_type::header_size;
        else return layer_type::header_size + below_type::template room_under<layer_type>();
    }
    /// A packet with room in front for every header from this layer's down, and behind for `size` bytes. Empty where the pool
    /// is exhausted. In front of those headers is as much room as devices keep, so that another stack to which memory takes
    /// the packet need not move it.
    packet allocate(std::size_t size = 0) const { return packet(stack_->buffers(), headroom() + Stack::deepest_headroom(), size); }

    auto below() const
        requires(sizeof...(Path) > 0)
    {
        return below_type(*stack_);
    }
    /// Whether this layer stands on a junction, whose other uppers it shares; and that junction.
    static consteval bool on_junction() {
        if constexpr (sizeof...(Path) == 0) return false;
        else if constexpr (requires { below_type::layer_type::junction; }) return true;
        else if constexpr (stands_between<typename below_type::layer_type>) return below_type::on_junction();
        else return false;
    }
    auto junction() const
        requires(sizeof...(Path) > 0)
    {
        if constexpr (requires { below_type::layer_type::junction; }) return below();
        else return below().junction();
    }
    template <std::size_t... I>
    auto above() const {
        return position<Stack, Path..., I...>(*stack_);
    }

    /// Whether something above, or seen through what is above, is what Pick wants; and the first such.
    template <class Pick>
    static constexpr bool has = carries_a<layer_type, Pick>;
    template <class Pick>
    auto above_that() const
        requires has<Pick>
    {
        return [&]<std::size_t... I>(std::index_sequence<I...>) { return above<I...>(); }(detail::sought<Pick, layer_type>{});
    }
    /// Whether something below, or beside one of those below, is what Pick wants; and the nearest such. What lies below a layer
    /// with interfaces of its own is another network's.
    template <class Pick>
    static consteval bool near() {
        if constexpr (sizeof...(Path) == 0) return false;
        else if constexpr (Pick::template wants<typename below_type::layer_type> || beside<Pick>()) return true;
        else if constexpr (netkit::has_interfaces<typename below_type::layer_type>) return false;
        else return below_type::template near<Pick>();
    }
    template <class Pick>
    auto nearest() const {
        static_assert(near<Pick>(), "netkit: nothing below or beside this layer has the capability that it needs");
        auto lower = below();
        using lower_type = typename decltype(lower)::layer_type;
        if constexpr (Pick::template wants<lower_type>) return lower;
        else if constexpr (beside<Pick>()) return lower.template above_that<Pick>();
        else return lower.template nearest<Pick>();
    }
    /// Calls f with the position of every layer directly above, or shared by a junction below, that takes `key`; returns
    /// whether there was one.
    template <class Key, class F>
    bool claimant(Key key, F&& f) const {
        const bool found = [&]<std::size_t... I>(std::index_sequence<I...>) { return (visit_claimant<I>(key, f) || ...); }(fan);
        if (found) return true;
        if constexpr (on_junction()) return junction().claimant(key, std::forward<F>(f));
        else return false;
    }
    /// Calls f with this position, or with that of the layer for which this one stands.
    template <class F>
    void with_layer(F&& f) const {
        if constexpr (stands_between<layer_type>) above<0>().with_layer(std::forward<F>(f));
        else f(*this);
    }

    /// Whether a layer above, or one that a junction below shares among its uppers, claims `key`.
    template <class Key>
    static constexpr bool claims(Key key) {
        const bool found = []<std::size_t... I>(std::index_sequence<I...>, Key k) { return (claimed_by<I>(k) || ...); }(fan, key);
        if (found) return true;
        if constexpr (on_junction()) return decltype(std::declval<const position&>().junction())::claims(key);
        else return false;
    }

    /// Hands a packet to the layer above that claims `key`; to those that a junction below shares among its uppers if none
    /// does; drops it otherwise.
    template <class Key, class From>
    NETKIT_INLINE void up(Key key, packet p, const From& from) const {
        if (!offer_up(key, p, from)) drop(std::move(p), drop_reason::no_upper_layer);
    }
    /// The same, but leaves the packet with the caller, and returns false, where no layer claims it.
    template <class Key, class From>
    NETKIT_INLINE bool offer_up(Key key, packet& p, const From& from) const {
        const bool taken = [&]<std::size_t... I>(std::index_sequence<I...>) NETKIT_LAMBDA { return (offer<I>(key, p, from) || ...); }(fan);
        if (taken) return true;
        if constexpr (on_junction()) return junction().offer_up(key, p, from);
        else return false;
    }
    /// Hands a packet to the layer below under this layer's number, or to the interface it is on.
    template <class To>
    NETKIT_INLINE errc down(packet p, const To& to) const {
        return down_as(detail::first_key(key_of<layer_type>), std::move(p), to);
    }
    /// The same under another number.
    template <class Key, class To>
    NETKIT_INLINE errc down_as(Key key, packet p, const To& to) const {
        if constexpr (sizeof...(Path) == 0) return stack_->output(std::move(p));
        else {
            auto lower = below();
            NETKIT_CALL return lower->transmit(lower, key, std::move(p), to);
        }
    }

private:
    /// Whether what Pick wants stands on the layer below, where Pick may look: what lies on the way down is not beside it, but
    /// for the families of a junction.
    template <class Pick>
    static consteval bool beside() {
        using lower_type = typename below_type::layer_type;
        if constexpr (requires { Pick::on_the_way_down; } && !requires { lower_type::junction; }) return false;
        else return carries_a<lower_type, Pick>;
    }
    template <std::size_t I>
    using nth = std::tuple_element_t<I, typename layer_type::uppers>;
    static constexpr auto fan = std::make_index_sequence<std::tuple_size_v<typename layer_type::uppers>>{};

    template <std::size_t... P>
    struct below_of {
        using type = typename detail::parent<Stack, std::index_sequence<>, P...>::type;
    };
    template <std::size_t... P>
        requires(sizeof...(P) == 0)
    struct below_of<P...> {
        using type = void;
    };
    using below_type = typename below_of<Path...>::type;

    template <std::size_t I, class Key>
    static constexpr bool claimed_by(Key key) {
        if constexpr (std::same_as<key_type<nth<I>>, Key>) return key_of<nth<I>> == key;
        else return false;
    }
    template <std::size_t I, class Key, class F>
    bool visit_claimant(Key key, F&& f) const {
        if constexpr (std::same_as<key_type<nth<I>>, Key>)
            if (key_of<nth<I>> == key) {
                above<I>().with_layer(f);
                return true;
            }
        return false;
    }
    template <std::size_t I, class From>
    NETKIT_COLD void receive_rarely(packet p, const From& from) const {
        auto upper = above<I>();
        upper->receive(upper, std::move(p), from);
    }
    template <std::size_t I, class Key, class From>
    NETKIT_INLINE bool offer(Key key, packet& p, const From& from) const {
        if constexpr (std::same_as<key_type<nth<I>>, Key>)
            if (key_of<nth<I>> == key) {
                if constexpr (requires { nth<I>::rare; }) receive_rarely<I>(std::move(p), from);
                else {
                    auto upper = above<I>();
                    NETKIT_CALL upper->receive(upper, std::move(p), from);
                }
                return true;
            }
        return false;
    }

    Stack* stack_;
};

}  // namespace netkit
