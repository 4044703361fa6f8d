#pragma once

#include <netkit/core/ip_address.hpp>

#include <cctype>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace netkit {

/// Names of hosts and their addresses, what /etc/hosts is to a kernel's resolver. Names are compared without regard to case.
/// `localhost` is known, at 127.0.0.1 and ::1.
class host_table {
public:
    host_table() {
        add("localhost", ipv4_address::loopback());
        add("localhost", ipv6_address::loopback());
    }
    /// One more address of a name.
    void add(std::string_view name, const ip_address& address) { addresses_[lower(name)].push_back(address); }
    void remove(std::string_view name) { addresses_.erase(lower(name)); }
    /// In the order in which they were added; empty where the name is not known.
    std::vector<ip_address> find(std::string_view name) const {
        const auto found = addresses_.find(lower(name));
        return found == addresses_.end() ? std::vector<ip_address>{} : found->second;
    }
    /// A name of the address; empty where it has none.
    std::string name_of(const ip_address& address) const {
        for (const auto& [name, addresses] : addresses_)
            for (const auto& a : addresses)
                if (a == address) return name;
        return {};
    }

private:
    static std::string lower(std::string_view name) {
        if (name.ends_with('.')) name.remove_suffix(1);  // the root, as in "example.org."
        std::string result(name);
        for (auto& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        return result;
    }
    std::unordered_map<std::string, std::vector<ip_address>> addresses_;
};

}  // namespace netkit
