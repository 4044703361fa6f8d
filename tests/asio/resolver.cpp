#include "worlds.hpp"

#include <boost/asio/ip/resolver_base.hpp>
#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace asio_resolver_tests {

namespace net = boost::asio;
using boost::system::error_code;

namespace {
template <class Results>
bool names(const Results& results, const char* address, int port) {
    for (const auto& r : results)
        if (r.endpoint().address() == net::ip::make_address(address) && r.endpoint().port() == port) return true;
    return false;
}
}  // namespace

TEST_CASE("addresses, localhost, services by number and by name") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        typename world::tcp::resolver r(w.client());
        CHECK(names(r.resolve("198.18.0.7", "80"), "198.18.0.7", 80));
        CHECK(names(r.resolve("fd00:6e6b::7", "80", net::ip::resolver_base::numeric_host), "fd00:6e6b::7", 80));
        CHECK(names(r.resolve("localhost", "8080"), "127.0.0.1", 8080));
        CHECK(names(r.resolve("127.0.0.1", ""), "127.0.0.1", 0));
        CHECK(names(r.resolve(world::tcp::v4(), "", "80", net::ip::resolver_base::passive), "0.0.0.0", 80));
        CHECK(names(r.resolve(world::tcp::v4(), "", "80"), "127.0.0.1", 80));
        CHECK(r.resolve("127.0.0.1", "80").begin()->service_name() == "80");
        CHECK(r.resolve("127.0.0.1", "80").begin()->host_name() == "127.0.0.1");
        for (const auto& each : r.resolve(world::tcp::v4(), "localhost", "1")) CHECK(each.endpoint().address().is_v4());
    });
}

TEST_CASE("what cannot be resolved") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        typename world::tcp::resolver r(w.client());
        error_code ec;
        CHECK(r.resolve("no.such.name.invalid", "80", net::ip::resolver_base::numeric_host, ec).empty());
        CHECK(ec == net::error::host_not_found);
        CHECK(r.resolve("127.0.0.1", "no-such-service", ec).empty());
        CHECK(ec == net::error::service_not_found);
        CHECK(r.resolve("127.0.0.1", "http", net::ip::resolver_base::numeric_service, ec).empty());
        CHECK(ec);
        CHECK_THROWS_AS(r.resolve("no.such.name.invalid", "80", net::ip::resolver_base::numeric_host), boost::system::system_error);
    });
}

TEST_CASE("hosts that the program has added, without regard to case") {
    worlds::linked w;
    using tcp = netkit::ip::tcp;
    w.add_host("Server.Test", "198.18.0.2");
    w.add_host("server.test", "fd00:6e6b::2");
    tcp::resolver r(w.server());
    const auto both = r.resolve("server.TEST.", "http");
    CHECK(both.size() == 2);
    CHECK(names(both, "198.18.0.2", 80));
    CHECK(names(both, "fd00:6e6b::2", 80));
    CHECK(r.resolve(tcp::v6(), "server.test", "1").size() == 1);
    CHECK(r.resolve(tcp::v6(), "server.test", "1", net::ip::resolver_base::v4_mapped | net::ip::resolver_base::all_matching).size() == 2);
    error_code ec;
    r.resolve("other.test", "1", ec);
    CHECK(ec == net::error::host_not_found);
    const auto back = r.resolve(tcp::endpoint(net::ip::make_address("198.18.0.2"), 443));
    CHECK(back.begin()->host_name() == "server.test");
    CHECK(back.begin()->service_name() == "https");
    const auto unknown = r.resolve(tcp::endpoint(net::ip::make_address("198.18.0.9"), 12345));
    CHECK(unknown.begin()->host_name() == "198.18.0.9");
    CHECK(unknown.begin()->service_name() == "12345");
    netkit::ip::udp::resolver datagrams(w.io);
    CHECK(names(datagrams.resolve("server.test", "domain"), "198.18.0.2", 53));
}

TEST_CASE("asynchronous: not inside the initiation; cancelled by cancel() and by destruction") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        using results = typename world::tcp::resolver::results_type;
        typename world::tcp::resolver r(w.client());
        std::size_t found = 0;
        r.async_resolve("127.0.0.1", "80", [&](error_code ec, results got) { found = ec ? 99 : got.size(); });
        CHECK(found == 0);
        w.run();
        CHECK(found == 1);
    });
    worlds::on_stacks([](auto& w) {
        using tcp = netkit::ip::tcp;
        int aborted = 0, good = 0;
        const auto count = [&](error_code ec, tcp::resolver::results_type got) {
            aborted += ec == net::error::operation_aborted && got.empty();
            good += !ec;
        };
        {
            tcp::resolver r(w.client());
            r.async_resolve("localhost", "80", count);
            r.cancel();
            r.async_resolve(tcp::endpoint(net::ip::address_v4::loopback(), 80), count);
            tcp::resolver moved(std::move(r));
            w.run();
            moved.async_resolve(tcp::v4(), "localhost", "80", count);
        }
        w.run();
        CHECK(aborted == 2);
        CHECK(good == 1);
    });
}

}  // namespace asio_resolver_tests
