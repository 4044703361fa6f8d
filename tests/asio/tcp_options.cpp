#include "worlds.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/unicast.hpp>
#include <boost/asio/socket_base.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace asio_tcp_options_tests {

namespace net = boost::asio;
using boost::system::error_code;
using options = netkit::ip::tcp;
using namespace std::chrono_literals;

namespace {

template <class World>
struct connected {
    using tcp = typename World::tcp;
    typename tcp::acceptor acceptor;
    typename tcp::socket client, server;
    explicit connected(World& w) : acceptor(w.server(), {tcp::v4(), 0}), client(w.client()), server(w.server()) {
        acceptor.async_accept(server, [](error_code ec) { REQUIRE_FALSE(ec); });
        client.async_connect({w.server_address(), acceptor.local_endpoint().port()}, [](error_code ec) { REQUIRE_FALSE(ec); });
        w.run();
    }
};

template <class Socket, class Option>
void keeps(Socket& s, const Option& set) {
    s.set_option(set);
    Option got;
    s.get_option(got);
    CHECK(got.value() == set.value());
}
template <class Option, class Socket>
auto value_of(Socket& s) {
    Option got;
    s.get_option(got);
    return got.value();
}

}  // namespace

TEST_CASE("options that the system has, on its sockets and on ours") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::socket s(w.client(), tcp::v4());
        keeps(s, options::cork(true));
        keeps(s, options::cork(false));
        keeps(s, net::ip::unicast::hops(7));
        error_code none;
        s.set_option(net::ip::unicast::hops(0), none);
        CHECK(none == net::error::invalid_argument);
        keeps(s, net::detail::socket_option::integer<IPPROTO_IP, IP_TOS>(0xb8));
        keeps(s, options::keep_alive_idle(90s));
        keeps(s, options::keep_alive_interval(7s));
        keeps(s, options::keep_alive_count(3));
        keeps(s, options::user_timeout(12'345ms));
        keeps(s, options::user_timeout(0ms));
        s.set_option(options::quick_ack(true));
        CHECK(value_of<options::quick_ack>(s));
        // What a listener has, those that it accepts have too.
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        a.set_option(options::keep_alive_idle(33s));
        a.set_option(net::socket_base::keep_alive(true));
        typename tcp::socket client(w.client());
        client.connect({w.server_address(), a.local_endpoint().port()});
        auto server = a.accept();
        CHECK(value_of<options::keep_alive_idle>(server) == 33s);
        CHECK(value_of<net::socket_base::keep_alive>(server));
        client.close();
        error_code ec;
        client.set_option(options::cork(true), ec);
        CHECK(ec == net::error::bad_descriptor);
    });
}

TEST_CASE("options of ours, and values that make no sense") {
    worlds::on_stacks([](auto& w) {
        using tcp = netkit::ip::tcp;
        tcp::socket s(w.client(), tcp::v4());
        CHECK(value_of<tcp::ecn>(s) == netkit::tcp_ecn::answer);
        keeps(s, tcp::ecn(netkit::tcp_ecn::ask));
        keeps(s, tcp::ecn(netkit::tcp_ecn::off));
        keeps(s, tcp::pacing(true));
        keeps(s, tcp::quick_ack(true));
        keeps(s, tcp::quick_ack(false));
        keeps(s, tcp::maximum_segment(700));
        error_code ec;
        s.set_option(tcp::ecn(static_cast<netkit::tcp_ecn>(3)), ec);
        CHECK(ec == net::error::invalid_argument);
        s.set_option(tcp::keep_alive_count(-1), ec);
        CHECK(ec == net::error::invalid_argument);
        s.set_option(tcp::keep_alive_idle(-1s), ec);
        CHECK(ec == net::error::invalid_argument);
        CHECK(value_of<tcp::ecn>(s) == netkit::tcp_ecn::off);
    });
}

TEST_CASE("a congestion control by its name") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::socket s(w.client(), tcp::v4());
        CHECK(value_of<options::congestion_control>(s) != "");
        keeps(s, options::congestion_control("cubic"));
        error_code ec;
        s.set_option(options::congestion_control("no such thing"), ec);
        CHECK(ec);
        CHECK(value_of<options::congestion_control>(s) == "cubic");
        CHECK_THROWS_AS(options::congestion_control("a name of more than fifteen characters"), std::length_error);
    });
}

TEST_CASE("options do what they say") {
    worlds::on_stacks([](auto& w) {
        using tcp = netkit::ip::tcp;
        tcp::acceptor a(w.server(), {tcp::v4(), 0});
        tcp::socket client(w.client(), tcp::v4());
        client.set_option(tcp::maximum_segment(700));
        client.set_option(tcp::ecn(netkit::tcp_ecn::ask));
        client.connect({w.server_address(), a.local_endpoint().port()});
        auto server = a.accept();
        CHECK(value_of<tcp::maximum_segment>(client) <= 700);
        CHECK(value_of<tcp::maximum_segment>(server) <= 700);
        CHECK(client.info().ecn);
        CHECK(server.info().ecn);

        // More is to come: what is less than a segment waits.
        client.set_option(tcp::cork(true));
        client.send(net::buffer("abc", 3));
        w.run();
        CHECK(server.available() == 0);
        CHECK(client.info().unsent == 3);
        client.set_option(tcp::cork(false));
        w.run();
        CHECK(server.available() == 3);
        CHECK(client.info().unsent == 0);
    });
}

TEST_CASE("how many bytes wait, on both sides") {
    worlds::in_each([](auto& w) {
        connected c(w);
        const auto bytes = [](auto command, auto& socket) {
            socket.io_control(command);
            return command.get();
        };
        CHECK(bytes(options::bytes_unacknowledged(), c.client) == 0);
        c.client.set_option(options::cork(true));
        c.client.send(net::buffer("abcd", 4));
        CHECK(bytes(options::bytes_unacknowledged(), c.client) == 4);
        CHECK(bytes(options::bytes_unsent(), c.client) == 4);
        c.client.set_option(options::cork(false));
        c.server.wait(net::socket_base::wait_read);
        CHECK(bytes(net::socket_base::bytes_readable(), c.server) == 4);
        CHECK(bytes(options::bytes_unsent(), c.client) == 0);
        error_code ec;
        c.client.close();
        options::bytes_unsent command;
        c.client.io_control(command, ec);
        CHECK(ec == net::error::bad_descriptor);
    });
}

TEST_CASE("what a connection knows of itself") {
    worlds::on_stacks([](auto& w) {
        connected c(w);
        CHECK(c.client.info().state == netkit::tcp_state::established);
        CHECK(c.client.info().timestamps);
        c.client.send(net::buffer(std::string(1000, 'x')));
        w.run();
        CHECK(c.client.info().bytes_sent == 1000);
        CHECK(c.server.info().readable == 1000);
        CHECK(c.server.info().bytes_received == 1000);
        c.client.close();
        error_code ec;
        (void)c.client.info(ec);
        CHECK(ec == net::error::bad_descriptor);
        CHECK_THROWS_AS((void)c.client.info(), boost::system::system_error);
    });
}

}  // namespace asio_tcp_options_tests
