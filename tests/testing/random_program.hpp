#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/shared_packet.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/random.hpp>
#include <netkit/layers/tcp_socket.hpp>

#include <tests/testing/bulk.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace simulated {

using netkit::errc;

/// Chance, all of it from one seed.
class chance {
public:
    explicit chance(netkit::random_source source) : source_(source) {}
    std::uint64_t below(std::uint64_t n) { return source_() % n; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    /// Small numbers are as likely as large ones.
    std::size_t size(std::size_t most) { return std::min<std::size_t>(most, below(std::uint64_t{2} << below(std::bit_width(most)))); }

private:
    netkit::random_source source_;
};

inline netkit::tcp_socket_options random_options(chance& c) {
    netkit::tcp_socket_options o;
    o.no_delay = c.one_in(2);
    o.cork = c.one_in(6);
    o.pacing = c.one_in(6);
    o.quick_ack = c.one_in(6);
    o.timestamps = !c.one_in(4);
    o.window_scaling = !c.one_in(4);
    o.selective_acknowledgements = !c.one_in(4);
    o.ecn = static_cast<netkit::tcp_ecn>(c.below(3));
    if (c.one_in(4)) o.maximum_segment = static_cast<std::uint16_t>(c.below(2000));
    if (c.one_in(3)) o.send_buffer = static_cast<std::uint32_t>(1 + c.size(200'000));
    if (c.one_in(3)) o.receive_buffer = static_cast<std::uint32_t>(1000 + c.size(200'000));
    return o;
}

/// One program's end of a connection: what it has done, and what it has heard.
class program {
public:
    program(std::uint64_t salt, chance& c) : salt_(salt), chance_(c) {
        socket.on_ready([](void* self) { static_cast<program*>(self)->react(); }, this);
    }
    program(const program&) = delete;

    netkit::tcp_socket socket;
    program* peer = nullptr;
    std::string name;

    void do_something() {
        if (!socket.is_open() || !socket.connected()) return give_up_early();
        switch (chance_.below(16)) {
        case 0: return shut(false, true, 12);
        case 1: return shut(true, false, 12);
        case 2: return end(false, 8);
        case 3: return end(true, 16);
        case 4: {
            auto o = random_options(chance_);
            o.linger = chance_.one_in(20);
            lingers_ = o.linger;
            socket.set_options(o);
            return;
        }
        case 5: (void)socket.choose_congestion_control(chance_.one_in(2) ? "cubic" : "reno"); return;
        case 6:
        case 7:
        case 8:
        case 9: return write(chance_.size(60'000));
        case 10: return look();
        default: read(1 + chance_.size(60'000));
        }
    }
    /// From now on it does what a sane program does: it reads to the end, and sends no more.
    void come_to_an_end() {
        sane_ = true;
        react();
    }
    /// A reset that is lost is never sent again: then one may wait for ever, as in any TCP.
    bool has_ended() const { return !socket.is_open() || end_heard_ || error_ != errc::ok || (peer && peer->closed_ && !peer->closed_properly_); }
    void close() {
        if (socket.is_open()) end(false, 1);
    }

private:
    std::span<const std::byte> of_stream(std::uint64_t offset, std::size_t n) const { return pattern::at(salt_ + offset).first(std::min(n, pattern::piece)); }

    void react() {
        if (!socket.is_open() || socket.connecting()) return;
        if (!socket.connected()) heard(socket.take_error());
        if (sane_) {
            if (!shut_send_) shut(false, true, 1);
            while (socket.is_open() && read(60'000)) {}
            return;
        }
        if (chance_.one_in(3)) read(1 + chance_.size(60'000));
        if (socket.is_open() && chance_.one_in(3)) write(chance_.size(60'000));
    }
    void write(std::size_t n) {
        const auto bytes = of_stream(written_, n);
        netkit::io_result r;
        if (chance_.one_in(3)) {
            netkit::packet p(socket.stack()->buffers(), 0, bytes.size());
            if (!p) return;
            p.append(bytes);
            r = socket.send(std::move(p).share());
        } else if (chance_.one_in(3)) {
            const auto half = bytes.size() / 2;
            const std::array<std::span<const std::byte>, 3> parts{bytes.first(half), {}, bytes.subspan(half)};
            r = socket.send(parts);
        } else {
            r = socket.send(bytes);
        }
        CHECK(r.bytes <= bytes.size());
        written_ += r.bytes;
        if (r.error == errc::shut_down) CHECK(shut_send_);
        else if (r.error != errc::would_block) heard(r.error);
    }
    /// Returns whether something came.
    bool read(std::size_t n) {
        netkit::io_result r;
        // Bytes that came in several pieces need a buffer to be had as one.
        if (!sane_ && chance_.one_in(3)) {
            netkit::shared_packet bytes;
            r = socket.receive(bytes, n);
            CHECK(bytes.size() == r.bytes);
            CHECK(r.bytes <= n);
            expect(bytes.bytes());
        } else {
            std::array<std::byte, pattern::piece> space;
            const auto room = std::span(space).first(std::min(n, space.size()));
            r = socket.receive(room);
            expect(room.first(r.bytes));
        }
        got_ += r.bytes;
        if (peer) CHECK(got_ <= peer->written_);
        if (r.error == errc::end_of_stream) heard_the_end();
        else if (r.error != errc::would_block) heard(r.error);
        return r.bytes != 0;
    }
    void look() {
        std::array<std::byte, 1000> space;
        const auto r = socket.receive(std::span<std::byte>(space), true);
        expect(std::span<const std::byte>(space).first(r.bytes));
    }
    void expect(std::span<const std::byte> bytes) {
        REQUIRE((bytes.empty() || peer));
        for (std::size_t done = 0; done < bytes.size();) {
            const auto wanted = peer->of_stream(got_ + done, bytes.size() - done);
            REQUIRE(std::memcmp(bytes.data() + done, wanted.data(), wanted.size()) == 0);
            done += wanted.size();
        }
    }
    void heard_the_end() {
        if (!end_heard_ && !shut_receive_ && error_ == errc::ok) {
            REQUIRE(peer);
            CHECK((peer->shut_send_ || peer->closed_));
            CAPTURE(name);
            CHECK(got_ == peer->written_);
        }
        end_heard_ = true;
    }
    void heard(errc error) {
        if (error == errc::ok || error == errc::no_buffers || error_ != errc::ok) return;
        error_ = error;
        CAPTURE(name);
        CAPTURE(to_string(error));
        // Nobody resets, and nothing times out, but where the peer has gone away with something unread, or has never been there. (One that is gone
        // for good and is not heard eight times in a row gives up as well: once in a million connections over such lines.)
        const bool peer_is_gone = !peer || (peer->closed_ && !peer->closed_properly_) || peer->error_ != errc::ok;
        CHECK(peer_is_gone);
    }
    void shut(bool receive, bool send, std::uint64_t chance_of) {
        if (!chance_.one_in(chance_of)) return;
        const auto error = socket.shutdown(receive, send);
        if (error != errc::ok) return heard(error == errc::not_connected ? errc::ok : error);
        shut_receive_ |= receive;
        shut_send_ |= send;
    }
    void end(bool abort, std::uint64_t chance_of) {
        if (!chance_.one_in(chance_of)) return;
        // All that the peer will ever say has been read: there is no reason for a reset.
        closed_properly_ = !abort && !lingers_ && !shut_receive_ && peer && peer->shut_send_ && got_ == peer->written_ && error_ == errc::ok;
        closed_ = true;
        CHECK((abort ? socket.abort() : socket.close()) == errc::ok);
    }
    void give_up_early() {
        if (socket.is_open() && chance_.one_in(200)) end(chance_.one_in(2), 1);
    }

    std::uint64_t salt_;
    chance& chance_;
    std::uint64_t written_ = 0, got_ = 0;
    errc error_ = errc::ok;
    bool sane_ = false, lingers_ = false;
    bool shut_send_ = false, shut_receive_ = false, end_heard_ = false, closed_ = false, closed_properly_ = false;
};

}  // namespace simulated
