# SPDX-License-Identifier: Apache-2.0
#
# Embeds every file of cl/ as a byte array in one generated C file, made anew when one of them changes.

# Sets `out` to the generated file's path.
function(clxlstm_embed_kernels out)
    set(root ${PROJECT_SOURCE_DIR}/cl)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${root}/*.cl ${root}/*.clh)
    set(list ${PROJECT_BINARY_DIR}/kernel_files.txt)
    set(table ${PROJECT_BINARY_DIR}/kernel_table.c)
    list(JOIN files "\n" text)
    file(CONFIGURE OUTPUT ${list} CONTENT "${text}\n" @ONLY) # left alone while the list is the same
    add_custom_command(
        OUTPUT ${table}
        COMMAND ${CMAKE_COMMAND} -DROOT=${root} -DLIST=${list} -DTABLE=${table} -P
                ${PROJECT_SOURCE_DIR}/cmake/embed_kernels.cmake
        DEPENDS ${files} ${list} ${PROJECT_SOURCE_DIR}/cmake/embed_kernels.cmake
        COMMENT "Embedding the kernels" VERBATIM)
    set(${out} ${table} PARENT_SCOPE)
endfunction()
