#include <netkit/core/ip_address.hpp>

#include <boost/asio/version.hpp>
#include <boost/version.hpp>

#include <thread>

static_assert(BOOST_VERSION >= 108100);

int main() {
    bool ran = false;
    std::thread([&] { ran = netkit::ip_address().is_any(); }).join();
    return ran ? 0 : 1;
}
