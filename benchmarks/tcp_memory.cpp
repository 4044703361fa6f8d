// W6: what an established connection that does nothing costs in memory, at one side: the other is a crowd of made-up hosts that
// remember nothing. Sockets are the program's, and counted apart.
#include <netkit/compose/stack.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/wire/header_at.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <malloc.h>
#include <unistd.h>

namespace {

const netkit::ipv4_address server_address(198, 18, 0, 1);

/// A device behind which hosts connect, `pending` more when it is next asked, and acknowledge what they are answered.
class crowd {
public:
    std::size_t pending = 0;

    std::size_t receive(const netkit::buffer_source& from, std::span<netkit::packet> batch) {
        std::size_t got = 0;
        for (; got < batch.size() && !answers_.empty(); ++got) {
            batch[got] = segment(from, answers_.back());
            answers_.pop_back();
        }
        for (; got < batch.size() && pending != 0; ++got, --pending) batch[got] = segment(from, next_host());
        return got;
    }
    std::size_t transmit(std::span<netkit::packet> batch) {
        for (const auto& p : batch) {
            const auto* ip = p.peek<netkit::ipv4_header>();
            const auto* tcp = netkit::header_at<netkit::tcp_header>(p.head(), sizeof *ip);
            if (!tcp || !tcp->has(netkit::tcp_flags::syn)) continue;
            answers_.push_back({ip->target, tcp->target, tcp->acknowledgement, tcp->sequence + 1, netkit::tcp_flags::ack});
        }
        return batch.size();
    }
    std::size_t mtu() const { return 1500; }
    netkit::link_type link() const { return netkit::link_type::ip; }
    netkit::offloads can() const { return {.checksum = true}; }

private:
    struct message {
        netkit::ipv4_address source;
        std::uint16_t port;
        std::uint32_t sequence, acknowledgement;
        netkit::tcp_flags flags;
    };
    message next_host() {
        constexpr std::uint32_t ports = 50000;
        const auto n = hosts_++;
        return {netkit::ipv4_address(netkit::ipv4_address(198, 19, 0, 1).value() + n / ports), static_cast<std::uint16_t>(1024 + n % ports), n, 0, netkit::tcp_flags::syn};
    }
    static netkit::packet segment(const netkit::buffer_source& from, const message& m) {
        auto p = from.allocate(sizeof(netkit::ipv4_header) + sizeof(netkit::tcp_header));
        if (!p) return p;
        const auto bytes = p.append(sizeof(netkit::ipv4_header) + sizeof(netkit::tcp_header));
        auto& ip = *reinterpret_cast<netkit::ipv4_header*>(bytes.data());
        ip = {.version_ihl = 0x45, .tos = 0, .length = static_cast<std::uint16_t>(bytes.size()), .id = 0, .fragment = netkit::ipv4_header::dont_fragment_flag, .ttl = 64, .protocol = 6, .checksum = 0, .source = m.source, .target = server_address};
        ip.checksum = netkit::checksum_of(ip.sum());
        auto& tcp = *reinterpret_cast<netkit::tcp_header*>(bytes.data() + sizeof ip);
        tcp = {};
        tcp.source = m.port;
        tcp.target = 7;
        tcp.sequence = m.sequence;
        tcp.acknowledgement = m.acknowledgement;
        tcp.offset = netkit::tcp_header::make_offset(sizeof tcp);
        tcp.control = static_cast<std::uint8_t>(m.flags);
        tcp.window = 65535;
        p.checksum(netkit::checksum_state::verified);
        return p;
    }

    std::vector<message> answers_;
    std::uint32_t hosts_ = 0;
};

std::size_t allocated() {
    const auto all = ::mallinfo2();
    return all.uordblks + all.hblkhd;
}
std::size_t resident() {
    std::size_t pages = 0;
    if (auto* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%*u %zu", &pages) != 1) pages = 0;
        std::fclose(file);
    }
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void idle_connections(benchmark::State& state) {
    const auto wanted = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        const auto sockets = std::make_unique<netkit::tcp_socket[]>(wanted);
        const auto allocated_before = allocated(), resident_before = resident();
        auto host = std::make_unique<netkit::stack<netkit::ipv4<netkit::icmp, netkit::tcp<>>, crowd>>();
        const auto on = host->attach(crowd());
        host->add_address(on, "198.18.0.1/15");
        netkit::tcp_socket listener;
        if (listener.open(*host) != netkit::errc::ok || listener.bind({{}, 7}) != netkit::errc::ok || listener.listen(128) != netkit::errc::ok)
            return state.SkipWithError("cannot listen");
        std::size_t open = 0;
        for (std::size_t idle = 0; open < wanted && idle < 4;) {
            host->device_of(on).pending = std::min<std::size_t>(64, wanted - open);
            host->poll();
            host->poll();
            const auto before = open;
            while (open < wanted && listener.accept(sockets[open]) == netkit::errc::ok) ++open;
            idle = open == before ? idle + 1 : 0;
        }
        if (open < wanted) return state.SkipWithError("not all were accepted");
        const auto each = [&](std::size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(wanted); };
        state.counters["bytes_each"] = each(allocated() - allocated_before + host->at<netkit::tcp>()->connections.memory_in_huge_pages());
        state.counters["resident_bytes_each"] = each(resident() - resident_before);
        state.counters["socket_bytes"] = sizeof(netkit::tcp_socket);
    }
}

const auto registered = [] {
    benchmark::RegisterBenchmark("W6/netkit", idle_connections)->ArgName("connections")->Iterations(1)->Unit(benchmark::kMillisecond)->Arg(1000)->Arg(100000)->Arg(1000000);
    return 0;
}();

}  // namespace
