#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace netkit::detail {

/// What a protocol's sockets consist of: specialised for each protocol of this library, `type` is a socket_implementation.
template <class Protocol>
struct implementation_of;

/// Calls f with an error code, and throws what it stored there.
template <class F>
auto call_throwing(const char* what, F& f) {
    boost::system::error_code error;
    const auto check = [&] {
        if (error) throw boost::system::system_error(error, what);
    };
    if constexpr (std::is_void_v<decltype(f(error))>) {
        f(error);
        check();
    } else {
        auto result = f(error);
        check();
        return result;
    }
}

/// An executor and what is behind a socket, made when it is first needed: a moved-from socket is as good as a new one.
template <class Implementation, class Executor>
class socket_holder {
public:
    explicit socket_holder(const Executor& executor) : executor_(executor) {}
    socket_holder(socket_holder&& other) noexcept : executor_(other.executor_), implementation_(std::move(other.implementation_)) {}
    socket_holder& operator=(socket_holder&& other) noexcept {
        if (this == &other) return *this;
        executor_ = other.executor_;
        Implementation::destroy(std::exchange(implementation_, std::move(other.implementation_)));
        return *this;
    }
    template <class Other>
    explicit socket_holder(socket_holder<Implementation, Other>&& other) : executor_(other.executor()), implementation_(std::move(other.implementation_)) {}
    ~socket_holder() { Implementation::destroy(std::move(implementation_)); }

    const Executor& executor() const noexcept { return executor_; }
    bool is_open() const { return implementation_ && implementation_->is_open(); }
    Implementation& implementation() const {
        if (!implementation_) implementation_ = std::make_unique<Implementation>(executor_);
        return *implementation_;
    }

private:
    template <class I, class E>
    friend class socket_holder;
    Executor executor_;
    mutable std::unique_ptr<Implementation> implementation_;
};

/// How sockets of this library get at each other's inside.
struct socket_access {
    template <class Socket>
    static auto& holder(Socket& socket) {
        return socket.holder_;
    }
};

}  // namespace netkit::detail

namespace netkit {

/// The protocols for which Asio's socket templates are specialised here.
template <class Protocol>
concept socket_protocol = requires { typename detail::implementation_of<Protocol>::type; };

}  // namespace netkit
