// W1 through lwIP as Debian builds it, in the same thread: its raw API, the nearest to a datapath that it has. Debian's build
// keeps a thread of its own for timers; it is locked out meanwhile.
#include "../best_of_many.hpp"
#include "../echo_frame.hpp"

extern "C" {
#include <lwipopts.h>  // declares functions, and does not say that they are C's
}
#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

using namespace netkit_benchmark;

/// The one host that lwIP, being global, can be.
class lwip_host {
public:
    static lwip_host& get() {
        static lwip_host host;
        return host;
    }
    void run(std::size_t batch) {
        for (std::size_t i = 0; i < batch; ++i) receive(frame_.data(), 60);
    }
    bool right() {
        keep_ = true;
        run(1);
        keep_ = false;
        return is_echo(last_.data());
    }

private:
    lwip_host() {
        tcpip_init(nullptr, nullptr);
        LOCK_TCPIP_CORE();
        ip4_addr_t address, mask, gateway;
        IP4_ADDR(&address, 10, 0, 0, 1);
        IP4_ADDR(&mask, 255, 255, 255, 0);
        IP4_ADDR(&gateway, 0, 0, 0, 0);
        netif_add(&netif_, &address, &mask, &gateway, this, &lwip_host::start, ethernet_input);
        netif_set_up(&netif_);
        auto* socket = udp_new();
        udp_bind(socket, IP4_ADDR_ANY, 7);
        udp_recv(socket, &lwip_host::echo, nullptr);
        // The peer asks who we are, and so is known.
        const std::array<std::uint8_t, 60> request{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};
        receive(request.data(), request.size());
    }
    void receive(const std::uint8_t* frame, std::size_t size) {
        auto* p = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(size), PBUF_POOL);
        std::memcpy(p->payload, frame, size);
        asm volatile("" : : "r"(p->payload) : "memory");
        if (netif_.input(p, &netif_) != ERR_OK) pbuf_free(p);
    }
    static err_t start(netif* n) {
        n->name[0] = 'e';
        n->name[1] = 'n';
        n->output = etharp_output;
        n->linkoutput = &lwip_host::transmit;
        n->mtu = 1500;
        n->hwaddr_len = 6;
        n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
        const std::uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
        std::memcpy(n->hwaddr, mac, sizeof mac);
        return ERR_OK;
    }
    static err_t transmit(netif* n, pbuf* p) {
        auto& self = *static_cast<lwip_host*>(n->state);
        asm volatile("" : : "r"(p->payload) : "memory");
        if (self.keep_) pbuf_copy_partial(p, self.last_.data(), 60, 0);
        return ERR_OK;
    }
    static void echo(void*, udp_pcb* socket, pbuf* p, const ip_addr_t* from, u16_t port) {
        udp_sendto(socket, p, from, port);
        pbuf_free(p);
    }

    std::array<std::uint8_t, 64> frame_ = echo_frame();
    std::array<std::uint8_t, 64> last_{};
    bool keep_ = false;
    netif netif_{};
};

void lwip_echo(benchmark::State& state) {
    auto& host = lwip_host::get();
    if (!host.right()) return state.SkipWithError("lwIP's echo is wrong");
    const auto batch = static_cast<std::size_t>(state.range(0));
    while (state.KeepRunningBatch(state.range(0))) host.run(batch);
}

const auto registered = [] {
    best_of_many(benchmark::RegisterBenchmark("W1/lwip", lwip_echo)->Arg(32));
    return 0;
}();

}  // namespace
