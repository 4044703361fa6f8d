#pragma once

#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/layers/udp_socket.hpp>
#include <netkit/layers/vlan.hpp>
#include <netkit/presets.hpp>

#include <tests/wire/example_frames.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// A router with open sockets between a wire in hostile hands and a wire to a friend. What the hostile hands do, what the
/// router's programs do, how time goes and when buffers run out is all decided by a string of bytes.
namespace hostile {

using namespace netkit;
using namespace std::chrono_literals;
using bytes = std::vector<std::byte>;

/// Takes decisions from bytes; afterwards all are zero.
class decisions {
public:
    explicit decisions(std::span<const std::uint8_t> from) : from_(from) {}
    bool ended() const { return from_.empty(); }
    std::uint8_t byte() {
        if (from_.empty()) return 0;
        const auto b = from_.front();
        from_ = from_.subspan(1);
        return b;
    }
    std::uint32_t number() {
        std::uint32_t n = 0;
        for (int i = 0; i < 4; ++i) n = n << 8 | byte();
        return n;
    }
    /// Less than `limit`, which is at most 65536.
    std::size_t below(std::size_t limit) { return limit <= 256 ? byte() % limit : (byte() * std::size_t(256) + byte()) % limit; }
    bool one_in(std::size_t n) { return below(n) == 1; }

private:
    std::span<const std::uint8_t> from_;
};

/// Makes the checksums of an IP frame right as far as its lengths make sense, so that what lies deeper is reached.
inline void mend_checksums(bytes& frame) {
    const auto at16 = [&](std::size_t at) { return std::size_t(frame[at]) << 8 | std::size_t(frame[at + 1]); };
    const auto put = [&](std::size_t at, std::uint64_t sum) {
        const be16 value = checksum_of(sum);
        std::memcpy(frame.data() + at, &value, sizeof value);
    };
    if (frame.size() < 14 + 20) return;
    std::size_t transport = 0, end = 0;
    std::uint8_t protocol = 0;
    std::uint64_t pseudo = 0;
    if (at16(12) == 0x0800) {
        const auto header = (std::size_t(frame[14]) & 15) * 4;
        if (header < 20 || 14 + header > frame.size()) return;
        put(14 + 10, sum16(std::span(frame).subspan(14, 10), sum16(std::span(frame).subspan(26, header - 12))));
        transport = 14 + header;
        end = std::min(frame.size(), 14 + at16(16));
        protocol = std::uint8_t(frame[23]);
        if (end <= transport) return;
        pseudo = sum16(std::span(frame).subspan(26, 8)) + be16(static_cast<std::uint16_t>(protocol)).raw() + be16(static_cast<std::uint16_t>(end - transport)).raw();
    } else if (at16(12) == 0x86dd && frame.size() >= 14 + 40) {
        transport = 14 + 40;
        end = std::min(frame.size(), transport + at16(18));
        protocol = std::uint8_t(frame[20]);
        while ((protocol == 0 || protocol == 43 || protocol == 60) && transport + 8 <= end) {
            protocol = std::uint8_t(frame[transport]);
            transport += 8 + 8 * std::size_t(frame[transport + 1]);
        }
        if (end <= transport) return;
        pseudo = sum16(std::span(frame).subspan(22, 32)) + be16(static_cast<std::uint16_t>(protocol)).raw() + be16(static_cast<std::uint16_t>(end - transport)).raw();
    } else return;
    const std::size_t field = protocol == 6 ? 16 : protocol == 17 ? 6 : protocol == 1 || protocol == 2 || protocol == 58 ? 2 : 0;
    if (field == 0 || transport + field + 2 > end) return;
    if (protocol == 1 || protocol == 2) pseudo = 0;
    frame[transport + field] = frame[transport + field + 1] = std::byte{0};
    put(transport + field, sum16(std::span(frame).subspan(transport, end - transport), pseudo));
}

/// What the hostile side has seen of one of the host's TCP connections.
struct conversation {
    bool six = false;
    std::uint16_t theirs = 0, ours = 0;
    std::uint32_t next = 0;          // what the host would send next
    std::uint32_t acknowledged = 0;  // what the host expects of us
};

class network {
public:
    using inside_vlan = ipv4<icmp>;
    using four = presets::ipv4_with<>;
    using layers = ethernet<arp, vlan<42, arp, inside_vlan>, presets::both_with<udp, tcp<>>>;
    using stack_type = stack<layers, memory_link, manual_environment>;

    explicit network(std::uint64_t seed) : host_(manual_environment(seed)), friend_(manual_environment(seed + 1)), examples_(wire_examples::all()) {
        // With an odd seed, partial checksums and super-segments come from the hostile side, to be made good on the friend's.
        const bool offload = seed % 2 == 1;
        auto [a, b] = memory_link::make({.can = {.checksum = offload, .scatter = offload, .segmentation = offload}});
        auto [c, d] = memory_link::make();
        wire_ = std::move(b);
        const auto hostile = host_.attach(std::move(a), mac_address{2, 0, 0, 0, 0, 2});
        const auto friendly = host_.attach(std::move(c), mac_address{2, 0, 0, 0, 0, 3});
        auto tagged = host_.at<vlan<42, arp, inside_vlan>>();
        host_.add_address(tagged->add(tagged, hostile), "198.18.42.2/24");
        host_.add_address(hostile, "198.18.0.2/24");
        host_.add_address(hostile, "fd00:6e6b::2/64");
        host_.add_address(friendly, "198.18.1.2/24");
        host_.add_address(friendly, "fd00:6e6b:0:1::2/64");
        host_.at<four>()->forwarding = true;
        host_.at<ipv6>()->forwarding = true;
        const auto on = friend_.attach(std::move(d), mac_address{2, 0, 0, 0, 0, 4});
        friend_.add_address(on, "198.18.1.1/24");
        friend_.add_address(on, "fd00:6e6b:0:1::1/64");
        friend_.add_gateway("198.18.1.2", on);
        friend_.add_gateway("fd00:6e6b:0:1::2", on);
        pass(5s, 100ms);
        listener_ = std::make_unique<tcp_socket>();
        (void)listener_->open(host_);
        (void)listener_->bind({{}, 80});
        (void)listener_->listen(4);
        for (auto& s : udp_) s = std::make_unique<udp_socket>(host_, endpoint{});
        udp_[0] = std::make_unique<udp_socket>(host_, endpoint{{}, 7});
        (void)udp_[0]->join_group(ip_address::parse("239.1.2.3"));
        (void)udp_[0]->join_group(ip_address::parse("ff15::1"));
    }

    void run(decisions d) {
        while (!d.ended()) step(d);
    }

    /// Ends the assault and lets everything time out. Says what is wrong then, or nothing.
    std::string verdict() {
        host_.buffers().fail_at(0);
        give_buffers_back();
        for (auto& s : tcp_) s.reset();
        pass(30s, 1s);
        pass(3600s, 20s);
        const auto& c = host_.counters();
        std::string wrong;
        if (c.held() != 0) wrong += "frames held or counted twice: " + std::to_string(static_cast<std::int64_t>(c.held())) + ". ";
        for (const auto* to : {"198.18.1.2", "fd00:6e6b:0:1::2"}) {
            if (!carries_datagram(to)) wrong += std::string("no datagram comes to ") + to + ". ";
            if (!carries_stream(to)) wrong += std::string("no stream comes to ") + to + ". ";
        }
        listener_.reset();
        for (auto& s : udp_) s.reset();
        pass(600s, 5s);
        if (const auto left = host_.buffers().in_use(); left != 0) wrong += std::to_string(left) + " buffers are not given back. ";
        return wrong;
    }
    const stack_counters& counters() const { return host_.counters(); }

private:
    void step(decisions& d) {
        switch (d.below(24)) {
        default: return send(example(d), d);
        case 8: case 9: case 10: case 11: case 12: case 13: case 14: case 15: return send(segment(d), d);
        case 16: return send(fragment(d), d);
        case 17: return send(error_about_last(d), d);
        case 18: case 19: return use_sockets(d);
        case 20: {
            static constexpr duration steps[]{1ms, 40ms, 300ms, 1s, 5s, 20s, 60s, 300s};
            const auto by = steps[d.below(std::size(steps))];
            return pass(by, by);
        }
        case 21: return host_.buffers().fail_at(d.below(12));
        case 22: return hostages_.empty() ? take_buffers(d.below(8)) : give_buffers_back();
        case 23: return listen_to_wire();
        }
    }

    /// Leaves the host's pool with so many small buffers.
    void take_buffers(std::size_t left) {
        auto& buffers = host_.buffers();
        buffers.limit(buffers.allocated());
        for (const auto size : buffer_capacities)
            while (packet p{buffers, 0, size}) hostages_.push_back(std::move(p));
        for (std::size_t i = 0; i < std::min(left, hostages_.size()); ++i) hostages_[i].reset();
    }
    void give_buffers_back() {
        hostages_.clear();
        host_.buffers().limit(pool::default_limit);
    }

    /// Time goes on.
    void pass(duration by, duration step) {
        for (duration gone{}; gone < by; gone += step) {
            host_.environment_of().advance(step);
            friend_.environment_of().advance(step);
            settle();
            listen_to_wire();
        }
    }
    void settle() {
        for (int i = 0; i < 3; ++i) {
            host_.poll();
            friend_.poll();
        }
    }

    void send(bytes frame, decisions& d) {
        const auto how = d.byte();
        if (how < 64) mutate(frame, d);
        const bool is_super = how % 64 == 18 && frame.size() >= 54, six = is_super && frame[12] == std::byte{0x86};
        if (is_super) {
            frame.resize(frame.size() + d.below(6000));
            const be16 length = static_cast<std::uint16_t>(frame.size() - (six ? 54 : 14));
            std::memcpy(frame.data() + (six ? 18 : 16), &length, sizeof length);
        }
        if (how % 8 != 0) mend_checksums(frame);
        if (frame.size() > 60000) frame.resize(60000);
        const auto own = how % 16 == 1 ? d.below(std::min<std::size_t>(frame.size(), 100) + 1) : frame.size();
        packet p(buffers_, how % 4 == 0 ? 128 : 0, std::max<std::size_t>(own, 1));
        p.append(std::span(frame).first(own));
        if (own != frame.size()) {
            packet rest(buffers_, 0, frame.size() - own);
            rest.append(std::span(frame).subspan(own));
            p.attach(std::move(rest).share());
        }
        if (is_super && !d.one_in(4)) (void)p.mark_partial(six ? 54 : 34, 16);
        else if (how % 16 == 2) (void)p.mark_partial(d.below(own + 1), d.below(40));
        if (is_super) p.gso_size(static_cast<std::uint16_t>(d.below(2000)));
        (void)wire_.transmit(std::span(&p, 1));
        if (how % 2 == 0) settle();
    }
    static void mutate(bytes& frame, decisions& d) {
        for (auto n = d.below(4); n-- > 0 && !frame.empty();) {
            const auto at = d.below(std::min<std::size_t>(frame.size(), 65536));
            switch (d.below(8)) {
            default: frame[at] = std::byte{d.byte()}; break;
            case 3: frame[at] ^= std::byte(1 << d.below(8)); break;
            case 4: frame.resize(at); break;
            case 5: frame.resize(frame.size() + d.below(1500), std::byte{d.byte()}); break;
            case 6: frame.insert(frame.begin() + static_cast<std::ptrdiff_t>(at), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(frame.size(), 8 * d.below(8)))); break;
            case 7: frame.erase(frame.begin() + static_cast<std::ptrdiff_t>(at), frame.begin() + static_cast<std::ptrdiff_t>(std::min(frame.size(), at + d.below(40)))); break;
            }
        }
    }
    bytes example(decisions& d) {
        auto frame = examples_[d.below(examples_.size())].frame;
        // Sometimes through the router, to the friend or to no one.
        if (d.one_in(4) && frame.size() >= 34 && frame[12] == std::byte{8} && frame[13] == std::byte{0}) {
            frame[32] = std::byte{1};
            frame[33] = std::byte(1 + d.below(4));
        } else if (d.one_in(4) && frame.size() >= 54 && frame[12] == std::byte{0x86}) {
            frame[38 + 7] = std::byte{1};
            frame[38 + 15] = std::byte(1 + d.below(4));
        }
        return frame;
    }
    static std::uint32_t near(std::uint32_t value, decisions& d) {
        switch (d.below(8)) {
        default: return value;
        case 5: return value + static_cast<std::uint32_t>(d.below(4000));
        case 6: return value - static_cast<std::uint32_t>(d.below(4000));
        case 7: return d.number();
        }
    }
    bytes segment(decisions& d) {
        conversation c;
        if (!seen_.empty() && !d.one_in(8)) c = seen_[d.below(seen_.size())];
        else c = {d.one_in(2), 80, static_cast<std::uint16_t>(1000 + d.below(40)), d.number(), d.number()};
        static constexpr tcp_flags kinds[]{tcp_flags::ack, tcp_flags::ack, tcp_flags::ack | tcp_flags::psh, tcp_flags::syn, tcp_flags::syn | tcp_flags::ack, tcp_flags::ack | tcp_flags::fin, tcp_flags::rst, tcp_flags::ack | tcp_flags::urg};
        const auto flags = d.one_in(16) ? tcp_flags(d.byte()) : c.next == 0 && d.one_in(2) ? tcp_flags::syn : kinds[d.below(std::size(kinds))];
        tcp_parsed_options options;
        if (d.one_in(3)) {
            options.has_mss = true;
            options.mss = static_cast<std::uint16_t>(d.below(d.one_in(2) ? 10 : 65536));
        }
        if (d.one_in(3)) {
            options.has_window_scale = true;
            options.window_scale = static_cast<std::uint8_t>(d.below(20));
        }
        options.sack_permitted = d.one_in(2);
        if (d.one_in(3)) {
            options.has_timestamps = true;
            options.ts_value = near(1000, d);
            options.ts_echo = near(1000, d);
        }
        if (d.one_in(4)) {
            options.sack_blocks = static_cast<std::uint8_t>(1 + d.below(3));
            for (std::size_t i = 0; i < options.sack_blocks; ++i) {
                const auto left = near(c.next - static_cast<std::uint32_t>(d.below(3000)), d);
                options.sack[i] = {left, left + static_cast<std::uint32_t>(d.below(1500))};
            }
        }
        bytes option_bytes(tcp_options_size(options));
        write_tcp_options(option_bytes, options);
        option_bytes.resize((std::min<std::size_t>(option_bytes.size(), 40) + 3) / 4 * 4);
        bytes payload(d.one_in(3) ? d.below(1400) : d.below(4), std::byte{'x'});
        const tcp_header header{c.ours, c.theirs, near(c.acknowledged, d), near(c.next, d), tcp_header::make_offset(sizeof(tcp_header) + option_bytes.size()), std::uint8_t(flags),
                                static_cast<std::uint16_t>(d.one_in(4) ? d.below(3) : 65535 - d.byte()), 0, static_cast<std::uint16_t>(d.byte())};
        return over_ip(c.six, ip_protocol::tcp, wire_examples::join(header, option_bytes, payload));
    }
    static bytes over_ip(bool six, ip_protocol protocol, const bytes& payload) {
        return six ? wire_examples::ethernet(ether_type::ipv6, wire_examples::ipv6(protocol, payload)) : wire_examples::ethernet(ether_type::ipv4, wire_examples::ipv4(protocol, payload, 0));
    }
    static bytes fragment(decisions& d) {
        const bool six = d.one_in(2), more = !d.one_in(3);
        const auto offset = d.one_in(4) ? d.below(8192) : d.below(4) * 8;
        bytes part(d.one_in(3) ? d.below(1480) : 8 * d.below(9), std::byte{0});
        if (offset == 0 && part.size() >= 8) part[2] = std::byte{0}, part[3] = std::byte{7}, part[5] = std::byte(d.byte());
        const auto id = static_cast<std::uint32_t>(d.below(4));
        const auto protocol = d.one_in(8) ? ip_protocol(d.byte()) : ip_protocol::udp;
        if (six) return over_ip(true, ip_protocol::fragment, wire_examples::join(fragment_header{std::uint8_t(protocol), 0, fragment_header::make_offset_flags(offset * 8 % 65536, more), id}, part));
        auto packet = wire_examples::ipv4(protocol, part, static_cast<std::uint16_t>((more ? 0x2000 : 0) | offset));
        packet[5] = std::byte(id);
        return wire_examples::ethernet(ether_type::ipv4, packet);
    }
    /// An ICMP error that quotes what the host sent last.
    bytes error_about_last(decisions& d) {
        if (last_.size() < 34) return example(d);
        const bool six = last_[12] == std::byte{0x86};
        const auto quoted = bytes(last_.begin() + 14, last_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(last_.size(), 14 + 20 + 8 * d.below(20))));
        const icmp_header header{static_cast<std::uint8_t>(six ? 1 + d.below(4) : 3 + d.below(10)), static_cast<std::uint8_t>(d.below(8)), 0, static_cast<std::uint32_t>(d.below(2000))};
        return over_ip(six, six ? ip_protocol::icmpv6 : ip_protocol::icmp, wire_examples::join(header, quoted));
    }

    void listen_to_wire() {
        packet p;
        while (wire_.receive({buffers_, 0}, std::span(&p, 1)) == 1) {
            if (p.checksum() == checksum_state::partial) p.complete_checksum();
            last_.resize(p.size());
            p.copy_to(last_);
            p.reset();
            note_conversation();
        }
    }
    void note_conversation() {
        if (last_.size() < 34) return;
        const bool six = last_[12] == std::byte{0x86};
        const std::size_t at = six ? 54 : 34;
        if (last_.size() < at + sizeof(tcp_header) || last_[six ? 20 : 23] != std::byte{6}) return;
        tcp_header h;
        std::memcpy(&h, last_.data() + at, sizeof h);
        if ((h.flags() & tcp_flags::rst) != tcp_flags::none) return;
        auto length = static_cast<std::uint32_t>(last_.size() - at - std::min(last_.size() - at, h.header_size()));
        if ((h.flags() & (tcp_flags::syn | tcp_flags::fin)) != tcp_flags::none) ++length;
        const conversation now{six, h.source, h.target, h.sequence + length, h.acknowledgement};
        for (auto& c : seen_)
            if (c.ours == now.ours && c.theirs == now.theirs && c.six == six) {
                c = now;
                return;
            }
        if (seen_.size() == 16) seen_.erase(seen_.begin());
        seen_.push_back(now);
    }

    void use_sockets(decisions& d) {
        auto& s = tcp_[d.below(tcp_.size())];
        std::array<std::byte, 4000> some{};
        const auto near_by = d.one_in(2) ? "198.18.0.1" : "fd00:6e6b::1";
        switch (d.below(12)) {
        case 0: case 1: case 2: {
            auto accepted = std::make_unique<tcp_socket>();
            if (listener_->accept(*accepted) == errc::ok) s = std::move(accepted);
            return;
        }
        case 3: s.reset(); return;
        case 4:
            if (s) (void)s->abort();
            return;
        case 5:
            s = std::make_unique<tcp_socket>();
            (void)s->open(host_);
            (void)s->connect({ip_address::parse(near_by), static_cast<std::uint16_t>(1000 + d.below(4))});
            return;
        case 6:
            if (s) (void)s->shutdown(d.one_in(2), d.one_in(2));
            return;
        case 7:
            if (s) (void)s->receive(std::span(some));
            return;
        case 8: case 9:
            if (s) (void)s->send(std::span<const std::byte>(some).first(d.below(some.size())));
            return;
        case 10: {
            datagram got;
            for (auto& u : udp_) (void)u->receive(got);
            return;
        }
        default: {
            const std::vector<std::byte> sent(d.below(8000));
            auto& u = udp_[d.below(udp_.size())];
            if (&u != &udp_[0] && d.one_in(3)) (void)u->connect({ip_address::parse(near_by), 9});
            (void)u->send(sent, {ip_address::parse(near_by), 9});
            return;
        }
        }
    }

    bool carries_datagram(const char* to) {
        datagram got;
        while (udp_[0]->receive(got) != errc::would_block) {}
        udp_socket client(friend_, {});
        const std::vector<std::byte> sent(500);
        for (int tries = 0; tries < 3; ++tries) {
            (void)client.send(sent, {ip_address::parse(to), 7});
            pass(3s, 1s);
            if (udp_[0]->receive(got) == errc::ok && got.payload.size() == sent.size()) return true;
        }
        return false;
    }
    bool carries_stream(const char* to) {
        tcp_socket client, old;
        while (listener_->accept(old) == errc::ok) (void)old.abort();
        (void)client.open(friend_);
        (void)client.connect({ip_address::parse(to), 80});
        pass(5s, 100ms);
        tcp_socket server;
        if (!client.connected() || listener_->accept(server) != errc::ok) return false;
        std::array<std::byte, 3000> some{};
        (void)client.send(std::span<const std::byte>(some));
        pass(1s, 100ms);
        return server.receive(std::span(some)).bytes == some.size();
    }

    pool buffers_;
    stack_type host_, friend_;
    memory_link wire_;
    std::vector<wire_examples::example> examples_;
    std::unique_ptr<tcp_socket> listener_;
    std::array<std::unique_ptr<tcp_socket>, 6> tcp_;
    std::array<std::unique_ptr<udp_socket>, 3> udp_;
    std::vector<conversation> seen_;
    bytes last_;
    std::vector<packet> hostages_;
};

}  // namespace hostile
