/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden files of one operator, for loop tests. */
#ifndef TEST_SUPPORT_GOLDEN_FILES_H
#define TEST_SUPPORT_GOLDEN_FILES_H

enum { GOLDEN_FILES_MAX = 400 };

typedef struct golden_files {
    char *path[GOLDEN_FILES_MAX];
    int count;
} golden_files;

/* Fills the list with tests/golden/<op>.*.safetensors. Runs outside of any test, where Check allows no assertion: let
 * one test compare `count` with the number that there must be. */
void golden_files_find(golden_files *files, const char *op);
void golden_files_free(golden_files *files);

#endif
