#pragma once

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace example {

/// Has what a coroutine throws end the program's run(): the last argument of co_spawn.
inline void rethrow(std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
}

/// For options: a port that can be listened on.
inline CLI::Range any_port() { return CLI::Range(1, 65535); }
/// For options of 64 bits, of which CLI11 takes -1 for the largest number.
inline CLI::Validator not_negative() {
    return CLI::Validator([](std::string& text) { return text.starts_with('-') ? "Value " + text + " is negative" : std::string(); }, "");
}

/// Parses the command line and runs the program; what is thrown becomes one line and exit status 1.
template <class F>
int run_program(CLI::App& app, int argc, char** argv, F&& body) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e);
    }
    try {
        return body();
    } catch (const std::exception& e) {
        std::cerr << app.get_name() << ": " << e.what() << "\n";
        return 1;
    }
}

}  // namespace example
