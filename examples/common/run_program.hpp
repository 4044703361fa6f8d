#pragma once

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>

namespace example {

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
