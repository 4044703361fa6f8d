#pragma once

#include <netkit/core/interface_id.hpp>
#include <netkit/core/ipv4_address.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>

#include <chrono>
#include <cstdint>

namespace netkit {

/// The constants of RFC 5227 section 1.1. Without probes an address is used at once and only announced.
struct address_conflict_settings {
    unsigned probes = 0;
    unsigned announcements = 2;
    duration probe_wait = std::chrono::seconds(1);  ///< the first probe is sent within this time, by chance
    duration probe_least = std::chrono::seconds(1), probe_most = std::chrono::seconds(2);
    duration announce_wait = std::chrono::seconds(2);
    duration announce_interval = std::chrono::seconds(2);
    duration defend_interval = std::chrono::seconds(10);
    bool gives_up = true;  ///< to a host that claims the address again within that time (section 2.4 (b)), rather than being silent till then (c)
};

/// Claims an IPv4 address on a link, by ARP probes and announcements, and defends it (RFC 5227). Armed by the layer for
/// `deadline`.
class address_conflict_detection : public timer {
public:
    enum class action : std::uint8_t {
        none,            ///< nothing to send, and nothing to wait for
        probe,           ///< send an ARP request from 0.0.0.0, and arm again
        announce,        ///< the address is ours: send a gratuitous ARP request, and arm again
        last_announce,   ///< the same, and all is done
    };
    enum class conflict : std::uint8_t {
        none,     ///< nothing to do: there is no claim any more, or it was defended a moment ago
        failed,   ///< it was never ours: do not use the address
        defend,   ///< send one announcement
        give_up,  ///< again within ten seconds: leave the address
    };

    address_conflict_detection(const ipv4_address& address, interface_id on, const address_conflict_settings& settings = {})
        : address_(address), on_(on), settings_(settings) {}

    const ipv4_address& address() const { return address_; }
    interface_id interface() const { return on_; }
    time_point deadline() const { return deadline_; }
    /// Whether it may be used.
    bool claimed() const { return claimed_; }

    void start(time_point now, std::uint64_t random) {
        probed_ = announced_ = 0;
        claimed_ = failed_ = defended_ = false;
        deadline_ = settings_.probes == 0 ? now : now + part_of(settings_.probe_wait, random);
    }
    /// The deadline has come.
    action expired(time_point now, std::uint64_t random) {
        if (failed_) return action::none;
        if (probed_ < settings_.probes) {
            ++probed_;
            const bool last = probed_ == settings_.probes;
            deadline_ = now + (last ? settings_.announce_wait : settings_.probe_least + part_of(settings_.probe_most - settings_.probe_least, random));
            return action::probe;
        }
        claimed_ = true;
        if (announced_ >= settings_.announcements) return action::none;
        ++announced_;
        deadline_ = now + settings_.announce_interval;
        return announced_ == settings_.announcements ? action::last_announce : action::announce;
    }
    /// An ARP message of another host has this address as its sender's; or, while it is being probed, another host probes
    /// for it too (section 2.1.1).
    conflict heard(time_point now) {
        if (failed_) return conflict::none;
        if (!claimed_) return fail(conflict::failed);
        if (defended_ && now - last_defence_ < settings_.defend_interval) return settings_.gives_up ? fail(conflict::give_up) : conflict::none;
        defended_ = true;
        last_defence_ = now;
        return conflict::defend;
    }

private:
    static duration part_of(duration most, std::uint64_t random) { return duration(static_cast<duration::rep>(random % (static_cast<std::uint64_t>(most.count()) + 1))); }
    conflict fail(conflict how) {
        failed_ = true;
        claimed_ = false;
        disarm();
        return how;
    }
    ipv4_address address_;
    interface_id on_;
    address_conflict_settings settings_;
    unsigned probed_ = 0, announced_ = 0;
    bool claimed_ = false, failed_ = false, defended_ = false;
    time_point deadline_{}, last_defence_{};
};

}  // namespace netkit
