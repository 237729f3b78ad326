# SPDX-License-Identifier: Apache-2.0
#
# What our targets have in common.

# Warnings, and sanitizers for compiling and linking.
function(clxlstm_warnings target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /W4 $<$<BOOL:${CLXLSTM_WERROR}>:/WX>)
    else()
        target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic $<$<BOOL:${CLXLSTM_WERROR}>:-Werror>)
    endif()
    if(CLXLSTM_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${CLXLSTM_SANITIZE} -fno-omit-frame-pointer
                                                 $<$<CONFIG:Debug,RelWithDebInfo>:-fno-sanitize-recover=all>)
        target_link_options(${target} PUBLIC -fsanitize=${CLXLSTM_SANITIZE})
    endif()
endfunction()

# Sources of ours: C11, hidden symbols, both include folders.
function(clxlstm_target target)
    clxlstm_warnings(${target})
    set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
                                               C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
    target_compile_definitions(${target} PRIVATE CL_TARGET_OPENCL_VERSION=120
                                                 $<IF:$<PLATFORM_ID:Windows>,WIN32_LEAN_AND_MEAN,_XOPEN_SOURCE=700>)
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
endfunction()

# The library of one kind, "shared" or "static", from the objects: clxlstm_<kind>. Built with all only if it is wanted.
function(clxlstm_library kind)
    set(target clxlstm_${kind})
    string(TOUPPER ${kind} type)
    add_library(${target} ${type} $<TARGET_OBJECTS:clxlstm_objects> $<TARGET_OBJECTS:clxlstm_base_objects>)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_include_directories(${target} SYSTEM PUBLIC $<BUILD_INTERFACE:${OpenCL_INCLUDE_DIR}>)
    target_link_libraries(${target} PRIVATE Threads::Threads ${CJSON_LIBRARIES} ${CMAKE_DL_LIBS}
                                            $<$<NOT:$<PLATFORM_ID:Windows>>:m>)
    if(NOT CLXLSTM_LOAD_OPENCL)
        target_link_libraries(${target} PUBLIC OpenCL::OpenCL)
    endif()
    clxlstm_library_wanted(${kind} wanted)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME clxlstm LINKER_LANGUAGE C)
    if(NOT wanted)
        set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
    if(MSVC AND kind STREQUAL static) # where import libraries have the same name
        set_target_properties(${target} PROPERTIES OUTPUT_NAME clxlstm_static)
    endif()
    if(CLXLSTM_SANITIZE)
        target_link_options(${target} PUBLIC $<BUILD_INTERFACE:-fsanitize=${CLXLSTM_SANITIZE}>)
    endif()
endfunction()

# Is the library of this kind for users?
function(clxlstm_library_wanted kind out)
    set(chosen static)
    if(BUILD_SHARED_LIBS)
        set(chosen shared)
    endif()
    set(${out} OFF PARENT_SCOPE)
    if(CLXLSTM_BUILD_BOTH OR kind STREQUAL chosen)
        set(${out} ON PARENT_SCOPE)
    endif()
endfunction()
