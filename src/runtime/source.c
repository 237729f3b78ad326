/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a program: a file of cl/ with the files it includes pasted in. */
#include "base/file.h"
#include "runtime/embedded.h"
#include "runtime/program.h"

#include <stdlib.h>
#include <string.h>

#define SOURCE_LIMIT_BYTES ((size_t)16 << 20)

typedef struct assembly {
    const clx_context *context;
    clxi_text *out;
    clxi_text seen; /* names of the files pasted so far, each between newlines */
    clx_error *error;
} assembly;

/* A file's bytes; `owned` is what to free. */
typedef struct source_file {
    const char *data;
    size_t size;
    char *owned;
} source_file;

static bool find_embedded(const char *name, source_file *file)
{
    for (const clxi_embedded *e = clxi_embedded_files; e->name != NULL; e++) {
        if (strcmp(e->name, name) != 0) continue;
        *file = (source_file){(const char *)e->data, e->size, NULL};
        return true;
    }
    return false;
}

static clx_status read_source(const assembly *a, const char *name, source_file *file, clx_error *error)
{
    const char *folder = a->context->kernel_dir;
    if (folder == NULL) {
        if (find_embedded(name, file)) return CLX_OK;
        return clxi_fail(error, CLX_ERR_INTERNAL, "cl/%s: not among the built-in kernel files", name);
    }
    clxi_text path = CLXI_TEXT_INIT;
    clxi_text_printf(&path, "%s/%s", folder, name);
    clx_status status = path.failed ? clxi_fail_memory(error, "a kernel file's name")
                                    : clxi_file_read(path.data, SOURCE_LIMIT_BYTES, &file->owned, &file->size, error);
    file->data = file->owned;
    clxi_text_free(&path);
    return status;
}

/* Has the file been pasted? If not, notes that it now is. */
static bool seen_before(assembly *a, const char *name)
{
    clxi_text mark = CLXI_TEXT_INIT;
    clxi_text_printf(&mark, "\n%s\n", name);
    bool seen = !mark.failed && a->seen.data != NULL && strstr(a->seen.data, mark.data) != NULL;
    if (!seen) clxi_text_printf(&a->seen, "\n%s\n", name);
    clxi_text_free(&mark);
    return seen;
}

static const char *skip_blanks(const char *c, const char *end)
{
    while (c < end && (*c == ' ' || *c == '\t')) {
        c++;
    }
    return c;
}

/* Is this line `#include "name"`? Points to the name. */
static bool parse_include(const char *line, const char *end, const char **name, size_t *length)
{
    const char *c = skip_blanks(line, end);
    if (c == end || *c != '#') return false;
    c = skip_blanks(c + 1, end);
    if (end - c < 7 || memcmp(c, "include", 7) != 0) return false;
    c = skip_blanks(c + 7, end);
    if (c == end || *c != '"') return false;
    const char *close = memchr(c + 1, '"', (size_t)(end - c - 1));
    if (close == NULL) return false;
    *name = c + 1;
    *length = (size_t)(close - *name);
    return true;
}

static clx_status paste_file(assembly *a, const char *name, const source_file *file);

/* Looks for an included file beside the including one, then in cl/ itself. */
static clx_status paste_include(assembly *a, const char *from, const char *name, size_t length)
{
    clx_status status = CLX_OK;
    source_file file = {NULL, 0, NULL};
    clxi_text beside = CLXI_TEXT_INIT;
    clxi_text below = CLXI_TEXT_INIT;
    const char *slash = strrchr(from, '/');
    clxi_text_append(&beside, from, slash != NULL ? (size_t)(slash - from + 1) : 0);
    clxi_text_append(&beside, name, length);
    clxi_text_append(&below, name, length);
    if (beside.failed || below.failed) {
        status = clxi_fail_memory(a->error, "a kernel file's name");
        goto fail;
    }
    const char *found = beside.data;
    if (read_source(a, beside.data, &file, NULL) != CLX_OK) {
        found = below.data;
        CLXI_TRY(read_source(a, below.data, &file, a->error));
    }
    if (!seen_before(a, found)) CLXI_TRY(paste_file(a, found, &file));
fail:
    free(file.owned);
    clxi_text_free(&beside);
    clxi_text_free(&below);
    return status;
}

static clx_status paste_file(assembly *a, const char *name, const source_file *file)
{
    const char *end = file->data + file->size;
    unsigned number = 1;
    clxi_text_printf(a->out, "#line 1 \"%s\"\n", name);
    for (const char *line = file->data; line < end; number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline != NULL ? newline : end;
        const char *included;
        size_t length;
        if (parse_include(line, stop, &included, &length)) {
            clx_status status = paste_include(a, name, included, length);
            if (status != CLX_OK) return status;
            clxi_text_printf(a->out, "#line %u \"%s\"\n", number + 1, name);
        } else {
            clxi_text_append(a->out, line, (size_t)(stop - line));
            clxi_text_append(a->out, "\n", 1);
        }
        line = stop + 1;
    }
    return CLX_OK;
}

clx_status clxi_source_assemble(const clx_context *context, const char *name, clxi_text *out, clx_error *error)
{
    assembly a = {context, out, CLXI_TEXT_INIT, error};
    source_file file = {NULL, 0, NULL};
    clx_status status = read_source(&a, name, &file, error);
    if (status == CLX_OK) {
        seen_before(&a, name);
        status = paste_file(&a, name, &file);
    }
    if (status == CLX_OK && (out->failed || a.seen.failed)) status = clxi_fail_memory(error, "a program's text");
    free(file.owned);
    clxi_text_free(&a.seen);
    return status;
}
