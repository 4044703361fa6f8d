# Finds the headers that netkit needs. Used by the build and by the installed package, so that neither depends on CMake
# packages of theirs, and an installed netkit holds no path of the machine it was built on.

include_guard(GLOBAL)

set(NETKIT_RANGE_V3_INCLUDE_DIR "" CACHE PATH "Folder that holds range/v3/ (empty: search for it)")
set(NETKIT_BOOST_INCLUDE_DIR "" CACHE PATH "Folder that holds boost/, at least version 1.81 (empty: search for it)")

function(netkit_add_header_target name directory)
    if(NOT TARGET ${name})
        add_library(${name} INTERFACE IMPORTED GLOBAL)
        set_target_properties(${name} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${directory}")
    endif()
endfunction()

# Defines netkit::range_v3, or sets NETKIT_RANGE_V3_FOUND to false and NETKIT_RANGE_V3_MISSING to what to do about it.
function(netkit_find_range_v3)
    if(NETKIT_RANGE_V3_INCLUDE_DIR)
        set(found "${NETKIT_RANGE_V3_INCLUDE_DIR}")
    else()
        find_path(found range/v3/version.hpp HINTS ${NETKIT_DEPENDENCY_HINTS} NO_CACHE)
    endif()
    if(found AND EXISTS "${found}/range/v3/version.hpp")
        get_filename_component(found "${found}" ABSOLUTE)
        netkit_add_header_target(netkit::range_v3 "${found}")
        set(NETKIT_RANGE_V3_FOUND TRUE PARENT_SCOPE)
        return()
    endif()
    set(NETKIT_RANGE_V3_FOUND FALSE PARENT_SCOPE)
    set(NETKIT_RANGE_V3_MISSING
        "netkit: range-v3 was not found. Install Debian's librange-v3-dev (scripts/bootstrap does it), or say where it is with -DNETKIT_RANGE_V3_INCLUDE_DIR=..."
        PARENT_SCOPE)
endfunction()

macro(netkit_require_range_v3)
    netkit_find_range_v3()
    if(NOT NETKIT_RANGE_V3_FOUND)
        message(FATAL_ERROR "${NETKIT_RANGE_V3_MISSING}")
    endif()
endmacro()

# BOOST_VERSION of the headers in a folder, or 0.
function(netkit_boost_version directory result)
    set(version 0)
    if(EXISTS "${directory}/boost/version.hpp")
        file(STRINGS "${directory}/boost/version.hpp" line REGEX "^#define BOOST_VERSION [0-9]+")
        string(REGEX REPLACE "[^0-9]*([0-9]+).*" "\\1" version "${line}")
    endif()
    set(${result} "${version}" PARENT_SCOPE)
endfunction()

# Defines netkit::boost, or sets NETKIT_BOOST_FOUND to false and NETKIT_BOOST_MISSING to what to do about it.
function(netkit_find_boost)
    set(candidates "${NETKIT_BOOST_INCLUDE_DIR}")
    if(NOT NETKIT_BOOST_INCLUDE_DIR)
        find_path(system_wide boost/version.hpp NO_CACHE)
        set(candidates "${system_wide}" ${NETKIT_DEPENDENCY_HINTS})
    endif()
    set(newest 0)
    foreach(directory IN LISTS candidates)
        get_filename_component(directory "${directory}" ABSOLUTE)
        netkit_boost_version("${directory}" version)
        if(version GREATER_EQUAL 108100)
            netkit_add_header_target(netkit::boost "${directory}")
            set(NETKIT_BOOST_FOUND TRUE PARENT_SCOPE)
            set(NETKIT_BOOST_FOUND_IN "${directory}" PARENT_SCOPE)
            return()
        elseif(version GREATER newest)
            set(newest ${version})
        endif()
    endforeach()
    if(newest GREATER 0)
        set(why "the newest Boost found has BOOST_VERSION ${newest}, and 108100 (1.81) is needed")
    else()
        set(why "Boost's headers were not found")
    endif()
    set(NETKIT_BOOST_FOUND FALSE PARENT_SCOPE)
    set(NETKIT_BOOST_MISSING
        "netkit: ${why}. Install Debian's libboost1.81-dev, or run scripts/bootstrap, which unpacks its headers into build/ where another version is installed, or say where they are with -DNETKIT_BOOST_INCLUDE_DIR=..."
        PARENT_SCOPE)
endfunction()
