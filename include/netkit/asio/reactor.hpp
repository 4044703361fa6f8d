#pragma once

#include <netkit/asio/reactor_core.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/interface_id.hpp>

#include <boost/asio/io_context.hpp>

#include <utility>

namespace netkit {

/// Says that a reactor's stack is not the one that sockets of this io_context take without naming one.
struct not_default_t {
    explicit not_default_t() = default;
};
inline constexpr not_default_t not_default{};

/// A stack polled inside an io_context, and registered with it: sockets constructed from the io_context belong to it, unless
/// it is not_default; those constructed from get_executor() always do. The io_context is to be run by one
/// thread at a time: run() throws std::logic_error on one that comes while another is inside.
///
/// The stack is no work: as with a kernel, run() returns when the program's own operations are done, and the stack answers
/// its peers as long as run() has something else to do. A program that wants to do nothing but answer holds a work guard.
///
/// Construct it after the io_context and destroy it before. Operations that are pending on its sockets then complete with
/// bad_descriptor. For connections that were closed and have something left to deliver its destructor goes on for
/// reactor_options::linger, driving all stacks of the io_context but calling no handler.
///
/// Sockets are used from the thread that runs the io_context, or from any while none runs it; other threads get wrong_thread. They
/// may be destroyed on any thread: where it is not theirs, the io_context closes them as soon as it runs.
template <class Stack>
class reactor final : public reactor_core {
public:
    using stack_type = Stack;
    using executor_type = stack_executor;

    using environment_type = typename Stack::environment_type;

    /// The default stack of `io`. Throws std::logic_error where `io` has one.
    explicit reactor(boost::asio::io_context& io, const reactor_options& options = {}, environment_type environment = environment_type())
        : reactor_core(io, options), stack_(std::move(environment)) {
        start(stack_, true);
    }
    reactor(boost::asio::io_context& io, environment_type environment) : reactor(io, reactor_options{}, std::move(environment)) {}
    /// One more stack of `io`.
    reactor(boost::asio::io_context& io, not_default_t, const reactor_options& options = {}, environment_type environment = environment_type())
        : reactor_core(io, options), stack_(std::move(environment)) {
        start(stack_, false);
    }
    reactor(boost::asio::io_context& io, not_default_t, environment_type environment) : reactor(io, not_default, reactor_options{}, std::move(environment)) {}
    ~reactor() { stop(); }

    Stack& stack() { return stack_; }
    const Stack& stack() const { return stack_; }

    /// Attaches a device as stack::attach does, and polls it from now on.
    template <class... Arguments>
    interface_id attach(Arguments&&... arguments) {
        const auto id = stack_.attach(std::forward<Arguments>(arguments)...);
        watch_new_interfaces();
        return id;
    }
    /// The position of a layer, as stack::at.
    template <class... Layer>
    auto at() {
        return stack_.template at<Layer...>();
    }
    template <template <class...> class Layer>
    auto at() {
        return stack_.template at<Layer>();
    }
    template <class Address>
    void add_address(interface_id on, const Address& address) {
        stack_.add_address(on, address);
    }
    template <class Address>
    void add_gateway(const Address& gateway, interface_id out) {
        stack_.add_gateway(gateway, out);
    }

private:
    Stack stack_;
};

}  // namespace netkit
