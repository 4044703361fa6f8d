#include <tests/fuzz/hostile_network.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

/// libFuzzer's entry: what a string of bytes makes a hostile network do must leave the host in order.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    hostile::network net(1);
    net.run(hostile::decisions(std::span(data, size)));
    const auto wrong = net.verdict();
    if (wrong.empty()) return 0;
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::abort();
}
