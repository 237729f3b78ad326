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
    target_compile_definitions(${target} PRIVATE $<$<NOT:$<PLATFORM_ID:Windows>>:_XOPEN_SOURCE=700>)
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
endfunction()

# What users of the library need.
function(clxlstm_library target)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_include_directories(${target} SYSTEM PUBLIC $<BUILD_INTERFACE:${OpenCL_INCLUDE_DIR}>)
    target_link_libraries(${target} PRIVATE Threads::Threads ${CJSON_LIBRARIES} ${CMAKE_DL_LIBS}
                                            $<$<NOT:$<PLATFORM_ID:Windows>>:m>)
    if(NOT CLXLSTM_LOAD_OPENCL)
        target_link_libraries(${target} PUBLIC OpenCL::OpenCL)
    endif()
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
    if(CLXLSTM_SANITIZE)
        target_link_options(${target} PUBLIC $<BUILD_INTERFACE:-fsanitize=${CLXLSTM_SANITIZE}>)
    endif()
endfunction()
