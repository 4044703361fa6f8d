// A protocol of one's own on an EtherType: the whole of it stands between the two lines below, in less than 40 lines.
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>

#include <tests/compose/hosts.hpp>

#include <chrono>
#include <fstream>
#include <string>

namespace layers_custom_ether_type_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

// ---- 8< ----
/// Says every second, on each link, that this host is alive, and remembers who said so last.
struct beacon : leaf {
    struct message {
        be32 count;
    };
    struct pulse : timer {};

    static constexpr auto key = ether_type::local_experimental_1;
    static constexpr std::size_t header_size = sizeof(message);
    using sends_to = mac_address;

    pulse next;
    std::uint32_t sent = 0, heard = 0;
    mac_address heard_from;

    void opened(context auto here) { here.arm(next, here.now() + std::chrono::seconds(1)); }
    void expired(context auto here, pulse&) {
        ++sent;
        for (std::size_t i = 1; i < here.interface_count(); ++i) {
            auto p = here.allocate();
            if (!p) continue;
            p.interface(interface_id(i));
            p.push(message{sent});
            (void)here.down(std::move(p), mac_address::broadcast());
        }
        here.arm(next, here.now() + std::chrono::seconds(1));
    }
    void receive(context auto here, packet p, const link_from& from) {
        const auto* m = p.template pull<message>();
        if (!m) return here.drop(std::move(p), drop_reason::truncated);
        heard = m->count;
        heard_from = from.source;
        here.deliver(p);
    }
};
// ---- >8 ----

using host = ethernet<arp, beacon, ipv4<icmp>>;

}  // namespace

TEST_CASE("an EtherType of one's own") {
    two_hosts<host> net;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    pass_time(net.a, net.b, std::chrono::seconds(3), std::chrono::seconds(1));
    CHECK(net.a.at<beacon>()->heard == 3);
    CHECK(net.b.at<beacon>()->heard == 3);
    CHECK(net.b.at<beacon>()->heard_from == mac(1));
    CHECK(answers_ping(net.a.at<icmp>(), net.a, net.b, "198.18.0.2"));
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("it takes less than 40 lines") {
    std::ifstream self(__FILE__);
    REQUIRE_MESSAGE(self.is_open(), "the tests run where their sources are");
    std::size_t lines = 0;
    bool inside = false;
    for (std::string line; std::getline(self, line);) {
        if (line.starts_with("// ---- >8")) inside = false;
        if (inside && !line.empty()) ++lines;
        if (line.starts_with("// ---- 8<")) inside = true;
    }
    CHECK(lines > 20);
    CHECK(lines < 40);
}

}  // namespace layers_custom_ether_type_tests
