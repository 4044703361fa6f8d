#include <netkit/asio/link.hpp>
#include <netkit/asio/reactor.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/link_sockets.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace asio_link_tests {

namespace net = boost::asio;
using boost::system::error_code;
using netkit::ether_type;

namespace {

using host = netkit::link_sockets<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>>>;
using host_reactor = netkit::reactor<netkit::stack<host, netkit::memory_link>>;
using frame_socket = netkit::basic_link_socket<>;
constexpr ether_type experimental{0x88b5};

struct two_hosts {
    net::io_context io{1};
    std::optional<host_reactor> a{std::in_place, io}, b{std::in_place, io, netkit::not_default};
    netkit::interface_id at_a{}, at_b{};
    two_hosts() {
        auto [x, y] = netkit::memory_link::make();
        at_a = a->attach(std::move(x), netkit::mac_address{2, 0, 0, 0, 0, 1});
        at_b = b->attach(std::move(y), netkit::mac_address{2, 0, 0, 0, 0, 2});
    }
};
std::string text(const netkit::packet& p) {
    std::string result(p.size(), '?');
    p.copy_to(std::as_writable_bytes(std::span(result)));
    return result;
}

}  // namespace

TEST_CASE("frames of an own EtherType, there and back") {
    two_hosts w;
    frame_socket here(w.io, experimental), there(w.b->get_executor(), experimental);
    std::string heard;
    const auto answer = [&]() -> net::awaitable<void> {
        const auto frame = co_await there.async_receive(net::use_awaitable);
        CHECK(text(frame.payload) == "ping");
        CHECK(frame.source == netkit::mac_address{2, 0, 0, 0, 0, 1});
        CHECK(frame.type == experimental);
        CHECK(frame.on == w.at_b);
        there.send(net::buffer("pong", 4), w.at_b, frame.source, experimental);
    };
    const auto ask = [&]() -> net::awaitable<void> {
        here.send(net::buffer("ping", 4), w.at_a, netkit::mac_address::broadcast(), experimental);
        const auto frame = co_await here.async_receive(net::use_awaitable);
        heard = text(frame.payload);
    };
    const auto rethrow = [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    };
    net::co_spawn(w.b->get_executor(), answer, rethrow);
    net::co_spawn(w.io, ask, rethrow);
    w.io.run();
    CHECK(heard == "pong");
    // The stacks themselves know no such EtherType, and say so of each frame once.
    CHECK(w.b->stack().counters()[netkit::drop_reason::no_upper_layer] == 1);
    CHECK(w.b->stack().counters().held() == 0);
}

TEST_CASE("sockets hear their own EtherType only, or all; blocking; bounded") {
    two_hosts w;
    frame_socket here(w.io, experimental), one(w.b->get_executor(), experimental), all(w.b->get_executor(), std::nullopt);
    const auto everyone = netkit::mac_address::broadcast();
    here.send(net::buffer("other", 5), w.at_a, everyone, ether_type{0x88b6});
    here.send(net::buffer("mine", 4), w.at_a, everyone, experimental);
    CHECK(text(one.receive().payload) == "mine");
    CHECK(text(all.receive().payload) == "other");
    CHECK(text(all.receive().payload) == "mine");
    for (int i = 0; i < 300; ++i) {
        here.send(net::buffer("many", 4), w.at_a, everyone, experimental);
        w.io.restart();
        w.io.poll();
    }
    int heard = 0;
    error_code ec;
    for (one.receive(ec); !ec; one.receive(ec)) ++heard;
    CHECK(ec == net::error::would_block);
    CHECK(heard == 256);
}

TEST_CASE("closed, cancelled, and without a stack") {
    two_hosts w;
    frame_socket s(w.b->get_executor(), experimental);
    int aborted = 0, dead = 0;
    s.async_receive([&](error_code ec, netkit::link_frame) { aborted += ec == net::error::operation_aborted; });
    s.cancel();
    s.async_receive([&](error_code ec, netkit::link_frame) { dead += ec == net::error::bad_descriptor; });
    w.b.reset();
    w.io.run();
    CHECK(aborted == 1);
    CHECK(dead == 1);
    error_code ec;
    s.send(net::buffer("x", 1), w.at_b, netkit::mac_address::broadcast(), experimental, ec);
    CHECK(ec == net::error::bad_descriptor);
    frame_socket none(w.io);
    none.send(net::buffer("x", 1), w.at_a, netkit::mac_address::broadcast(), experimental, ec);
    CHECK(ec == net::error::bad_descriptor);
    none.open(experimental);
    none.send(net::buffer("x", 1), netkit::interface_id{77}, netkit::mac_address::broadcast(), experimental, ec);
    CHECK(ec == net::error::invalid_argument);
}

}  // namespace asio_link_tests
