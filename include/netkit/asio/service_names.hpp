#pragma once

#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace netkit::detail {

/// Well-known services, for systems without an /etc/services.
inline constexpr std::pair<std::string_view, std::uint16_t> well_known_services[] = {
    {"echo", 7}, {"discard", 9}, {"daytime", 13}, {"ftp", 21}, {"ssh", 22}, {"telnet", 23}, {"smtp", 25}, {"domain", 53}, {"http", 80}, {"pop3", 110},
    {"ntp", 123}, {"imap2", 143}, {"snmp", 161}, {"https", 443}, {"imaps", 993}, {"http-alt", 8080},
};

/// The port of a service given by number or by name ("" is 0); -1 where there is none. `transport` is "tcp" or "udp".
inline int port_of_service(std::string_view service, const char* transport, bool numbers_only) {
    if (service.empty()) return 0;
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(service.data(), service.data() + service.size(), port);
    if (error == std::errc() && end == service.data() + service.size()) return port;
    if (numbers_only) return -1;
    for (const auto& [name, number] : well_known_services)
        if (name == service) return number;
    ::servent entry{};
    ::servent* found = nullptr;
    std::array<char, 2048> text{};
    if (::getservbyname_r(std::string(service).c_str(), transport, &entry, text.data(), text.size(), &found) != 0 || !found) return -1;
    return ntohs(static_cast<std::uint16_t>(found->s_port));
}
/// The name of the service on a port, or its number.
inline std::string service_of_port(std::uint16_t port, const char* transport) {
    for (const auto& [name, number] : well_known_services)
        if (number == port) return std::string(name);
    ::servent entry{};
    ::servent* found = nullptr;
    std::array<char, 2048> text{};
    if (::getservbyport_r(htons(port), transport, &entry, text.data(), text.size(), &found) != 0 || !found) return std::to_string(port);
    return found->s_name;
}

}  // namespace netkit::detail
