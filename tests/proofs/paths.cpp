#include <tests/proofs/path_plots.hpp>
#include <tests/proofs/path_run.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace proofs {
namespace {

/// A flow alone on a path, and for how long at most it is measured, in seconds.
struct grid_point {
    response how;
    path over;
    double at_most = 1e9;
};

std::vector<grid_point> grid() {
    std::vector<grid_point> all;
    const auto add = [&](const response& how, double megabits, double milliseconds, double loss, double queue, double at_most = 1e9) {
        all.push_back({how, {megabits * 1e6, milliseconds / 1e3, loss, queue}, at_most});
    };
    for (const double queue : {0.1, 1.0, 2.0})
        for (const double milliseconds : {1.0, 20.0, 200.0}) add(cubic_response, 10, milliseconds, 0, queue);
    for (const double queue : {0.1, 0.5, 1.0})
        for (const double milliseconds : {1.0, 20.0, 100.0}) add(cubic_response, 100, milliseconds, 0, queue);
    add(cubic_response, 1000, 1, 0, 0.1, 5);
    add(cubic_response, 1000, 20, 0, 0.1, 40);
    add(cubic_response, 1000, 20, 0, 1, 10);
    add(cubic_response, 1000, 200, 0, 1, 20);
    add(cubic_response, 10'000, 1, 0, 0.1, 2);
    add(cubic_response, 10'000, 20, 0, 1, 2);
    add(cubic_response, 10'000, 200, 0, 1, 4);
    for (const double loss : {0.0001, 0.001, 0.01, 0.05})
        for (const double milliseconds : {10.0, 100.0}) add(cubic_response, 100, milliseconds, loss, 1);
    add(cubic_response, 10, 20, 0.001, 1);
    add(cubic_response, 10, 200, 0.02, 1);
    add(cubic_response, 1000, 10, 0.0001, 1);
    add(cubic_response, 1000, 100, 0.00001, 1, 500);
    add(cubic_response, 10'000, 1, 0.001, 1);
    add(cubic_response, 10'000, 10, 0.00001, 1, 4);
    add(reno_response, 100, 20, 0, 0.1);
    add(reno_response, 100, 20, 0, 1);
    add(reno_response, 100, 40, 0.001, 1);
    add(reno_response, 100, 40, 0.01, 1);
    return all;
}

struct row {
    grid_point point;
    expectation model;
    measurement got;
    double settled, lasted;  // seconds
    double part() const { return got.goodput / model.goodput; }
};

/// Runs until the window has been reduced where line and queue are full, as it will be from then on; `at_most` seconds. Slow start may have
/// ended long before.
double settle(path_run& run, const path_run::flow& flow, const path& over, double at_most) {
    const double most = (over.segments() + over.queue_frames()) * path::payload, step = std::max(over.round_trip, 0.01);
    double time = 0;
    auto before = flow.info();
    while (time < at_most) {
        run.net.run_for(path_run::seconds(step));
        time += step;
        const auto now = flow.info();
        const bool reduced = now.fast_retransmits != before.fast_retransmits;
        if (reduced && before.congestion_window >= 0.85 * most && before.fast_retransmits != 0) break;
        before = now;
    }
    return time;
}

/// Past slow start and the first losses, and then for as long as three climbs from a loss to the next take, or three hundred losses.
row measure_point(const grid_point& point) {
    const auto& over = point.over;
    row r{point, expected(point.how, over), {}, 0, 0};
    const double cycle = climb(point.how, over.segments() + over.queue_frames(), over.round_trip);
    const double between_losses = over.loss == 0 ? 0 : path::payload * 8 / over.loss / r.model.goodput;
    r.lasted = std::min(std::max({10.0, 200 * over.round_trip, over.loss == 0 ? 3 * cycle : 300 * between_losses}), point.at_most);
    path_run run(over);
    auto& flow = run.add(point.how.name);
    if (over.loss == 0) r.settled = settle(run, flow, over, std::min(3 * cycle + 5, 2 * point.at_most));
    else run.net.run_for(path_run::seconds(r.settled = std::min(std::max(5.0, 20 * between_losses), point.at_most)));
    r.got = measure(run, flow, 0, r.lasted);
    if (!flow.receiver.as_sent) throw std::runtime_error("what came was not what was sent");
    return r;
}

std::string text(double value, int digits = 0) {
    char line[64];
    std::snprintf(line, sizeof line, "%.*f", digits, value);
    return line;
}
std::string shortest(double value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

void print_row(std::ostream& out, const row& r) {
    const auto& over = r.point.over;
    const auto recoveries = r.got.after.fast_retransmits - r.got.before.fast_retransmits, timeouts = r.got.after.timeouts - r.got.before.timeouts;
    out << "| " << r.point.how.name << " | " << shortest(over.rate / 1e6) << " | " << shortest(over.round_trip * 1e3) << " | " << shortest(over.loss * 100) << " | "
        << shortest(over.queue) << " | " << over.queue_frames() << " | " << text(r.lasted) << " | " << text(r.got.goodput / 1e6, 2) << " | "
        << text(r.model.goodput / 1e6, 2) << " | " << r.model.by << " | " << text(100 * r.part()) << " % | " << recoveries << " | " << timeouts << " |\n";
}

std::string grid_table() {
    std::ostringstream table, missed;
    table << "| control | Mbit/s | round trip, ms | loss, % | queue | frames | measured, s | goodput, Mbit/s | model, Mbit/s | by | goodput / model | recoveries | timeouts |\n"
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|\n";
    const auto points = grid();
    std::size_t within = 0;
    for (const auto& point : points) {
        const auto began = std::chrono::steady_clock::now();
        const auto r = measure_point(point);
        print_row(table, r);
        if (r.part() >= 0.9) ++within;
        else print_row(missed, r);
        std::ostringstream line;
        print_row(line, r);
        std::printf("%5.1f s %s", std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), line.str().c_str());
        std::fflush(stdout);
    }
    table << "\nAt least 90 % of the model: " << within << " of " << points.size() << ".";
    if (within != points.size()) table << " Not so:\n\n| control | Mbit/s | round trip, ms | loss, % | queue | frames | measured, s | goodput, Mbit/s | model, Mbit/s | by | goodput / model | recoveries | timeouts |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|\n" << missed.str();
    else table << '\n';
    return table.str();
}

/// Two flows from the same moment on, or one later, over a minute or more past slow start.
std::string sharing_table() {
    std::ostringstream table;
    table << "| control | Mbit/s | round trip, ms | queue | second starts, s | measured, s | first, Mbit/s | second, Mbit/s | less / more | both / link |\n"
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    for (const std::string_view control : {"cubic", "reno"})
        for (const double later : {0.0, 10.0})
            for (const double milliseconds : {10.0, 40.0}) {
                const path over{100e6, milliseconds / 1e3, 0, 1};
                path_run run(over);
                auto& first = run.add(control);
                run.net.run_for(path_run::seconds(later));
                auto& second = run.add(control);
                run.net.run_for(path_run::seconds(60));
                const auto before = first.receiver.received, before_second = second.receiver.received;
                constexpr double lasts = 240;
                run.net.run_for(path_run::seconds(lasts));
                const double one = static_cast<double>(first.receiver.received - before) * 8 / lasts, two = static_cast<double>(second.receiver.received - before_second) * 8 / lasts;
                std::ostringstream line;
                line << "| " << control << " | 100 | " << milliseconds << " | 1 | " << later << " | " << lasts << " | " << text(one / 1e6, 1) << " | " << text(two / 1e6, 1) << " | "
                     << text(100 * std::min(one, two) / std::max(one, two)) << " % | " << text(100 * (one + two) / over.capacity()) << " % |\n";
                std::printf("%s", line.str().c_str());
                std::fflush(stdout);
                table << line.str();
            }
    return table.str();
}

/// Puts `with` between the marks <!-- name --> and <!-- end of name --> of a file.
void replace_between_marks(const std::string& name, std::string_view mark, const std::string& with) {
    std::ifstream in(name);
    std::string all{std::istreambuf_iterator<char>(in), {}};
    in.close();
    const auto begin_mark = "<!-- " + std::string(mark) + " -->\n", end_mark = "<!-- end of " + std::string(mark) + " -->";
    const auto begin = all.find(begin_mark), end = all.find(end_mark);
    if (begin == all.npos || end == all.npos) throw std::runtime_error(name + " has no marks for " + std::string(mark));
    all.replace(begin + begin_mark.size(), end - begin - begin_mark.size(), "\n" + with + "\n");
    std::ofstream out(name);
    out << all;
    if (!out) throw std::runtime_error("cannot write " + name);
}

int usage() {
    std::fprintf(stderr, "usage: paths [--table FILE] [--plots DIRECTORY]\n"
                         "       paths --one cubic|reno MBIT/S MILLISECONDS LOSS QUEUE [AT-MOST-SECONDS]\n");
    return 2;
}

int run(const std::vector<std::string>& arguments) {
    if (arguments.size() >= 6 && arguments[0] == "--one") {
        const auto number = [&](std::size_t i) { return std::stod(arguments[i]); };
        const grid_point point{arguments[1] == "reno" ? reno_response : cubic_response, {number(2) * 1e6, number(3) / 1e3, number(4), number(5)},
                               arguments.size() > 6 ? number(6) : 1e9};
        std::ostringstream line;
        print_row(line, measure_point(point));
        std::printf("%s", line.str().c_str());
        return 0;
    }
    if (arguments.empty() || arguments.size() % 2 != 0) return usage();
    for (std::size_t i = 0; i < arguments.size(); i += 2) {
        if (arguments[i] == "--plots") {
            draw_plots(arguments[i + 1]);
        } else if (arguments[i] == "--table") {
            replace_between_marks(arguments[i + 1], "sharing", sharing_table());
            replace_between_marks(arguments[i + 1], "paths", grid_table());
        } else {
            return usage();
        }
    }
    return 0;
}

}  // namespace
}  // namespace proofs

/// Measures TCP over simulated paths: see docs/tcp-paths.md.
int main(int count, char** words) {
    try {
        return proofs::run({words + 1, words + count});
    } catch (const std::exception& e) {
        std::fprintf(stderr, "paths: %s\n", e.what());
        return 1;
    }
}
