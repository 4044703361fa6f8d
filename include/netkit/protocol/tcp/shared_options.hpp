#pragma once

#include <netkit/protocol/tcp/socket_options.hpp>

#include <cstddef>
#include <new>
#include <utility>

namespace netkit {

/// A share of options that connections have in common, counted: most have the defaults, or their listener's.
class tcp_shared_options {
public:
    tcp_shared_options() = default;
    /// Throws std::bad_alloc.
    explicit tcp_shared_options(const tcp_socket_options& wanted) {
        if (!set(wanted)) throw std::bad_alloc();
    }
    tcp_shared_options(const tcp_shared_options& other) : value_(other.value_) {
        if (value_ != &defaults) ++counted()->owners;
    }
    tcp_shared_options(tcp_shared_options&& other) noexcept : value_(std::exchange(other.value_, &defaults)) {}
    tcp_shared_options& operator=(tcp_shared_options other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~tcp_shared_options() {
        if (value_ == &defaults || --counted()->owners != 0) return;
        delete counted();
    }

    /// Has these from now on, as they were where they are equal; those who share what it had keep that. False, and nothing done, where
    /// there is no memory.
    bool set(const tcp_socket_options& wanted) {
        if (wanted == *value_) return true;
        const auto* fresh = &defaults;
        if (!(wanted == defaults)) fresh = new (std::nothrow) shared{wanted, 1};
        if (!fresh) return false;
        *this = tcp_shared_options(fresh);
        return true;
    }
    const tcp_socket_options& operator*() const { return *value_; }
    const tcp_socket_options* operator->() const { return value_; }

private:
    struct shared : tcp_socket_options {
        std::size_t owners;
    };
    static constexpr tcp_socket_options defaults{};

    explicit tcp_shared_options(const tcp_socket_options* taken) : value_(taken) {}
    shared* counted() const { return static_cast<shared*>(const_cast<tcp_socket_options*>(value_)); }

    const tcp_socket_options* value_ = &defaults;
};

}  // namespace netkit
