// The main job, without any rights: two hosts on a link in memory that delays and loses frames. Boost.Beast serves a file from
// one to the other over netkit::ip::tcp, and the receiver checks its SHA-256.
//   demo                            leaves what passed in demo.pcapng, for Wireshark
//   demo --loss 0.02 --delay 20     on a worse line
#include "common/http_connections.hpp"
#include "common/http_serve.hpp"
#include "common/http_site.hpp"
#include "common/run_program.hpp"
#include "common/sha256.hpp"
#include "demo/network.hpp"
#include "demo/temporary_folder.hpp"

#include <netkit/asio/tcp.hpp>
#include <netkit/core/random.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <limits>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = netkit::ip::tcp;
using stream = beast::basic_stream<tcp>;

constexpr double mebibyte = 1024 * 1024;
constexpr std::chrono::seconds patience(60);

double in_milliseconds(netkit::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

void print_info(const char* whose, const netkit::tcp_info& i) {
    std::printf("  %s: %s, MSS %u, congestion window %u, slow start threshold %u, peer's window %u\n", whose, std::string(to_string(i.state)).c_str(), i.send_mss, i.congestion_window,
                i.slow_start_threshold, i.send_window);
    std::printf("          rtt %.2f ms ± %.2f, rto %.0f ms; sent %llu bytes in %u segments, received %llu bytes in %u\n", in_milliseconds(i.rtt), in_milliseconds(i.rtt_variation), in_milliseconds(i.rto),
                static_cast<unsigned long long>(i.bytes_sent), i.segments_sent, static_cast<unsigned long long>(i.bytes_received), i.segments_received);
    std::printf("          %u segments sent again: %u fast retransmits, %u timeouts\n", i.retransmitted, i.fast_retransmits, i.timeouts);
}

/// Writes `size` bytes of chance, and returns their SHA-256.
std::string make_file(const std::string& path, std::size_t size, std::uint64_t seed) {
    auto random = netkit::random_source::from_seed(seed);
    example::sha256 sum;
    std::ofstream file(path, std::ios::binary);
    std::vector<std::uint64_t> block(8192);
    while (size != 0 && file) {
        for (auto& each : block) each = random();
        const auto bytes = std::as_bytes(std::span(block)).first(std::min(size, block.size() * sizeof block[0]));
        sum.update(bytes);
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        size -= bytes.size();
    }
    if (!file) throw std::runtime_error("cannot write " + path);
    return sum.finish();
}

/// The server: one connection is all that it will get.
asio::awaitable<void> serve_one(tcp::acceptor& acceptor, const example::http_site& site, netkit::tcp_info& info, stream*& current) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    stream line(std::move(socket));
    current = &line;
    example::http_connections all;
    example::http_connections::entry entry(all, [] {});
    co_await example::serve_http(line, site, entry);

    // All is written, but not yet all sent: wait until the client has it and closes.
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    std::array<char, 16> nothing{};
    const auto into = asio::buffer(nothing);
    line.expires_after(patience);
    co_await line.async_read_some(into, token);
    current = nullptr;
    info = line.socket().info();
}

/// The client: fetches a file, sums it, and says how it goes.
class download {
public:
    std::string sum;
    std::size_t received = 0;
    std::chrono::duration<double> took{};
    netkit::tcp_info info{};

    download(const demo::network& net, stream* const& server) : net_(net), server_(server) {}

    asio::awaitable<void> run(netkit::stack_executor on, tcp::endpoint from, std::string target) {
        stream line(on);
        line.expires_after(patience);
        co_await line.async_connect(from, asio::use_awaitable);
        http::request<http::empty_body> request(http::verb::get, target, 11);
        request.set(http::field::host, from.address().to_string());
        request.set(http::field::user_agent, "netkit");
        request.keep_alive(false);
        const auto start = std::chrono::steady_clock::now();
        co_await http::async_write(line, request, asio::use_awaitable);

        beast::flat_buffer unread;
        http::response_parser<http::buffer_body> parser;
        parser.body_limit(std::numeric_limits<std::uint64_t>::max());
        co_await http::async_read_header(line, unread, parser, asio::use_awaitable);
        std::ostringstream heads;
        heads << "> " << request.method_string() << " " << request.target() << " HTTP/1.1\n< " << parser.get().base();
        show_request(std::move(heads).str());
        if (parser.get().result() != http::status::ok) throw std::runtime_error("the server did not give the file");

        const auto size = parser.content_length().value_or(0);
        example::sha256 summing;
        std::vector<char> block(64 * 1024);
        while (!parser.is_done()) {
            auto& body = parser.get().body();
            body.data = block.data();
            body.size = block.size();
            error_code error;
            auto token = asio::redirect_error(asio::use_awaitable, error);
            line.expires_after(patience);
            co_await http::async_read(line, unread, parser, token);
            if (error && error != http::error::need_buffer) throw boost::system::system_error(error, "reading the file");
            const auto n = block.size() - body.size;
            summing.update(std::as_bytes(std::span(block).first(n)));
            received += n;
            took = std::chrono::steady_clock::now() - start;
            show_progress(size);
        }
        sum = summing.finish();
        info = line.socket().info();
    }

private:
    void show_request(std::string heads) const {
        std::printf("The request, and the head of its answer\n\n");
        for (std::istringstream lines(heads); std::getline(lines, heads);) {
            if (!heads.empty() && heads.back() == '\r') heads.pop_back();
            const bool first = heads.starts_with('>') || heads.starts_with('<');
            if (!heads.empty()) std::printf("  %s%s\n", first ? "" : "  ", heads.c_str());
        }
        std::printf("\nThe request's way through the layers: the header that each pushed or pulled, the packet with it, the room left in front\n\n");
        net_.request().print("client", "server");
        std::printf("\nThe file's way\n\n");
    }
    void show_progress(std::uint64_t size) {
        if (size == 0 || received * 8 / size == shown_) return;
        shown_ = received * 8 / size;
        std::printf("  %5.1f of %.1f MiB after %5.2f s, %6.1f Mbit/s", static_cast<double>(received) / mebibyte, static_cast<double>(size) / mebibyte, took.count(), goodput());
        if (server_) {
            const auto its = server_->socket().info();
            std::printf("   congestion window %6u, rtt %.1f ms, %u segments sent again", its.congestion_window, in_milliseconds(its.rtt), its.retransmitted);
        }
        std::printf("\n");
        std::fflush(stdout);
    }

public:
    /// Megabits a second of the file's own bytes.
    double goodput() const { return static_cast<double>(received) * 8 / 1e6 / took.count(); }

private:
    const demo::network& net_;
    stream* const& server_;
    std::size_t shown_ = 0;
};

int run(const demo::line_options& line, std::size_t size) {
    const demo::temporary_folder folder;
    const auto expected = make_file(folder.path() + "/file.bin", size, line.seed);
    const example::http_site site(folder.path());

    asio::io_context io;
    demo::network net(io, line);
    std::printf("Two hosts, composed as types, in this process\n\n%s\n", net.describe().c_str());

    tcp::acceptor acceptor(net.server(), tcp::endpoint(tcp::v4(), 80));
    netkit::tcp_info server_info;
    stream* server = nullptr;
    download client(net, server);
    std::exception_ptr failure;
    int left = 2;
    asio::steady_timer deadline(io, patience);
    deadline.async_wait([&](error_code error) {
        if (!error) io.stop();
    });
    asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](error_code error, int) {
        if (error) return;
        failure = std::make_exception_ptr(std::runtime_error("interrupted"));
        io.stop();
    });
    const auto done = [&](std::exception_ptr e) {
        if (e && !failure) failure = e;
        if (--left == 0 || e) {
            deadline.cancel();
            signals.cancel();
        }
        if (e) io.stop();
    };
    const tcp::endpoint to(asio::ip::make_address(to_string(net.server_address())), 80);
    asio::co_spawn(acceptor.get_executor(), serve_one(acceptor, site, server_info, server), done);
    asio::co_spawn(io, client.run(net.client(), to, "/file.bin"), done);
    io.run();
    if (failure) std::rethrow_exception(failure);
    if (left != 0) throw std::runtime_error("gave up after a minute");

    const bool same = client.sum == expected;
    std::printf("\nWhat arrived\n\n  %zu bytes in %.2f s: %.1f Mbit/s of goodput\n", client.received, client.took.count(), client.goodput());
    std::printf("  SHA-256 sent      %s\n  SHA-256 received  %s   %s\n", expected.c_str(), client.sum.c_str(), same ? "the same" : "DIFFERENT");
    std::printf("\nThe connection, as each end knew it\n\n");
    print_info("server", server_info);
    print_info("client", client.info);
    std::printf("\nThe counters\n\n%s", net.report().c_str());
    net.finish_capture();
    if (!line.capture.empty()) std::printf("\nEvery frame, as it passed the client's end, is in %s\n", line.capture.c_str());
    return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Serves a file over HTTP between two hosts in this process, over a line with delay and loss", "demo");
    demo::line_options line;
    line.capture = "demo.pcapng";
    double size = 16, delay = 2, rate = 100;
    app.add_option("--size", size, "MiB of the file")->capture_default_str()->check(CLI::Range(0.001, 4096.0));
    app.add_option("--delay", delay, "milliseconds that the line takes, each way")->capture_default_str()->check(CLI::Range(0.0, 1000.0));
    app.add_option("--loss", line.loss, "share of the frames that it loses, 0 to 1")->capture_default_str()->check(CLI::Range(0.0, 1.0));
    app.add_option("--rate", rate, "Mbit/s that it carries, 0 for no limit")->capture_default_str()->check(CLI::Range(0.0, 100000.0));
    app.add_option("--seed", line.seed, "of the file, the losses, and the hosts' own chance")->check(example::not_negative())->capture_default_str();
    app.add_option("--capture", line.capture, "pcapng file for what passes; empty for none")->capture_default_str();
    return example::run_program(app, argc, argv, [&] {
        line.delay = std::chrono::microseconds(static_cast<std::int64_t>(delay * 1000));
        line.rate = static_cast<std::uint64_t>(rate * 1e6);
        return run(line, static_cast<std::size_t>(size * mebibyte));
    });
}
