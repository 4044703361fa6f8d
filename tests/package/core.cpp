#include <netkit/core/ip_address.hpp>

#include <range/v3/version.hpp>

int main() {
    const auto prefix = netkit::address_prefix::parse("198.18.0.2/24");
    return to_string(prefix) == "198.18.0.2/24" ? 0 : 1;
}
