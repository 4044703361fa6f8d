#pragma once

#include <tests/proofs/path_run.hpp>
#include <tests/proofs/svg_figure.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace proofs {

/// What is drawn of a path: the congestion window over all of the time, and sequence numbers around the first retransmission.
struct plot {
    std::string file, title;
    path over;
    double lasts = 10;                            ///< seconds
    std::size_t flows = 1;
    double second_starts = 0;                     ///< seconds, where there are two
    netkit::impairments more{};                   ///< reordering besides
    std::uint64_t lose = ~std::uint64_t{0};       ///< the number of a segment that is lost
    std::uint64_t size = path_run::endless;
};

class path_plotter {
public:
    explicit path_plotter(const plot& what) : what_(what) {}

    svg_figure run() {
        auto how = path_run::forward(what_.over);
        how.reorder = what_.more.reorder;
        how.reorder_by = what_.more.reorder_by;
        path_run run(what_.over, how, 1, [this](const data_segment& s) { return look(s); });
        const double step = std::min(what_.lasts / 1000, what_.over.round_trip / 20);
        std::vector<path_run::flow*> flows{&run.add("cubic", what_.size)};
        for (double now = 0; now < what_.lasts; now += step) {
            if (flows.size() < what_.flows && now >= what_.second_starts) flows.push_back(&run.add("cubic"));
            run.net.run_for(path_run::seconds(step));
            for (std::size_t i = 0; i < flows.size(); ++i) remember(now + step, i, flows[i]->info());
        }
        return draw();
    }

private:
    static constexpr const char* colours[] = {"#1f5fa8", "#2e8b40"};
    static double seconds(netkit::time_point t) {
        return std::chrono::duration<double>(t - netkit::testing::simulation::beginning).count();
    }

    bool look(const data_segment& s) {
        const double at = seconds(s.when), place = s.offset / 1e6;
        (s.again ? again_ : sent_).emplace_back(at, place);
        if (s.number != what_.lose) return true;
        lost_.emplace_back(at, place);
        return false;
    }
    void remember(double now, std::size_t flow, const netkit::tcp_info& info) {
        windows_.resize(std::max(windows_.size(), flow + 1));
        acknowledged_.resize(windows_.size());
        windows_[flow].emplace_back(now, info.congestion_window / 1e3);
        acknowledged_[flow].emplace_back(now, static_cast<double>(info.bytes_sent - std::min<std::uint64_t>(info.bytes_sent, info.unacknowledged)) / 1e6);
        if (flow == 0 && info.slow_start_threshold < 1u << 30) thresholds_.emplace_back(now, info.slow_start_threshold / 1e3);
    }
    svg_figure draw() {
        svg_figure figure(what_.title);
        svg_chart window{"Congestion window", "time, s", "kB", 0, what_.lasts};
        const bool one = what_.flows == 1;
        const double path_holds = what_.over.segments() * path::payload / 1e3;
        window.series.push_back({"rate × round trip", "#999999", {{0, path_holds}, {what_.lasts, path_holds}}});
        if (one) window.series.push_back({"slow start threshold", "#d08020", std::move(thresholds_)});
        for (std::size_t i = 0; i < windows_.size(); ++i)
            window.series.push_back({one ? "congestion window" : "flow " + std::to_string(i + 1), colours[i], std::move(windows_[i])});
        figure.add(std::move(window));

        const double first = again_.empty() ? 0 : again_.front().first, round_trip = what_.over.round_trip;
        svg_chart sequence{"Sequence numbers", "time, s", "MB", 0, what_.lasts};
        if (one && !again_.empty()) {
            sequence.from = std::max(0.0, first - 6 * round_trip);
            sequence.to = std::min(what_.lasts, first + 5 * round_trip);
            sequence.from_zero = false;
            sequence.title += ", around the first retransmission";
        }
        if (one) sequence.series.push_back({"sent", "#1f5fa8", std::move(sent_), false, 1.3});
        for (std::size_t i = 0; i < acknowledged_.size(); ++i)
            sequence.series.push_back({one ? "acknowledged" : "flow " + std::to_string(i + 1) + ", acknowledged", one ? "#2e8b40" : colours[i], std::move(acknowledged_[i])});
        if (one) sequence.series.push_back({"sent again", "#d02020", std::move(again_), false, 2});
        if (!lost_.empty()) sequence.series.push_back({"lost", "black", std::move(lost_), false, 3});
        figure.add(std::move(sequence));
        return figure;
    }

    using points = std::vector<std::pair<double, double>>;
    const plot& what_;
    points sent_, again_, lost_, thresholds_;
    std::vector<points> windows_, acknowledged_;
};

inline std::vector<plot> plots() {
    using namespace std::chrono_literals;
    std::vector<plot> all;
    all.push_back({.file = "no-loss", .title = "100 Mbit/s, 40 ms, a queue of one rate × round trip", .over = {100e6, 0.04, 0, 1}, .lasts = 40});
    all.push_back({.file = "short-queue", .title = "100 Mbit/s, 40 ms, a queue of a tenth", .over = {100e6, 0.04, 0, 0.1}, .lasts = 40});
    all.push_back({.file = "loss", .title = "100 Mbit/s, 40 ms, loss of 1 %", .over = {100e6, 0.04, 0.01, 1}, .lasts = 15});
    all.push_back({.file = "single-loss", .title = "100 Mbit/s, 40 ms: one segment lost", .over = {100e6, 0.04, 0, 20}, .lasts = 1.2, .lose = 1000});
    all.push_back({.file = "tail-loss", .title = "100 Mbit/s, 40 ms: the last segment lost", .over = {100e6, 0.04, 0, 2}, .lasts = 0.5, .lose = 299, .size = 300 * 1448});
    all.push_back({.file = "reordering", .title = "100 Mbit/s, 40 ms: one segment of a hundred late by up to 4 ms", .over = {100e6, 0.04, 0, 1}, .lasts = 15,
                   .more = {.reorder = 0.01, .reorder_by = 4ms}});
    all.push_back({.file = "two-flows", .title = "100 Mbit/s, 20 ms, two flows", .over = {100e6, 0.02, 0, 1}, .lasts = 60, .flows = 2, .second_starts = 10});
    return all;
}
inline void draw_plots(const std::string& directory) {
    std::filesystem::create_directories(directory);
    for (const auto& what : plots()) {
        std::ofstream file(directory + "/" + what.file + ".svg");
        path_plotter(what).run().write(file);
        if (!file) throw std::runtime_error("cannot write " + directory + "/" + what.file + ".svg");
    }
}

}  // namespace proofs
