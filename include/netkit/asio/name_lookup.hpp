#pragma once

#include <netkit/asio/endpoint.hpp>
#include <netkit/asio/host_table.hpp>
#include <netkit/asio/service_names.hpp>
#include <netkit/core/endpoint.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/resolver_base.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace netkit::detail {

/// A question to a resolver.
struct name_query {
    std::string host;     ///< empty: any address where passive, else the loopback
    std::string service;  ///< a number, a name, or empty for port 0
    boost::asio::ip::resolver_base::flags flags{};
    enum class family { either, v4, v6 } wanted = family::either;
};

/// The addresses that a query's host stands for; empty where there is none.
inline std::vector<ip_address> addresses_of(const name_query& q, const host_table& hosts, interface_id& scope) {
    using base = boost::asio::ip::resolver_base;
    if (q.host.empty()) {
        if ((q.flags & base::passive) != 0) return {ipv4_address::any(), ipv6_address::any()};
        return {ipv4_address::loopback(), ipv6_address::loopback()};
    }
    // Asio's parser, since it understands scopes.
    boost::system::error_code no_number;
    const auto number = boost::asio::ip::make_address(q.host, no_number);
    if (!no_number) {
        if (number.is_v6()) scope = interface_of_scope(number.to_v6().scope_id());
        return {from_asio(number)};
    }
    if ((q.flags & base::numeric_host) != 0) return {};
    return hosts.find(q.host);
}

/// Answers a query as getaddrinfo does, but asks only what the program has told. Errors: host_not_found, also where it names neither
/// host nor service, and service_not_found.
/// `transport` is "tcp" or "udp".
inline std::vector<endpoint> look_up(const name_query& q, const host_table& hosts, const char* transport, boost::system::error_code& error) {
    using base = boost::asio::ip::resolver_base;
    using family = name_query::family;
    if (q.host.empty() && q.service.empty()) {
        error = boost::asio::error::host_not_found;
        return {};
    }
    const int port = port_of_service(q.service, transport, (q.flags & base::numeric_service) != 0);
    if (port < 0) {
        error = boost::asio::error::service_not_found;
        return {};
    }
    auto scope = interface_id::none;
    const auto addresses = addresses_of(q, hosts, scope);
    std::vector<endpoint> found, four;
    for (const auto& a : addresses) {
        const endpoint e{a, static_cast<std::uint16_t>(port), scope};
        if (q.wanted == family::either || (q.wanted == family::v6) == a.is_v6()) found.push_back(e);
        else if (a.is_v4()) four.push_back({ipv6_address::mapped(a.v4()), e.port});
    }
    // An IPv6 program that says so gets IPv4 addresses as ::ffff:a.b.c.d.
    const bool mapped = q.wanted == family::v6 && (q.flags & base::v4_mapped) != 0;
    if (mapped && (found.empty() || (q.flags & base::all_matching) != 0)) found.insert(found.end(), four.begin(), four.end());
    error = found.empty() ? boost::system::error_code(boost::asio::error::host_not_found) : boost::system::error_code();
    return found;
}

}  // namespace netkit::detail
