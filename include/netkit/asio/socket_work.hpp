#pragma once

#include <netkit/asio/operation.hpp>
#include <netkit/asio/socket_holder.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace netkit::detail {

using boost::system::error_code;
using message_flags = boost::asio::socket_base::message_flags;

// What operations do. `perform` tries without blocking and says whether that was all; `results` is what handlers are called
// with; `at_once` says that it need not wait for its turn. The same objects serve blocking calls.

/// Asio's null_buffers ask to wait until something can be done, and to leave it at that.
template <class Buffers>
inline constexpr bool only_waits = std::is_same_v<Buffers, boost::asio::null_buffers>;

template <class Implementation>
struct connect_work {
    Implementation* on;
    typename Implementation::endpoint_type remote;
    error_code failed;  ///< already, when opening the socket
    bool started = false;

    bool at_once() const { return bool(failed); }
    bool perform(error_code& error) {
        error = failed;
        if (error) return true;
        if (std::exchange(started, true)) return on->connected(error);
        return on->connect(remote, error);
    }
    auto results(const error_code& error) { return std::tuple(error); }
};

template <class Implementation>
struct wait_work {
    Implementation* on;
    boost::asio::socket_base::wait_type what;

    bool at_once() const { return true; }
    bool perform(error_code& error) { return on->wait(what, error); }
    auto results(const error_code& error) { return std::tuple(error); }
};

template <class Implementation, class Buffers>
struct receive_work {
    Implementation* on;
    Buffers buffers;
    message_flags flags;
    std::size_t bytes = 0;

    bool at_once() const { return Implementation::is_stream && boost::asio::buffer_size(buffers) == 0; }
    bool perform(error_code& error) {
        if constexpr (only_waits<Buffers>) return on->wait(boost::asio::socket_base::wait_read, error);
        else return on->receive(buffers, flags, bytes, error);
    }
    auto results(const error_code& error) { return std::tuple(error, bytes); }
};

template <class Implementation, class Buffers>
struct send_work {
    Implementation* on;
    Buffers buffers;
    message_flags flags;
    std::size_t bytes = 0;

    bool at_once() const { return Implementation::is_stream && boost::asio::buffer_size(buffers) == 0; }
    bool perform(error_code& error) {
        if constexpr (only_waits<Buffers>) return on->wait(boost::asio::socket_base::wait_write, error);
        else return on->send(buffers, flags, bytes, error);
    }
    auto results(const error_code& error) { return std::tuple(error, bytes); }
};

template <class Implementation, class Buffers>
struct receive_from_work {
    Implementation* on;
    Buffers buffers;
    typename Implementation::endpoint_type* sender;
    message_flags flags;
    std::size_t bytes = 0;

    bool at_once() const { return false; }
    bool perform(error_code& error) {
        if constexpr (only_waits<Buffers>) return on->wait(boost::asio::socket_base::wait_read, error);
        else return on->receive_from(buffers, *sender, flags, bytes, error);
    }
    auto results(const error_code& error) { return std::tuple(error, bytes); }
};

template <class Implementation, class Buffers>
struct send_to_work {
    Implementation* on;
    Buffers buffers;
    typename Implementation::endpoint_type target;
    message_flags flags;
    std::size_t bytes = 0;

    bool at_once() const { return false; }
    bool perform(error_code& error) {
        if constexpr (only_waits<Buffers>) return on->wait(boost::asio::socket_base::wait_write, error);
        else return on->send_to(buffers, target, flags, bytes, error);
    }
    auto results(const error_code& error) { return std::tuple(error, bytes); }
};

/// Starts operations of one kind on one socket: an initiation function as async_initiate wants it. `Work` is aggregate-made
/// of the implementation and the arguments, only when the operation is started: `deferred` may do that later.
template <template <class...> class Work, class Holder>
struct start {
    Holder* socket;
    operation_queue std::remove_reference_t<decltype(std::declval<Holder>().implementation())>::* queue;

    using executor_type = std::remove_cvref_t<decltype(std::declval<Holder>().executor())>;
    executor_type get_executor() const noexcept { return socket->executor(); }

    template <class Handler, class... Arguments>
    void operator()(Handler&& handler, Arguments&&... arguments) const {
        auto& on = socket->implementation();
        Work work{&on, std::forward<Arguments>(arguments)...};
        on.initiate(on.*queue, std::move(work), std::decay_t<Handler>(std::forward<Handler>(handler)), socket->executor());
    }
};

}  // namespace netkit::detail
