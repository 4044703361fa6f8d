#include <tests/proofs/path_run.hpp>

#include <netkit/testing/codel_queue.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace testing_tcp_paths_tests {

using namespace std::chrono_literals;
using proofs::path;
using proofs::path_run;

namespace {

/// What part of what the model expects a flow gets, after so many seconds and for so many.
double part_of_expected(const proofs::response& how, const path& over, double warm_up, double time) {
    path_run run(over);
    auto& flow = run.add(how.name);
    const auto got = proofs::measure(run, flow, warm_up, time);
    CHECK(flow.receiver.as_sent);
    return got.goodput / proofs::expected(how, over).goodput;
}

}  // namespace

TEST_CASE("a flow gets what the model of its congestion control lets it expect") {
    struct {
        proofs::response how;
        path over;
        double warm_up, time;
    } const points[] = {
        {proofs::cubic_response, {10e6, 0.02, 0, 0.1}, 5, 10},    {proofs::cubic_response, {10e6, 0.2, 0, 1}, 10, 20},
        {proofs::cubic_response, {100e6, 0.001, 0, 2}, 1, 2},     {proofs::cubic_response, {50e6, 0.02, 0, 1}, 3, 5},
        {proofs::cubic_response, {100e6, 0.02, 0.001, 1}, 5, 30}, {proofs::cubic_response, {100e6, 0.05, 0.01, 1}, 5, 60},
        {proofs::reno_response, {10e6, 0.02, 0, 0.5}, 5, 10},     {proofs::reno_response, {100e6, 0.05, 0.01, 1}, 5, 60},
    };
    for (const auto& [how, over, warm_up, time] : points) {
        CAPTURE(how.name);
        CAPTURE(over.rate);
        CAPTURE(over.round_trip);
        CAPTURE(over.loss);
        CAPTURE(over.queue);
        CHECK(part_of_expected(how, over, warm_up, time) > 0.9);
    }
}

TEST_CASE("one lost segment in a window costs one recovery, one retransmission and no timeout") {
    for (const std::uint64_t lost : std::initializer_list<std::uint64_t>{300, 301, 310, 350, 400}) {
        const path over{100e6, 0.02, 0, 2};
        path_run run(over, 1, [&](const proofs::data_segment& s) { return s.number != lost; });
        auto& flow = run.add("cubic", 1000 * 1448);
        CAPTURE(lost);
        REQUIRE(run.net.run_until([&] { return flow.receiver.finished; }, 5s));
        CHECK(flow.receiver.as_sent);
        const auto info = flow.info();
        CHECK(info.fast_retransmits == 1);
        CHECK(info.retransmitted == 1);
        CHECK(info.timeouts == 0);
        CHECK(info.undone == 0);
    }
}

TEST_CASE("a lost tail is repaired after a probe, without a timeout") {
    for (const std::uint64_t lost : std::initializer_list<std::uint64_t>{1, 2, 3, 8}) {
        const std::uint64_t segments = 100;
        // The first transmission of each of the last ones.
        path_run run({100e6, 0.02, 0, 2}, 1, [&](const proofs::data_segment& s) { return s.again || s.offset < (segments - lost) * 1448; });
        auto& flow = run.add("cubic", segments * 1448);
        CAPTURE(lost);
        REQUIRE(run.net.run_until([&] { return flow.receiver.finished; }, 5s));
        CHECK(flow.receiver.as_sent);
        const auto info = flow.info();
        CHECK(info.tail_probes >= 1);
        CHECK(info.timeouts == 0);
        CHECK(info.retransmitted >= lost);
        CHECK(info.retransmitted <= lost + 1);
    }
}

TEST_CASE("a queue that overflows is no reason to send again what arrived") {
    std::uint64_t sent_again = 0;
    path_run run({200e6, 0.02, 0, 0.1}, 1, [&](const proofs::data_segment& s) {
        if (s.again) ++sent_again;
        return true;
    });
    auto& flow = run.add();
    run.net.run_for(5s);
    const auto info = flow.info();
    CHECK(info.timeouts == 0);
    CHECK(info.undone == 0);
    CHECK(sent_again > 0);
    CHECK(sent_again <= run.wire.forward().counters().dropped + 2);
}

TEST_CASE("two flows of one kind share a path") {
    for (const std::string_view control : {"cubic", "reno"}) {
        path_run run({20e6, 0.02, 0, 1});
        auto& first = run.add(control);
        run.net.run_for(1s);
        auto& second = run.add(control);
        run.net.run_for(10s);
        const auto first_before = first.receiver.received, second_before = second.receiver.received;
        run.net.run_for(60s);
        const auto one = static_cast<double>(first.receiver.received - first_before), two = static_cast<double>(second.receiver.received - second_before);
        CAPTURE(control);
        CAPTURE(one);
        CAPTURE(two);
        CHECK(std::min(one, two) > 0.8 * std::max(one, two));
        CHECK(first.receiver.as_sent);
        CHECK(second.receiver.as_sent);
    }
}

TEST_CASE("where routers mark and both ends agree on it, nothing is lost and the link is full") {
    const path over{50e6, 0.02, 0, 20};
    path_run run(over);
    run.wire.forward().queue(netkit::testing::codel_queue({.ecn = true}));
    netkit::tcp_socket_options options;
    options.ecn = netkit::tcp_ecn::ask;
    auto& flow = run.add("cubic", path_run::endless, options);
    const auto got = proofs::measure(run, flow, 3, 10);
    CHECK(got.after.ecn);
    CHECK(got.after.marks_echoed > 0);
    CHECK(got.after.retransmitted == 0);
    CHECK(run.wire.forward().counters().dropped == 0);
    CHECK(run.wire.forward().counters().marked > 0);
    CHECK(got.goodput > 0.95 * over.capacity());
}

}  // namespace testing_tcp_paths_tests
