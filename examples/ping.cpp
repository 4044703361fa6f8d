// Sends echo requests and prints the replies, as ping does.
//   ping --device tap:nk0 --address 198.18.0.2/24 198.18.0.1
//   ping                                  pings a neighbour in this process
#include "common/host.hpp"
#include "common/run_program.hpp"

#include <netkit/core/error.hpp>
#include <netkit/wire/text.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

class pinger {
public:
    pinger(boost::asio::io_context& io, example::host& host, netkit::ip_address target, unsigned count, std::chrono::duration<double> interval, std::size_t size)
        : io_(io), host_(host), timer_(io), signals_(io, SIGINT, SIGTERM), echo_(host.open_echo(target.is_v6())), target_(target), count_(count), interval_(std::chrono::duration_cast<steady::duration>(interval)), payload_(size, std::byte{0x6e}) {
        echo_->on_ready([](void* self) { static_cast<pinger*>(self)->read(); }, this);
        signals_.async_wait([this](boost::system::error_code ec, int) {
            if (!ec) finish();
        });
        std::printf("PING %s: %zu bytes of data\n", to_string(target).c_str(), size);
        start();
    }
    bool all_answered() const { return received_ == count_; }

private:
    void start() {
        if (!target_.is_v6() || !host_.is_checking_addresses()) return send();
        timer_.expires_after(std::chrono::milliseconds(50));
        timer_.async_wait([this](boost::system::error_code ec) {
            if (!ec) start();
        });
    }
    void send() {
        const auto error = echo_->send(target_, sent_, payload_);
        sent_at_[sent_] = steady::now();
        if (error != netkit::errc::ok) std::printf("not sent: %s\n", std::string(to_string(error)).c_str());
        ++sent_;
        timer_.expires_after(sent_ < count_ ? interval_ : std::max<steady::duration>(interval_, last_wait));
        timer_.async_wait([this](boost::system::error_code ec) {
            if (ec) return;
            if (sent_ < count_) send();
            else finish();
        });
    }
    void read() {
        netkit::echo_reply reply;
        while (echo_->receive(reply) == netkit::errc::ok) {
            const auto since = sent_at_.find(reply.sequence);
            if (since == sent_at_.end()) continue;
            const auto took = milliseconds(steady::now() - since->second).count();
            if (reply.is_reply) {
                std::printf("%zu bytes from %s: seq=%u hops left=%u time=%.3f ms\n", reply.payload.size(), to_string(reply.source).c_str(), reply.sequence, reply.hop_limit, took);
                times_.push_back(took);
                ++received_;
            } else std::printf("from %s: %s (seq=%u)\n", to_string(reply.source).c_str(), what(reply.error), reply.sequence);
            sent_at_.erase(since);
        }
        if (received_ == count_) finish();
    }
    static const char* what(netkit::network_error error) {
        switch (error) {
        case netkit::network_error::hop_limit_exceeded: return "hop limit exceeded";
        case netkit::network_error::packet_too_big: return "packet too big";
        case netkit::network_error::network_unreachable: return "network unreachable";
        case netkit::network_error::administratively_prohibited: return "prohibited";
        default: return "host unreachable";
        }
    }
    void finish() {
        timer_.cancel();
        signals_.cancel();
        const auto lost = sent_ == 0 ? 0.0 : 100.0 * (sent_ - received_) / sent_;
        std::printf("--- %u sent, %u received, %.0f%% lost", sent_, received_, lost);
        if (!times_.empty()) {
            double sum = 0;
            for (auto t : times_) sum += t;
            std::printf(", min/average/max %.3f/%.3f/%.3f ms", *std::min_element(times_.begin(), times_.end()), sum / static_cast<double>(times_.size()), *std::max_element(times_.begin(), times_.end()));
        }
        std::printf("\n");
        io_.stop();
    }

    // Longer than it takes to find that a neighbour is not there.
    static constexpr std::chrono::seconds last_wait{4};

    boost::asio::io_context& io_;
    example::host& host_;
    boost::asio::steady_timer timer_;
    boost::asio::signal_set signals_;
    std::unique_ptr<netkit::echo_socket> echo_;
    netkit::ip_address target_;
    unsigned count_;
    steady::duration interval_;
    std::vector<std::byte> payload_;
    std::map<std::uint16_t, steady::time_point> sent_at_;
    std::vector<double> times_;
    std::uint16_t sent_ = 0;
    unsigned received_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Sends ICMP echo requests", "ping");
    example::host_options options;
    std::string target;
    unsigned count = 4;
    double interval = 1;
    std::size_t size = 56;
    example::add_host_options(app, options);
    app.add_option("target", target, "address to ping; the neighbour where absent");
    app.add_option("-c,--count", count, "how many requests")->capture_default_str()->check(CLI::Range(1u, 65535u));
    app.add_option("-i,--interval", interval, "seconds between them")->capture_default_str()->check(CLI::Range(0.0, 3600.0));
    app.add_option("-s,--size", size, "payload bytes of each")->capture_default_str()->check(CLI::Range(0, 65000));
    return example::run_program(app, argc, argv, [&] {
        boost::asio::io_context io;
        example::host host(io, options);
        if (target.empty() && !host.has_neighbour()) throw std::invalid_argument("name an address to ping");
        const auto to = target.empty() ? host.neighbour_address() : netkit::ip_address::parse(target);
        pinger ping(io, host, to, count, std::chrono::duration<double>(interval), size);
        io.run();
        host.finish_capture();
        return ping.all_answered() ? 0 : 1;
    });
}
