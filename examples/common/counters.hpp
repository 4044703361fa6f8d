#pragma once

#include <netkit/compose/stack_core.hpp>

#include <string>

namespace example {

/// Each interface of a stack with its traffic, and what became of all frames, a line each.
std::string describe_counters(netkit::stack_core& stack);

}  // namespace example
