#include "worlds.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace asio_ssl_stream_tests {

namespace net = boost::asio;
namespace ssl = net::ssl;
using boost::system::error_code;

namespace {

const auto rethrow = [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
};

template <class Write>
std::string as_pem(Write&& write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
    write(memory.get());
    char* text = nullptr;
    const auto size = BIO_get_mem_data(memory.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

struct identity {
    std::string certificate, key;
};

// A certificate that signs itself, made for this test alone.
identity self_signed(const char* name) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    auto* subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), subject);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    return {as_pem([&](BIO* to) { PEM_write_bio_X509(to, certificate.get()); }),
            as_pem([&](BIO* to) { PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

struct contexts {
    ssl::context server{ssl::context::tls_server}, client{ssl::context::tls_client};
    contexts() {
        const auto who = self_signed("netkit.test");
        server.use_certificate_chain(net::buffer(who.certificate));
        server.use_private_key(net::buffer(who.key), ssl::context::pem);
        client.add_certificate_authority(net::buffer(who.certificate));
        client.set_verify_mode(ssl::verify_peer);
    }
};

}  // namespace

TEST_CASE("TLS with a verified certificate, a mebibyte, and an orderly end") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        contexts with;
        typename tcp::acceptor acceptor(w.server(), {tcp::v4(), 0});
        const std::string sent(1 << 20, 'S');
        int good = 0;
        const auto server = [&]() -> net::awaitable<void> {
            auto socket = co_await acceptor.async_accept(net::use_awaitable);
            ssl::stream<typename tcp::socket> s(std::move(socket), with.server);
            co_await s.async_handshake(ssl::stream_base::server, net::use_awaitable);
            std::string heard(sent.size(), '?');
            const auto room = net::buffer(heard);
            co_await net::async_read(s, room, net::use_awaitable);
            CHECK(heard == sent);
            char more = 0;
            const auto one = net::buffer(&more, 1);
            error_code ec;
            auto token = net::redirect_error(net::use_awaitable, ec);
            co_await net::async_read(s, one, token);
            CHECK(ec == net::error::eof);
            co_await s.async_shutdown(net::use_awaitable);
            ++good;
        };
        const auto client = [&]() -> net::awaitable<void> {
            ssl::stream<typename tcp::socket> s(w.client(), with.client);
            s.set_verify_callback(ssl::host_name_verification("netkit.test"));
            const typename tcp::endpoint to(w.server_address(), acceptor.local_endpoint().port());
            co_await s.lowest_layer().async_connect(to, net::use_awaitable);
            co_await s.async_handshake(ssl::stream_base::client, net::use_awaitable);
            const auto bytes = net::buffer(sent);
            co_await net::async_write(s, bytes, net::use_awaitable);
            co_await s.async_shutdown(net::use_awaitable);
            ++good;
        };
        net::co_spawn(w.server(), server, rethrow);
        net::co_spawn(w.client(), client, rethrow);
        w.run();
        CHECK(good == 2);
    });
}

TEST_CASE("TLS refuses a certificate for another name") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        contexts with;
        typename tcp::acceptor acceptor(w.server(), {tcp::v4(), 0});
        error_code refused, told;
        const auto server = [&]() -> net::awaitable<void> {
            auto socket = co_await acceptor.async_accept(net::use_awaitable);
            ssl::stream<typename tcp::socket> s(std::move(socket), with.server);
            auto token = net::redirect_error(net::use_awaitable, told);
            co_await s.async_handshake(ssl::stream_base::server, token);
            if (told) co_return;
            // With TLS 1.3 the server hears of it only afterwards.
            char more = 0;
            const auto one = net::buffer(&more, 1);
            co_await net::async_read(s, one, token);
        };
        const auto client = [&]() -> net::awaitable<void> {
            ssl::stream<typename tcp::socket> s(w.client(), with.client);
            s.set_verify_callback(ssl::host_name_verification("someone.else"));
            const typename tcp::endpoint to(w.server_address(), acceptor.local_endpoint().port());
            co_await s.lowest_layer().async_connect(to, net::use_awaitable);
            auto token = net::redirect_error(net::use_awaitable, refused);
            co_await s.async_handshake(ssl::stream_base::client, token);
        };
        net::co_spawn(w.server(), server, rethrow);
        net::co_spawn(w.client(), client, rethrow);
        w.run();
        CHECK(refused);
        CHECK(told);
    });
}

}  // namespace asio_ssl_stream_tests
