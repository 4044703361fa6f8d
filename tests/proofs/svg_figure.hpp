#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace proofs {

/// Points that belong together: joined by a line, or each by itself.
struct svg_series {
    std::string name, colour;
    std::vector<std::pair<double, double>> points{};
    bool joined = true;
    double width = 1.3;  ///< of the line, or the radius of each point
};

/// One pair of axes, x from `from` to `to`, y from 0 or the least value to the greatest.
struct svg_chart {
    std::string title, x_label, y_label;
    double from = 0, to = 1;
    bool from_zero = true;
    std::vector<svg_series> series{};
};

/// Charts below one another, black on white.
class svg_figure {
public:
    explicit svg_figure(std::string title) : title_(std::move(title)) {}
    void add(svg_chart chart) { charts_.push_back(std::move(chart)); }

    void write(std::ostream& out) const {
        const double height = head + static_cast<double>(charts_.size()) * chart_height;
        out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width << "\" height=\"" << height << "\" viewBox=\"0 0 " << width << ' ' << height
            << "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
        text(out, width / 2, 20, title_, "middle", "font-size=\"15\" font-weight=\"bold\"");
        double top = head;
        for (const auto& chart : charts_) {
            draw(out, chart, top);
            top += chart_height;
        }
        out << "</svg>\n";
    }

private:
    static constexpr double width = 860, head = 30, chart_height = 310, left = 75, right = 20, above = 45, below = 50;
    static constexpr std::size_t most_points = 1500;

    /// Where a chart's values lie on the page.
    struct frame {
        double x0, x1, y0, y1, top;
        double x(double value) const { return left + (value - x0) / (x1 - x0) * (width - left - right); }
        double y(double value) const { return top + chart_height - below - (value - y0) / (y1 - y0) * (chart_height - above - below); }
    };

    static std::string number(double value) {
        std::ostringstream out;
        out << std::round(value * 10) / 10;
        return out.str();
    }
    static std::string tick(double value) {
        std::ostringstream out;
        out.precision(6);
        out << (std::abs(value) < 1e-9 ? 0 : value);
        return out.str();
    }
    static void text(std::ostream& out, double x, double y, std::string_view what, std::string_view anchor, std::string_view more = {}) {
        out << "<text x=\"" << number(x) << "\" y=\"" << number(y) << "\" text-anchor=\"" << anchor << "\" " << more << '>' << what << "</text>\n";
    }
    static void line(std::ostream& out, double x1, double y1, double x2, double y2, std::string_view colour) {
        out << "<line x1=\"" << number(x1) << "\" y1=\"" << number(y1) << "\" x2=\"" << number(x2) << "\" y2=\"" << number(y2) << "\" stroke=\"" << colour
            << "\"/>\n";
    }
    /// 1, 2 or 5 times a power of ten, so that there are about six.
    static double tick_distance(double range) {
        const double rough = range / 6, power = std::pow(10, std::floor(std::log10(rough)));
        for (const double times : {1.0, 2.0, 5.0})
            if (rough <= times * power) return times * power;
        return 10 * power;
    }
    static frame frame_of(const svg_chart& chart, double top) {
        double least = 1e300, greatest = -1e300;
        for (const auto& series : chart.series)
            for (const auto& [x, y] : series.points) {
                if (x < chart.from || x > chart.to) continue;
                least = std::min(least, y);
                greatest = std::max(greatest, y);
            }
        if (least > greatest) least = greatest = 0;
        if (chart.from_zero) least = std::min(least, 0.0);
        if (greatest <= least) greatest = least + 1;
        return {chart.from, chart.to, least, greatest + (greatest - least) * 0.05, top};
    }
    static void draw(std::ostream& out, const svg_chart& chart, double top) {
        const auto on = frame_of(chart, top);
        text(out, left, top + 18, chart.title, "start", "font-weight=\"bold\"");
        const double dx = tick_distance(on.x1 - on.x0), dy = tick_distance(on.y1 - on.y0);
        for (double x = std::ceil(on.x0 / dx) * dx; x <= on.x1 * (1 + 1e-9); x += dx) {
            line(out, on.x(x), on.y(on.y0), on.x(x), on.y(on.y1), "#e4e4e4");
            text(out, on.x(x), on.y(on.y0) + 16, tick(x), "middle");
        }
        for (double y = std::ceil(on.y0 / dy) * dy; y <= on.y1; y += dy) {
            line(out, on.x(on.x0), on.y(y), on.x(on.x1), on.y(y), "#e4e4e4");
            text(out, left - 6, on.y(y) + 4, tick(y), "end");
        }
        line(out, on.x(on.x0), on.y(on.y0), on.x(on.x1), on.y(on.y0), "black");
        line(out, on.x(on.x0), on.y(on.y0), on.x(on.x0), on.y(on.y1), "black");
        text(out, (left + width - right) / 2, on.y(on.y0) + 36, chart.x_label, "middle");
        const double middle = (on.y(on.y0) + on.y(on.y1)) / 2;
        text(out, 18, middle, chart.y_label, "middle", "transform=\"rotate(-90 18 " + number(middle) + ")\"");
        double legend = width - right;
        for (auto series = chart.series.rbegin(); series != chart.series.rend(); ++series) {
            text(out, legend, top + 36, series->name, "end", "fill=\"" + series->colour + "\"");
            legend -= 30 + 6.6 * static_cast<double>(series->name.size());
        }
        for (const auto& series : chart.series) draw(out, series, on);
    }
    static void draw(std::ostream& out, const svg_series& series, const frame& on) {
        std::vector<std::pair<double, double>> shown;
        for (const auto& point : series.points)
            if (point.first >= on.x0 && point.first <= on.x1) shown.push_back(point);
        const auto step = (shown.size() + most_points - 1) / most_points;
        if (shown.empty()) return;
        if (series.joined) out << "<polyline fill=\"none\" stroke=\"" << series.colour << "\" stroke-width=\"" << series.width << "\" points=\"";
        else out << "<g fill=\"" << series.colour << "\">\n";
        for (std::size_t i = 0; i < shown.size(); i += step) {
            const auto x = number(on.x(shown[i].first)), y = number(on.y(shown[i].second));
            if (series.joined) out << x << ',' << y << ' ';
            else out << "<circle cx=\"" << x << "\" cy=\"" << y << "\" r=\"" << series.width << "\"/>\n";
        }
        out << (series.joined ? "\"/>\n" : "</g>\n");
    }

    std::string title_;
    std::vector<svg_chart> charts_;
};

}  // namespace proofs
