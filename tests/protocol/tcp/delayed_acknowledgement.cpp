#include <doctest/doctest.h>

#include "receiver.hpp"

namespace protocol_tcp_delayed_acknowledgement_tests {

using namespace tcp_test;

TEST_CASE("every second full segment is acknowledged at once, a single one soon") {
    receiver t;
    t.e.c().quick_acknowledgements = 0;
    t.e.arrive(t.at(0, 1000));
    t.e.arrive(t.at(1000, 1000));
    t.e.sent.clear();  // by now the size of full segments is known
    t.e.arrive(t.at(2000, 1000));
    CHECK(t.e.sent.empty());
    t.e.arrive(t.at(3000, 1000));
    REQUIRE(t.e.sent.size() == 1);
    CHECK(t.acknowledged() == 4000);
    t.e.arrive(t.at(4000, 1000));
    CHECK(t.e.sent.size() == 1);
    t.e.pass(39ms);
    CHECK(t.e.sent.size() == 1);
    t.e.pass(2ms);
    REQUIRE(t.e.sent.size() == 2);
    CHECK(t.acknowledged() == 5000);
    for (std::uint32_t i = 5; i < 105; ++i) t.e.arrive(t.at(i * 1000, 1000));
    CHECK(t.e.sent.size() == 52);
}

TEST_CASE("quick_ack acknowledges each segment") {
    netkit::tcp_socket_options o;
    o.quick_ack = true;
    receiver t(o);
    for (std::uint32_t i = 0; i < 5; ++i) t.e.arrive(t.at(i * 10, 10));
    CHECK(t.e.sent.size() == 5);
}

TEST_CASE("an acknowledgement travels with data") {
    receiver t;
    t.e.arrive(t.at(0, 100));
    CHECK(t.e.write(50).bytes == 50);
    REQUIRE(t.e.sent.size() == 1);
    CHECK(t.acknowledged() == 100);
    t.e.pass(100ms);
    CHECK(t.e.sent.size() == 1);
}

TEST_CASE("the first full segments of a flow are acknowledged one by one, so many and no more") {
    receiver t;
    std::uint32_t at = 0;
    const auto next = [&](std::size_t n) {
        t.e.arrive(t.at(at, n));
        at += static_cast<std::uint32_t>(n);
    };
    for (std::uint32_t i = 1; i <= 16; ++i) {
        next(1000);
        CHECK(t.e.sent.size() == i);
    }
    next(1000);
    CHECK(t.e.sent.size() == 16);
    next(1000);
    CHECK(t.e.sent.size() == 17);

    // After a silence it may be in slow start again.
    CHECK(t.e.read(100'000).bytes == at);
    t.e.pass(10s);
    t.e.sent.clear();
    for (std::uint32_t i = 1; i <= 16; ++i) {
        next(1000);
        CHECK(t.e.sent.size() == i);
    }
    next(1000);
    CHECK(t.e.sent.size() == 16);
}

TEST_CASE("less than a full segment waits for an answer to travel with, from the beginning") {
    receiver t;
    t.e.arrive(t.at(0, 200));
    CHECK(t.e.sent.empty());
    CHECK(t.e.write(10).bytes == 10);
    REQUIRE(t.e.sent.size() == 1);
    CHECK(t.acknowledged() == 200);
}

TEST_CASE("what stands for several segments is acknowledged at once") {
    receiver t;
    t.e.c().quick_acknowledgements = 0;
    t.e.arrive(t.at(0, 1000));
    t.e.arrive(t.at(1000, 1000));
    t.e.sent.clear();
    auto several = t.at(2000, 5000);
    several.gso_size = 1000;
    t.e.arrive(several);
    REQUIRE(t.e.sent.size() == 1);
    CHECK(t.acknowledged() == 7000);
    t.e.arrive(t.at(7000, 1000));
    CHECK(t.e.sent.size() == 1);  // a full segment is still one of 1000
    t.e.arrive(t.at(8000, 1000));
    CHECK(t.e.sent.size() == 2);
}

TEST_CASE("segments that have become smaller are soon known for full ones") {
    receiver t;
    t.e.c().quick_acknowledgements = 0;
    for (std::uint32_t i = 0; i < 4; ++i) t.e.arrive(t.at(i * 1400, 1400));
    std::uint32_t at = 4 * 1400;
    t.e.sent.clear();
    t.e.arrive(t.at(at, 600));
    t.e.pass(100ms);  // the delay tells
    at += 600;
    t.e.sent.clear();
    for (int i = 0; i < 10; ++i, at += 600) t.e.arrive(t.at(at, 600));
    CHECK(t.e.sent.size() == 5);
}

TEST_CASE("out of order, and where it fills a gap, all or part: at once") {
    receiver t;
    t.e.c().quick_acknowledgements = 0;
    t.e.arrive(t.at(500, 10));
    CHECK(t.e.sent.size() == 1);
    t.e.arrive(t.at(600, 10));
    CHECK(t.e.sent.size() == 2);
    t.e.arrive(t.at(0, 10));
    CHECK(t.e.sent.size() == 3);
    t.e.arrive(t.at(10, 490));
    CHECK(t.e.sent.size() == 4);
    CHECK(t.acknowledged() == 510);
    t.e.arrive(t.at(510, 90));
    CHECK(t.e.sent.size() == 5);
    CHECK(t.acknowledged() == 610);
}

}  // namespace protocol_tcp_delayed_acknowledgement_tests
