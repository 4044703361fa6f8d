#include "worlds.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/socket_base.hpp>
#include <doctest/doctest.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace asio_options_tests {

namespace net = boost::asio;
using boost::system::error_code;

TEST_CASE("options keep what they are given") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::socket s(w.client(), tcp::v4());
        const auto keeps = [&](auto set, auto get) {
            s.set_option(set);
            s.get_option(get);
            CHECK(get.value() == set.value());
        };
        keeps(typename tcp::no_delay(true), typename tcp::no_delay());
        keeps(typename tcp::no_delay(false), typename tcp::no_delay());
        keeps(net::socket_base::keep_alive(true), net::socket_base::keep_alive());
        keeps(net::socket_base::reuse_address(true), net::socket_base::reuse_address());
        s.set_option(net::socket_base::linger(true, 7));
        net::socket_base::linger linger;
        s.get_option(linger);
        CHECK(linger.enabled());
        CHECK(linger.timeout() == 7);
        s.set_option(net::socket_base::send_buffer_size(100'000));
        net::socket_base::send_buffer_size size;
        s.get_option(size);
        CHECK(size.value() >= 100'000);
        s.set_option(net::socket_base::receive_buffer_size(100'000));

        typename tcp::socket six(w.client(), tcp::v6());
        six.set_option(net::ip::v6_only(true));
        net::ip::v6_only only;
        six.get_option(only);
        CHECK(only.value());

        typename tcp::acceptor a(w.server(), tcp::v4());
        a.set_option(net::socket_base::enable_connection_aborted(true));
        net::socket_base::enable_connection_aborted aborted;
        a.get_option(aborted);
        CHECK(aborted.value());
        error_code ec;
        s.close();
        s.set_option(typename tcp::no_delay(true), ec);
        CHECK(ec == net::error::bad_descriptor);
    });
}

TEST_CASE("options that need not be there are there, and sockets say what they are") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        using base = net::socket_base;
        typename tcp::socket stream(w.client(), tcp::v4());
        typename udp::socket datagrams(w.client(), udp::v4());
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        const auto check = [&](auto& s, int type, int protocol) {
            const auto keeps = [&](auto set, auto get) {
                s.set_option(set);
                s.get_option(get);
                CHECK(get.value() == set.value());
            };
            const auto is = [&]<int Name>(std::integral_constant<int, Name>) {
                net::detail::socket_option::integer<SOL_SOCKET, Name> option;
                s.get_option(option);
                return option.value();
            };
            keeps(base::debug(false), base::debug());
            keeps(base::do_not_route(false), base::do_not_route());
            keeps(base::out_of_band_inline(true), base::out_of_band_inline());
            keeps(base::out_of_band_inline(false), base::out_of_band_inline());
            keeps(base::receive_low_watermark(1), base::receive_low_watermark());
            keeps(base::keep_alive(true), base::keep_alive());
            keeps(base::keep_alive(false), base::keep_alive());
            keeps(base::enable_connection_aborted(true), base::enable_connection_aborted());
            s.set_option(base::send_buffer_size(50'000));
            base::send_buffer_size size;
            s.get_option(size);
            CHECK(size.value() >= 50'000);
            CHECK(is(std::integral_constant<int, SO_TYPE>()) == type);
            CHECK(is(std::integral_constant<int, SO_PROTOCOL>()) == protocol);
            CHECK(is(std::integral_constant<int, SO_DOMAIN>()) == AF_INET);
            return is(std::integral_constant<int, SO_ACCEPTCONN>());
        };
        CHECK(check(stream, SOCK_STREAM, IPPROTO_TCP) == 0);
        CHECK(check(datagrams, SOCK_DGRAM, IPPROTO_UDP) == 0);
        CHECK(check(a, SOCK_STREAM, IPPROTO_TCP) == 1);
    });
}

TEST_CASE("options that a stack cannot do are refused, not ignored") {
    worlds::on_stacks([](auto& w) {
        using base = net::socket_base;
        netkit::ip::tcp::socket s(w.client(), netkit::ip::tcp::v4());
        error_code ec;
        s.set_option(base::do_not_route(true), ec);
        CHECK(ec == net::error::operation_not_supported);
        s.set_option(base::debug(true), ec);
        CHECK(ec == net::error::operation_not_supported);
        s.set_option(base::receive_low_watermark(2), ec);
        CHECK(ec == net::error::operation_not_supported);
        s.set_option(net::ip::multicast::hops(3), ec);
        CHECK(ec == net::error::no_protocol_option);
    });
}

TEST_CASE("io_control, at_mark, available, modes") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        typename tcp::socket client(w.client());
        client.connect({w.server_address(), a.local_endpoint().port()});
        auto server = a.accept();
        client.send(net::buffer("1234", 4));
        server.wait(tcp::socket::wait_read);
        net::socket_base::bytes_readable readable;
        server.io_control(readable);
        CHECK(readable.get() == 4);
        CHECK(server.available() == 4);
        CHECK_FALSE(server.at_mark());
        CHECK_FALSE(server.non_blocking());
        server.native_non_blocking(true);
        CHECK(server.native_non_blocking());
        server.non_blocking(true);
        error_code ec;
        server.native_non_blocking(false, ec);
        CHECK(ec == net::error::invalid_argument);
    });
}

TEST_CASE("message flags: peeking works, urgent data does not exist") {
    worlds::on_stacks([](auto& w) {
        using tcp = netkit::ip::tcp;
        tcp::acceptor a(w.server(), {tcp::v4(), 0});
        tcp::socket client(w.client());
        client.connect({w.server_address(), a.local_endpoint().port()});
        auto server = a.accept();
        error_code ec;
        client.send(net::buffer("1", 1), tcp::socket::message_out_of_band, ec);
        CHECK(ec == net::error::operation_not_supported);
        client.send(net::buffer("1", 1), tcp::socket::message_do_not_route, ec);
        CHECK(ec == net::error::operation_not_supported);
        CHECK(client.send(net::buffer("1", 1), tcp::socket::message_end_of_record, ec) == 1);
        CHECK_FALSE(ec);
        std::array<char, 4> room{};
        server.receive(net::buffer(room), tcp::socket::message_out_of_band, ec);
        CHECK(ec == net::error::operation_not_supported);
        CHECK(server.receive(net::buffer(room), tcp::socket::message_peek, ec) == 1);
        CHECK(server.receive(net::buffer(room), 0, ec) == 1);
        bool told = false;
        client.async_send(net::buffer("1", 1), tcp::socket::message_out_of_band, [&](error_code e, std::size_t) { told = e == net::error::operation_not_supported; });
        w.run();
        CHECK(told);
    });
}

TEST_CASE("a socket given up and taken over, and moved between executors") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        net::basic_stream_socket<tcp, net::io_context::executor_type> typed(w.io);
        typename tcp::socket client(std::move(typed));
        client.connect({w.server_address(), a.local_endpoint().port()});
        auto server = a.accept();
        CHECK(client.native_handle() == client.native_handle());
        const auto local = client.local_endpoint();
        auto* const released = new auto(client.release());
        CHECK_FALSE(client.is_open());
        typename tcp::socket again(w.client(), tcp::v4(), *released);
        delete released;
        CHECK(again.local_endpoint() == local);
        again.send(net::buffer("1", 1));
        std::array<char, 4> room{};
        CHECK(server.receive(net::buffer(room)) == 1);
    });
}

TEST_CASE("wrong use is an error, not a surprise") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        const auto port = a.local_endpoint().port();
        error_code ec;
        typename tcp::acceptor other(w.server(), tcp::v4());
        other.bind({tcp::v4(), port}, ec);
        CHECK(ec == net::error::address_in_use);
        other.open(tcp::v4(), ec);
        CHECK(ec == net::error::already_open);
        typename tcp::socket s(w.client(), tcp::v4());
        s.bind({tcp::v6(), 0}, ec);
        CHECK(ec);
        s.remote_endpoint(ec);
        CHECK(ec == net::error::not_connected);
        s.shutdown(tcp::socket::shutdown_both, ec);
        CHECK(ec == net::error::not_connected);
        s.connect({w.server_address(), port});
        s.connect({w.server_address(), port}, ec);
        CHECK(ec == net::error::already_connected);
        a.accept(s, ec);
        CHECK(ec == net::error::already_open);
        s.shutdown(tcp::socket::shutdown_send);
        s.write_some(net::buffer("1", 1), ec);
        CHECK(ec == net::error::broken_pipe);
        s.close();
        s.close();
        s.cancel(ec);
        CHECK(ec == net::error::bad_descriptor);
        CHECK_THROWS_AS(s.local_endpoint(), boost::system::system_error);
    });
}

}  // namespace asio_options_tests
