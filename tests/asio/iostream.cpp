#include "worlds.hpp"

#include <boost/asio/basic_socket_iostream.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <utility>

namespace asio_iostream_tests {

namespace net = boost::asio;

TEST_CASE("iostreams over sockets: lines there and back, end of stream") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        typename tcp::socket socket(w.client());
        socket.connect({w.server_address(), a.local_endpoint().port()});
        typename tcp::iostream client(std::move(socket));
        typename tcp::iostream server(a.accept());
        client << "first line\n" << 42 << ' ' << std::string(2000, 'x') << std::endl;
        std::string line, word;
        int number = 0;
        std::getline(server, line);
        server >> number >> word;
        CHECK(line == "first line");
        CHECK(number == 42);
        CHECK(word == std::string(2000, 'x'));
        typename tcp::iostream moved(std::move(client));
        moved << "more" << std::endl;
        moved.close();
        server >> word;
        CHECK(word == "more");
        CHECK_FALSE(bool(server >> word));
        CHECK(server.error() == net::error::eof);
    });
}

TEST_CASE("an iostream connects and gives up in time") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        typename tcp::iostream s(typename tcp::socket(w.client()));
        s.rdbuf()->connect(typename tcp::endpoint(w.server_address(), a.local_endpoint().port()));
        REQUIRE_MESSAGE(!s.error(), s.error().message());
        s.expires_after(std::chrono::milliseconds(10));
        std::string line;
        CHECK_FALSE(bool(std::getline(s, line)));
        CHECK(s.error());
        typename tcp::iostream refused(typename tcp::socket(w.client()));
        const auto port = a.local_endpoint().port();
        a.close();
        CHECK(refused.rdbuf()->connect(typename tcp::endpoint(w.server_address(), port)) == nullptr);
        CHECK(refused.error() == net::error::connection_refused);
    });
}

}  // namespace asio_iostream_tests
