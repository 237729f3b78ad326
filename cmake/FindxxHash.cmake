# SPDX-License-Identifier: Apache-2.0
#
# xxHash's header, used inline; defines xxHash::xxHash.
find_path(XXHASH_INCLUDE_DIR xxhash.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(xxHash REQUIRED_VARS XXHASH_INCLUDE_DIR)
mark_as_advanced(XXHASH_INCLUDE_DIR)
if(xxHash_FOUND AND NOT TARGET xxHash::xxHash)
    add_library(xxHash::xxHash INTERFACE IMPORTED)
    target_include_directories(xxHash::xxHash INTERFACE ${XXHASH_INCLUDE_DIR})
endif()
