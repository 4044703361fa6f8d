// W2: the Ethernet, IPv4 and TCP headers of a frame of 64 and of 1514 bytes, without and with checksums, beside an overlay
// written by hand. Eight frames in turn, in cache: time is for one frame.
#include "best_of_many.hpp"

#include <netkit/buffer/packet.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace {

using namespace netkit_benchmark;

/// What a transport would look up and act on.
struct parsed {
    std::uint32_t source = 0, target = 0, sequence = 0, acknowledgement = 0;
    std::uint16_t source_port = 0, target_port = 0, window = 0;
    std::uint8_t flags = 0;
    std::uint32_t payload = 0;
};

/// A frame of `size` bytes with a 20-byte IPv4 and a 20-byte TCP header, and both checksums right.
std::vector<std::byte> tcp_frame(std::size_t size) {
    using namespace netkit;
    std::vector<std::byte> frame(size);
    for (std::size_t i = 0; i < size; ++i) frame[i] = static_cast<std::byte>(i * 7 + 1);
    ethernet_header link{.target = {2, 0, 0, 0, 0, 1}, .source = {2, 0, 0, 0, 0, 2}, .type = static_cast<std::uint16_t>(ether_type::ipv4)};
    ipv4_header ip{.version_ihl = 0x45, .tos = 0, .length = static_cast<std::uint16_t>(size - 14), .id = 1, .fragment = 0x4000, .ttl = 64, .protocol = 6, .checksum = 0, .source = {10, 0, 0, 2}, .target = {10, 0, 0, 1}};
    ip.checksum = checksum_of(sum16(ip));
    tcp_header transport{.source = 50000, .target = 80, .sequence = 1, .acknowledgement = 2, .offset = 0x50, .control = 0x10, .window = 1000, .checksum = 0, .urgent = 0};
    std::memcpy(frame.data(), &link, sizeof link);
    std::memcpy(frame.data() + 14, &ip, sizeof ip);
    std::memcpy(frame.data() + 34, &transport, sizeof transport);
    transport.checksum = checksum_of(sum16(std::span(frame).subspan(34), pseudo_header_sum(ip.source, ip.target, ip_protocol::tcp, size - 34)));
    std::memcpy(frame.data() + 34, &transport, sizeof transport);
    return frame;
}

template <bool Checksums>
bool parse_with_netkit(netkit::packet& p, parsed& out) {
    using namespace netkit;
    const auto* link = p.pull<ethernet_header>();
    if (!link || link->protocol() != ether_type::ipv4) return false;
    const auto* ip = p.peek<ipv4_header>();
    if (!ip || ip->version() != 4 || ip->header_size() < sizeof *ip || ip->header_size() > p.head().size() || !p.keep(ip->length)) return false;
    if constexpr (Checksums)
        if (fold16(sum16(p.head().first(ip->header_size()))) != 0) return false;
    if (ip->protocol != static_cast<std::uint8_t>(ip_protocol::tcp) || ip->is_fragment()) return false;
    p.pull(ip->header_size());
    const auto* transport = p.peek<tcp_header>();
    if (!transport || transport->header_size() < sizeof *transport || transport->header_size() > p.head().size()) return false;
    if constexpr (Checksums)
        if (fold16(p.sum(pseudo_header_sum(ip->source, ip->target, ip_protocol::tcp, p.size()))) != 0) return false;
    p.pull(transport->header_size());
    out = {ip->source.raw(), ip->target.raw(), transport->sequence, transport->acknowledgement, transport->source, transport->target, transport->window, transport->control, static_cast<std::uint32_t>(p.size())};
    return true;
}

/// Sums 32-bit words in a loop that compilers turn into vector additions.
std::uint16_t folded_sum(const std::uint8_t* at, std::size_t n, std::uint64_t sum) {
    for (; n >= 4; n -= 4, at += 4) {
        std::uint32_t word;
        std::memcpy(&word, at, 4);
        sum += word;
    }
    std::uint32_t rest = 0;
    std::memcpy(&rest, at, n);
    sum += rest;
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

/// The same checks on structs laid over the bytes, and nothing else.
template <bool Checksums>
bool parse_by_hand(const std::uint8_t* frame, std::size_t size, parsed& out) {
    struct [[gnu::packed]] headers {
        std::uint8_t macs[12];
        std::uint16_t type;
        std::uint8_t version_ihl, tos;
        std::uint16_t length, id, fragment;
        std::uint8_t ttl, protocol;
        std::uint16_t checksum;
        std::uint32_t source, target;
    };
    struct [[gnu::packed]] tcp {
        std::uint16_t source, target;
        std::uint32_t sequence, acknowledgement;
        std::uint8_t offset, control;
        std::uint16_t window, checksum, urgent;
    };
    if (size < sizeof(headers)) return false;
    const auto& h = *reinterpret_cast<const headers*>(frame);
    if (h.type != __builtin_bswap16(0x0800) || h.version_ihl >> 4 != 4) return false;
    const std::size_t header = (h.version_ihl & 15u) * 4u, length = __builtin_bswap16(h.length);
    if (header < 20 || length < header + sizeof(tcp) || length > size - 14) return false;
    if constexpr (Checksums)
        if (folded_sum(frame + 14, header, 0) != 0xffff) return false;
    if (h.protocol != 6 || (h.fragment & __builtin_bswap16(0x3fff)) != 0) return false;
    const auto& t = *reinterpret_cast<const tcp*>(frame + 14 + header);
    const std::size_t offset = (t.offset >> 4) * 4u;
    if (offset < 20 || offset > length - header) return false;
    if constexpr (Checksums)
        if (folded_sum(frame + 14 + header, length - header, std::uint64_t{h.source} + h.target + __builtin_bswap16(6) + __builtin_bswap16(static_cast<std::uint16_t>(length - header))) != 0xffff) return false;
    out = {h.source, h.target, __builtin_bswap32(t.sequence), __builtin_bswap32(t.acknowledgement), __builtin_bswap16(t.source), __builtin_bswap16(t.target), __builtin_bswap16(t.window), t.control, static_cast<std::uint32_t>(length - header - offset)};
    return true;
}

bool right(const parsed& out, std::size_t size) { return out.source_port == 50000 && out.target_port == 80 && out.window == 1000 && out.flags == 0x10 && out.payload == size - 54; }

constexpr std::size_t frames = 8;

template <bool Checksums>
void netkit_parse(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    const auto frame = tcp_frame(size);
    netkit::pool pool;
    std::array<netkit::packet, frames> batch;
    for (auto& p : batch) {
        p = netkit::packet(pool, 2, size);
        p.append(std::span<const std::byte>(frame));
    }
    parsed out;
    while (state.KeepRunningBatch(frames))
        for (auto& p : batch) {
            asm volatile("" : : "r"(p.head().data()) : "memory");
            if (!parse_with_netkit<Checksums>(p, out)) return state.SkipWithError("a good frame was refused");
            p.push(54);
            benchmark::DoNotOptimize(out);
        }
    if (!right(out, size)) return state.SkipWithError("wrongly parsed");
    batch[0].head()[20] ^= std::byte{1};
    if (Checksums && parse_with_netkit<Checksums>(batch[0], out)) state.SkipWithError("a bad checksum was accepted");
}
template <bool Checksums>
void overlay_parse(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    const auto frame = tcp_frame(size);
    const std::vector<std::vector<std::byte>> batch(frames, frame);
    parsed out;
    while (state.KeepRunningBatch(frames))
        for (const auto& each : batch) {
            const auto* bytes = reinterpret_cast<const std::uint8_t*>(each.data());
            asm volatile("" : : "r"(bytes) : "memory");
            if (!parse_by_hand<Checksums>(bytes, size, out)) return state.SkipWithError("a good frame was refused");
            benchmark::DoNotOptimize(out);
        }
    if (!right(out, size)) state.SkipWithError("wrongly parsed");
}

const auto registered = [] {
    best_of_many(benchmark::RegisterBenchmark("W2/overlay/checksums:off", overlay_parse<false>)->Arg(64)->Arg(1514));
    best_of_many(benchmark::RegisterBenchmark("W2/netkit/checksums:off", netkit_parse<false>)->Arg(64)->Arg(1514));
    best_of_many(benchmark::RegisterBenchmark("W2/overlay/checksums:on", overlay_parse<true>)->Arg(64)->Arg(1514));
    best_of_many(benchmark::RegisterBenchmark("W2/netkit/checksums:on", netkit_parse<true>)->Arg(64)->Arg(1514));
    return 0;
}();

}  // namespace
