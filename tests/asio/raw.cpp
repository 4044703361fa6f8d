#include <netkit/asio/raw.hpp>
#include <netkit/asio/reactor.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/raw_sockets.hpp>
#include <netkit/wire/icmp.hpp>
#include <netkit/wire/ipv4.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/icmp.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/unicast.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <istream>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace asio_raw_tests {

namespace net = boost::asio;
using boost::system::error_code;
using netkit::ip::raw;

namespace {

using host = netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::raw_sockets>>;
using quiet_host = netkit::ethernet<netkit::arp, netkit::ipv4<netkit::raw_sockets>>;  // answers no echo by itself

constexpr int experimental = 253;

template <class There>
struct hosts {
    net::io_context io{1};
    std::optional<netkit::reactor<netkit::stack<host, netkit::memory_link>>> a{std::in_place, io};
    std::optional<netkit::reactor<netkit::stack<There, netkit::memory_link>>> b{std::in_place, io, netkit::not_default};
    hosts() {
        auto [x, y] = netkit::memory_link::make();
        const auto at_a = a->attach(std::move(x), netkit::mac_address{2, 0, 0, 0, 0, 1});
        const auto at_b = b->attach(std::move(y), netkit::mac_address{2, 0, 0, 0, 0, 2});
        a->template at<netkit::ipv6>()->duplicate_address_detection = false;
        a->add_address(at_a, "198.18.0.1/24");
        a->add_address(at_a, "fd00:6e6b::1/64");
        b->add_address(at_b, "198.18.0.2/24");
        if constexpr (std::is_same_v<There, host>) {
            b->template at<netkit::ipv6>()->duplicate_address_detection = false;
            b->add_address(at_b, "fd00:6e6b::2/64");
        }
    }
    ~hosts() {
        if (a) check_accounts(*a);
        if (b) check_accounts(*b);
    }
    void run() {
        io.restart();
        io.run_for(std::chrono::seconds(60));
        REQUIRE(io.stopped());
    }
    template <class Reactor>
    static void check_accounts(Reactor& r) {
        CHECK(r.stack().counters().held() == 0);
    }
};
using two_hosts = hosts<host>;

void rethrow(std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
}
raw::endpoint at(const char* address) { return {net::ip::make_address(address), 0}; }

/// Asio's own ping example in short: a raw socket, a resolver, a streambuf. Its protocol is what is changed.
template <class Icmp>
class pinger {
public:
    pinger(net::io_context& io, const char* destination) : resolver_(io), socket_(io, Icmp::v4()) {
        destination_ = *resolver_.resolve(Icmp::v4(), destination, "").begin();
        start_send();
        start_receive();
    }
    int replies = 0;
    std::string payload;
    netkit::ipv4_header ip{};

private:
    void start_send() {
        const std::string body("\"Hello!\" from Asio ping.");
        std::vector<char> request(sizeof(netkit::icmp_header) + body.size());
        netkit::icmp_header h{8, 0, {}, netkit::icmp_header::make_echo(identifier, ++sequence_)};
        std::memcpy(request.data() + sizeof h, body.data(), body.size());
        h.checksum = netkit::checksum_of(h.sum() + netkit::sum16(std::as_bytes(std::span(body))));
        std::memcpy(request.data(), &h, sizeof h);
        CHECK(socket_.send_to(net::buffer(request), destination_) == request.size());
    }
    void start_receive() {
        reply_buffer_.consume(reply_buffer_.size());
        socket_.async_receive(reply_buffer_.prepare(65536), [this](error_code ec, std::size_t length) {
            REQUIRE(!ec);
            handle_receive(length);
        });
    }
    void handle_receive(std::size_t length) {
        reply_buffer_.commit(length);
        std::istream is(&reply_buffer_);
        netkit::icmp_header icmp{};
        is.read(reinterpret_cast<char*>(&ip), sizeof ip);
        is.read(reinterpret_cast<char*>(&icmp), sizeof icmp);
        if (is && icmp.type == 0 && icmp.identifier() == identifier && icmp.sequence() == sequence_) {
            ++replies;
            payload.assign(length - sizeof ip - sizeof icmp, ' ');
            is.read(payload.data(), static_cast<std::streamsize>(payload.size()));
            if (replies == 3) return;
            start_send();
        }
        start_receive();
    }

    static constexpr std::uint16_t identifier = 4711;
    typename Icmp::resolver resolver_;
    typename Icmp::socket socket_;
    typename Icmp::endpoint destination_;
    std::uint16_t sequence_ = 0;
    net::streambuf reply_buffer_;
};

}  // namespace

TEST_CASE("Asio's ping program, answered by the other stack's ICMP") {
    [[maybe_unused]] const auto compiles_for_the_kernel = [](net::io_context& io) { pinger<net::ip::icmp> p(io, "198.18.0.2"); };
    two_hosts w;
    w.a->add_host("other", "198.18.0.2");
    pinger<netkit::ip::icmp> ping(w.io, "other");
    w.run();
    CHECK(ping.replies == 3);
    CHECK(ping.payload == "\"Hello!\" from Asio ping.");
    CHECK(ping.ip.source == netkit::ipv4_address(198, 18, 0, 2));
    CHECK(ping.ip.ttl == 64);
}

TEST_CASE("Asio's ping program, answered by a raw socket") {
    hosts<quiet_host> w;
    pinger<netkit::ip::icmp> ping(w.io, "198.18.0.2");
    netkit::ip::icmp::socket there(w.b->get_executor(), netkit::ip::icmp::v4());
    const auto answer = [&]() -> net::awaitable<void> {
        for (int i = 0; i < 3; ++i) {
            std::array<unsigned char, 2000> buffer;
            netkit::ip::icmp::endpoint sender;
            const auto n = co_await there.async_receive_from(net::buffer(buffer), sender, net::use_awaitable);
            CHECK(sender.address() == net::ip::make_address("198.18.0.1"));
            const std::span message(buffer.data() + sizeof(netkit::ipv4_header), n - sizeof(netkit::ipv4_header));
            message[0] = message[2] = message[3] = 0;
            const auto sum = netkit::checksum_of(netkit::sum16(std::as_bytes(message)));
            std::memcpy(message.data() + 2, &sum, sizeof sum);
            co_await there.async_send_to(net::buffer(message.data(), message.size()), sender, net::use_awaitable);
        }
    };
    net::co_spawn(w.b->get_executor(), answer, rethrow);
    w.run();
    CHECK(ping.replies == 3);
}

TEST_CASE("ICMPv6: the stack sets the checksum, and nothing precedes the message") {
    two_hosts w;
    netkit::ip::icmp::socket s(w.io, netkit::ip::icmp::v6());
    s.connect({net::ip::make_address("fd00:6e6b::2"), 0});
    CHECK(s.local_endpoint().address() == net::ip::make_address("fd00:6e6b::1"));
    const std::array<unsigned char, 12> request{128, 0, 0, 0, 0, 1, 0, 2, 's', 'i', 'x', '!'};
    CHECK(s.send(net::buffer(request)) == request.size());
    std::array<unsigned char, 100> reply;
    std::size_t n = 0;
    do n = s.receive(net::buffer(reply));  // neighbour discovery is heard too
    while (reply[0] != 129);
    CHECK(n == request.size());
    CHECK(std::memcmp(reply.data() + 4, request.data() + 4, n - 4) == 0);
}

TEST_CASE("an IP protocol of one's own, there and back, over both families") {
    two_hosts w;
    for (const bool v6 : {false, true}) {
        CAPTURE(v6);
        const raw protocol(v6 ? AF_INET6 : AF_INET, experimental);
        const std::size_t header = v6 ? 0 : sizeof(netkit::ipv4_header);
        raw::socket here(w.io, protocol), there(w.b->get_executor(), protocol);
        std::string heard;
        const auto answer = [&]() -> net::awaitable<void> {
            const auto d = co_await there.async_receive_packet(net::use_awaitable);
            CHECK(d.payload.size() == header + 4);
            CHECK(d.hop_limit == 7);
            const raw::endpoint to = netkit::to_asio(d.source, protocol);
            co_await there.async_send_to(net::buffer("pong", 4), to, net::use_awaitable);
        };
        const auto ask = [&]() -> net::awaitable<void> {
            here.set_option(net::ip::unicast::hops(7));
            const auto target = at(v6 ? "fd00:6e6b::2" : "198.18.0.2");
            co_await here.async_send_to(net::buffer("ping", 4), target, net::use_awaitable);
            std::array<char, 100> buffer;
            raw::endpoint sender;
            const auto n = co_await here.async_receive_from(net::buffer(buffer), sender, net::use_awaitable);
            CHECK(sender == target);
            heard.assign(buffer.data() + header, n - header);
        };
        net::co_spawn(w.b->get_executor(), answer, rethrow);
        net::co_spawn(w.io, ask, rethrow);
        w.run();
        CHECK(heard == "pong");
    }
    CHECK(w.b->stack().counters()[netkit::drop_reason::no_upper_layer] == 0);
}

TEST_CASE("a peek leaves the packet; available and wait tell of it") {
    two_hosts w;
    raw::socket s(w.io, raw::v4(experimental));
    s.bind(at("198.18.0.1"));
    CHECK(s.available() == 0);
    s.send_to(net::buffer("to myself", 9), at("198.18.0.1"));
    s.wait(net::socket_base::wait_read);
    CHECK(s.available() == 29);
    std::array<char, 24> buffer;
    CHECK(s.receive(net::buffer(buffer), net::socket_base::message_peek) == 24);
    CHECK(s.receive(net::buffer(buffer)) == 24);
    CHECK(std::string(buffer.data() + 20, 4) == "to m");
    CHECK(s.available() == 0);
    s.non_blocking(true);
    error_code ec;
    s.receive(net::buffer(buffer), 0, ec);
    CHECK(ec == net::error::would_block);
    s.send(net::buffer("x", 1), 0, ec);
    CHECK(ec == net::error::not_connected);
}

TEST_CASE("options and errors of raw sockets") {
    two_hosts w;
    raw::socket s(w.io, raw::v4(experimental));
    net::ip::unicast::hops hops(3);
    s.set_option(hops);
    s.set_option(net::ip::multicast::hops(4));
    s.set_option(net::socket_base::receive_buffer_size(5000));
    net::ip::unicast::hops read_hops;
    s.get_option(read_hops);
    CHECK(read_hops.value() == 3);
    net::socket_base::receive_buffer_size size;
    s.get_option(size);
    CHECK(size.value() == 5000);
    error_code ec;
    s.set_option(net::socket_base::keep_alive(true), ec);
    CHECK_FALSE(ec);
    s.set_option(net::socket_base::linger(true, 1), ec);
    CHECK(ec == net::error::no_protocol_option);
    s.send_to(net::buffer("x", 1), at("198.18.0.255"), 0, ec);
    CHECK(ec == net::error::access_denied);
    s.set_option(net::socket_base::broadcast(true));
    s.send_to(net::buffer("x", 1), at("198.18.0.255"));
    s.send_to(net::buffer("x", 1), at("fd00:6e6b::2"), 0, ec);
    CHECK(ec == net::error::address_family_not_supported);
    s.send_to(net::buffer("x", 1), at("203.0.113.1"), 0, ec);
    CHECK(ec == net::error::network_unreachable);
    s.bind(at("198.18.0.2"), ec);
    CHECK(ec);
    s.open(raw::v4(experimental), ec);
    CHECK(ec == net::error::already_open);
    s.close();
    s.open(raw(AF_INET, 256), ec);
    CHECK(ec == net::error::invalid_argument);
    s.open(raw::v6(experimental), ec);
    CHECK(!ec);

    hosts<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>>> without;
    raw::socket none(without.b->get_executor());
    none.open(raw::v4(experimental), ec);
    CHECK(ec == net::error::operation_not_supported);
    CHECK(!none.is_open());
    w.run();
}

TEST_CASE("closed, cancelled and moved with operations pending, and without a stack") {
    two_hosts w;
    raw::socket s(w.b->get_executor(), raw::v4(experimental));
    std::array<char, 100> buffer;
    raw::endpoint sender;
    int aborted = 0, dead = 0, heard = 0;
    const auto count_aborted = [&](error_code ec, std::size_t n) { aborted += ec == net::error::operation_aborted && n == 0; };
    s.async_receive_from(net::buffer(buffer), sender, count_aborted);
    s.cancel();
    s.async_receive(net::buffer(buffer), count_aborted);
    s.async_wait(net::socket_base::wait_read, [&](error_code ec) { count_aborted(ec, 0); });
    s.close();
    w.run();
    CHECK(aborted == 3);

    s.open(raw::v4(experimental));
    s.async_receive(net::buffer(buffer), [&](error_code ec, std::size_t n) { heard += !ec && n == 25; });
    raw::socket moved(std::move(s));
    raw::socket here(w.io, raw::v4(experimental));
    here.send_to(net::buffer("hello", 5), at("198.18.0.2"));
    w.run();
    CHECK(heard == 1);
    {
        raw::socket gone(w.b->get_executor(), raw::v4(experimental));
        gone.async_receive(net::buffer(buffer), count_aborted);
    }
    moved.async_receive(net::buffer(buffer), [&](error_code ec, std::size_t) { dead += ec == net::error::bad_descriptor; });
    w.b.reset();
    w.run();
    CHECK(aborted == 4);
    CHECK(dead == 1);
    error_code ec;
    moved.send_to(net::buffer("x", 1), at("198.18.0.1"), 0, ec);
    CHECK(ec == net::error::bad_descriptor);
}

}  // namespace asio_raw_tests
