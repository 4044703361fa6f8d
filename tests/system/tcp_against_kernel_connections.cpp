// A thousand short connections between a stack and the kernel, begun by either, one after another and many at once.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <tests/support/stack_beside_kernel.hpp>
#include <tests/support/tcp_beside_kernel.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <list>
#include <span>
#include <string>
#include <type_traits>

using namespace netkit::test;
using netkit::errc;

namespace {

constexpr std::size_t request = 100, response = 3000;

struct end_of_kernel : kernel_tcp {
    /// True once the peer has sent all it will.
    bool receive(stream_sink& to) { return receive_some(to), ended(); }
    void send(stream_source& from) { send_some(from); }
    bool has_failed() const { return error() != 0 && error() != EAGAIN && error() != ENOTCONN; }
};
struct end_of_stack : netkit::tcp_socket {
    bool receive(stream_sink& to) {
        std::array<std::byte, 4096> block;
        for (;;) {
            const auto got = tcp_socket::receive(block);
            failed_ = got.error != errc::ok && got.error != errc::would_block && got.error != errc::end_of_stream;
            if (got.error != errc::ok) return got.error == errc::end_of_stream;
            to.take(std::span<const std::byte>(block).first(got.bytes));
        }
    }
    void send(stream_source& from) {
        if (!from.done()) from.sent(tcp_socket::send(from.next()).bytes);
    }
    void close() { CHECK(tcp_socket::close() == errc::ok); }
    bool has_failed() const { return failed_; }

private:
    bool failed_ = false;
};

/// Asks, and closes after the other.
template <class End>
struct asker {
    End end{};
    stream_source question{request};
    stream_sink answer{};

    /// True once it has closed.
    bool go_on() {
        if (!end.is_open()) return true;
        end.send(question);
        if (end.receive(answer)) end.close();
        return !end.is_open();
    }
};
/// Answers, and closes.
template <class End>
struct answerer {
    End end{};
    stream_sink question{};
    stream_source answer{response};

    bool go_on() {
        if (!end.is_open()) return true;
        (void)end.receive(question);
        if (question.received() == request) end.send(answer);
        if (answer.done()) end.close();
        return !end.is_open();
    }
};

/// So many conversations at once, all to their end.
template <class Asking, class Answering>
void converse(stack_beside_kernel& world, tcp_meeting& meeting, std::size_t count, const kernel_settings& settings) {
    INFO(to_string(settings) << (std::is_same_v<Asking, end_of_kernel> ? ", the kernel asks" : ", the stack asks"));
    REQUIRE(settings.apply());
    std::list<asker<Asking>> asking(count);
    std::list<answerer<Answering>> answering;
    for (auto& each : asking) meeting.begin(each.end);
    CHECK(world.until([&] {
        if (answering.size() < count && !meeting.accept(answering.emplace_back().end)) answering.pop_back();
        std::size_t finished = 0;
        for (auto& each : asking) finished += each.go_on();
        for (auto& each : answering) finished += each.go_on();
        return finished == 2 * count;
    }));
    CHECK(answering.size() == count);
    for (const auto& each : asking) {
        CHECK(each.answer.received() == response);
        CHECK(each.answer.wrong() == 0);
        CHECK_FALSE(each.end.has_failed());
    }
    for (const auto& each : answering) {
        CHECK(each.question.received() == request);
        CHECK(each.question.wrong() == 0);
        CHECK_FALSE(each.end.has_failed());
    }
}

}  // namespace

TEST_CASE("a thousand connections, one after another") {
    stack_beside_kernel world(true);
    tcp_meeting meeting(world, false);
    const auto settings = every_setting();
    for (std::size_t i = 0; i < 1000; ++i) {
        converse<end_of_kernel, end_of_stack>(world, meeting, 1, settings[i % settings.size()]);
        converse<end_of_stack, end_of_kernel>(world, meeting, 1, settings[i % settings.size()]);
    }
    world.judge();
}

TEST_CASE("a thousand connections, a hundred at a time, over IPv6") {
    stack_beside_kernel world(true);
    tcp_meeting meeting(world, true);
    const auto settings = telling_settings();
    for (std::size_t i = 0; i < 5; ++i) {
        converse<end_of_kernel, end_of_stack>(world, meeting, 100, settings[i % settings.size()]);
        converse<end_of_stack, end_of_kernel>(world, meeting, 100, settings[i % settings.size()]);
    }
    world.judge();
}

int main(int argc, char** argv) { return run_beside_kernel(argc, argv); }
