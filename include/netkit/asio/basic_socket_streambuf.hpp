#pragma once

#include <netkit/asio/basic_resolver.hpp>
#include <netkit/asio/basic_stream_socket.hpp>
#include <netkit/asio/protocol_tcp.hpp>
#include <netkit/asio/service.hpp>
#include <netkit/asio/socket_holder.hpp>
#include <netkit/asio/stack_lookup.hpp>

#include <boost/asio/basic_socket_streambuf.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/wait_traits.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <streambuf>
#include <utility>

/// Asio's stream buffer for TCP on a stack of this library: what netkit::ip::tcp::iostream writes to and reads from. Made from a
/// socket it belongs to that socket's stack. Made from nothing it has an io_context of its own, in which there is no stack:
/// connect() then fails with socket_error::no_stack. Time limits are kept by the system's clock; past them operations
/// fail with timed_out.
template <class Clock, class WaitTraits>
class boost::asio::basic_socket_streambuf<netkit::ip::tcp, Clock, WaitTraits> : public std::streambuf {
    using error_code = boost::system::error_code;
    using stream_socket = boost::asio::basic_stream_socket<netkit::ip::tcp>;

public:
    using protocol_type = netkit::ip::tcp;
    using endpoint_type = netkit::ip::tcp::endpoint;
    using clock_type = Clock;
    using time_point = typename Clock::time_point;
    using duration = typename Clock::duration;
    using time_type = time_point;
    using duration_type = duration;

    basic_socket_streambuf() : own_context_(std::make_shared<io_context>()), socket_(*own_context_) { start(); }
    explicit basic_socket_streambuf(stream_socket socket) : socket_(std::move(socket)) { start(); }
    basic_socket_streambuf(basic_socket_streambuf&& other) : basic_socket_streambuf(stream_socket(other.socket_.get_executor())) { take(other); }
    basic_socket_streambuf& operator=(basic_socket_streambuf&& other) {
        if (this == &other) return *this;
        close();
        take(other);
        return *this;
    }
    /// Sends what is buffered.
    ~basic_socket_streambuf() override {
        if (pptr() != pbase()) flush();
    }

    /// Connects; null where that fails, and error() says why.
    basic_socket_streambuf* connect(const endpoint_type& endpoint) {
        const std::array<endpoint_type, 1> one{endpoint};
        return connect_to_one_of(one);
    }
    /// Resolves and connects to the first endpoint that answers; the arguments are a resolver's.
    template <class... Arguments>
    basic_socket_streambuf* connect(Arguments... arguments) {
        boost::asio::ip::basic_resolver<netkit::ip::tcp> resolver(socket_.get_executor());
        const auto found = resolver.resolve(arguments..., error_);
        return error_ ? nullptr : connect_to_one_of(found);
    }
    /// Sends what is buffered and closes.
    basic_socket_streambuf* close() {
        sync();
        socket_.close(error_);
        if (!error_) start();
        return error_ ? nullptr : this;
    }
    boost::asio::basic_socket<netkit::ip::tcp>& socket() { return socket_; }
    const error_code& error() const { return error_; }
    const error_code& puberror() const { return error_; }
    time_point expiry() const { return expiry_; }
    time_point expires_at() const { return expiry_; }
    void expires_at(const time_point& expiry) { expiry_ = expiry; }
    void expires_after(const duration& time) { expiry_ = Clock::now() + time; }
    void expires_from_now(const duration& time) { expires_after(time); }
    duration expires_from_now() const { return expiry_ - Clock::now(); }

protected:
    int_type underflow() override {
        if (gptr() != egptr()) return traits_type::to_int_type(*gptr());
        const auto room = boost::asio::buffer(received_) + putback;
        const auto bytes = until_expiry([&](error_code& ec) { return socket_.read_some(room, ec); });
        if (error_) return traits_type::eof();
        setg(received_.data(), received_.data() + putback, received_.data() + putback + bytes);
        return traits_type::to_int_type(*gptr());
    }
    int_type overflow(int_type c) override {
        const bool nothing_more = traits_type::eq_int_type(c, traits_type::eof());
        if (!buffered_) {
            if (nothing_more) return traits_type::not_eof(c);
            const char one = traits_type::to_char_type(c);
            return send_all(boost::asio::buffer(&one, 1)) ? c : traits_type::eof();
        }
        if (!flush()) return traits_type::eof();
        if (nothing_more) return traits_type::not_eof(c);
        *pptr() = traits_type::to_char_type(c);
        pbump(1);
        return c;
    }
    int sync() override { return traits_type::eq_int_type(overflow(traits_type::eof()), traits_type::eof()) ? -1 : 0; }
    std::streambuf* setbuf(char* s, std::streamsize n) override {
        if (pptr() != pbase() || s != nullptr || n != 0) return nullptr;
        buffered_ = false;
        setp(nullptr, nullptr);
        return this;
    }

private:
    static constexpr std::size_t putback = 8;

    void start() {
        setg(received_.data(), received_.data() + putback, received_.data() + putback);
        if (buffered_) setp(to_send_.data(), to_send_.data() + to_send_.size());
        else setp(nullptr, nullptr);
    }
    void take(basic_socket_streambuf& other) {
        own_context_ = other.own_context_;
        socket_ = std::move(other.socket_);
        error_ = std::exchange(other.error_, error_code());
        expiry_ = std::exchange(other.expiry_, time_point::max());
        buffered_ = other.buffered_;
        received_ = other.received_;
        to_send_ = other.to_send_;
        start();
        setg(eback(), eback() + (other.gptr() - other.eback()), eback() + (other.egptr() - other.eback()));
        if (buffered_) pbump(static_cast<int>(other.pptr() - other.pbase()));
        other.start();
    }
    bool flush() {
        const bool sent = send_all(boost::asio::buffer(pbase(), static_cast<std::size_t>(pptr() - pbase())));
        if (sent) setp(to_send_.data(), to_send_.data() + to_send_.size());
        return sent;
    }
    bool send_all(boost::asio::const_buffer bytes) {
        while (bytes.size() > 0) {
            bytes += until_expiry([&](error_code& ec) { return socket_.write_some(bytes, ec); });
            if (error_) return false;
        }
        return true;
    }
    /// Does something, driving the stacks meanwhile, until it works, fails, or the time is over.
    template <class F>
    std::size_t until_expiry(F&& attempt) {
        if (!socket_.is_open()) {
            error_ = boost::asio::error::bad_descriptor;
            return 0;
        }
        auto& service = netkit::network_service::of(netkit::context_of(socket_.get_executor()));
        socket_.non_blocking(true, error_);
        for (;;) {
            if (expiry_ < Clock::now()) {
                error_ = boost::asio::error::timed_out;
                return 0;
            }
            const auto done = attempt(error_);
            if (error_ != boost::asio::error::would_block || !service.wait_for_progress(time_left())) return done;
        }
    }
    netkit::duration time_left() const {
        const auto left = expiry_ == time_point::max() ? duration::max() : expiry_ - Clock::now();
        const auto most = std::chrono::seconds(1);
        return left > most ? netkit::duration(most) : std::chrono::duration_cast<netkit::duration>(left);
    }
    template <class Endpoints>
    basic_socket_streambuf* connect_to_one_of(const Endpoints& endpoints) {
        start();
        error_ = boost::asio::error::not_found;
        for (const auto& each : endpoints) {
            const endpoint_type target(each);
            error_code ignored;
            socket_.close(ignored);
            socket_.open(target.protocol(), error_);
            if (error_) continue;
            auto& implementation = netkit::detail::socket_access::holder(socket()).implementation();
            if (implementation.connect(target, error_)) {
                if (!error_) return this;
                continue;
            }
            until_expiry([&](error_code& ec) -> std::size_t {
                if (!implementation.connected(ec)) ec = boost::asio::error::would_block;
                return 0;
            });
            if (!error_) return this;
        }
        return nullptr;
    }

    std::shared_ptr<io_context> own_context_;
    stream_socket socket_;
    error_code error_;
    time_point expiry_ = time_point::max();
    bool buffered_ = true;
    std::array<char, 512> received_{};
    std::array<char, 512> to_send_{};
};
